/*
 * Scrolling, found in pictures: guests with kernel mode setting, and programs that draw off the
 * screen, send what has merely moved as new pixels.
 *
 * The worker's thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/front.h"

#define MOVES_MAX 8

struct move {
    draw_rect box; /* what moved is there now */
    struct draw_point from;
};

/*
 * Finds parts of BOX that look in VIEW as something above or below of them does on FRONT.
 * Returns how many; clients may be told to do these moves one after the other, and every pixel of
 * them then is as it is in VIEW.
 */
unsigned moves_find(const struct front *front, const struct pixel_view *view, const draw_rect *box,
                    struct move moves[MOVES_MAX]);
