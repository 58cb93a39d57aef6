/*
 * SPICE clients that follow the guest to another host: they are asked to connect there before it
 * moves, and sent there when it has moved.
 *
 * Asking never waits: the answers come as an event. IO thread.
 * Facts: server-abi.md section 6. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "cli/spice_clients.h"

#include <glib.h>
#include <jansson.h>
#include <spice.h>
#include <stdbool.h>

struct migrate_clients;

struct migrate_clients_user {
    /* Sends an event to the monitors; DATA is stolen, NULL: none. */
    void (*emit)(void *opaque, const char *event, json_t *data);
    /* What migrate_clients_pending() says has become false. */
    void (*settled)(void *opaque);
    void *opaque;
};

/*
 * Plugs into SERVER, which has been initialised. It is destroyed after the server, which may call
 * it until then.
 */
struct migrate_clients *migrate_clients_create(SpiceServer *server,
                                               const struct spice_clients *clients,
                                               const struct migrate_clients_user *user);
void migrate_clients_destroy(struct migrate_clients *clients); /* NULL: nothing */

/*
 * Asks all clients to connect to HOST; PORT and TLS_PORT: 1 to 65535, 0: none, not both. SUBJECT:
 * of the target's certificate, or NULL. Takes the place of an earlier question. The event
 * SPICE_CLIENT_MIGRATE_READY follows when all have answered, after 10 s at the latest, unless the
 * question is cancelled.
 */
bool migrate_clients_ask(struct migrate_clients *clients, const char *host, int port, int tls_port,
                         const char *subject, GError **error);
/* Clients forget the target and stay. */
void migrate_clients_cancel(struct migrate_clients *clients);
/* Is an answer still missing? */
bool migrate_clients_pending(const struct migrate_clients *clients);

/* The guest begins to move. */
void migrate_clients_start(struct migrate_clients *clients);
/*
 * It has MOVED, so clients that were asked follow it and the event SPICE_MIGRATE_COMPLETED says
 * when they are gone; or it stays, and so do they.
 */
void migrate_clients_end(struct migrate_clients *clients, bool moved);
