/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

static char *vectors_path(const char *name)
{
    const char *shared = g_getenv("SHARED");
    return g_build_filename(shared ? shared : ".", "vectors", "codecs", name, NULL);
}

bool vectors_present(void)
{
    g_autofree char *path = vectors_path("index.tsv");
    if (g_file_test(path, G_FILE_TEST_EXISTS))
        return true;
    g_test_skip("no codec vectors: $SHARED/vectors/codecs is absent");
    return false;
}

uint8_t *vectors_read(const char *name, size_t *size)
{
    g_autofree char *path = vectors_path(name);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_file_get_contents(path, &text, size, &error);
    g_assert_no_error(error);
    uint8_t *copy = malloc(*size ? *size : 1);
    memcpy(copy, text, *size);
    return copy;
}

unsigned vectors_each(const char *table, const char *codec, void (*fn)(char **columns))
{
    size_t size;
    g_autofree char *path = vectors_path(table);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_file_get_contents(path, &text, &size, &error);
    g_assert_no_error(error);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    unsigned count = 0;
    for (char **line = lines; *line; line++) {
        g_auto(GStrv) columns = g_strsplit(*line, "\t", -1);
        if (g_strv_length(columns) <= VECTOR_SHA256 || strcmp(columns[VECTOR_CODEC], codec) != 0)
            continue;
        g_test_message("%s", columns[VECTOR_NAME]);
        fn(columns);
        count++;
    }
    return count;
}

uint32_t vectors_number(const char *column)
{
    return (uint32_t)strtoul(column, NULL, 10);
}

void vectors_assert_sha256(const uint8_t *rows, ptrdiff_t stride, size_t row_bytes, size_t count,
                           const char *expected)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    for (size_t y = 0; y < count; y++)
        g_checksum_update(sum, rows + (ptrdiff_t)y * stride, (gssize)row_bytes);
    g_assert_cmpstr(g_checksum_get_string(sum), ==, expected);
}
