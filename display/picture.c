/*
 * Picture files: PNG and binary PPM.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <unistd.h>

/* How rows are turned into a file. */
struct picture {
    const struct canvas *canvas;
    draw_rect area;
};

static inline uint8_t expand_5(unsigned v)
{
    return v << 3 | v >> 2;
}

static inline uint8_t expand_6(unsigned v)
{
    return v << 2 | v >> 4;
}

/* Row Y of the picture as R, G, B bytes. */
static void picture_row(const struct picture *picture, int y, uint8_t *rgb)
{
    const uint8_t *row = canvas_row(picture->canvas, picture->area.y1 + y);
    uint32_t format = canvas_format(picture->canvas);

    for (int x = picture->area.x1; x < picture->area.x2; x++, rgb += 3) {
        if (surface_format_bits(format) == 32) {
            const uint8_t *pixel = row + 4 * (size_t)x;
            rgb[0] = pixel[2];
            rgb[1] = pixel[1];
            rgb[2] = pixel[0];
            continue;
        }
        uint16_t pixel = ((const uint16_t *)row)[x];
        if (format == SPICE_SURFACE_FMT_16_565) {
            rgb[0] = expand_5(pixel >> 11);
            rgb[1] = expand_6(pixel >> 5 & 63);
        } else {
            rgb[0] = expand_5(pixel >> 10 & 31);
            rgb[1] = expand_5(pixel >> 5 & 31);
        }
        rgb[2] = expand_5(pixel & 31);
    }
}

static bool write_ppm(const struct picture *picture, FILE *file, uint8_t *row)
{
    int width = picture->area.x2 - picture->area.x1, height = picture->area.y2 - picture->area.y1;

    fprintf(file, "P6\n%d %d\n255\n", width, height);
    for (int y = 0; y < height; y++) {
        picture_row(picture, y, row);
        if (fwrite(row, 3, width, file) != (size_t)width)
            return false;
    }
    return true;
}

static void png_failed(png_structp png, png_const_charp message)
{
    (void)message;
    png_longjmp(png, 1);
}

static void png_warned(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static bool write_png(const struct picture *picture, FILE *file, uint8_t *row)
{
    int width = picture->area.x2 - picture->area.x1, height = picture->area.y2 - picture->area.y1;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, png_failed, png_warned);
    png_infop info = png ? png_create_info_struct(png) : NULL;

    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return false;
    }
    png_init_io(png, file);
    png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < height; y++) {
        picture_row(picture, y, row);
        png_write_row(png, row);
    }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return true;
}

/* The part of AREA to save; false when it is not inside of the canvas. */
static bool picture_area(const struct canvas *canvas, const draw_rect *area, draw_rect *result)
{
    *result = area ? *area : (draw_rect){0, 0, canvas_width(canvas), canvas_height(canvas)};
    return result->x1 >= 0 && result->y1 >= 0 && result->x1 < result->x2 &&
           result->y1 < result->y2 && result->x2 <= canvas_width(canvas) &&
           result->y2 <= canvas_height(canvas);
}

bool picture_save_as(const struct canvas *canvas, const draw_rect *area, const char *path,
                     enum picture_format format, GError **error)
{
    struct picture picture = {.canvas = canvas};

    if (surface_format_bits(canvas_format(canvas)) < 16) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "%s: a surface with %u bits per pixel has no colours to save", path,
                    surface_format_bits(canvas_format(canvas)));
        return false;
    }
    if (!picture_area(canvas, area, &picture.area)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "%s: the area to save is not inside of the %dx%d surface", path,
                    canvas_width(canvas), canvas_height(canvas));
        return false;
    }

    /* Renaming a file to, say, /dev/null would replace the device. */
    if (g_file_test(path, G_FILE_TEST_EXISTS) && !g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "cannot write %s: it exists and is no regular file", path);
        return false;
    }

    /* A new file beside the old one replaces it once it is complete. */
    char *temporary = g_strconcat(path, ".XXXXXX", NULL);
    int fd = g_mkstemp_full(temporary, O_RDWR | O_CLOEXEC, 0666);
    FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    bool done = false;
    int reason = errno;

    if (file) {
        uint8_t *row = g_malloc_n(picture.area.x2 - picture.area.x1, 3);
        errno = 0;
        done =
            format == PICTURE_PPM ? write_ppm(&picture, file, row) : write_png(&picture, file, row);
        done = fflush(file) == 0 && done;
        reason = errno;
        done = fclose(file) == 0 && done;
        g_free(row);
    } else if (fd >= 0) {
        close(fd);
    }
    if (done && rename(temporary, path) != 0) {
        reason = errno;
        done = false;
    }
    if (!done) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(reason), "cannot write %s: %s",
                    path, reason ? g_strerror(reason) : "out of memory");
        if (fd >= 0)
            unlink(temporary);
    }
    g_free(temporary);
    return done;
}

bool picture_save(const struct canvas *canvas, const draw_rect *area, const char *path,
                  GError **error)
{
    return picture_save_as(canvas, area, path,
                           g_str_has_suffix(path, ".ppm") ? PICTURE_PPM : PICTURE_PNG, error);
}
