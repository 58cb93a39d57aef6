/*
 * Writing JPEG. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/jpeg.h"

#include <glib.h>
#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs it */

#include <jpeglib.h>

#define FIRST_ROOM 65536 /* bytes of output, doubled as needed */

struct jpeg_encoder {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr destination;
    jmp_buf failed;
    uint8_t *out;
    size_t room;
    uint8_t *row; /* three bytes a pixel, of sources that libjpeg cannot read */
    size_t row_size;
};

static void fail(j_common_ptr jpeg)
{
    longjmp(((struct jpeg_encoder *)jpeg->client_data)->failed, 1);
}

static void ignore(j_common_ptr jpeg G_GNUC_UNUSED, int level G_GNUC_UNUSED)
{
}

static void begin_output(j_compress_ptr jpeg)
{
    struct jpeg_encoder *encoder = jpeg->client_data;

    encoder->destination.next_output_byte = encoder->out;
    encoder->destination.free_in_buffer = encoder->room;
}

/* Called when all of the room is used. */
static boolean grow_output(j_compress_ptr jpeg)
{
    struct jpeg_encoder *encoder = jpeg->client_data;
    size_t used = encoder->room;

    encoder->room *= 2;
    encoder->out = g_realloc(encoder->out, encoder->room);
    encoder->destination.next_output_byte = encoder->out + used;
    encoder->destination.free_in_buffer = encoder->room - used;
    return TRUE;
}

static void end_output(j_compress_ptr jpeg G_GNUC_UNUSED)
{
}

struct jpeg_encoder *jpeg_encoder_create(void)
{
    struct jpeg_encoder *encoder = g_new0(struct jpeg_encoder, 1);

    encoder->room = FIRST_ROOM;
    encoder->out = g_malloc(encoder->room);
    encoder->jpeg.err = jpeg_std_error(&encoder->errors);
    encoder->jpeg.client_data = encoder;
    encoder->errors.error_exit = fail;
    encoder->errors.emit_message = ignore;
    if (setjmp(encoder->failed) != 0) {
        jpeg_encoder_destroy(encoder);
        return NULL;
    }
    jpeg_create_compress(&encoder->jpeg);
    encoder->destination = (struct jpeg_destination_mgr){.init_destination = begin_output,
                                                         .empty_output_buffer = grow_output,
                                                         .term_destination = end_output};
    encoder->jpeg.dest = &encoder->destination;
    return encoder;
}

void jpeg_encoder_destroy(struct jpeg_encoder *encoder)
{
    if (encoder == NULL)
        return;
    jpeg_destroy_compress(&encoder->jpeg);
    g_free(encoder->out);
    g_free(encoder->row);
    g_free(encoder);
}

static J_COLOR_SPACE color_space(uint8_t format)
{
    switch (format) {
    case SPICE_BITMAP_FMT_16BIT:
        return JCS_EXT_RGB;
    case SPICE_BITMAP_FMT_24BIT:
        return JCS_EXT_BGR;
    default:
        return JCS_EXT_BGRX;
    }
}

static void expand_row(uint8_t *restrict to, const uint8_t *restrict from, uint32_t width)
{
    for (uint32_t x = 0; x < width; x++) {
        unsigned pixel = from[x * 2] | from[x * 2 + 1] << 8;
        unsigned red = pixel >> 10 & 31, green = pixel >> 5 & 31, blue = pixel & 31;

        to[x * 3] = red << 3 | red >> 2;
        to[x * 3 + 1] = green << 3 | green >> 2;
        to[x * 3 + 2] = blue << 3 | blue >> 2;
    }
}

static void write_rows(struct jpeg_encoder *encoder, const struct jpeg_rows *rows)
{
    struct jpeg_compress_struct *jpeg = &encoder->jpeg;
    bool expand = rows->format == SPICE_BITMAP_FMT_16BIT;

    if (expand && encoder->row_size < (size_t)rows->width * 3) {
        encoder->row_size = (size_t)rows->width * 3;
        encoder->row = g_realloc(encoder->row, encoder->row_size);
    }
    while (jpeg->next_scanline < jpeg->image_height) {
        JSAMPROW row = (JSAMPROW)rows->top + (ptrdiff_t)jpeg->next_scanline * rows->stride;

        if (expand) {
            expand_row(encoder->row, row, rows->width);
            row = encoder->row;
        }
        jpeg_write_scanlines(jpeg, &row, 1);
    }
}

size_t jpeg_encode(struct jpeg_encoder *encoder, const struct jpeg_rows *rows, int quality,
                   bool fast, const uint8_t **out)
{
    struct jpeg_compress_struct *jpeg = &encoder->jpeg;

    if (rows->width > JPEG_MAX_SIDE || rows->height > JPEG_MAX_SIDE)
        return 0;
    if (setjmp(encoder->failed) != 0) {
        jpeg_abort_compress(jpeg);
        return 0;
    }
    jpeg->image_width = rows->width;
    jpeg->image_height = rows->height;
    jpeg->in_color_space = color_space(rows->format);
    jpeg->input_components = jpeg->in_color_space == JCS_EXT_BGRX ? 4 : 3;
    jpeg_set_defaults(jpeg);
    jpeg->dct_method = fast ? JDCT_IFAST : JDCT_ISLOW;
    jpeg_set_quality(jpeg, quality, TRUE);
    jpeg_start_compress(jpeg, TRUE);
    write_rows(encoder, rows);
    jpeg_finish_compress(jpeg);
    *out = encoder->out;
    return encoder->room - encoder->destination.free_in_buffer;
}
