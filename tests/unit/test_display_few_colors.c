/*
 * Pictures of few colours are told from others, and keep their colours.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/few_colors.h"

#include <glib.h>
#include <spice/enums.h>

enum { WIDTH = 61, HEIGHT = 23 };

/* Random pixels of COUNT colours, each of which is there; runs of them when that is STEADY. */
static uint32_t *picture(unsigned count, bool steady)
{
    uint32_t *pixels = g_new(uint32_t, WIDTH * HEIGHT);
    unsigned last = 0;

    for (unsigned i = 0; i < WIDTH * HEIGHT; i++) {
        unsigned color = i < count ? i : (unsigned)g_random_int_range(0, count);

        if (steady && i >= count && g_random_int_range(0, 20) > 0)
            color = last;
        last = color;
        pixels[i] = color * 0x010307 | (uint32_t)g_random_int() << 24; /* the upper byte is noise */
    }
    return pixels;
}

static unsigned index_at(const struct few_colors *few, const uint8_t *bytes, int x, int y)
{
    const uint8_t *row = bytes + (size_t)y * few->stride;

    switch (few->format) {
    case SPICE_BITMAP_FMT_1BIT_BE:
        return row[x / 8] >> (7 - x % 8) & 1;
    case SPICE_BITMAP_FMT_4BIT_BE:
        return x % 2 == 0 ? row[x / 2] >> 4 : row[x / 2] & 15;
    default:
        return row[x];
    }
}

static void test_palettes(void)
{
    static const struct {
        unsigned count;
        uint8_t format;
    } cases[] = {{1, SPICE_BITMAP_FMT_1BIT_BE}, {2, SPICE_BITMAP_FMT_1BIT_BE},
                 {3, SPICE_BITMAP_FMT_4BIT_BE}, {16, SPICE_BITMAP_FMT_4BIT_BE},
                 {17, SPICE_BITMAP_FMT_8BIT},   {256, SPICE_BITMAP_FMT_8BIT}};

    for (unsigned i = 0; i < 2 * G_N_ELEMENTS(cases); i++) {
        uint32_t *pixels = picture(cases[i / 2].count, i % 2);
        struct few_colors few;
        uint8_t *bytes;

        g_assert_true(few_colors_find((uint8_t *)pixels, WIDTH, HEIGHT, &few));
        g_assert_cmpuint(few.count, ==, cases[i / 2].count);
        g_assert_cmpuint(few.format, ==, cases[i / 2].format);
        bytes = g_malloc(few.size);
        g_assert_true(few_colors_write((uint8_t *)pixels, WIDTH, HEIGHT, &few, bytes));
        for (int y = 0; y < HEIGHT; y++) {
            for (int x = 0; x < WIDTH; x++)
                g_assert_cmphex(few.colors[index_at(&few, bytes, x, y)], ==,
                                pixels[y * WIDTH + x] & 0xffffff);
        }
        pixels[WIDTH] = 0xabcdef; /* changed behind our back */
        g_assert_false(few_colors_write((uint8_t *)pixels, WIDTH, HEIGHT, &few, bytes));
        g_free(bytes);
        g_free(pixels);
    }
}

static void test_others(void)
{
    uint32_t *pixels = picture(257, false);
    uint8_t bytes[WIDTH * HEIGHT * 3];
    struct few_colors few;

    g_assert_false(few_colors_find((uint8_t *)pixels, WIDTH, HEIGHT, &few));
    g_assert_false(few_colors_find((uint8_t *)pixels, 8, 8, &few)); /* a palette of 64 for 64 */
    pack_24bit((uint8_t *)pixels, WIDTH * HEIGHT, bytes);
    for (unsigned i = 0; i < WIDTH * HEIGHT; i++)
        g_assert_cmphex(bytes[3 * i] | bytes[3 * i + 1] << 8 | bytes[3 * i + 2] << 16, ==,
                        pixels[i] & 0xffffff);
    g_free(pixels);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/few-colors/palettes", test_palettes);
    g_test_add_func("/few-colors/others", test_others);
    return g_test_run();
}
