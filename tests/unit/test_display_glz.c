/*
 * The GLZ encoder, read back by a decoder written from codecs.md section 3 alone, which keeps as
 * little of the past as the stream says it may.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/glz.h"
#include "display/lz.h"
#include "tests/support/made_pictures.h"

#include <glib.h>
#include <string.h>

struct decoded {
    enum lz_type type;
    uint32_t count;
    uint32_t *units;
};

struct decoder {
    GPtrArray *pictures; /* of struct decoded by number; NULL: released */
};

/* Colours, or the alpha of pixels that have their colours. */
struct pass {
    unsigned literal, bias;
    uint32_t mask; /* what it writes of a unit */
};

static uint32_t be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

static void copy_match(const struct decoder *decoder, struct decoded *to, uint32_t at, uint32_t age,
                       uint32_t offset, uint32_t length, const struct pass *pass)
{
    const struct decoded *from = to;
    uint32_t first = at - 1 - offset;

    g_assert_cmpuint(length, <=, to->count - at);
    if (age == 0) {
        g_assert_cmpuint(offset, <, at);
    } else {
        g_assert_cmpuint(age, <=, decoder->pictures->len);
        from = decoder->pictures->pdata[decoder->pictures->len - age];
        g_assert_nonnull(from);
        g_assert_cmpuint(from->type, ==, to->type);
        first = offset;
        g_assert_cmpuint((uint64_t)offset + length, <=, from->count);
    }
    for (uint32_t i = 0; i < length; i++)
        to->units[at + i] =
            (to->units[at + i] & ~pass->mask) | (from->units[first + i] & pass->mask);
}

static uint32_t literal(const uint8_t *at, unsigned size)
{
    return size == 1   ? (uint32_t)at[0] << 24
           : size == 2 ? (uint32_t)(at[0] << 8 | at[1])
                       : at[0] | at[1] << 8 | (uint32_t)at[2] << 16;
}

static const uint8_t *decode_pass(const struct decoder *decoder, struct decoded *to,
                                  const uint8_t *at, const struct pass *pass)
{
    for (uint32_t done = 0; done < to->count;) {
        uint8_t control = *at++;
        uint32_t length = control >> 5, offset = control & 15, age, bytes;
        bool far = control >> 4 & 1;

        if (control < 32) {
            g_assert_cmpuint(control, <, to->count - done);
            for (unsigned i = 0; i <= control; i++, at += pass->literal)
                to->units[done++] |= literal(at, pass->literal);
            continue;
        }
        if (length == 7) {
            do
                length += *at;
            while (*at++ == 255);
        }
        offset |= *at++ << 4;
        bytes = *at >> 6;
        if (!far) {
            age = *at++ & 63;
            for (unsigned i = 0; i < bytes; i++)
                age |= *at++ << (6 + 8 * i);
        } else {
            bool very_far = *at >> 5 & 1;

            offset |= (*at++ & 31) << 12;
            age = 0;
            for (unsigned i = 0; i < bytes; i++)
                age |= *at++ << (8 * i);
            if (very_far)
                offset |= *at++ << 17;
        }
        copy_match(decoder, to, done, age, offset, length + pass->bias, pass);
        done += length + pass->bias;
    }
    return at;
}

/* The picture's pixels, which the decoder keeps. */
static const struct decoded *decode(struct decoder *decoder, const uint8_t *data, size_t size,
                                    const struct codec_source *source)
{
    static const struct pass color = {3, 0, 0x00ffffff}, alpha = {1, 2, 0xff000000},
                             high_color = {2, 1, 0xffff};
    const uint8_t *at = data + GLZ_HEADER_SIZE;
    struct decoded *to = g_new0(struct decoded, 1);
    uint32_t window;

    to->type = source->format == SPICE_BITMAP_FMT_RGBA    ? LZ_RGBA
               : source->format == SPICE_BITMAP_FMT_16BIT ? LZ_RGB16
                                                          : LZ_RGB32;
    to->count = source->width * source->height;
    to->units = g_new0(uint32_t, to->count);
    g_assert_cmpuint(size, >, GLZ_HEADER_SIZE);
    g_assert_cmphex(be32(data), ==, LZ_MAGIC);
    g_assert_cmphex(be32(data + 4), ==, LZ_VERSION);
    g_assert_cmphex(data[8], ==, to->type | source->top_down << 4);
    g_assert_cmpuint(be32(data + 9), ==, source->width);
    g_assert_cmpuint(be32(data + 13), ==, source->height);
    g_assert_cmpuint(be32(data + 17), ==, source->width * (to->type == LZ_RGB16 ? 2 : 4));
    g_assert_cmpuint(be32(data + 21), ==, 0);
    g_assert_cmpuint(be32(data + 25), ==, decoder->pictures->len);
    window = be32(data + 29);
    g_assert_cmpuint(window, <=, decoder->pictures->len);
    for (uint32_t i = 0; i < decoder->pictures->len - window; i++) {
        struct decoded *old = decoder->pictures->pdata[i];

        if (old != NULL) {
            g_free(old->units);
            g_free(old);
        }
        decoder->pictures->pdata[i] = NULL;
    }

    at = decode_pass(decoder, to, at, to->type == LZ_RGB16 ? &high_color : &color);
    if (to->type == LZ_RGBA)
        at = decode_pass(decoder, to, at, &alpha);
    g_assert_true(at == data + size);
    g_ptr_array_add(decoder->pictures, to);
    return to;
}

static void free_picture(gpointer opaque)
{
    struct decoded *picture = opaque;

    if (picture != NULL)
        g_free(picture->units);
    g_free(picture);
}

/* Text that scrolls, with noise; sizes vary. */
static void paint(uint32_t *pixels, uint32_t width, uint32_t height, unsigned step, GRand *rand)
{
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            uint32_t line = (y + step * 3) / 4 % 50, glyph = (line * 7919 + x / 5 * 104729) % 97;

            pixels[y * width + x] = (glyph * (x % 5 + 1) + y) % 3 ? 0xff000000 : 0x80a0c0ff + line;
        }
    }
    for (unsigned i = 0; i < 20; i++)
        pixels[g_rand_int_range(rand, 0, width * height)] = g_rand_int(rand);
}

/* What clients see of a pixel. */
static uint32_t unit_of(const uint32_t *pixels, const struct codec_source *source, uint32_t i)
{
    const uint8_t *bytes = (const uint8_t *)pixels;

    switch (source->format) {
    case SPICE_BITMAP_FMT_16BIT:
        return ((const uint16_t *)bytes)[i] & 0x7fff;
    case SPICE_BITMAP_FMT_24BIT:
        return bytes[i * 3] | bytes[i * 3 + 1] << 8 | (uint32_t)bytes[i * 3 + 2] << 16;
    case SPICE_BITMAP_FMT_RGBA:
        return pixels[i];
    default:
        return pixels[i] & 0xffffff;
    }
}

/* Encodes an accepted picture and compares what it decodes to. Returns its size, 0: refused. */
static size_t encode_and_decode(struct glz_dictionary *dictionary, struct decoder *decoder,
                                const struct codec_source *source, const uint32_t *pixels)
{
    const struct decoded *decoded;
    uint8_t *data;
    size_t size;

    if (!glz_encode(dictionary, source, &data, &size))
        return 0;
    g_assert_cmpuint(size, <, (size_t)source->stride * source->height);
    decoded = decode(decoder, data, size, source);
    for (uint32_t p = 0; p < decoded->count; p++)
        g_assert_cmphex(decoded->units[p], ==, unit_of(pixels, source, p));
    g_free(data);
    return size;
}

static void test_sequence(uint32_t window, uint32_t max_side, unsigned pictures, unsigned ratio)
{
    struct glz_dictionary *dictionary = glz_dictionary_create(window);
    struct decoder decoder = {g_ptr_array_new_with_free_func(free_picture)};
    g_autofree uint32_t *pixels = g_new(uint32_t, (size_t)max_side * max_side);
    GRand *rand = g_rand_new_with_seed(5);
    uint64_t in = 0, out = 0;
    unsigned refused = 0;

    for (unsigned i = 0; i < pictures; i++) {
        struct iovec pieces[2] = {{.iov_base = pixels}};
        struct codec_source source = {
            .format = SPICE_BITMAP_FMT_32BIT,
            .top_down = i % 3 != 0,
            .width = i % 2 ? max_side : (uint32_t)g_rand_int_range(rand, 1, max_side),
            .height = g_rand_int_range(rand, 1, max_side),
        };
        size_t size;

        if (i % 4 == 1) {
            source.format = SPICE_BITMAP_FMT_RGBA;
        } else if (i % 16 == 6) {
            source.format = SPICE_BITMAP_FMT_16BIT;
            source.width = (source.width + 1) / 2 * 2;
        }
        source.stride = source.width * (source.format == SPICE_BITMAP_FMT_16BIT ? 2 : 4);
        pieces[0].iov_len = (size_t)source.stride * source.height;
        source.data = (struct draw_bytes){pieces[0].iov_len, 1, pieces};
        paint(pixels, source.width, source.height, i, rand);
        if (i % 9 == 8) { /* nothing can be saved on those */
            for (uint32_t p = 0; p < source.width * source.height; p++)
                pixels[p] = g_rand_int(rand);
            source.format = SPICE_BITMAP_FMT_24BIT;
            source.stride = source.width * 3;
            pieces[0].iov_len = source.data.size = (size_t)source.stride * source.height;
        }
        if (i % 5 == 2) { /* chunks of guests need not end with a row */
            pieces[1].iov_len = pieces[0].iov_len / 3;
            pieces[0].iov_len -= pieces[1].iov_len;
            pieces[1].iov_base = (uint8_t *)pixels + pieces[0].iov_len;
            source.data.count = 2;
        }
        if (i % 7 == 0)
            glz_dictionary_prepare(dictionary);
        if (!glz_accepts(dictionary, &source)) {
            g_assert_cmpuint(source.width * source.height, >=, window);
            continue;
        }
        size = encode_and_decode(dictionary, &decoder, &source, pixels);
        if (size == 0) {
            refused++;
            continue;
        }
        in += source.data.size;
        out += size;

        /* What is not released yet fits the client's window. */
        uint64_t kept = 0;
        for (unsigned p = 0; p < decoder.pictures->len; p++)
            kept += decoder.pictures->pdata[p]
                        ? ((struct decoded *)decoder.pictures->pdata[p])->count
                        : 0;
        g_assert_cmpuint(kept, <=, window);
    }
    g_test_message("%" G_GUINT64_FORMAT " bytes became %" G_GUINT64_FORMAT, in, out);
    g_assert_cmpuint(out * ratio, <, in);
    g_assert_cmpuint(refused, >, 0);
    g_rand_free(rand);
    g_ptr_array_unref(decoder.pictures);
    glz_dictionary_destroy(dictionary);
}

static void test_small_window(void)
{
    test_sequence(1 << 14, 120, 400, 8);
}

/* Offsets and ages of all sizes. */
static void test_large_window(void)
{
    test_sequence(1 << 23, 700, 60, 50);
}

static void test_many_pictures(void)
{
    test_sequence(1 << 20, 14, 6000, 1);
}

/* Many small ones later the first picture still lies there, but must not be referred to. */
static void test_forgotten(void)
{
    struct glz_dictionary *dictionary = glz_dictionary_create(1 << 20);
    struct decoder decoder = {g_ptr_array_new_with_free_func(free_picture)};
    g_autofree uint32_t *pixels = g_new(uint32_t, 300 * 300), *small = g_new(uint32_t, 8 * 8);
    GRand *rand = g_rand_new_with_seed(6);
    struct iovec piece;
    struct codec_source source = {.format = SPICE_BITMAP_FMT_32BIT, .data = {0, 1, &piece}};
    size_t first = 0;

    paint(pixels, 300, 300, 0, rand);
    for (unsigned i = 0; i <= 3 * 4096; i++) {
        bool is_large = i % 4096 == 0;
        size_t size;

        source.width = source.height = is_large ? 300 : 8;
        source.stride = source.width * 4;
        piece = (struct iovec){is_large ? pixels : small, (size_t)source.stride * source.height};
        source.data.size = piece.iov_len;
        for (unsigned p = 0; p < 8 * 8; p++)
            small[p] = i;
        size = encode_and_decode(dictionary, &decoder, &source, piece.iov_base);
        g_assert_cmpuint(size, >, 0);
        if (i == 0)
            first = size;
        else if (is_large)
            g_assert_cmpuint(size, >, first / 2);
    }
    g_rand_free(rand);
    g_ptr_array_unref(decoder.pictures);
    glz_dictionary_destroy(dictionary);
}

/* Repetitions of two pixels are found, even behind much noise; also those of the picture before. */
static void test_photograph(void)
{
    enum { WIDTH = 512, HEIGHT = 192, PIXELS = WIDTH * HEIGHT };
    struct glz_dictionary *dictionary = glz_dictionary_create(1 << 20);
    struct decoder decoder = {g_ptr_array_new_with_free_func(free_picture)};
    g_autofree uint32_t *pixels = g_new(uint32_t, PIXELS);
    struct iovec piece = {pixels, PIXELS * 4};
    struct codec_source source = {.format = SPICE_BITMAP_FMT_32BIT,
                                  .width = WIDTH,
                                  .height = HEIGHT,
                                  .stride = WIDTH * 4,
                                  .data = {PIXELS * 4, 1, &piece}};
    size_t first, second;

    made_pairs(pixels, PIXELS, 7);
    first = encode_and_decode(dictionary, &decoder, &source, pixels);
    g_assert_cmpuint(first, >, 0);
    g_assert_cmpuint(first, <, PIXELS / 2 * 3 * 33 / 32 + PIXELS / 2 * 2);
    /* Its noise now without a pixel here and there: what it had is nearly all still known. */
    for (unsigned i = 0; i < PIXELS / 2; i += 3)
        pixels[i] ^= 0x10305;
    second = encode_and_decode(dictionary, &decoder, &source, pixels);
    g_assert_cmpuint(second, >, 0);
    g_assert_cmpuint(second, <, first * 95 / 100);
    g_ptr_array_unref(decoder.pictures);
    glz_dictionary_destroy(dictionary);
}

static void test_limits(void)
{
    uint8_t pixels[64 * 64 * 4] = {0};
    struct iovec piece = {pixels, sizeof(pixels)};
    struct codec_source source = {
        .format = SPICE_BITMAP_FMT_32BIT,
        .width = 64,
        .height = 64,
        .stride = 256,
        .data = {.size = sizeof(pixels), .count = 1, .pieces = &piece},
    };
    struct glz_dictionary *dictionary;

    g_assert_null(glz_dictionary_create(0));
    g_assert_null(glz_dictionary_create(GLZ_MAX_WINDOW + 1));
    dictionary = glz_dictionary_create(64 * 64);
    g_assert_false(glz_accepts(dictionary, &source));
    source.height = 63;
    g_assert_true(glz_accepts(dictionary, &source));
    source.format = SPICE_BITMAP_FMT_RGBA;
    g_assert_true(glz_accepts(dictionary, &source));
    source.format = SPICE_BITMAP_FMT_8BIT;
    g_assert_false(glz_accepts(dictionary, &source));
    source.format = SPICE_BITMAP_FMT_8BIT_A;
    g_assert_false(glz_accepts(dictionary, &source));
    source.format = SPICE_BITMAP_FMT_32BIT;
    source.format = SPICE_BITMAP_FMT_32BIT;
    piece.iov_len = source.data.size = 256 * 62;
    g_assert_false(glz_accepts(dictionary, &source));
    glz_dictionary_destroy(dictionary);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/glz/small-window", test_small_window);
    g_test_add_func("/glz/large-window", test_large_window);
    g_test_add_func("/glz/many-pictures", test_many_pictures);
    g_test_add_func("/glz/forgotten", test_forgotten);
    g_test_add_func("/glz/photograph", test_photograph);
    g_test_add_func("/glz/limits", test_limits);
    return g_test_run();
}
