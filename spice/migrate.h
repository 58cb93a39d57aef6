/*
 * Clients move to another server, or come from one, while the virtual machine does.
 *
 * Source: they are told to connect to the target before the machine moves (and answer), and to go
 * when it has moved. Target: they connect all their channels with the session id they have at the
 * source and are left alone until they come. Then they go on where they were, with states of their
 * channels that they bring along ("seamless", spice/channel_move.h), or their channels start anew
 * ("semi-seamless"); a client that cannot connect ahead is told to reconnect ("switch host").
 *
 * Facts: server-abi.md section 6, spice-wire.md section 7. IO thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/client.h"

struct migrate;

struct migrate *migrate_create(SpiceServer *server);
void migrate_destroy(struct migrate *migrate); /* NULL is allowed */

/* False, with a warning, when there is one already, or its callback is missing. */
bool migrate_attach(SpiceServer *server, SpiceMigrateInstance *instance);

/*
 * Source. What clients answer (CLIENT_CONNECTED, CLIENT_CONNECTED_SEAMLESS, CLIENT_STAYS for an
 * error), and that one is no longer among the server's.
 */
void migrate_client_answered(struct client *client, enum client_move answer);
void migrate_client_gone(SpiceServer *server, struct client *client);

/* Target. Somebody has connected before the machine came, and the machine has come. */
void migrate_client_expected(SpiceServer *server);
void migrate_machine_runs(SpiceServer *server);
/* An arriving client's LINK to CHANNEL. */
void migrate_park(struct client *client, struct channel *channel, const struct channel_link *link);
void migrate_client_arrived(SpiceServer *server, struct client *client);
/* CLIENT wants to bring its states, of VERSION. False: it has to start anew. */
bool migrate_client_resumes(SpiceServer *server, struct client *client, uint32_t version);
/* Its main channel's state has come; and that, or another one's has, or never will. */
void migrate_client_resumed(struct client *client);
void migrate_state_arrived(SpiceServer *server, struct client *client);
