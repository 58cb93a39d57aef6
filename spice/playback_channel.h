/*
 * Sound from the guest.
 *
 * Facts: spice-wire.md section 5.3, server-abi.md sections 1.7.6 and 2.4. IO thread.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/server.h"

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
 * Clients with the capability shall hold sound back for MILLISECONDS at least, so that pictures
 * arrive in time; NULL is allowed.
 */
void playback_set_latency(struct playback *playback, uint32_t milliseconds);
