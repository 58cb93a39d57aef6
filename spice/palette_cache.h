/*
 * The palettes that a client keeps for a display channel (spice-wire.md section 4.11), by their
 * colours: the same ones are sent once, whatever the guest calls them.
 *
 * One thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/draw.h"

#define PALETTE_CACHE_SIZE 128 /* as many as libspice-server has clients keep */

/* Empty when zero. */
struct palette_cache {
    unsigned count;
    uint64_t ids[PALETTE_CACHE_SIZE]; /* the most recently used one first */
    /* What the client is to drop before anything else; the caller empties it. */
    unsigned dropped_count;
    uint64_t dropped[3]; /* a command has no more pictures */
};

/* The client uses PALETTE, which it knows as *ID. False: it has not got it, and keeps it now. */
bool palette_cache_use(struct palette_cache *cache, const struct draw_palette *palette,
                       uint64_t *id);
