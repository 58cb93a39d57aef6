/*
 * Which palettes a client keeps. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/palette_cache.h"

#include <glib.h>

static struct draw_palette palette(uint32_t color)
{
    return (struct draw_palette){.unique = 7, .count = 2, .colors = {0, color}};
}

static bool use(struct palette_cache *cache, uint32_t color)
{
    struct draw_palette colors = palette(color);
    uint64_t id;

    return palette_cache_use(cache, &colors, &id);
}

/* Names of the guest's mean nothing, colours do. */
static void test_names(void)
{
    struct palette_cache cache = {0};
    struct draw_palette one = palette(1), same = palette(1), other = palette(2),
                        longer = palette(1);
    uint64_t id, again;

    same.unique = 8;
    longer.count = 3;
    g_assert_false(palette_cache_use(&cache, &one, &id));
    g_assert_cmpuint(id, !=, 0); /* which is never kept */
    g_assert_true(palette_cache_use(&cache, &same, &again));
    g_assert_cmpuint(id, ==, again);
    g_assert_false(palette_cache_use(&cache, &other, &again));
    g_assert_cmpuint(id, !=, again);
    g_assert_false(palette_cache_use(&cache, &longer, &again));
    g_assert_cmpuint(id, !=, again);
}

/* The one that was not used for the longest time goes. */
static void test_room(void)
{
    struct palette_cache cache = {0};
    struct draw_palette second = palette(1);
    uint64_t id;

    for (uint32_t i = 0; i < PALETTE_CACHE_SIZE; i++)
        g_assert_false(use(&cache, i));
    g_assert_cmpuint(cache.dropped_count, ==, 0);
    g_assert_true(palette_cache_use(&cache, &second, &id));
    for (uint32_t i = 2; i < PALETTE_CACHE_SIZE; i++)
        g_assert_true(use(&cache, i));
    g_assert_true(use(&cache, 0));
    g_assert_false(use(&cache, PALETTE_CACHE_SIZE));
    g_assert_cmpuint(cache.dropped_count, ==, 1);
    g_assert_cmpuint(cache.dropped[0], ==, id);
    cache.dropped_count = 0;
    g_assert_true(use(&cache, 0));
    g_assert_false(use(&cache, 1));
    g_assert_cmpuint(cache.dropped_count, ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/palette-cache/names", test_names);
    g_test_add_func("/palette-cache/room", test_room);
    return g_test_run();
}
