/*
 * LZ streams of the reference decode to the stated pixels, damaged ones are refused.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/lz.h"
#include "tests/support/made_pictures.h"
#include "tests/support/vectors.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* The table's hash leaves out what a type does not have: the fourth byte, all but the alpha. */
static size_t hashed_bytes(const struct lz_info *info, uint8_t *rows)
{
    size_t pixels = (size_t)info->width * info->height;
    switch (info->type) {
    case LZ_RGB24:
        for (size_t i = 0; i < pixels; i++)
            memmove(rows + i * 3, rows + i * 4, 3);
        return (size_t)info->width * 3;
    case LZ_XXXA:
        for (size_t i = 0; i < pixels; i++)
            rows[i] = rows[i * 4 + 3];
        return info->width;
    default:
        return lz_decoded_stride(info);
    }
}

static void check_decode(char **row)
{
    size_t size;
    g_autofree uint8_t *stream = vectors_read(row[VECTOR_ENCODED], &size);
    struct lz_info info;
    g_assert_cmpstr(lz_read_header(stream, size, &info), ==, NULL);
    g_assert_cmpuint(info.width, ==, vectors_number(row[VECTOR_WIDTH]));
    g_assert_cmpuint(info.height, ==, vectors_number(row[VECTOR_HEIGHT]));
    g_assert_cmpuint(info.top_down, ==, vectors_number(row[VECTOR_TOP_DOWN]));

    uint8_t *rows = calloc(lz_decoded_stride(&info), info.height);
    g_assert_cmpstr(lz_decode(stream, size, &info, rows), ==, NULL);
    ptrdiff_t stride = (ptrdiff_t)hashed_bytes(&info, rows);
    const uint8_t *top = info.top_down ? rows : rows + stride * (ptrdiff_t)(info.height - 1);
    vectors_assert_sha256(top, info.top_down ? stride : -stride, (size_t)stride, info.height,
                          row[VECTOR_SHA256]);
    free(rows);
}

static void check_malformed(char **row)
{
    size_t size;
    g_autofree uint8_t *stream = vectors_read(row[MALFORMED_ENCODED], &size);
    struct lz_info info;
    const char *error = lz_read_header(stream, size, &info);
    if (!error && (info.width != vectors_number(row[VECTOR_WIDTH]) ||
                   info.height != vectors_number(row[VECTOR_HEIGHT])))
        error = "size differs from the descriptor's";
    if (!error) {
        uint8_t *rows = malloc(lz_decoded_stride(&info) * info.height);
        error = lz_decode(stream, size, &info, rows);
        free(rows);
    }
    if (strcmp(row[MALFORMED_EXPECTED], "error") == 0)
        g_assert_nonnull(error);
}

static void test_decode(void)
{
    if (!vectors_present())
        return;
    g_assert_cmpuint(vectors_each("index.tsv", "LZ_RGB", check_decode), >, 50);
    g_assert_cmpuint(vectors_each("index.tsv", "LZ_PLT", check_decode), >, 50);
    g_assert_cmpuint(vectors_each("index.tsv", "LZ_ALPHA", check_decode), >, 10);
}

static void test_malformed(void)
{
    if (!vectors_present())
        return;
    g_assert_cmpuint(vectors_each("malformed/index.tsv", "LZ_RGB", check_malformed), >, 20);
    g_assert_cmpuint(vectors_each("malformed/index.tsv", "LZ_PLT", check_malformed), >, 0);
}

/* Masks a row as the decoder clears it. */
static void clear_unused(enum lz_type type, uint8_t *rows, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (type == LZ_RGB16 && i % 2 == 1)
            rows[i] &= 0x7f;
        if (type == LZ_RGB32 && i % 4 == 3)
            rows[i] = 0;
    }
}

/* Random pictures, from noise to flat, come back as they were; unused bits must not matter. */
static void test_round_trip(void)
{
    static const enum lz_type types[] = {LZ_PLT1_BE, LZ_PLT4_LE, LZ_PLT8, LZ_RGB16,
                                         LZ_RGB32,   LZ_RGBA,    LZ_XXXA, LZ_A8};
    g_autoptr(GRand) random = g_rand_new_with_seed(3);
    struct lz_encoder *encoder = lz_encoder_create();
    for (int n = 0; n < 800; n++) {
        struct lz_info info = {.type = types[n % 8],
                               .width = (uint32_t)g_rand_int_range(random, 1, n % 5 ? 60 : 900),
                               .height = (uint32_t)g_rand_int_range(random, 1, n % 5 ? 40 : 100),
                               .top_down = n & 1};
        unsigned pixels = lz_pixels_per_byte(info.type);
        info.stride = (info.width + pixels - 1) / pixels;
        if (info.type == LZ_RGB16)
            info.stride = info.width * 2;
        else if (info.type >= LZ_RGB24 && info.type <= LZ_XXXA)
            info.stride = info.width * 4;
        size_t size = lz_decoded_stride(&info) * info.height;
        uint8_t *rows = malloc(size), *back = calloc(1, size);
        int flatness = 1 << g_rand_int_range(random, 0, 10),
            colors = g_rand_int_range(random, 1, 256);
        for (size_t i = 0; i < size; i++)
            rows[i] = i > 8 && g_rand_int_range(random, 0, flatness)
                          ? rows[i - (size_t)(n % 3 ? 4 : 8)]
                          : (uint8_t)g_rand_int_range(random, 0, colors);

        size_t room = 2 * size + 100;
        uint8_t *stream = malloc(room);
        size_t used = lz_encode(encoder, &info, rows, stream, room);
        g_assert_cmpuint(used, >, 0);
        /* With just that much room it fits, with one byte less it says so. */
        uint8_t *exact = malloc(used);
        g_assert_cmpuint(lz_encode(encoder, &info, rows, exact, used - 1), ==, 0);
        memcpy(exact, stream, used);

        struct lz_info read;
        g_assert_cmpstr(lz_read_header(exact, used, &read), ==, NULL);
        g_assert_cmpuint(read.top_down, ==, info.top_down);
        g_assert_cmpstr(lz_decode(exact, used, &read, back), ==, NULL);
        clear_unused(info.type, rows, size);
        for (size_t i = 0; info.type == LZ_XXXA && i < size; i++)
            rows[i] = i % 4 == 3 ? rows[i] : 0;
        g_assert_cmpmem(back, size, rows, size);
        free(exact);
        free(stream);
        free(rows);
        free(back);
    }
    lz_encoder_destroy(encoder);
}

/* Repetitions of two pixels are found, even behind much noise. */
static void test_photograph(void)
{
    struct lz_info info = {.type = LZ_RGB32, .width = 512, .height = 256, .stride = 512 * 4};
    size_t pixels = (size_t)info.width * info.height, room = pixels * 4;
    struct lz_encoder *encoder = lz_encoder_create();
    g_autofree uint32_t *rows = g_new(uint32_t, pixels);
    g_autofree uint8_t *stream = g_malloc(room);

    made_pairs(rows, (uint32_t)pixels, 5);
    /* Literals take a byte more for each 32 pixels; with a hash of three pixels all would be. */
    g_assert_cmpuint(lz_encode(encoder, &info, (uint8_t *)rows, stream, room), <,
                     pixels * 97 / 32 * 9 / 10);
    lz_encoder_destroy(encoder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lz/decode", test_decode);
    g_test_add_func("/lz/malformed", test_malformed);
    g_test_add_func("/lz/round-trip", test_round_trip);
    g_test_add_func("/lz/photograph", test_photograph);
    return g_test_run();
}
