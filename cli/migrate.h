/*
 * A machine's migrations: the one that leaves, the one that comes in, and what is set for them.
 *
 * IO thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/address.h"
#include "migration/outgoing.h"

#include <jansson.h>

struct machine;
struct migrate;

struct migrate *migrate_create(struct machine *machine);
void migrate_destroy(struct migrate *migrate); /* ends what goes on; NULL: nothing */

/*
 * Begins to leave. ADDRESS is taken over, also on failure. Clients that have been asked to connect
 * to the target are waited for before the guest is stopped, see migrate_clients_ask().
 */
bool migrate_start(struct migrate *migrate, struct migration_address *address, GError **error);
void migrate_cancel(struct migrate *migrate);
void migrate_clients_settled(struct migrate *migrate); /* nobody is waited for any more */
bool migrate_continue(struct migrate *migrate, GError **error);

/*
 * Waits for a guest at ADDRESS, which is taken over. The machine must have been put into phase
 * MACHINE_INMIGRATE before it was started. EXIT_ON_ERROR: the program ends if it does not come.
 */
bool migrate_receive(struct migrate *migrate, struct migration_address *address, bool exit_on_error,
                     GError **error);
/* Where a guest is waited for, as a URI with the real port; NULL: nowhere. */
const char *migrate_waits_at(const struct migrate *migrate);

struct migration_parameters *migrate_parameters(struct migrate *migrate);
/* What was written to migrate_parameters() counts for a migration that goes on, too. */
void migrate_parameters_changed(struct migrate *migrate);
/* Parameters tls-creds (an id of -object; "": no TLS) and tls-hostname ("": that of the URI). */
enum migrate_text { MIGRATE_TLS_CREDS, MIGRATE_TLS_HOSTNAME, MIGRATE_TEXTS };
void migrate_set_text(struct migrate *migrate, enum migrate_text which, const char *text);
const char *migrate_text(const struct migrate *migrate, enum migrate_text which);
bool *migrate_events(struct migrate *migrate); /* capability "events" */

/* The return value of query-migrate. */
json_t *migrate_query(struct migrate *migrate);
