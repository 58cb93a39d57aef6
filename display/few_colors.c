/*
 * Pictures of few colours. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/few_colors.h"

#include <spice/enums.h>
#include <string.h>

/* A table of the colours by hash, no more than a quarter full: most are where they belong. */
#define TABLE_BITS 10
#define TABLE_SIZE (1u << TABLE_BITS)
#define NONE       UINT32_MAX /* no colour: its upper byte is not 0 */
#define GROUP      8          /* pixels that are looked at together: many are of one colour */

struct color_table {
    uint32_t colors[TABLE_SIZE];
    uint8_t indices[TABLE_SIZE];
};

/* Where a colour is, unless another one is there. */
static inline unsigned slot_of(uint32_t color)
{
    return color * 2654435761u >> (32 - TABLE_BITS);
}

static unsigned find(const struct color_table *table, uint32_t color)
{
    unsigned at = slot_of(color);

    while (table->colors[at] != color && table->colors[at] != NONE)
        at = (at + 1) & (TABLE_SIZE - 1);
    return at;
}

static inline uint32_t color_at(const uint8_t *row, uint32_t x)
{
    uint32_t pixel;

    memcpy(&pixel, row + (size_t)x * 4, sizeof(pixel));
    return pixel & 0xffffff;
}

/* Is all of a group of COLOR? Nothing is of NONE. */
static inline bool is_all(const uint8_t *pixels, uint32_t color)
{
    const uint64_t both = color | (uint64_t)color << 32, mask = 0x00ffffff00ffffff;
    uint64_t pairs[GROUP / 2], difference = 0;

    memcpy(pairs, pixels, sizeof(pairs));
    for (unsigned i = 0; i < GROUP / 2; i++)
        difference |= pairs[i] ^ both;
    return (difference & mask) == 0 && color != NONE;
}

/* Are the colours of a group all in their slots? */
static inline bool are_known(const struct color_table *table, const uint8_t *pixels)
{
    bool known = true;

    for (unsigned i = 0; i < GROUP; i++) {
        uint32_t color = color_at(pixels, i);

        known &= table->colors[slot_of(color)] == color;
    }
    return known;
}

/* Those of COUNT pixels that are new are added. False: too many. */
static bool add_colors(struct color_table *table, struct few_colors *few, const uint8_t *pixels,
                       unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t color = color_at(pixels, i);
        unsigned at = find(table, color);

        if (table->colors[at] == color)
            continue;
        if (few->count == 256)
            return false;
        table->colors[at] = color;
        few->colors[few->count++] = color;
    }
    return true;
}

static bool count_row(struct color_table *table, struct few_colors *few, const uint8_t *row,
                      uint32_t width)
{
    uint32_t last = NONE, x;

    for (x = 0; x + GROUP <= width; x += GROUP) {
        const uint8_t *group = row + (size_t)x * 4;

        if (is_all(group, last))
            continue;
        if (!are_known(table, group) && !add_colors(table, few, group, GROUP))
            return false;
        last = color_at(group, GROUP - 1);
    }
    return add_colors(table, few, row + (size_t)x * 4, width - x);
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

/* The indices of COUNT pixels, BITS each, the last one's lowest. False: a colour is not there. */
static inline bool indices_of(const struct color_table *table, unsigned bits, const uint8_t *pixels,
                              unsigned count, uint64_t *indices)
{
    *indices = 0;
    for (unsigned i = 0; i < count; i++) {
        uint32_t color = color_at(pixels, i);
        unsigned at = slot_of(color);

        if (table->colors[at] != color) {
            at = find(table, color);
            if (table->colors[at] != color)
                return false;
        }
        *indices = *indices << bits | table->indices[at];
    }
    return true;
}

static inline void put_indices(uint8_t *to, uint64_t indices, unsigned bits, unsigned count)
{
    indices = __builtin_bswap64(indices << (64 - count * bits));
    memcpy(to, &indices, (count * bits + 7) / 8);
}

static inline __attribute__((always_inline)) bool write_row(const struct color_table *table,
                                                            unsigned bits, const uint8_t *row,
                                                            uint32_t width, uint8_t *to)
{
    const uint64_t index_mask = (1u << bits) - 1;
    const uint64_t each = bits == 1 ? 0xff : bits == 4 ? 0x11111111 : UINT64_C(0x0101010101010101);
    uint64_t indices, all = 0; /* all: of a group of the last colour */
    uint32_t last = NONE, x;

    for (x = 0; x + GROUP <= width; x += GROUP, to += bits) {
        const uint8_t *group = row + (size_t)x * 4;

        if (is_all(group, last)) {
            put_indices(to, all, bits, GROUP);
            continue;
        }
        if (!indices_of(table, bits, group, GROUP, &indices))
            return false;
        put_indices(to, indices, bits, GROUP);
        last = color_at(group, GROUP - 1);
        all = (indices & index_mask) * each;
    }
    if (x == width)
        return true;
    if (!indices_of(table, bits, row + (size_t)x * 4, width - x, &indices))
        return false;
    put_indices(to, indices, bits, width - x);
    return true;
}

static bool write_row_of(const struct color_table *table, unsigned bits, const uint8_t *row,
                         uint32_t width, uint8_t *to)
{
    switch (bits) {
    case 1:
        return write_row(table, 1, row, width, to);
    case 4:
        return write_row(table, 4, row, width, to);
    default:
        return write_row(table, 8, row, width, to);
    }
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
    for (uint32_t y = 0; y < height; y++, to += few->stride) {
        memset(to + few->stride - 4, 0, 4); /* what fills up the row */
        if (!write_row_of(&table, bits, pixels + (size_t)y * width * 4, width, to))
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
