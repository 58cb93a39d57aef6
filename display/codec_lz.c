/*
 * LZ for pictures in true colour and alpha, and for pictures with a palette: codecs.md section 2.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/codec_rows.h"
#include "display/lz.h"

#include <glib.h>

struct encoder {
    struct lz_encoder *lz;
    struct codec_rows rows, wide, out;
};

static enum lz_type lz_type(uint8_t format)
{
    switch (format) {
    case SPICE_BITMAP_FMT_1BIT_LE:
        return LZ_PLT1_LE;
    case SPICE_BITMAP_FMT_1BIT_BE:
        return LZ_PLT1_BE;
    case SPICE_BITMAP_FMT_4BIT_LE:
        return LZ_PLT4_LE;
    case SPICE_BITMAP_FMT_4BIT_BE:
        return LZ_PLT4_BE;
    case SPICE_BITMAP_FMT_8BIT:
        return LZ_PLT8;
    case SPICE_BITMAP_FMT_16BIT:
        return LZ_RGB16;
    case SPICE_BITMAP_FMT_RGBA:
        return LZ_RGBA;
    case SPICE_BITMAP_FMT_8BIT_A:
        return LZ_A8;
    default:
        return LZ_RGB32;
    }
}

static bool accepts_palette(uint8_t format)
{
    return format >= SPICE_BITMAP_FMT_1BIT_LE && format <= SPICE_BITMAP_FMT_8BIT;
}

static bool accepts_colors(uint8_t format)
{
    return format >= SPICE_BITMAP_FMT_16BIT && format <= SPICE_BITMAP_FMT_8BIT_A;
}

static struct encoder *create(void)
{
    struct encoder *encoder = g_new0(struct encoder, 1);

    encoder->lz = lz_encoder_create();
    return encoder;
}

static void destroy(struct encoder *encoder)
{
    if (encoder == NULL)
        return;
    lz_encoder_destroy(encoder->lz);
    codec_rows_finish(&encoder->rows);
    codec_rows_finish(&encoder->wide);
    codec_rows_finish(&encoder->out);
    g_free(encoder);
}

static bool encode(struct encoder *encoder, const struct codec_source *source, uint8_t **out,
                   size_t *out_size)
{
    size_t row = codec_row_bytes(source), room = row * source->height;
    struct lz_info info = {
        .type = lz_type(source->format),
        .width = source->width,
        .height = source->height,
        .stride = row,
        .top_down = source->top_down,
    };
    const uint8_t *rows;
    uint8_t *stream;
    size_t size;

    if (!codec_source_is_complete(source) || row > LZ_MAX_BYTES / source->height)
        return false;
    if (source->format == SPICE_BITMAP_FMT_24BIT) {
        size_t wide = (size_t)source->width * 4;
        uint32_t *pixels;

        if (wide > LZ_MAX_BYTES / source->height)
            return false;
        pixels = (uint32_t *)codec_rows_reserve(&encoder->wide, wide * source->height);
        codec_rows_copy32(&encoder->rows, source, pixels);
        rows = (uint8_t *)pixels;
        info.stride = wide;
    } else {
        rows = codec_rows_pack(&encoder->rows, source);
    }
    stream = codec_rows_reserve(&encoder->out, room);
    size = lz_encode(encoder->lz, &info, rows, stream, room - 1);
    if (size == 0)
        return false;
    *out = codec_rows_take(&encoder->out, size);
    *out_size = size;
    return true;
}

const struct encoder_impl encoder_lz = {
    .name = "LZ",
    .image_type = SPICE_IMAGE_TYPE_LZ_RGB,
    .accepts = accepts_colors,
    .create = create,
    .destroy = destroy,
    .encode = encode,
};

const struct encoder_impl encoder_lz_palette = {
    .name = "LZ with palette",
    .image_type = SPICE_IMAGE_TYPE_LZ_PLT,
    .accepts = accepts_palette,
    .create = create,
    .destroy = destroy,
    .encode = encode,
};
