/*
 * Which codec pictures are sent in: codecs.md section 7, row by row.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/canvas.h"
#include "spice/display_compress.h"
#include "tests/support/made_pictures.h"

#include <glib.h>
#include <zlib.h>

enum { SIDE = 64 };

/* A photograph, or what looks like a drawing, in any format; palettes only have the latter. */
static uint8_t *new_picture(uint8_t format, bool photo, struct codec_source *source,
                            struct iovec *piece)
{
    static const enum made_picture_kind kinds[] = {MADE_TEXT, MADE_PHOTO};
    uint32_t *pixels = g_new(uint32_t, SIDE * SIDE);
    uint8_t *bytes = (uint8_t *)pixels;

    made_picture(pixels, SIDE, SIDE, kinds[photo], 3);
    for (unsigned i = 0; i < SIDE * SIDE; i++) {
        uint32_t pixel = pixels[i];

        if (format == SPICE_BITMAP_FMT_16BIT) {
            ((uint16_t *)bytes)[i] =
                (pixel >> 19 & 31) << 10 | (pixel >> 11 & 31) << 5 | (pixel >> 3 & 31);
        } else if (format == SPICE_BITMAP_FMT_24BIT) {
            bytes[i * 3] = pixel;
            bytes[i * 3 + 1] = pixel >> 8;
            bytes[i * 3 + 2] = pixel >> 16;
        } else if (format == SPICE_BITMAP_FMT_RGBA) {
            pixels[i] = pixel | (i / SIDE * 4) << 24;
        } else if (format < SPICE_BITMAP_FMT_16BIT || format == SPICE_BITMAP_FMT_8BIT_A) {
            bytes[i] = i / 300;
        }
    }
    *source = (struct codec_source){
        .format = format,
        .top_down = true,
        .width = SIDE,
        .height = SIDE,
        .stride = SIDE * bitmap_format_bits(format) / 8,
    };
    *piece = (struct iovec){bytes, (size_t)source->stride * SIDE};
    source->data = (struct draw_bytes){.size = piece->iov_len, .count = 1, .pieces = piece};
    return bytes;
}

enum features {
    HAS_LZ4 = 1,
    HAS_PALETTES = 2,
    HAS_DICTIONARY = 4,
    HAS_JPEG = 8,
    HAS_DEFLATE = 16,
    HAS_ALL = 31,
    MAY_LOSE = 32,
};

static const struct {
    SpiceImageCompression mode;
    uint8_t format;
    bool photo;
    unsigned features;
    int type; /* -1: as it is */
} table[] = {
#define MODE(name)   SPICE_IMAGE_COMPRESSION_##name
#define FORMAT(name) SPICE_BITMAP_FMT_##name
#define TYPE(name)   SPICE_IMAGE_TYPE_##name
    {MODE(OFF), FORMAT(32BIT), true, HAS_ALL | MAY_LOSE, -1},
    {MODE(OFF), FORMAT(8BIT), false, HAS_ALL, -1},

    {MODE(QUIC), FORMAT(32BIT), true, HAS_LZ4, TYPE(QUIC)},
    {MODE(QUIC), FORMAT(32BIT), false, HAS_ALL, TYPE(QUIC)},
    {MODE(QUIC), FORMAT(16BIT), true, HAS_ALL, TYPE(QUIC)},
    {MODE(QUIC), FORMAT(24BIT), true, HAS_ALL, TYPE(QUIC)},
    {MODE(QUIC), FORMAT(RGBA), true, HAS_ALL, TYPE(QUIC)},
    {MODE(QUIC), FORMAT(8BIT), false, HAS_ALL, -1},
    {MODE(QUIC), FORMAT(8BIT_A), false, HAS_ALL, -1},
    {MODE(QUIC), FORMAT(32BIT), true, HAS_JPEG | MAY_LOSE, TYPE(JPEG)},
    {MODE(QUIC), FORMAT(16BIT), true, HAS_JPEG | MAY_LOSE, TYPE(JPEG)},
    {MODE(QUIC), FORMAT(24BIT), true, HAS_JPEG | MAY_LOSE, TYPE(JPEG)},
    {MODE(QUIC), FORMAT(RGBA), true, HAS_JPEG | MAY_LOSE, TYPE(JPEG_ALPHA)},
    {MODE(QUIC), FORMAT(32BIT), true, MAY_LOSE, TYPE(QUIC)},

    {MODE(AUTO_GLZ), FORMAT(32BIT), true, HAS_ALL, TYPE(QUIC)},
    {MODE(AUTO_GLZ), FORMAT(32BIT), true, HAS_ALL | MAY_LOSE, TYPE(JPEG)},
    {MODE(AUTO_GLZ), FORMAT(RGBA), true, HAS_ALL | MAY_LOSE, TYPE(JPEG_ALPHA)},
    {MODE(AUTO_GLZ), FORMAT(32BIT), false, HAS_DICTIONARY | HAS_JPEG | MAY_LOSE, TYPE(GLZ_RGB)},
    {MODE(AUTO_GLZ), FORMAT(32BIT), false, HAS_ALL & ~HAS_DEFLATE, TYPE(GLZ_RGB)},
    {MODE(AUTO_GLZ), FORMAT(RGBA), false, HAS_DICTIONARY, TYPE(GLZ_RGB)},
    {MODE(AUTO_GLZ), FORMAT(16BIT), false, HAS_DICTIONARY, TYPE(GLZ_RGB)},
    {MODE(AUTO_GLZ), FORMAT(24BIT), false, HAS_DICTIONARY, TYPE(GLZ_RGB)},
    {MODE(AUTO_GLZ), FORMAT(32BIT), false, HAS_LZ4, TYPE(LZ_RGB)},
    {MODE(AUTO_GLZ), FORMAT(8BIT), false, HAS_ALL, TYPE(LZ_PLT)},
    {MODE(AUTO_GLZ), FORMAT(8BIT), false, HAS_ALL & ~HAS_PALETTES, -1},
    {MODE(AUTO_GLZ), FORMAT(8BIT_A), false, HAS_ALL, TYPE(LZ_RGB)},

    {MODE(AUTO_LZ), FORMAT(32BIT), true, HAS_ALL, TYPE(QUIC)},
    {MODE(AUTO_LZ), FORMAT(32BIT), true, HAS_ALL | MAY_LOSE, TYPE(JPEG)},
    {MODE(AUTO_LZ), FORMAT(32BIT), false, HAS_ALL | MAY_LOSE, TYPE(LZ_RGB)},

    {MODE(GLZ), FORMAT(32BIT), true, HAS_DICTIONARY | HAS_JPEG | MAY_LOSE, TYPE(GLZ_RGB)},
    {MODE(GLZ), FORMAT(32BIT), false, HAS_DICTIONARY, TYPE(GLZ_RGB)},
    {MODE(GLZ), FORMAT(4BIT_BE), false, HAS_ALL, TYPE(LZ_PLT)},

    {MODE(LZ), FORMAT(32BIT), false, HAS_ALL | MAY_LOSE, TYPE(LZ_RGB)},
    {MODE(LZ), FORMAT(RGBA), false, HAS_ALL, TYPE(LZ_RGB)},
    {MODE(LZ), FORMAT(1BIT_BE), false, HAS_ALL, TYPE(LZ_PLT)},

#ifdef HAVE_LZ4
    {MODE(LZ4), FORMAT(32BIT), false, HAS_ALL, TYPE(LZ4)},
    {MODE(LZ4), FORMAT(RGBA), false, HAS_ALL, TYPE(LZ4)},
#endif
    {MODE(LZ4), FORMAT(32BIT), false, HAS_ALL & ~HAS_LZ4, TYPE(LZ_RGB)},
    {MODE(LZ4), FORMAT(8BIT), false, HAS_ALL, TYPE(LZ_PLT)},
    {MODE(LZ4), FORMAT(8BIT_A), false, HAS_ALL, TYPE(LZ_RGB)},
#undef MODE
#undef FORMAT
#undef TYPE
};

static void test_table(void)
{
    struct compressor compressor;

    compressor_init(&compressor);
    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        unsigned features = table[i].features;
        struct glz_dictionary *dictionary = glz_dictionary_create(1 << 16);
        struct image_policy policy = {
            .mode = table[i].mode,
            .lz4 = features & HAS_LZ4,
            .palettes = features & HAS_PALETTES,
            .jpeg = features & HAS_JPEG,
            .deflate_glz = features & HAS_DEFLATE,
            .glz = features & HAS_DICTIONARY ? dictionary : NULL,
        };
        struct encoded_image encoded = {0};
        struct codec_source source;
        struct iovec piece;
        g_autofree uint8_t *bytes = new_picture(table[i].format, table[i].photo, &source, &piece);
        bool done = compressor_encode(&compressor, &policy, &source, features & MAY_LOSE, &encoded);

        g_test_message("row %u: mode %d, format %u", i, table[i].mode, table[i].format);
        g_assert_cmpint(done ? encoded.type : -1, ==, table[i].type);
        g_assert_cmpint(encoded_image_is_lossy(&encoded), ==,
                        done && (encoded.type == SPICE_IMAGE_TYPE_JPEG ||
                                 encoded.type == SPICE_IMAGE_TYPE_JPEG_ALPHA));
        encoded_image_finish(&encoded);
        glz_dictionary_destroy(dictionary);
    }
    compressor_finish(&compressor);
}

/* What is tiny goes out as it is. */
static void test_tiny(void)
{
    uint8_t pixels[13 * 4] = {0};
    struct iovec piece = {pixels, sizeof(pixels)};
    struct codec_source source = {
        .format = SPICE_BITMAP_FMT_32BIT,
        .width = 13,
        .height = 1,
        .stride = sizeof(pixels),
        .data = {.size = sizeof(pixels), .count = 1, .pieces = &piece},
    };
    struct image_policy policy = {.mode = SPICE_IMAGE_COMPRESSION_LZ};
    struct encoded_image encoded = {0};
    struct compressor compressor;

    compressor_init(&compressor);
    g_assert_false(compressor_encode(&compressor, &policy, &source, true, &encoded));
    compressor_finish(&compressor);
}

/* What is deflated inflates to a GLZ stream of the stated size, with the dictionary's next number.
 */
static void test_deflated(void)
{
    struct glz_dictionary *dictionary = glz_dictionary_create(1 << 16);
    struct image_policy policy = {
        .mode = SPICE_IMAGE_COMPRESSION_GLZ, .glz = dictionary, .deflate_glz = true};
    struct compressor compressor;

    compressor_init(&compressor);
    for (unsigned i = 0; i < 3; i++) {
        struct encoded_image encoded = {0};
        struct codec_source source;
        struct iovec piece;
        g_autofree uint8_t *bytes = new_picture(SPICE_BITMAP_FMT_32BIT, false, &source, &piece);
        g_autofree uint8_t *stream = NULL;
        const uint8_t *data;
        size_t size;
        uLongf inflated;

        for (unsigned p = 0; p < 40; p++)
            ((uint32_t *)bytes)[p * 97 + i] = p * 0x10203 * (i + 1);
        g_assert_true(compressor_encode(&compressor, &policy, &source, false, &encoded));
        g_assert_cmpint(encoded.type, ==, SPICE_IMAGE_TYPE_ZLIB_GLZ_RGB);
        data = g_bytes_get_data(encoded.data, &size);
        g_assert_cmpuint(size, <, encoded.first_size);
        inflated = encoded.first_size + 1;
        stream = g_malloc(inflated);
        g_assert_cmpint(uncompress(stream, &inflated, data, size), ==, Z_OK);
        g_assert_cmpuint(inflated, ==, encoded.first_size);
        g_assert_cmpuint(stream[28], ==, i); /* the last byte of its number */
        encoded_image_finish(&encoded);
    }
    compressor_finish(&compressor);
    glz_dictionary_destroy(dictionary);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/display-compress/table", test_table);
    g_test_add_func("/display-compress/tiny", test_tiny);
    g_test_add_func("/display-compress/deflated", test_deflated);
    return g_test_run();
}
