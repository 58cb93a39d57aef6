/*
 * How long clients hold back what they play: films, by the clock that the main channel sets, and
 * sound, by which they set it themselves while there is some. Each display of a client may want it
 * longer for its films; server-abi.md section 5.8.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <spice.h>
#include <stdint.h>

#define PLAY_DELAY_MS       400 /* without sound, */
#define PLAY_DELAY_SOUND_MS 200 /* and what clients take for the least with it by themselves */

struct client;

/* Any thread: display ID of the client of that session wants MILLISECONDS; 0: no matter. */
void play_delay_want(SpiceServer *server, uint32_t client, uint8_t id, uint32_t milliseconds);

/* IO thread: what all its displays want; 0: no matter. */
uint32_t play_delay_wanted(const struct client *client);
