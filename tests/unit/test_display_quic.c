/*
 * QUIC against the reference's own streams: decoding gives the stated pixels, encoding the same
 * bytes, and damaged streams are refused. Vectors: $SHARED/vectors/codecs, see its README.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/quic.h"
#include "tests/support/vectors.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

static enum quic_type type_of(const char *name)
{
    static const char *const names[] = {"", "GRAY", "RGB16", "RGB24", "RGB32", "RGBA"};
    for (int i = 1; i <= 5; i++) {
        if (strcmp(names[i], name) == 0)
            return (enum quic_type)i;
    }
    g_error("no such type: %s", name);
}

static void check_decode(char **row)
{
    size_t size;
    g_autofree uint8_t *stream = vectors_read(row[VECTOR_ENCODED], &size);
    struct quic_info info;
    g_assert_cmpstr(quic_read_header(stream, size, &info), ==, NULL);
    g_assert_cmpuint(info.type, ==, type_of(row[VECTOR_TYPE]));
    g_assert_cmpuint(info.width, ==, vectors_number(row[VECTOR_WIDTH]));
    g_assert_cmpuint(info.height, ==, vectors_number(row[VECTOR_HEIGHT]));

    unsigned pixel = info.type == QUIC_RGB24 ? 4 : quic_pixel_size(info.type);
    size_t stride = (size_t)info.width * pixel;
    g_autofree uint8_t *pixels = g_malloc(stride * info.height);
    g_assert_cmpstr(quic_decode(stream, size, &info, pixels, (ptrdiff_t)stride), ==, NULL);

    if (info.type == QUIC_RGB24) { /* hashed without the fourth byte */
        for (size_t i = 0; i < (size_t)info.width * info.height; i++)
            memmove(pixels + i * 3, pixels + i * 4, 3);
        stride = (size_t)info.width * 3;
    }
    vectors_assert_sha256(pixels, (ptrdiff_t)stride, stride, info.height, row[VECTOR_SHA256]);
}

static void check_encode(char **row)
{
    size_t size, raw_size;
    g_autofree uint8_t *expected = vectors_read(row[VECTOR_ENCODED], &size);
    g_autofree uint8_t *raw = vectors_read(row[VECTOR_RAW], &raw_size);
    struct quic_info info = {type_of(row[VECTOR_TYPE]), vectors_number(row[VECTOR_WIDTH]),
                             vectors_number(row[VECTOR_HEIGHT])};
    ptrdiff_t stride = vectors_number(row[VECTOR_STRIDE]);
    const uint8_t *top = raw;
    if (row[VECTOR_TOP_DOWN][0] == '0') {
        top = raw + stride * (ptrdiff_t)(info.height - 1);
        stride = -stride;
    }
    g_autofree uint8_t *out = g_malloc(quic_encoded_bound(&info));
    size_t got = quic_encode(&info, top, stride, out);
    g_assert_cmpmem(out, got, expected, size);
}

static void check_malformed(char **row)
{
    size_t size;
    g_autofree uint8_t *stream = vectors_read(row[MALFORMED_ENCODED], &size);
    struct quic_info info;
    const char *error = quic_read_header(stream, size, &info);
    if (!error && (info.width != vectors_number(row[VECTOR_WIDTH]) ||
                   info.height != vectors_number(row[VECTOR_HEIGHT])))
        error = "size differs from the descriptor's";
    if (!error) {
        g_autofree uint8_t *pixels = g_malloc((size_t)info.width * info.height * 4);
        error = quic_decode(stream, size, &info, pixels, (ptrdiff_t)info.width * 4);
    }
    if (strcmp(row[MALFORMED_EXPECTED], "error") == 0)
        g_assert_nonnull(error);
}

static void test_decode(void)
{
    if (vectors_present())
        g_assert_cmpuint(vectors_each("index.tsv", "QUIC", check_decode), >, 50);
}

static void test_encode(void)
{
    if (vectors_present())
        g_assert_cmpuint(vectors_each("index.tsv", "QUIC", check_encode), >, 50);
}

static void test_malformed(void)
{
    if (vectors_present())
        g_assert_cmpuint(vectors_each("malformed/index.tsv", "QUIC", check_malformed), >, 20);
}

/* What the encoder makes of random pictures, the decoder reads back; narrow, wide and flat ones. */
static void test_round_trip(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    for (int n = 0; n < 300; n++) {
        struct quic_info info = {(enum quic_type)g_rand_int_range(random, 1, 6),
                                 (uint32_t)g_rand_int_range(random, 1, n % 10 ? 100 : 6000),
                                 (uint32_t)g_rand_int_range(random, 1, 12)};
        if (info.type == QUIC_RGB24)
            info.type = QUIC_RGB32; /* the same bits; decoded to another size */
        size_t stride = (size_t)info.width * quic_pixel_size(info.type);
        g_autofree uint8_t *pixels = g_malloc(stride * info.height);
        int flatness = g_rand_int_range(random, 1, 60);
        uint8_t value = 0;
        for (size_t i = 0; i < stride * info.height; i++) {
            if (g_rand_int_range(random, 0, flatness) == 0)
                value = (uint8_t)g_rand_int(random);
            pixels[i] = value;
            if (info.type == QUIC_RGB32 && i % 4 == 3)
                pixels[i] = 0;
            if (info.type == QUIC_RGB16 && i % 2 == 1)
                pixels[i] &= 0x7f;
        }
        g_autofree uint8_t *stream = g_malloc(quic_encoded_bound(&info));
        size_t size = quic_encode(&info, pixels, (ptrdiff_t)stride, stream);
        g_autofree uint8_t *back = g_malloc(stride * info.height);
        struct quic_info read;
        g_assert_cmpstr(quic_read_header(stream, size, &read), ==, NULL);
        g_assert_cmpstr(quic_decode(stream, size, &read, back, (ptrdiff_t)stride), ==, NULL);
        g_assert_cmpmem(back, stride * info.height, pixels, stride * info.height);
    }
}

/* Cut and changed streams: an error or a picture, nothing else. */
static void test_damage(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(11);
    struct quic_info info = {QUIC_RGBA, 61, 40};
    uint8_t pixels[61 * 40 * 4];
    for (size_t i = 0; i < sizeof(pixels); i++)
        pixels[i] = (uint8_t)(i / 32 + g_rand_int_range(random, 0, 3));
    g_autofree uint8_t *stream = g_malloc(quic_encoded_bound(&info));
    size_t size = quic_encode(&info, pixels, 61 * 4, stream);
    for (int n = 0; n < 2000; n++) {
        size_t cut = n % 3 ? size : (size_t)g_rand_int_range(random, 0, (int)size);
        uint8_t *copy = malloc(cut ? cut : 1);
        memcpy(copy, stream, cut);
        for (int i = 0; i < 4 && cut > 20; i++)
            copy[g_rand_int_range(random, 20, (int)cut)] ^=
                (uint8_t)(1 << g_rand_int_range(random, 0, 8));
        struct quic_info read;
        if (!quic_read_header(copy, cut, &read))
            quic_decode(copy, cut, &read, pixels, 61 * 4);
        free(copy);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/quic/decode", test_decode);
    g_test_add_func("/quic/encode", test_encode);
    g_test_add_func("/quic/malformed", test_malformed);
    g_test_add_func("/quic/round-trip", test_round_trip);
    g_test_add_func("/quic/damage", test_damage);
    return g_test_run();
}
