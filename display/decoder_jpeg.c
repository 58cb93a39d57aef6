/*
 * JPEG pictures, decoded by libjpeg-turbo: codecs.md sections 5.1 and 8.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/codec.h"

#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs it */

#include <jpeglib.h>

/* One picture being read. The library's errors lead back to where it was called from. */
struct reading {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    jmp_buf failed;
};

static void fail(j_common_ptr jpeg)
{
    longjmp(((struct reading *)jpeg->client_data)->failed, 1);
}

/* Damage that the library would paint over is an error, too. */
static void warn(j_common_ptr jpeg, int level)
{
    if (level < 0)
        fail(jpeg);
}

/* Reads up to the first scan. Within setjmp(). */
static const char *begin(struct reading *reading, const uint8_t *data, size_t size)
{
    struct jpeg_decompress_struct *jpeg = &reading->jpeg;

    jpeg->err = jpeg_std_error(&reading->errors);
    jpeg->client_data = reading;
    reading->errors.error_exit = fail;
    reading->errors.emit_message = warn;
    jpeg_create_decompress(jpeg);
    jpeg_mem_src(jpeg, data, size);
    jpeg_read_header(jpeg, TRUE);
    /* Scan after scan over the same pixels: a small stream that takes long. */
    if (jpeg->progressive_mode || jpeg_has_multiple_scans(jpeg))
        return "JPEG stream has several scans";
    if (jpeg->num_components != 3 && jpeg->num_components != 1)
        return "JPEG stream has neither one nor three components";
    return NULL;
}

static const char *read_header(const uint8_t *data, size_t size, struct codec_picture *picture)
{
    struct reading reading = {0};
    const char *error;

    if (setjmp(reading.failed) != 0) {
        jpeg_destroy_decompress(&reading.jpeg);
        return "JPEG stream has no valid header";
    }
    error = begin(&reading, data, size);
    *picture = (struct codec_picture){
        .format = SPICE_BITMAP_FMT_32BIT,
        .top_down = true,
        .width = reading.jpeg.image_width,
        .height = reading.jpeg.image_height,
        .stride = reading.jpeg.image_width * sizeof(uint32_t), /* at most 65500 pixels */
    };
    jpeg_destroy_decompress(&reading.jpeg);
    return error;
}

static void clear_top_bytes(uint8_t *row, uint32_t width)
{
    for (uint32_t x = 0; x < width; x++)
        row[x * sizeof(uint32_t) + 3] = 0;
}

static const char *decode(const uint8_t *data, size_t size, const struct codec_picture *picture,
                          uint8_t *rows)
{
    struct reading reading = {0};
    struct jpeg_decompress_struct *jpeg = &reading.jpeg;
    const char *error;

    if (setjmp(reading.failed) != 0) {
        jpeg_destroy_decompress(&reading.jpeg);
        return "JPEG stream is damaged or ends too early";
    }
    error = begin(&reading, data, size);
    if (!error && (jpeg->image_width != picture->width || jpeg->image_height != picture->height))
        error = "JPEG stream has another size than its header";
    if (!error) {
        jpeg->out_color_space = JCS_EXT_BGRX;
        jpeg_start_decompress(jpeg);
        while (jpeg->output_scanline < jpeg->output_height) {
            JSAMPROW row = rows + (size_t)jpeg->output_scanline * picture->stride;

            if (jpeg_read_scanlines(jpeg, &row, 1) == 1)
                clear_top_bytes(row, picture->width);
        }
        jpeg_finish_decompress(jpeg);
    }
    jpeg_destroy_decompress(jpeg);
    return error;
}

const struct decoder_impl decoder_jpeg = {
    .name = "JPEG",
    .image_type = SPICE_IMAGE_TYPE_JPEG,
    .read_header = read_header,
    .decode = decode,
};
