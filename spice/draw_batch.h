/*
 * Drawing commands that were taken out of the ring in one go, so that those which later ones hide
 * need not be drawn. Guests paint over what they painted a moment ago all the time.
 *
 * How much a command costs does not depend on how many came before: at most DRAW_BATCH_MAX are
 * looked at. The worker's thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/surface.h"

#define DRAW_BATCH_MAX 64

struct draw_batch {
    unsigned count;
    struct drawable *drawables[DRAW_BATCH_MAX];
};

/*
 * Takes DRAWABLE over, which draws inside of surfaces that exist, and releases those before it that
 * nobody can see any more. There is room for it.
 */
void draw_batch_add(struct draw_batch *batch, struct drawable *drawable,
                    const struct surfaces *surfaces);
/*
 * The surface will be destroyed: what is drawn on it only for itself is released. True: the batch
 * needs it still.
 */
bool draw_batch_forget(struct draw_batch *batch, uint32_t surface_id);
