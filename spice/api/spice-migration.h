/*
 * Taking clients along when the virtual machine moves to another host.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef SPICE_MIGRATION_H_
#define SPICE_MIGRATION_H_

#ifndef SPICE_H_INSIDE
#error "Include spice.h, which includes this header."
#endif

#define SPICE_INTERFACE_MIGRATION       "migration"
#define SPICE_INTERFACE_MIGRATION_MAJOR 1
#define SPICE_INTERFACE_MIGRATION_MINOR 1

typedef struct SpiceMigrateState SpiceMigrateState;
typedef struct SpiceMigrateInstance {
    SpiceBaseInstance base;
    SpiceMigrateState *st;
} SpiceMigrateInstance;

typedef struct SpiceMigrateInterface {
    SpiceBaseInterface base;
    /* Clients have connected to the target, or have not been able to. */
    void (*migrate_connect_complete)(SpiceMigrateInstance *sin);
    /* Clients have left for the target. May be NULL. */
    void (*migrate_end_complete)(SpiceMigrateInstance *sin);
} SpiceMigrateInterface;

/* With a migration interface: tell clients to connect, then that the machine moves, has moved. */
int spice_server_migrate_connect(SpiceServer *s, const char *dest, int port, int secure_port,
                                 const char *cert_subject);
int spice_server_migrate_start(SpiceServer *s);
int spice_server_migrate_end(SpiceServer *s, int completed);
void spice_server_set_seamless_migration(SpiceServer *s, int enable);

/*
 * What became of the last spice_server_migrate_connect() for one client, the one that channel
 * events call CONNECTION_ID. Ours alone: a host that runs on other servers, too, declares it weak.
 * IO thread.
 */
typedef enum {
    SPICE_MIGRATE_OUTCOME_NONE,    /* it was not told to connect, or has left */
    SPICE_MIGRATE_OUTCOME_PENDING, /* it has not answered yet */
    SPICE_MIGRATE_OUTCOME_CONNECTED,
    SPICE_MIGRATE_OUTCOME_ERROR,
    SPICE_MIGRATE_OUTCOME_TIMEOUT,
    SPICE_MIGRATE_OUTCOME_UNABLE, /* it does not know how: it reconnects in the end */
} SpiceMigrateOutcome;
SpiceMigrateOutcome spice_server_get_migrate_outcome(SpiceServer *s, uint32_t connection_id);

/* Without one: clients reconnect from scratch. */
int spice_server_migrate_info(SpiceServer *s, const char *dest, int port, int secure_port,
                              const char *cert_subject);
int spice_server_migrate_switch(SpiceServer *s);

#endif
