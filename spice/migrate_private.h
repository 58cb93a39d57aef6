/*
 * The two sides of clients' migration, for migrate*.c only. IO thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/migrate.h"
#include "spice/server_state.h"

struct migrate {
    SpiceServer *server;

    /* The source, migrate.c. */
    SpiceMigrateInstance *instance; /* or NULL */
    /* Where to; HOST is NULL when nothing has been said. */
    char *host;
    uint16_t port, tls_port; /* 0: none */
    char *subject;           /* of the certificate, or NULL */
    bool expected;           /* migrate_connect() has been called, and not ended */
    bool connecting;         /* some clients have not answered yet */
    bool leaving;            /* clients have been told to go */
    struct loop_timer *connect_timer, *leave_timer;

    /* The target, migrate_target.c. */
    struct loop_timer *arrive_timer;
    bool machine_runs;
};

/* Tells CLIENT to connect to the target now, or when it has arrived here itself. */
void migrate_tell_to_connect(struct migrate *migrate, struct client *client);
/* Ends the sessions of all clients that the condition APPLIES to. */
void migrate_disconnect(struct migrate *migrate, bool (*applies)(const struct client *client));

/* Has not come yet, or not with all that it brings? */
bool migrate_is_arriving(const struct client *client);
void migrate_on_arrive_timeout(void *opaque);
void migrate_release_parked(SpiceServer *server, struct client *client);
