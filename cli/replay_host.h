/*
 * A host without a card: hands commands from anywhere to a SPICE server, and gets pictures back.
 *
 * Guest addresses are addresses of this process: one memory slot holds everything.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/canvas.h"

#include <glib.h>
#include <spice.h>
#include <stdbool.h>

struct replay_host;

/* How many surfaces there can be, as many as with a card. */
#define REPLAY_HOST_SURFACES 1024

/*
 * Adds a running display to SERVER. RELEASE gets back every command that was pushed, by the id in
 * its release info, on the server's worker thread.
 */
struct replay_host *replay_host_create(SpiceServer *server,
                                       void (*release)(void *opaque, uint64_t id), void *opaque,
                                       GError **error);
/* Removes it; everything was released before it returns. */
void replay_host_destroy(struct replay_host *host);

QXLInstance *replay_host_instance(struct replay_host *host);

/* Any one thread. Waits while the server has much to do. */
void replay_host_push(struct replay_host *host, const QXLCommandExt *command);
/* Whoever waits in push goes on, and commands are dropped. Any thread. */
void replay_host_abandon(struct replay_host *host);

/*
 * The primary surface, WIDTH x HEIGHT pixels of FORMAT, after everything that was pushed. Its
 * pixels are the host's until it is destroyed. NULL: a format or size that cannot be, or there
 * are REPLAY_HOST_SURFACES surfaces already.
 */
struct canvas *replay_host_picture(struct replay_host *host, uint32_t width, uint32_t height,
                                   uint32_t format);
