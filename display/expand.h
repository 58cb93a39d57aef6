/*
 * Rows of packed pixels made into rows of whole pixels.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/draw.h"

/*
 * Expands WIDTH pixels of a SPICE_BITMAP_FMT_*. Palette entries are written as BITS (16 or 32) wide
 * pixels, 24-bit pixels as 32-bit ones with a top byte of 0, all others are copied.
 */
void expand_row(uint8_t *to, const uint8_t *from, uint32_t width, uint8_t format,
                const struct draw_palette *palette, unsigned bits);

/* Sets MASK in WIDTH 32-bit pixels. TO is aligned to 4 bytes. */
void expand_or(uint8_t *to, uint32_t width, uint32_t mask);

/* WIDTH pixels of 1 bit, lowest bit leftmost, from pixel X on, made into bytes 0 and 255; and back,
   by the top bit of each byte. */
void expand_a1(uint8_t *to, const uint8_t *from, int x, int width);
void pack_a1(uint8_t *to, const uint8_t *from, int x, int width);
