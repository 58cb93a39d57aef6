/*
 * Picture files, read back.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/picture.h"

#include <glib/gstdio.h>
#include <png.h>
#include <string.h>

static char *folder;

static uint8_t *read_png(const char *path, unsigned *width, unsigned *height)
{
    png_image image = {.version = PNG_IMAGE_VERSION};

    g_assert_true(png_image_begin_read_from_file(&image, path));
    image.format = PNG_FORMAT_RGB;
    uint8_t *pixels = g_malloc(PNG_IMAGE_SIZE(image));
    g_assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
    *width = image.width;
    *height = image.height;
    return pixels;
}

static void test_png(void)
{
    uint32_t memory[2 * 3] = {0xff102030, 0x00405060, 0x12ffffff, 4, 5, 6};
    const uint8_t expected[] = {0x40, 0x50, 0x60, 0xff, 0xff, 0xff};
    /* Bottom-up: the first row in memory is the lower one. */
    struct canvas *canvas = canvas_create(3, 2, -12, SPICE_SURFACE_FMT_32_xRGB, memory);
    char *path = g_build_filename(folder, "a.png", NULL);
    draw_rect area = {1, 1, 3, 2};
    unsigned width, height;
    GError *error = NULL;

    g_assert_true(picture_save(canvas, &area, path, &error));
    uint8_t *pixels = read_png(path, &width, &height);
    g_assert_cmpuint(width, ==, 2);
    g_assert_cmpuint(height, ==, 1);
    g_assert_cmpmem(pixels, 6, expected, 6);
    g_free(pixels);
    g_unlink(path);
    g_free(path);
    canvas_destroy(canvas);
}

static void test_ppm(void)
{
    uint16_t memory[2] = {0x7c00 | 1, 16 << 5};
    const uint8_t expected_555[] = {255, 0, 8, 0, 132, 0};
    const uint8_t expected_565[] = {123, 130, 8, 0, 65, 0};
    char *path = g_build_filename(folder, "a.ppm", NULL);

    for (int i = 0; i < 2; i++) {
        uint32_t format = i ? SPICE_SURFACE_FMT_16_565 : SPICE_SURFACE_FMT_16_555;
        struct canvas *canvas = canvas_create(2, 1, 4, format, memory);
        GError *error = NULL;
        char *text;
        size_t size;
        g_assert_true(picture_save(canvas, NULL, path, &error));
        g_assert_true(g_file_get_contents(path, &text, &size, NULL));
        g_assert_cmpuint(size, ==, 11 + 6);
        g_assert_cmpmem(text, 11, "P6\n2 1\n255\n", 11);
        g_assert_cmpmem(text + 11, 6, i ? expected_565 : expected_555, 6);
        g_free(text);
        canvas_destroy(canvas);
    }
    g_unlink(path);
    g_free(path);
}

/* What cannot be saved is named, and leaves no file behind. */
static void test_errors(void)
{
    uint32_t memory[4] = {0};
    struct canvas *alpha = canvas_create(4, 1, 4, SPICE_SURFACE_FMT_8_A, memory);
    struct canvas *color = canvas_create(2, 2, 8, SPICE_SURFACE_FMT_32_ARGB, memory);
    char *nowhere = g_build_filename(folder, "missing", "a.png", NULL);
    char *path = g_build_filename(folder, "a.png", NULL);
    draw_rect outside = {0, 0, 3, 1};
    GError *error = NULL;

    g_assert_false(picture_save(alpha, NULL, path, &error));
    g_assert_nonnull(strstr(error->message, "8 bits per pixel"));
    g_clear_error(&error);
    g_assert_false(picture_save(color, &outside, path, &error));
    g_assert_nonnull(strstr(error->message, "not inside"));
    g_clear_error(&error);
    g_assert_false(picture_save(color, NULL, nowhere, &error));
    g_assert_nonnull(strstr(error->message, nowhere));
    g_clear_error(&error);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    canvas_destroy(alpha);
    canvas_destroy(color);
    g_free(nowhere);
    g_free(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("picture-XXXXXX", NULL);
    g_test_add_func("/display/picture/png", test_png);
    g_test_add_func("/display/picture/ppm", test_ppm);
    g_test_add_func("/display/picture/errors", test_errors);
    int result = g_test_run();
    /* Fails when anything was left behind. */
    g_assert_cmpint(g_rmdir(folder), ==, 0);
    g_free(folder);
    return result;
}
