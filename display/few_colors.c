/*
 * Pictures of few colours. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/few_colors.h"

#include <spice/enums.h>
#include <string.h>

/* A table of the colours by hash, no more than half full. */
#define TABLE_BITS 9
#define TABLE_SIZE (1u << TABLE_BITS)
#define NONE       UINT32_MAX /* no colour: its upper byte is not 0 */

struct color_table {
    uint32_t colors[TABLE_SIZE];
    uint8_t indices[TABLE_SIZE];
};

static unsigned find(const struct color_table *table, uint32_t color)
{
    unsigned at = color * 2654435761u >> (32 - TABLE_BITS);

    while (table->colors[at] != color && table->colors[at] != NONE)
        at = (at + 1) & (TABLE_SIZE - 1);
    return at;
}

static uint32_t color_at(const uint8_t *row, uint32_t x)
{
    uint32_t pixel;

    memcpy(&pixel, row + (size_t)x * 4, sizeof(pixel));
    return pixel & 0xffffff;
}

/* Where pixels of COLOR, from X on in a row of WIDTH, end, or a few before that. */
static inline uint32_t skip(const uint8_t *row, uint32_t x, uint32_t width, uint32_t color)
{
    const uint64_t both = color | (uint64_t)color << 32, mask = 0x00ffffff00ffffff;

    while (x + 4 <= width) {
        uint64_t pixels[2];

        memcpy(pixels, row + (size_t)x * 4, sizeof(pixels));
        if ((((pixels[0] ^ both) | (pixels[1] ^ both)) & mask) != 0)
            break;
        x += 4;
    }
    return x;
}

/* The colours of a row that are new are added. False: too many. */
static bool count_row(struct color_table *table, struct few_colors *few, const uint8_t *row,
                      uint32_t width)
{
    uint32_t last = NONE;

    for (uint32_t x = 0; x < width; x++) {
        uint32_t color = color_at(row, x);
        unsigned at;

        if (color == last) {
            x = skip(row, x + 1, width, color) - 1;
            continue;
        }
        last = color;
        at = find(table, color);
        if (table->colors[at] == color)
            continue;
        if (few->count == 256)
            return false;
        table->colors[at] = color;
        few->colors[few->count++] = color;
    }
    return true;
}

bool few_colors_find(const uint8_t *pixels, uint32_t width, uint32_t height, struct few_colors *few)
{
    unsigned bits;
    struct color_table table;

    few->count = 0;
    memset(table.colors, 0xff, sizeof(table.colors));
    for (uint32_t y = 0; y < height; y++) {
        if (!count_row(&table, few, pixels + (size_t)y * width * 4, width))
            return false;
    }
    few->format = few->count <= 2    ? SPICE_BITMAP_FMT_1BIT_BE
                  : few->count <= 16 ? SPICE_BITMAP_FMT_4BIT_BE
                                     : SPICE_BITMAP_FMT_8BIT;
    bits = few->count <= 2 ? 1 : few->count <= 16 ? 4 : 8;
    few->stride = ((size_t)width * bits + 31) / 32 * 4;
    few->size = (size_t)few->stride * height;
    return 2 * (few->size + few->count * sizeof(few->colors[0])) < (size_t)width * height * 4;
}

static bool write_row(const struct color_table *table, unsigned bits, const uint8_t *row,
                      uint32_t width, uint8_t *to)
{
    uint32_t last = NONE;
    unsigned index = 0;

    for (uint32_t x = 0; x < width; x++) {
        uint32_t color = color_at(row, x);
        unsigned bit = x * bits;

        if (color != last) {
            unsigned at = find(table, color);

            if (table->colors[at] != color)
                return false;
            last = color;
            index = table->indices[at];
        } else if (index == 0) { /* which is there already */
            x = skip(row, x + 1, width, color) - 1;
            continue;
        }
        to[bit / 8] |= index << (8 - bits - bit % 8);
    }
    return true;
}

bool few_colors_write(const uint8_t *pixels, uint32_t width, uint32_t height,
                      const struct few_colors *few, uint8_t *to)
{
    unsigned bits = few->format == SPICE_BITMAP_FMT_1BIT_BE   ? 1
                    : few->format == SPICE_BITMAP_FMT_4BIT_BE ? 4
                                                              : 8;
    struct color_table table;

    memset(table.colors, 0xff, sizeof(table.colors));
    for (unsigned i = 0; i < few->count; i++) {
        unsigned at = find(&table, few->colors[i]);

        table.colors[at] = few->colors[i];
        table.indices[at] = i;
    }
    memset(to, 0, few->size);
    for (uint32_t y = 0; y < height; y++, to += few->stride) {
        if (!write_row(&table, bits, pixels + (size_t)y * width * 4, width, to))
            return false;
    }
    return true;
}

void pack_24bit(const uint8_t *pixels, size_t count, uint8_t *to)
{
    /* Two at a time; the two bytes that are too many are written again. */
    for (; count >= 3; count -= 2, pixels += 8, to += 6) {
        uint64_t both; /* little endian, as all pixels here */

        memcpy(&both, pixels, sizeof(both));
        both = (both & 0xffffff) | (both >> 8 & 0xffffff000000);
        memcpy(to, &both, sizeof(both));
    }
    for (; count > 0; count--, pixels += 4, to += 3)
        memcpy(to, pixels, 3);
}
