/*
 * The main channel: a client's session.
 *
 * Facts: spice-wire.md section 3. IO thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/server.h"

struct main_channel;

/* Registers itself. */
struct main_channel *main_channel_create(SpiceServer *server);
void main_channel_destroy(struct main_channel *main); /* NULL is allowed */

/* CHANNEL is new: clients that already have the list of channels learn of it. */
void main_channel_announce(struct main_channel *main, const struct channel *channel);
/* CLIENT has come from another server: its session begins here now. */
void main_channel_arrived(struct client *client);
/* The server's mouse modes have changed. */
void main_channel_send_mouse_mode(struct main_channel *main);
/* Sets clients' multi-media clocks, which had followed the sound. */
void main_channel_send_mm_time(struct main_channel *main);
/* Sets this one's, as it is to hold back what it shows for another time now. */
void main_channel_set_clock(struct client *client);
/* A warning for the client's user; nothing happens when its main connection has gone. */
void main_channel_notify(struct client *client, const char *text);
