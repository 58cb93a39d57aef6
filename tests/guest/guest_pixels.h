/*
 * The picture that the programs in the guest draw and the test computes for itself (screen.py).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef GUEST_PIXELS_H
#define GUEST_PIXELS_H

#include <stdint.h>

/*
 * Returns 0xRRGGBB. Every colour channel depends on both coordinates or, beyond 256 pixels, on
 * which block of 256 they are in: a row or column that is swapped, shifted, repeated or left out
 * changes the picture.
 */
static inline uint32_t pattern_pixel(uint32_t x, uint32_t y, uint32_t seed)
{
    uint32_t red = (x + 7 * seed) & 0xff;
    uint32_t green = (y + 3 * (x >> 8) + 11 * seed) & 0xff;
    uint32_t blue = ((x ^ y) + 5 * (y >> 8) + 13 * seed) & 0xff;

    return red << 16 | green << 8 | blue;
}

#endif
