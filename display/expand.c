/*
 * Rows of packed pixels made into rows of whole pixels.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/expand.h"

#include <string.h>

/* Entry of pixel X in a row of packed palette indices; at most 8 bits, so always in the table. */
static inline unsigned palette_index(const uint8_t *row, uint32_t x, uint8_t format)
{
    switch (format) {
    case SPICE_BITMAP_FMT_1BIT_LE:
        return row[x / 8] >> x % 8 & 1;
    case SPICE_BITMAP_FMT_1BIT_BE:
        return row[x / 8] >> (7 - x % 8) & 1;
    case SPICE_BITMAP_FMT_4BIT_LE:
        return row[x / 2] >> (x % 2 ? 4 : 0) & 15;
    case SPICE_BITMAP_FMT_4BIT_BE:
        return row[x / 2] >> (x % 2 ? 0 : 4) & 15;
    default:
        return row[x];
    }
}

static inline void expand_palette(uint8_t *to, const uint8_t *from, uint32_t width, uint8_t format,
                                  const uint32_t *colors, unsigned bits)
{
    uint32_t *to32 = (uint32_t *)to;
    uint16_t *to16 = (uint16_t *)to;

    if (bits == 32) {
        for (uint32_t x = 0; x < width; x++)
            to32[x] = colors[palette_index(from, x, format)];
    } else {
        for (uint32_t x = 0; x < width; x++)
            to16[x] = colors[palette_index(from, x, format)];
    }
}

static void expand_24(uint32_t *to, const uint8_t *from, uint32_t width)
{
    for (uint32_t x = 0; x < width; x++, from += 3)
        to[x] = from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16;
}

void expand_row(uint8_t *to, const uint8_t *from, uint32_t width, uint8_t format,
                const struct draw_palette *palette, unsigned bits)
{
    static const uint32_t no_colors[256];
    const uint32_t *colors = palette ? palette->colors : no_colors;

    switch (format) {
    /* One case each: the format is a constant in each copy of the loop. */
    case SPICE_BITMAP_FMT_1BIT_LE:
        expand_palette(to, from, width, SPICE_BITMAP_FMT_1BIT_LE, colors, bits);
        break;
    case SPICE_BITMAP_FMT_1BIT_BE:
        expand_palette(to, from, width, SPICE_BITMAP_FMT_1BIT_BE, colors, bits);
        break;
    case SPICE_BITMAP_FMT_4BIT_LE:
        expand_palette(to, from, width, SPICE_BITMAP_FMT_4BIT_LE, colors, bits);
        break;
    case SPICE_BITMAP_FMT_4BIT_BE:
        expand_palette(to, from, width, SPICE_BITMAP_FMT_4BIT_BE, colors, bits);
        break;
    case SPICE_BITMAP_FMT_8BIT:
        expand_palette(to, from, width, SPICE_BITMAP_FMT_8BIT, colors, bits);
        break;
    case SPICE_BITMAP_FMT_24BIT:
        expand_24((uint32_t *)to, from, width);
        break;
    default:
        memcpy(to, from, (size_t)width * (bits / 8));
        break;
    }
}

void expand_or(uint8_t *to, uint32_t width, uint32_t mask)
{
    uint32_t *pixels = (uint32_t *)to;

    for (uint32_t x = 0; x < width; x++)
        pixels[x] |= mask;
}

void expand_a1(uint8_t *to, const uint8_t *from, int x, int width)
{
    for (int i = 0; i < width; i++)
        to[i] = from[(x + i) / 8] >> (x + i) % 8 & 1 ? 0xff : 0;
}

void pack_a1(uint8_t *to, const uint8_t *from, int x, int width)
{
    for (int i = 0; i < width; i++) {
        uint8_t bit = 1u << (x + i) % 8;
        uint8_t *byte = &to[(x + i) / 8];
        *byte = from[i] & 0x80 ? *byte | bit : *byte & ~bit;
    }
}
