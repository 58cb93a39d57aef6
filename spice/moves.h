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
 * Finds parts of BOX that look on CANVAS as something above or below of them does on FRONT.
 * Returns how many; clients may be told to do these moves one after the other. That every pixel
 * then is as on CANVAS is all but certain, and for the caller to check.
 */
unsigned moves_find(const struct front *front, const struct canvas *canvas, const draw_rect *box,
                    struct move moves[MOVES_MAX]);
