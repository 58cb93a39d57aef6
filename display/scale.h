/*
 * Scaling images onto canvases, the way every SPICE client does it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/image.h"

/*
 * Sets up IMAGE so that AREA of it covers a box as large as the drawing's. Returns NULL, or why
 * this cannot be done.
 */
const char *scale_prepare(struct image *image, const draw_rect *area, const draw_rect *box,
                          uint8_t scale_mode);

/* Puts AREA of SOURCE on the canvas, scaled to the drawing's box, inside of its region. */
const char *scale_onto(struct drawing *drawing, struct image *source, const draw_rect *area,
                       uint8_t scale_mode);

/*
 * The same into a new image in the source's format that is as large as the extents of the drawing's
 * region and starts there.
 */
const char *scale_region(struct image *result, struct drawing *drawing, struct image *source,
                         const draw_rect *area, uint8_t scale_mode);
