/*
 * What clients were sent of the primary surface, as far as it came from plain copies: so that of a
 * copy that mostly repeats them only the rest is sent. Guests with kernel mode setting send whole
 * rectangles again when a line of text has changed in them.
 *
 * It is a private copy because the surface's own pixels are the guest's to write: some draw into
 * them and then tell us by a copy of a rectangle onto itself.
 *
 * The worker's thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/canvas.h"
#include "spice/drawable.h"

struct shadow {
    uint32_t width, height;
    uint32_t format;         /* SPICE_SURFACE_FMT_* */
    uint32_t *pixels;        /* NULL: nothing was known yet */
    pixman_region32_t known; /* where they are what clients have, or will have */
};

void shadow_init(struct shadow *shadow, uint32_t width, uint32_t height, uint32_t format);
void shadow_finish(struct shadow *shadow);
void shadow_forget(struct shadow *shadow);

/*
 * DRAWABLE was drawn on CANVAS and changed REGION, which is inside. If it is a plain copy, it and
 * REGION are cut down to what clients do not have yet, which may be nothing.
 */
void shadow_refine(struct shadow *shadow, const struct canvas *canvas, struct drawable *drawable,
                   pixman_region32_t *region);
