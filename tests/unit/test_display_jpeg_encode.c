/*
 * The JPEG encoders, read back by the decoders: photographs lose little, alpha nothing.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/canvas.h"
#include "display/jpeg.h"
#include "display/lz.h"
#include "tests/support/made_pictures.h"

#include <glib.h>
#include <math.h>

#define MIN_PSNR 30 /* dB, of three components with eight bits */

enum { MAX_WIDTH = 200, MAX_HEIGHT = 150, PADDING = 12 };

/* What clients make of a pixel. */
static uint32_t color_of(const uint8_t *row, uint8_t format, uint32_t x)
{
    unsigned pixel;

    switch (format) {
    case SPICE_BITMAP_FMT_16BIT:
        pixel = row[x * 2] | row[x * 2 + 1] << 8;
        return (pixel >> 10 & 31) * 255 / 31 << 16 | (pixel >> 5 & 31) * 255 / 31 << 8 |
               (pixel & 31) * 255 / 31;
    case SPICE_BITMAP_FMT_24BIT:
        return row[x * 3] | row[x * 3 + 1] << 8 | row[x * 3 + 2] << 16;
    default:
        return row[x * 4] | row[x * 4 + 1] << 8 | row[x * 4 + 2] << 16;
    }
}

static void store(uint8_t *row, uint8_t format, uint32_t x, uint32_t pixel)
{
    switch (format) {
    case SPICE_BITMAP_FMT_16BIT:
        pixel = (pixel >> 19 & 31) << 10 | (pixel >> 11 & 31) << 5 | (pixel >> 3 & 31);
        row[x * 2] = pixel;
        row[x * 2 + 1] = pixel >> 8;
        break;
    case SPICE_BITMAP_FMT_24BIT:
        row[x * 3] = pixel;
        row[x * 3 + 1] = pixel >> 8;
        row[x * 3 + 2] = pixel >> 16;
        break;
    default:
        row[x * 4] = pixel;
        row[x * 4 + 1] = pixel >> 8;
        row[x * 4 + 2] = pixel >> 16;
        row[x * 4 + 3] = x / 3; /* the alpha */
        break;
    }
}

static void assert_alike(const struct codec_source *source, const uint8_t *bytes,
                         const uint8_t *decoded, const struct codec_picture *picture)
{
    double sum = 0;

    g_assert_cmpuint(picture->width, ==, source->width);
    g_assert_cmpuint(picture->height, ==, source->height);
    for (uint32_t y = 0; y < source->height; y++) {
        uint32_t line = source->top_down ? y : source->height - 1 - y;

        for (uint32_t x = 0; x < source->width; x++) {
            uint32_t a = color_of(bytes + (size_t)line * source->stride, source->format, x);
            uint32_t b = color_of(decoded + (size_t)y * picture->stride, SPICE_BITMAP_FMT_32BIT, x);

            for (unsigned shift = 0; shift < 24; shift += 8) {
                int difference = (int)(a >> shift & 255) - (int)(b >> shift & 255);

                sum += difference * difference;
            }
        }
    }
    sum /= 3.0 * source->width * source->height;
    if (sum > 0)
        g_assert_cmpfloat(10 * log10(255.0 * 255.0 / sum), >, MIN_PSNR);
}

static void check_alpha(const struct codec_source *source, const uint8_t *bytes,
                        const uint8_t *stream, size_t size)
{
    g_autofree uint8_t *rows = g_malloc0((size_t)source->width * source->height * 4);
    struct lz_info info;

    g_assert_cmpstr(lz_read_header(stream, size, &info), ==, NULL);
    g_assert_cmpint(info.type, ==, LZ_XXXA);
    g_assert_cmpint(info.top_down, ==, source->top_down);
    g_assert_cmpstr(lz_decode(stream, size, &info, rows), ==, NULL);
    for (uint32_t y = 0; y < source->height; y++) {
        for (uint32_t x = 0; x < source->width; x++)
            g_assert_cmpuint(rows[((size_t)y * source->width + x) * 4 + 3], ==,
                             bytes[(size_t)y * source->stride + x * 4 + 3]);
    }
}

static void check(struct encoder *encoder, const struct encoder_impl *impl, uint8_t format,
                  GRand *rand)
{
    struct codec_source source = {
        .format = format,
        .top_down = g_rand_boolean(rand),
        .width = g_rand_int_range(rand, 40, MAX_WIDTH),
        .height = g_rand_int_range(rand, 30, MAX_HEIGHT),
    };
    size_t row = (size_t)source.width * bitmap_format_bits(format) / 8, size, first;
    g_autofree uint32_t *pixels = g_new(uint32_t, MAX_WIDTH * MAX_HEIGHT);
    g_autofree uint8_t *bytes = NULL, *stream = NULL, *decoded = NULL;
    struct codec_picture picture;
    struct iovec piece;

    made_picture(pixels, source.width, source.height, MADE_PHOTO, g_rand_int(rand));
    source.stride = row + g_rand_int_range(rand, 0, PADDING);
    bytes = g_malloc0((size_t)source.stride * source.height);
    for (uint32_t y = 0; y < source.height; y++) {
        for (uint32_t x = 0; x < source.width; x++)
            store(bytes + (size_t)y * source.stride, format, x, pixels[y * source.width + x]);
    }
    piece = (struct iovec){bytes, (size_t)source.stride * source.height};
    source.data = (struct draw_bytes){.size = piece.iov_len, .count = 1, .pieces = &piece};

    g_assert_true(impl->accepts(format));
    g_assert_true(impl->encode(encoder, &source, &stream, &size));
    g_assert_cmpuint(size, <, row * source.height / 2);
    first = impl == &encoder_jpeg_alpha ? encoder_jpeg_alpha_first_size(encoder) : size;
    g_assert_cmpstr(decoder_jpeg.read_header(stream, first, &picture), ==, NULL);
    decoded = g_malloc((size_t)picture.stride * picture.height);
    g_assert_cmpstr(decoder_jpeg.decode(stream, first, &picture, decoded), ==, NULL);
    assert_alike(&source, bytes, decoded, &picture);
    if (first < size)
        check_alpha(&source, bytes, stream + first, size - first);
}

static void test_colors(void)
{
    static const uint8_t formats[] = {SPICE_BITMAP_FMT_16BIT, SPICE_BITMAP_FMT_24BIT,
                                      SPICE_BITMAP_FMT_32BIT};
    struct encoder *encoder = encoder_jpeg.create();
    GRand *rand = g_rand_new_with_seed(11);

    for (unsigned i = 0; i < 30; i++)
        check(encoder, &encoder_jpeg, formats[i % G_N_ELEMENTS(formats)], rand);
    g_rand_free(rand);
    encoder_jpeg.destroy(encoder);
}

static void test_alpha(void)
{
    struct encoder *encoder = encoder_jpeg_alpha.create();
    GRand *rand = g_rand_new_with_seed(12);

    for (unsigned i = 0; i < 12; i++)
        check(encoder, &encoder_jpeg_alpha, SPICE_BITMAP_FMT_RGBA, rand);
    g_rand_free(rand);
    encoder_jpeg_alpha.destroy(encoder);
}

/* What libjpeg refuses is an answer, and the next picture is encoded as if nothing had been. */
static void test_limits(void)
{
    struct jpeg_encoder *encoder = jpeg_encoder_create();
    g_autofree uint8_t *pixels = g_malloc0((JPEG_MAX_SIDE + 1) * 4);
    struct jpeg_rows rows = {SPICE_BITMAP_FMT_32BIT, JPEG_MAX_SIDE + 1, 1, pixels, 0};
    const uint8_t *out;

    g_assert_cmpuint(jpeg_encode(encoder, &rows, 85, false, &out), ==, 0);
    rows.width = JPEG_MAX_SIDE;
    g_assert_cmpuint(jpeg_encode(encoder, &rows, 85, true, &out), >, 0);
    jpeg_encoder_destroy(encoder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/jpeg-encode/colors", test_colors);
    g_test_add_func("/jpeg-encode/alpha", test_alpha);
    g_test_add_func("/jpeg-encode/limits", test_limits);
    return g_test_run();
}
