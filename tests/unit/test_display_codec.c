/*
 * The LZ and QUIC encoders behind codec.h, read back by the decoders; and graduality.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/canvas.h"
#include "display/graduality.h"
#include "display/lz.h"
#include "display/quic.h"

#include <glib.h>
#include <string.h>

/* A picture in three pieces that are cut anywhere, with padding. */
struct picture {
    struct codec_source source;
    struct iovec pieces[3];
    uint8_t *bytes;
};

static void picture_init(struct picture *picture, uint8_t format, GRand *rand)
{
    struct codec_source *source = &picture->source;
    size_t size, first, second;

    *source = (struct codec_source){
        .format = format,
        .top_down = g_rand_boolean(rand),
        .width = g_rand_int_range(rand, 3, 90),
        .height = g_rand_int_range(rand, 3, 60),
    };
    source->stride =
        (source->width * bitmap_format_bits(format) + 7) / 8 + g_rand_int_range(rand, 0, 2) * 5;
    size = (size_t)source->stride * source->height;
    picture->bytes = g_malloc(size);
    for (size_t i = 0; i < size; i++)
        picture->bytes[i] = i % 90 < 80 ? i / 400 : (uint8_t)g_rand_int(rand);
    first = g_rand_int_range(rand, 0, size);
    second = g_rand_int_range(rand, first, size);
    picture->pieces[0] = (struct iovec){picture->bytes, first};
    picture->pieces[1] = (struct iovec){picture->bytes + first, second - first};
    picture->pieces[2] = (struct iovec){picture->bytes + second, size - second};
    source->data = (struct draw_bytes){.size = size, .count = 3, .pieces = picture->pieces};
}

static uint32_t pixel_of(const uint8_t *row, uint8_t format, uint32_t x)
{
    switch (format) {
    case SPICE_BITMAP_FMT_16BIT:
        return (row[2 * x] | row[2 * x + 1] << 8) & 0x7fff;
    case SPICE_BITMAP_FMT_24BIT:
        return row[3 * x] | row[3 * x + 1] << 8 | row[3 * x + 2] << 16;
    case SPICE_BITMAP_FMT_32BIT:
        return row[4 * x] | row[4 * x + 1] << 8 | row[4 * x + 2] << 16;
    default:
        return row[4 * x] | row[4 * x + 1] << 8 | row[4 * x + 2] << 16 |
               (uint32_t)row[4 * x + 3] << 24;
    }
}

/* Rows as memory has them. */
static void assert_same_colors(const struct picture *picture, const uint8_t *rows, size_t stride)
{
    uint8_t format = picture->source.format;
    uint8_t decoded = format == SPICE_BITMAP_FMT_24BIT ? SPICE_BITMAP_FMT_32BIT : format;

    for (uint32_t y = 0; y < picture->source.height; y++) {
        for (uint32_t x = 0; x < picture->source.width; x++)
            g_assert_cmphex(
                pixel_of(rows + y * stride, decoded, x), ==,
                pixel_of(picture->bytes + (size_t)y * picture->source.stride, format, x));
    }
}

static void assert_lz(const struct picture *picture, const uint8_t *data, size_t size)
{
    const struct codec_source *source = &picture->source;
    struct lz_info info;
    g_autofree uint8_t *rows = NULL;

    g_assert_null(lz_read_header(data, size, &info));
    g_assert_cmpuint(info.width, ==, source->width);
    g_assert_cmpuint(info.height, ==, source->height);
    g_assert_cmpint(info.top_down, ==, source->top_down);
    rows = g_malloc0(lz_decoded_stride(&info) * info.height);
    g_assert_null(lz_decode(data, size, &info, rows));
    if (source->format >= SPICE_BITMAP_FMT_16BIT && source->format <= SPICE_BITMAP_FMT_RGBA) {
        assert_same_colors(picture, rows, lz_decoded_stride(&info));
        return;
    }
    for (uint32_t y = 0; y < source->height; y++)
        g_assert_cmpmem(rows + y * info.stride, info.stride,
                        picture->bytes + (size_t)y * source->stride, info.stride);
}

static void assert_quic(const struct picture *picture, const uint8_t *data, size_t size)
{
    const struct codec_source *source = &picture->source;
    struct quic_info info;
    g_autofree uint8_t *rows = NULL;
    ptrdiff_t stride;

    g_assert_null(quic_read_header(data, size, &info));
    g_assert_cmpuint(info.width, ==, source->width);
    g_assert_cmpuint(info.height, ==, source->height);
    stride = (ptrdiff_t)info.width * (info.type == QUIC_RGB16 ? 2 : 4);
    rows = g_malloc0(stride * info.height);
    g_assert_null(quic_decode(data, size, &info,
                              source->top_down ? rows : rows + stride * (info.height - 1),
                              source->top_down ? stride : -stride));
    assert_same_colors(picture, rows, stride);
}

static void round_trips(const struct encoder_impl *impl, uint8_t first, uint8_t last,
                        void (*check)(const struct picture *picture, const uint8_t *data,
                                      size_t size))
{
    struct encoder *encoder = impl->create();
    GRand *rand = g_rand_new_with_seed(11);
    unsigned encoded = 0;

    for (unsigned i = 0; i < 200; i++) {
        struct picture picture;
        uint8_t *data;
        size_t size;

        picture_init(&picture, first + i % (last - first + 1), rand);
        g_assert_true(impl->accepts(picture.source.format));
        if (impl->encode(encoder, &picture.source, &data, &size)) {
            g_assert_cmpuint(size, <, picture.source.data.size);
            check(&picture, data, size);
            g_free(data);
            encoded++;
        }
        g_free(picture.bytes);
    }
    g_assert_cmpuint(encoded, >, 150);
    g_assert_false(impl->accepts(first - 1));
    g_assert_false(impl->accepts(last + 1));
    g_rand_free(rand);
    impl->destroy(encoder);
}

static void test_lz(void)
{
    round_trips(&encoder_lz, SPICE_BITMAP_FMT_16BIT, SPICE_BITMAP_FMT_8BIT_A, assert_lz);
}

static void test_lz_palette(void)
{
    round_trips(&encoder_lz_palette, SPICE_BITMAP_FMT_1BIT_LE, SPICE_BITMAP_FMT_8BIT, assert_lz);
}

static void test_quic(void)
{
    round_trips(&encoder_quic, SPICE_BITMAP_FMT_16BIT, SPICE_BITMAP_FMT_RGBA, assert_quic);
}

static void test_incomplete(void)
{
    uint8_t pixels[4 * 4 * 4] = {0};
    struct iovec piece = {pixels, sizeof(pixels)};
    struct codec_source source = {
        .format = SPICE_BITMAP_FMT_32BIT,
        .width = 4,
        .height = 5,
        .stride = 16,
        .data = {.size = sizeof(pixels), .count = 1, .pieces = &piece},
    };
    const struct encoder_impl *const impls[] = {&encoder_lz, &encoder_quic};

    for (unsigned i = 0; i < G_N_ELEMENTS(impls); i++) {
        struct encoder *encoder = impls[i]->create();
        uint8_t *data;
        size_t size;

        g_assert_false(impls[i]->encode(encoder, &source, &data, &size));
        impls[i]->destroy(encoder);
    }
    g_assert_cmpint(graduality_of(&source), ==, GRADUALITY_NONE);
}

/* Pixels of 24 and of 32 bits are counted each in their own way, and must be judged alike. */
static void test_graduality_of_depths(void)
{
    enum { SIDE = 64 };
    uint32_t pixels[SIDE * SIDE];
    uint8_t packed[SIDE * SIDE * 3];
    struct iovec piece = {pixels, sizeof(pixels)}, packed_piece = {packed, sizeof(packed)};
    struct codec_source source = {
        .format = SPICE_BITMAP_FMT_32BIT,
        .width = SIDE,
        .height = SIDE,
        .stride = SIDE * 4,
        .data = {.size = sizeof(pixels), .count = 1, .pieces = &piece},
    };
    struct codec_source source24 = source;
    unsigned seen[4] = {0};
    GRand *rand = g_rand_new_with_seed(7);

    source24.format = SPICE_BITMAP_FMT_24BIT;
    source24.stride = SIDE * 3;
    source24.data = (struct draw_bytes){sizeof(packed), 1, &packed_piece};
    for (unsigned step = 0; step < 400; step++) {
        unsigned noise = g_rand_int_range(rand, 1, 120), flat = g_rand_int_range(rand, 1, 40);
        uint32_t color = 0;

        for (unsigned i = 0; i < SIDE * SIDE; i++) {
            if (i % flat == 0)
                color = g_rand_int_range(rand, 0, noise) | g_rand_int_range(rand, 0, noise) << 8 |
                        g_rand_int_range(rand, 0, noise) << 16;
            pixels[i] = color | g_rand_int(rand) << 24;
            for (unsigned c = 0; c < 3; c++)
                packed[3 * i + c] = color >> 8 * c;
        }
        g_assert_cmpint(graduality_of(&source), ==, graduality_of(&source24));
        seen[graduality_of(&source)]++;
    }
    g_assert_cmpuint(seen[GRADUALITY_HIGH], >, 20);
    g_assert_cmpuint(seen[GRADUALITY_LOW], >, 20);
    g_rand_free(rand);
}

static void test_graduality(void)
{
    enum { SIDE = 64 };
    uint32_t pixels[SIDE * SIDE];
    struct iovec piece = {pixels, sizeof(pixels)};
    struct codec_source source = {
        .format = SPICE_BITMAP_FMT_32BIT,
        .width = SIDE,
        .height = SIDE,
        .stride = SIDE * 4,
        .data = {.size = sizeof(pixels), .count = 1, .pieces = &piece},
    };

    /* Soft slopes, then black on white, then nothing at all. */
    for (unsigned i = 0; i < SIDE * SIDE; i++)
        pixels[i] = i % SIDE * 3 | (i / SIDE * 2) << 8;
    g_assert_cmpint(graduality_of(&source), ==, GRADUALITY_HIGH);
    for (unsigned i = 0; i < SIDE * SIDE; i++)
        pixels[i] = i % 3 ? 0xffffff : 0;
    g_assert_cmpint(graduality_of(&source), ==, GRADUALITY_LOW);
    memset(pixels, 0, sizeof(pixels));
    g_assert_cmpint(graduality_of(&source), ==, GRADUALITY_MEDIUM);
    source.format = SPICE_BITMAP_FMT_8BIT;
    g_assert_cmpint(graduality_of(&source), ==, GRADUALITY_NONE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/codec/lz", test_lz);
    g_test_add_func("/codec/lz-palette", test_lz_palette);
    g_test_add_func("/codec/quic", test_quic);
    g_test_add_func("/codec/incomplete", test_incomplete);
    g_test_add_func("/codec/graduality", test_graduality);
    g_test_add_func("/codec/graduality-of-depths", test_graduality_of_depths);
    return g_test_run();
}
