/*
 * QUIC against the reference's own streams: decoding gives the stated pixels, encoding the same
 * bytes, and damaged streams are refused. Vectors: $SHARED/vectors/codecs, see its README.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/quic.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

static char *vectors; /* folder; NULL: there are none here */

static char *path_of(const char *name)
{
    return g_build_filename(vectors, name, NULL);
}

/* A private copy of exactly the file's size, so that a sanitizer sees every step beyond it. */
static uint8_t *read_exact(const char *name, size_t *size)
{
    g_autofree char *path = path_of(name);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_file_get_contents(path, &text, size, &error);
    g_assert_no_error(error);
    uint8_t *copy = malloc(*size ? *size : 1);
    memcpy(copy, text, *size);
    return copy;
}

typedef void (*row_fn)(char **columns);

/* Calls FN for each row of the table NAME whose second column is QUIC; returns how many there were.
 */
static unsigned for_each_row(const char *name, row_fn fn)
{
    g_autofree char *path = path_of(name);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    unsigned count = 0;
    for (char **line = lines; *line; line++) {
        g_auto(GStrv) columns = g_strsplit(*line, "\t", -1);
        if (g_strv_length(columns) > 9 && strcmp(columns[1], "QUIC") == 0) {
            g_test_message("%s", columns[0]);
            fn(columns);
            count++;
        }
    }
    return count;
}

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
    g_autofree uint8_t *stream = read_exact(row[8], &size);
    struct quic_info info;
    g_assert_cmpstr(quic_read_header(stream, size, &info), ==, NULL);
    g_assert_cmpuint(info.type, ==, type_of(row[2]));
    g_assert_cmpuint(info.width, ==, strtoul(row[3], NULL, 10));
    g_assert_cmpuint(info.height, ==, strtoul(row[4], NULL, 10));

    unsigned pixel = info.type == QUIC_RGB24 ? 4 : quic_pixel_size(info.type);
    size_t stride = (size_t)info.width * pixel;
    g_autofree uint8_t *pixels = g_malloc(stride * info.height);
    g_assert_cmpstr(quic_decode(stream, size, &info, pixels, (ptrdiff_t)stride), ==, NULL);

    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    if (info.type == QUIC_RGB24) {
        for (size_t i = 0; i < (size_t)info.width * info.height; i++)
            g_checksum_update(sum, pixels + i * 4, 3);
    } else {
        g_checksum_update(sum, pixels, (gssize)(stride * info.height));
    }
    g_assert_cmpstr(g_checksum_get_string(sum), ==, row[9]);
}

static void check_encode(char **row)
{
    size_t size, raw_size;
    g_autofree uint8_t *expected = read_exact(row[8], &size);
    g_autofree uint8_t *raw = read_exact(row[7], &raw_size);
    struct quic_info info = {type_of(row[2]), (uint32_t)strtoul(row[3], NULL, 10),
                             (uint32_t)strtoul(row[4], NULL, 10)};
    ptrdiff_t stride = strtol(row[5], NULL, 10);
    const uint8_t *top = raw;
    if (row[6][0] == '0') {
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
    g_autofree uint8_t *stream = read_exact(row[5], &size);
    struct quic_info info;
    const char *error = quic_read_header(stream, size, &info);
    if (!error &&
        (info.width != strtoul(row[3], NULL, 10) || info.height != strtoul(row[4], NULL, 10)))
        error = "size differs from the descriptor's";
    if (!error) {
        g_autofree uint8_t *pixels = g_malloc((size_t)info.width * info.height * 4);
        error = quic_decode(stream, size, &info, pixels, (ptrdiff_t)info.width * 4);
    }
    if (strcmp(row[8], "error") == 0)
        g_assert_nonnull(error);
}

static bool skipped(void)
{
    if (vectors)
        return false;
    g_test_skip("no codec vectors: $SHARED/vectors/codecs is absent");
    return true;
}

static void test_decode(void)
{
    if (!skipped())
        g_assert_cmpuint(for_each_row("index.tsv", check_decode), >, 50);
}

static void test_encode(void)
{
    if (!skipped())
        g_assert_cmpuint(for_each_row("index.tsv", check_encode), >, 50);
}

static void test_malformed(void)
{
    if (!skipped())
        g_assert_cmpuint(for_each_row("malformed/index.tsv", check_malformed), >, 20);
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
    const char *shared = g_getenv("SHARED");
    g_autofree char *folder = shared ? g_build_filename(shared, "vectors", "codecs", NULL) : NULL;
    vectors = folder && g_file_test(folder, G_FILE_TEST_IS_DIR) ? folder : NULL;
    g_test_add_func("/quic/decode", test_decode);
    g_test_add_func("/quic/encode", test_encode);
    g_test_add_func("/quic/malformed", test_malformed);
    g_test_add_func("/quic/round-trip", test_round_trip);
    g_test_add_func("/quic/damage", test_damage);
    return g_test_run();
}
