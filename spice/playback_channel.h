/*
 * Sound from the guest.
 *
 * Facts: spice-wire.md section 5.3, server-abi.md sections 1.7.6 and 2.4. IO thread.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/server.h"

struct client;
struct playback;

/* A second device is refused with a warning: its st stays NULL, and all it plays is lost. */
void playback_attach(SpiceServer *server, SpicePlaybackInstance *instance);
/* spice_server_remove_interface() */
int playback_remove(SpicePlaybackInstance *instance);
/* NULL is allowed. */
void playback_detach(struct playback *playback);
/* spice_server_set_playback_compression() was called; NULL is allowed. */
void playback_update_compression(struct playback *playback);
/*
 * CLIENT is to hold back what it plays for another time now, play_delay.h. False: it plays no
 * sound, so its clock is the main channel's; NULL is allowed.
 */
bool playback_update_latency(struct playback *playback, const struct client *client);
