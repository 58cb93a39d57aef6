/*
 * Clients move to another server, or come from one, while the virtual machine does.
 *
 * Source: they are told to connect to the target before the machine moves (and answer), and to go
 * when it has moved. Target: they connect all their channels with the session id they have at the
 * source and are left alone until they say that they have come. Their channels then start anew
 * ("semi-seamless"); a client that cannot do that is told to reconnect ("switch host").
 *
 * Facts: server-abi.md section 6, spice-wire.md section 7. IO thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/server.h"

struct migrate;

struct migrate *migrate_create(SpiceServer *server);
void migrate_destroy(struct migrate *migrate); /* NULL is allowed */

/* False, with a warning, when there is one already, or its callback is missing. */
bool migrate_attach(SpiceServer *server, SpiceMigrateInstance *instance);

/* Source. What clients answer, and that one is no longer among the server's. */
void migrate_client_answered(struct client *client, bool connected);
void migrate_client_gone(SpiceServer *server, struct client *client);

/* Target. Somebody has connected before the machine came, and the machine has come. */
void migrate_client_expected(SpiceServer *server);
void migrate_machine_runs(SpiceServer *server);
/* LINK to CHANNEL waits until its client has come. */
void migrate_park(struct client *client, struct channel *channel, const struct channel_link *link);
void migrate_client_arrived(SpiceServer *server, struct client *client);
