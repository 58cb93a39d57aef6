/*
 * Pixels that differ are found wherever they are, and no others.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/difference.h"

#include <glib.h>
#include <string.h>

enum { MOST = 5 * DIFFERENCE_TILE, TILES = MOST / DIFFERENCE_TILE + 1, MASK = 0xffffff };

struct pair {
    uint8_t a[4 * MOST + 1], b[4 * MOST + 1]; /* used from the second byte on: not aligned */
};

static void fill(struct pair *pair)
{
    for (unsigned i = 0; i < sizeof(pair->a); i++)
        pair->a[i] = pair->b[i] = g_random_int();
}

/* One pixel of a row of each length, at each place, in a bit that is looked at and one that is not.
 */
static void test_one_pixel(void)
{
    struct pair pair;

    for (unsigned count = 1; count <= MOST; count += count < 2 * DIFFERENCE_TILE ? 1 : 7) {
        for (unsigned at = 0; at < count; at++) {
            bool marks[TILES] = {false};

            fill(&pair);
            pair.b[1 + 4 * at + 3] ^= 0x80; /* what fills pixels up to 32 bits */
            g_assert_false(pixels_differ(pair.a + 1, pair.b + 1, count, MASK));
            g_assert_true(pixels_differ(pair.a + 1, pair.b + 1, count, UINT32_MAX));
            g_assert_cmpuint(mark_different_tiles(pair.a + 1, pair.b + 1, count, MASK, marks), ==,
                             0);
            pair.b[1 + 4 * at + at % 3] ^= 1 << at % 8;
            g_assert_true(pixels_differ(pair.a + 1, pair.b + 1, count, MASK));
            g_assert_cmpuint(mark_different_tiles(pair.a + 1, pair.b + 1, count, MASK, marks), ==,
                             1);
            for (unsigned i = 0; i < TILES; i++)
                g_assert_true(marks[i] == (i == at / DIFFERENCE_TILE));
            /* Found before: not counted again. */
            g_assert_cmpuint(mark_different_tiles(pair.a + 1, pair.b + 1, count, MASK, marks), ==,
                             0);
        }
    }
}

/* What lies behind the row is not looked at. */
static void test_end(void)
{
    struct pair pair;

    for (unsigned count = 0; count < MOST; count++) {
        bool marks[TILES] = {false};

        fill(&pair);
        memset(pair.b + 1 + 4 * count, 0, 4 * (MOST - count));
        memset(pair.a + 1 + 4 * count, 1, 4 * (MOST - count));
        g_assert_false(pixels_differ(pair.a + 1, pair.b + 1, count, UINT32_MAX));
        g_assert_cmpuint(mark_different_tiles(pair.a + 1, pair.b + 1, count, UINT32_MAX, marks), ==,
                         0);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/difference/one-pixel", test_one_pixel);
    g_test_add_func("/difference/end", test_end);
    return g_test_run();
}
