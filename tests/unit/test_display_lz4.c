/*
 * The LZ4 encoder, read back with the library's own decoder as clients do.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/codec.h"

#include <glib.h>
#include <string.h>

#ifdef HAVE_LZ4
#include <lz4.h>

/* Decodes blocks, each with a big-endian size, into one buffer in which they refer to each other.
 */
static void assert_decodes(const uint8_t *in, size_t size, const uint8_t *rows, size_t row,
                           size_t stride, uint32_t height)
{
    size_t total = row * height, done = 0, at = 2;
    char *out = g_malloc(total);
    LZ4_streamDecode_t *stream = LZ4_createStreamDecode();

    while (at < size) {
        g_assert_cmpuint(size - at, >, 4);
        uint32_t block = (uint32_t)in[at] << 24 | in[at + 1] << 16 | in[at + 2] << 8 | in[at + 3];
        at += 4;
        g_assert_cmpuint(block, <=, size - at);
        int got = LZ4_decompress_safe_continue(stream, (const char *)in + at, out + done, block,
                                               total - done);
        g_assert_cmpint(got, >, 0);
        done += got;
        at += block;
    }
    g_assert_cmpuint(done, ==, total);
    for (uint32_t y = 0; y < height; y++)
        g_assert_cmpmem(out + y * row, row, rows + y * stride, row);
    LZ4_freeStreamDecode(stream);
    g_free(out);
}

static void test_round_trip(void)
{
    struct encoder *encoder = encoder_lz4.create();
    GRand *rand = g_rand_new_with_seed(3);
    static const struct {
        uint8_t format;
        unsigned bytes;
    } formats[] = {{SPICE_BITMAP_FMT_16BIT, 2},
                   {SPICE_BITMAP_FMT_24BIT, 3},
                   {SPICE_BITMAP_FMT_32BIT, 4},
                   {SPICE_BITMAP_FMT_RGBA, 4}};

    for (int i = 0; i < 60; i++) {
        unsigned f = i % G_N_ELEMENTS(formats);
        uint32_t width = g_rand_int_range(rand, 40, 700), height = g_rand_int_range(rand, 20, 400);
        size_t row = width * formats[f].bytes, stride = row + g_rand_int_range(rand, 0, 9);
        size_t size = stride * height;
        uint8_t *data = g_malloc(size);
        for (size_t at = 0; at < size; at++)
            data[at] = at % 7 ? at / 64 : g_rand_int(rand) & 3;
        size_t cut = g_rand_int_range(rand, 0, size);
        struct iovec pieces[2] = {{data, cut}, {data + cut, size - cut}};
        struct codec_source source = {formats[f].format, i & 1, width, height, stride,
                                      {size, 2, pieces}, false};
        uint8_t *out;
        size_t out_size;
        g_assert_true(encoder_lz4.encode(encoder, &source, &out, &out_size));
        g_assert_cmpuint(out_size, <, size);
        g_assert_cmpuint(out[0], ==, i & 1);
        g_assert_cmpuint(out[1], ==, formats[f].format);
        assert_decodes(out, out_size, data, row, stride, height);
        g_free(out);
        g_free(data);
    }
    g_rand_free(rand);
    encoder_lz4.destroy(encoder);
}

/* Noise does not get smaller: no result, and the next picture is not harmed. */
static void test_noise(void)
{
    struct encoder *encoder = encoder_lz4.create();
    uint32_t width = 300, height = 200, stride = width * 4;
    uint8_t *noise = g_malloc(stride * height), *out;
    size_t out_size;
    GRand *rand = g_rand_new_with_seed(5);
    struct iovec piece = {noise, stride * height};
    struct codec_source source = {SPICE_BITMAP_FMT_32BIT,     true, width, height, stride,
                                  {piece.iov_len, 1, &piece}, false};

    for (size_t i = 0; i < piece.iov_len; i++)
        noise[i] = g_rand_int(rand);
    g_assert_false(encoder_lz4.encode(encoder, &source, &out, &out_size));
    memset(noise, 17, piece.iov_len);
    g_assert_true(encoder_lz4.encode(encoder, &source, &out, &out_size));
    assert_decodes(out, out_size, noise, stride, stride, height);
    g_free(out);
    source.format = SPICE_BITMAP_FMT_8BIT_A;
    g_assert_false(encoder_lz4.accepts(source.format));
    g_assert_false(encoder_lz4.encode(encoder, &source, &out, &out_size));
    g_rand_free(rand);
    g_free(noise);
    encoder_lz4.destroy(encoder);
}
static bool is_worth_it(struct encoder *encoder, const struct codec_source *source)
{
    uint8_t *out = NULL;
    size_t out_size;
    bool worth = encoder_lz4.encode(encoder, source, &out, &out_size);

    g_assert_true(!worth || out_size < source->data.size / 4 * 3);
    g_free(out);
    return worth;
}

/* What three bytes a pixel would be as good for is left alone; not so what repeats from row to row,
 * or what is noise in a few places only. */
static void test_without_alpha(void)
{
    struct encoder *encoder = encoder_lz4.create();
    uint32_t width = 300, height = 240, stride = width * 4;
    uint32_t *pixels = g_new(uint32_t, width * height);
    GRand *rand = g_rand_new_with_seed(6);
    size_t size = stride * height, cut = stride * 100;
    struct iovec pieces[] = {{pixels, cut}, {(uint8_t *)pixels + cut, size - cut}};
    struct codec_source source = {.format = SPICE_BITMAP_FMT_32BIT,
                                  .width = width,
                                  .height = height,
                                  .stride = stride,
                                  .data = {size, G_N_ELEMENTS(pieces), pieces},
                                  .no_alpha = true};

    for (uint32_t i = 0; i < width * height; i++)
        pixels[i] = g_rand_int(rand) & 0xffffff;
    g_assert_false(is_worth_it(encoder, &source));
    for (uint32_t y = 1; y < height; y++)
        memcpy(pixels + y * width, pixels, stride);
    g_assert_true(is_worth_it(encoder, &source));
    memset(pixels, 0, size);
    for (uint32_t i = 0; i < width * height / 2; i++)
        pixels[i] = g_rand_int(rand) & 0xffffff;
    g_assert_true(is_worth_it(encoder, &source));
    g_rand_free(rand);
    g_free(pixels);
    encoder_lz4.destroy(encoder);
}
#endif

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#ifdef HAVE_LZ4
    g_test_add_func("/display/lz4/round-trip", test_round_trip);
    g_test_add_func("/display/lz4/noise", test_noise);
    g_test_add_func("/display/lz4/without-alpha", test_without_alpha);
#endif
    return g_test_run();
}
