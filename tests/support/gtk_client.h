/*
 * A real client (libspice-client-glib) of a server in the same process, in the test's own thread:
 * it takes nothing while the test does not run the loop. For tests/client/.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <spice.h>
#include <stdbool.h>

struct gtk_client {
    SpiceServer *server;
    bool remote;           /* it comes over TCP, where images are compressed */
    void *session;         /* SpiceSession */
    const uint8_t *pixels; /* of its primary; NULL: none */
    int width, height, stride, format;
    bool marked;
    unsigned cursor_sets, cursor_moves, cursor_hides;
    GArray *monitors; /* of SpiceDisplayMonitorConfig; NULL: never any */
};

/* Connects; its display is marked when this returns. */
void gtk_client_attach(struct gtk_client *client, SpiceServer *server, bool remote);
void gtk_client_detach(struct gtk_client *client);
/* A condition for core_loop_run_until(); of a struct gtk_client. */
bool gtk_client_is_marked(void *client);
