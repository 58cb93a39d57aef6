/*
 * LZ streams of the reference decode to the stated pixels, damaged ones are refused.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/lz.h"
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lz/decode", test_decode);
    g_test_add_func("/lz/malformed", test_malformed);
    return g_test_run();
}
