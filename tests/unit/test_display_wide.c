/*
 * Images larger than pixman's coordinates, which must be converted on their way onto a canvas.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/canvas.h"

#include <glib.h>

#define LONG_SIDE 40001

static uint32_t widened(uint16_t pixel)
{
    uint32_t r = pixel >> 10 & 31, g = pixel >> 5 & 31, b = pixel & 31;

    return (r << 3 | r >> 2) << 16 | (g << 3 | g >> 2) << 8 | (b << 3 | b >> 2);
}

static void check_size(uint32_t width, uint32_t height)
{
    uint32_t stride = (width * 2 + 3) & ~3u;
    g_autofree uint16_t *pixels = g_malloc0((size_t)stride * height);
    g_autofree uint32_t *result = g_malloc0((size_t)width * height * 4);
    struct canvas *canvas =
        canvas_create(width, height, width * 4, SPICE_SURFACE_FMT_32_xRGB, result);
    struct iovec piece = {pixels, (size_t)stride * height};
    struct draw_image image = {
        .type = SPICE_IMAGE_TYPE_BITMAP,
        .width = width,
        .height = height,
        .bitmap = {.format = SPICE_BITMAP_FMT_16BIT,
                   .top_down = true,
                   .stride = stride,
                   .data = {.size = piece.iov_len, .count = 1, .pieces = &piece}},
    };
    const draw_rect all = {0, 0, width, height};
    struct draw draw = {
        .type = QXL_DRAW_COPY,
        .effect = QXL_EFFECT_OPAQUE,
        .box = all,
        .sources = {-1, -1, -1},
        .copy = {.image = &image, .area = all, .rop = SPICE_ROPD_OP_PUT},
    };

    g_assert_nonnull(canvas);
    for (size_t i = 0; i < piece.iov_len / 2; i++)
        pixels[i] = i * 2654435761u >> 17;
    g_assert_cmpstr(canvas_draw(canvas, &draw, NULL, NULL), ==, NULL);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            g_assert_cmphex(result[(size_t)y * width + x] & 0xffffff, ==,
                            widened(pixels[(size_t)y * (stride / 2) + x]));
    canvas_destroy(canvas);
}

static void test_wide(void)
{
    check_size(LONG_SIDE, 3);
}

static void test_high(void)
{
    check_size(3, LONG_SIDE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/display/wide", test_wide);
    g_test_add_func("/display/high", test_high);
    return g_test_run();
}
