/*
 * Where two pictures of 32 bits a pixel differ. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/difference.h"

#include <string.h>

/* A vector of any processor of the kind; compilers see two or four of them together. */
typedef uint32_t __attribute__((vector_size(16))) lanes;
enum { LANES = sizeof(lanes) / sizeof(uint32_t) };

static inline lanes load(const uint8_t *from)
{
    lanes pixels;

    memcpy(&pixels, from, sizeof(pixels));
    return pixels;
}

static inline bool is_any(lanes bits)
{
    typedef uint64_t __attribute__((vector_size(16))) halves;
    halves both = (halves)bits;

    return (both[0] | both[1]) != 0;
}

static inline bool tile_differs(const uint8_t *a, const uint8_t *b, lanes mask)
{
    lanes bits = {0};

    for (int i = 0; i < DIFFERENCE_TILE; i += LANES)
        bits |= load(a + 4 * i) ^ load(b + 4 * i);
    return is_any(bits & mask);
}

static bool rest_differs(const uint8_t *a, const uint8_t *b, size_t count, uint32_t mask)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < count; i++) {
        uint32_t x, y;

        memcpy(&x, a + 4 * i, sizeof(x));
        memcpy(&y, b + 4 * i, sizeof(y));
        bits |= x ^ y;
    }
    return (bits & mask) != 0;
}

bool pixels_differ(const void *a, const void *b, size_t count, uint32_t mask)
{
    const lanes masks = {mask, mask, mask, mask};
    const uint8_t *x = a, *y = b;

    for (; count >= DIFFERENCE_TILE; count -= DIFFERENCE_TILE) {
        if (tile_differs(x, y, masks))
            return true;
        x += 4 * DIFFERENCE_TILE;
        y += 4 * DIFFERENCE_TILE;
    }
    return rest_differs(x, y, count, mask);
}

unsigned mark_different_tiles(const void *a, const void *b, size_t count, uint32_t mask,
                              bool *marks)
{
    const lanes masks = {mask, mask, mask, mask};
    const uint8_t *x = a, *y = b;
    unsigned added = 0;

    for (; count >= DIFFERENCE_TILE; count -= DIFFERENCE_TILE, marks++) {
        if (!*marks && tile_differs(x, y, masks)) {
            *marks = true;
            added++;
        }
        x += 4 * DIFFERENCE_TILE;
        y += 4 * DIFFERENCE_TILE;
    }
    if (count > 0 && !*marks && rest_differs(x, y, count, mask)) {
        *marks = true;
        added++;
    }
    return added;
}
