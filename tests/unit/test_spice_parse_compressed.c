/*
 * LZ and JPEG pictures of guests become bitmaps with the stated pixels; damaged ones are refused.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/parse.h"
#include "tests/support/parser_guest.h"
#include "tests/support/vectors.h"

#include <glib.h>
#include <spice/enums.h>
#include <string.h>

#define GUEST_MEMORY (4 * 1024 * 1024)

static struct parser_guest guest;
static uint8_t image_type; /* of the pictures that are placed */
static unsigned refused;

static QXLPHYSICAL place(const void *data, size_t size)
{
    return parser_guest_place(&guest, data, size);
}

/* The image and its stream in two chunks; the first one is behind the size field. */
static QXLPHYSICAL place_image(const uint8_t *stream, size_t size, uint32_t width, uint32_t height)
{
    size_t first = size / 3;
    QXLDataChunk last = {.data_size = size - first};
    QXLPHYSICAL next = place(&last, sizeof(last));
    QXLImage image;
    uint32_t total = size;
    QXLDataChunk chunk = {.data_size = first, .next_chunk = next};
    QXLPHYSICAL address;

    place(stream + first, size - first);
    memset(&image, 0, sizeof(image));
    image.descriptor.type = image_type;
    image.descriptor.width = width;
    image.descriptor.height = height;
    address = place(&image, offsetof(QXLImage, quic));
    place(&total, sizeof(total));
    place(&chunk, sizeof(chunk));
    place(stream, first);
    return address;
}

/* A COPY of all of a picture. */
static struct drawable *parse(const uint8_t *stream, size_t size, uint32_t width, uint32_t height,
                              const char **wrong)
{
    QXLDrawable command;
    QXLCommandExt ext = {.cmd = {.type = QXL_CMD_DRAW}};
    struct drawable *drawable = drawable_create(&guest.releases);

    guest.used = 0;
    memset(&command, 0, sizeof(command));
    command.type = QXL_DRAW_COPY;
    command.effect = QXL_EFFECT_OPAQUE;
    command.bbox = (QXLRect){.bottom = height, .right = width};
    memset(command.surfaces_dest, -1, sizeof(command.surfaces_dest));
    command.u.copy.src_area = command.bbox;
    command.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    command.u.copy.src_bitmap = place_image(stream, size, width, height);
    ext.cmd.data = place(&command, sizeof(command));
    *wrong = parse_drawable(&guest.memslots, &ext, drawable);
    return drawable;
}

static void check_decode(char **row)
{
    size_t size;
    g_autofree uint8_t *stream = vectors_read(row[VECTOR_ENCODED], &size);
    uint32_t width = vectors_number(row[VECTOR_WIDTH]);
    uint32_t height = vectors_number(row[VECTOR_HEIGHT]);
    const char *wrong;
    struct drawable *drawable = parse(stream, size, width, height, &wrong);
    const struct draw_image *image = drawable->draw.copy.image;

    g_assert_cmpstr(wrong, ==, NULL);
    memset(guest.memory, 0xee, guest.used); /* the guest has no say in it any more */
    g_assert_cmpuint(image->type, ==, SPICE_IMAGE_TYPE_BITMAP);
    g_assert_cmpuint(image->bitmap.data.count, ==, 1);
    g_assert_cmpuint(image->bitmap.data.size, ==, (size_t)image->bitmap.stride * height);
    g_assert_cmpuint(drawable->data_size, ==, size + image->bitmap.data.size);

    uint8_t *rows = image->bitmap.data.pieces[0].iov_base;
    size_t row_bytes = image->bitmap.stride;
    if (g_str_has_prefix(row[VECTOR_TYPE], "RGB24")) { /* whose hash is of three bytes a pixel */
        for (size_t i = 0; i < (size_t)width * height; i++)
            memmove(rows + i * 3, rows + i * 4, 3);
        row_bytes = (size_t)width * 3;
    }
    bool down = image->bitmap.top_down;
    vectors_assert_sha256(down ? rows : rows + row_bytes * (height - 1),
                          down ? (ptrdiff_t)row_bytes : -(ptrdiff_t)row_bytes, row_bytes, height,
                          row[VECTOR_SHA256]);
    drawable_unref(drawable);
}

static void check_malformed(char **row)
{
    size_t size;
    g_autofree uint8_t *stream = vectors_read(row[MALFORMED_ENCODED], &size);
    const char *wrong;

    drawable_unref(parse(stream, size, vectors_number(row[VECTOR_WIDTH]),
                         vectors_number(row[VECTOR_HEIGHT]), &wrong));
    if (strcmp(row[MALFORMED_EXPECTED], "error") == 0)
        g_assert_nonnull(wrong);
    refused += wrong != NULL;
}

static void test_decode(void)
{
    if (!vectors_present())
        return;
    image_type = SPICE_IMAGE_TYPE_LZ_RGB;
    g_assert_cmpuint(vectors_each("index.tsv", "LZ_RGB", check_decode), ==, 99);
    image_type = SPICE_IMAGE_TYPE_JPEG;
    g_assert_cmpuint(vectors_each("index.tsv", "JPEG", check_decode), ==, 13);
}

static void test_malformed(void)
{
    if (!vectors_present())
        return;
    image_type = SPICE_IMAGE_TYPE_LZ_RGB;
    g_assert_cmpuint(vectors_each("malformed/index.tsv", "LZ_RGB", check_malformed), ==, 29);
    /* Indices without a palette. */
    refused = 0;
    g_assert_cmpuint(vectors_each("malformed/index.tsv", "LZ_PLT", check_malformed), ==, 3);
    g_assert_cmpuint(refused, ==, 3);
    image_type = SPICE_IMAGE_TYPE_JPEG;
    g_assert_cmpuint(vectors_each("malformed/index.tsv", "JPEG", check_malformed), ==, 4);
}

/* A few bytes that announce what nobody has memory for. */
static void test_bombs(void)
{
    static const uint8_t lz[] = {0x20, 0x20, 0x5a, 0x4c, 0, 1, 0, 1, 0, 0, 0, 8, 0, 0, 0x40,
                                 0,    0,    0,    0x20, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0};
    const char *wrong;

    image_type = SPICE_IMAGE_TYPE_LZ_RGB;
    drawable_unref(parse(lz, sizeof(lz), 0x4000, 0x2000, &wrong));
    g_assert_cmpstr(wrong, ==, "a compressed image has more than 64 MiB of pixels");
}

int main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    parser_guest_init(&guest, GUEST_MEMORY);
    g_test_add_func("/parse-compressed/decode", test_decode);
    g_test_add_func("/parse-compressed/malformed", test_malformed);
    g_test_add_func("/parse-compressed/bombs", test_bombs);
    result = g_test_run();
    parser_guest_finish(&guest);
    return result;
}
