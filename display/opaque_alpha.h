/*
 * The top byte of xRGB pixels after blending.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/canvas_private.h"

/*
 * Blending in pixman leaves 0xff or 0 in the unused byte of xRGB pixels. Guests compare it and copy
 * it to where it is alpha, so every SPICE client makes it 0 in the whole box when the box's first
 * pixel has 0xff. Does nothing on canvases of other formats.
 */
void opaque_alpha_clear(struct canvas *canvas, int64_t x1, int64_t y1, int64_t x2, int64_t y2);
