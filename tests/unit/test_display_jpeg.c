/*
 * JPEG streams of the reference decode to the stated pixels, damaged ones are refused.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/codec.h"
#include "display/lz.h"
#include "tests/support/vectors.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* The size field that the image message has beside the stream. */
static size_t jpeg_size(const char *notes)
{
    const char *found = strstr(notes, "jpeg_size=");

    g_assert_nonnull(found);
    return strtoul(found + strlen("jpeg_size="), NULL, 10);
}

static uint8_t *decode(const uint8_t *stream, size_t size, struct codec_picture *picture,
                       const char **error)
{
    uint8_t *rows = NULL;

    *error = decoder_jpeg.read_header(stream, size, picture);
    if (*error == NULL) {
        rows = malloc((size_t)picture->stride * picture->height);
        *error = decoder_jpeg.decode(stream, size, picture, rows);
    }
    if (*error != NULL) {
        free(rows);
        rows = NULL;
    }
    return rows;
}

static void check_decode(char **row)
{
    size_t size;
    g_autofree uint8_t *stream = vectors_read(row[VECTOR_ENCODED], &size);
    struct codec_picture picture;
    const char *error;
    uint8_t *rows = decode(stream, size, &picture, &error);

    g_assert_cmpstr(error, ==, NULL);
    g_assert_cmpuint(picture.width, ==, vectors_number(row[VECTOR_WIDTH]));
    g_assert_cmpuint(picture.height, ==, vectors_number(row[VECTOR_HEIGHT]));
    vectors_assert_sha256(rows, picture.stride, picture.stride, picture.height, row[VECTOR_SHA256]);
    free(rows);
}

/* A JPEG stream and, behind it, the alpha channel. NULL, or what is wrong. */
static const char *decode_alpha(const uint8_t *stream, size_t size, size_t split, bool top_down,
                                struct codec_picture *picture, uint8_t **rows)
{
    const char *error;
    struct lz_info info;

    *rows = NULL;
    if (split > size)
        return "jpeg_size is too large";
    error = lz_read_header(stream + split, size - split, &info);
    if (error != NULL)
        return error;
    *rows = decode(stream, split, picture, &error);
    if (error == NULL && (info.type != LZ_XXXA || info.width != picture->width ||
                          info.height != picture->height || info.top_down != top_down))
        error = "the alpha channel is of another picture";
    if (error != NULL)
        return error;
    uint8_t *alpha = calloc(lz_decoded_stride(&info), info.height);
    error = lz_decode(stream + split, size - split, &info, alpha);
    for (uint32_t y = 0; y < info.height; y++)
        for (uint32_t x = 0; x < info.width; x++)
            (*rows)[(size_t)y * picture->stride + x * 4 + 3] =
                alpha[((size_t)(top_down ? y : info.height - 1 - y) * info.width + x) * 4 + 3];
    free(alpha);
    return error;
}

static void check_decode_alpha(char **row)
{
    size_t size, split = jpeg_size(row[VECTOR_SHA256 + 3]);
    g_autofree uint8_t *stream = vectors_read(row[VECTOR_ENCODED], &size);
    struct codec_picture picture;
    uint8_t *rows;

    g_assert_cmpstr(
        decode_alpha(stream, size, split, row[VECTOR_TOP_DOWN][0] == '1', &picture, &rows), ==,
        NULL);
    vectors_assert_sha256(rows, picture.stride, picture.stride, picture.height, row[VECTOR_SHA256]);
    free(rows);
}

static void check_malformed(char **row)
{
    size_t size;
    g_autofree uint8_t *stream = vectors_read(row[MALFORMED_ENCODED], &size);
    struct codec_picture picture;
    const char *error;

    free(decode(stream, size, &picture, &error));
    if (error == NULL && (picture.width != vectors_number(row[VECTOR_WIDTH]) ||
                          picture.height != vectors_number(row[VECTOR_HEIGHT])))
        error = "size differs from the descriptor's";
    g_assert_cmpstr(row[MALFORMED_EXPECTED], ==, "error");
    g_assert_nonnull(error);
}

static void check_malformed_alpha(char **row)
{
    size_t size, split = jpeg_size(row[MALFORMED_ENCODED + 2]);
    g_autofree uint8_t *stream = vectors_read(row[MALFORMED_ENCODED], &size);
    bool top_down = strstr(row[MALFORMED_ENCODED + 2], "flags=1") != NULL;
    struct codec_picture picture;
    uint8_t *rows;
    const char *error = decode_alpha(stream, size, split, top_down, &picture, &rows);

    free(rows);
    g_assert_cmpstr(row[MALFORMED_EXPECTED], ==, "error");
    g_assert_nonnull(error);
}

static void test_decode(void)
{
    if (!vectors_present())
        return;
    g_assert_cmpuint(vectors_each("index.tsv", "JPEG", check_decode), ==, 13);
    g_assert_cmpuint(vectors_each("index.tsv", "JPEG_ALPHA", check_decode_alpha), ==, 3);
}

static void test_malformed(void)
{
    if (!vectors_present())
        return;
    g_assert_cmpuint(vectors_each("malformed/index.tsv", "JPEG", check_malformed), ==, 4);
    g_assert_cmpuint(vectors_each("malformed/index.tsv", "JPEG_ALPHA", check_malformed_alpha), ==,
                     5);
}

/* Cut anywhere it is an error; changed anywhere it is an error or some picture. */
static void check_damage(char **row)
{
    size_t size;
    g_autofree uint8_t *stream = vectors_read(row[VECTOR_ENCODED], &size);
    struct codec_picture picture;
    const char *error;
    g_autoptr(GRand) random = g_rand_new_with_seed(5);

    if (vectors_number(row[VECTOR_WIDTH]) != 17)
        return;
    for (size_t cut = 0; cut + 2 < size; cut++) {
        uint8_t *part = malloc(cut + 1);

        memcpy(part, stream, cut);
        part = realloc(part, cut ? cut : 1);
        free(decode(part, cut, &picture, &error));
        g_assert_nonnull(error);
        free(part);
    }
    for (int n = 0; n < 2000; n++) {
        uint8_t *changed = malloc(size);

        memcpy(changed, stream, size);
        for (int i = g_rand_int_range(random, 1, 4); i > 0; i--)
            changed[g_rand_int_range(random, 0, size)] = g_rand_int(random);
        error = decoder_jpeg.read_header(changed, size, &picture);
        if (error == NULL && (uint64_t)picture.stride * picture.height < 1 << 20)
            free(decode(changed, size, &picture, &error));
        free(changed);
    }
}

static void test_damage(void)
{
    if (vectors_present())
        vectors_each("index.tsv", "JPEG", check_damage);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/jpeg/decode", test_decode);
    g_test_add_func("/jpeg/malformed", test_malformed);
    g_test_add_func("/jpeg/damage", test_damage);
    return g_test_run();
}
