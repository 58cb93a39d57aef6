/*
 * The soft guest's font: printable ASCII, 5 x 8 dots in a cell of 6 x 10.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdint.h>

#define SOFT_FONT_WIDTH  5
#define SOFT_FONT_HEIGHT 8
#define SOFT_CELL_WIDTH  6
#define SOFT_CELL_HEIGHT 10
#define SOFT_FONT_ASCENT 7 /* rows above the base line */

/* The dots of row ROW (0 on top) of C, bit 4 the left one. Other characters look like '?'. */
uint8_t soft_font_row(char c, int row);
