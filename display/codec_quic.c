/*
 * QUIC for photographs: codecs.md section 1. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/codec_rows.h"
#include "display/quic.h"

#include <glib.h>

/* Thinner pictures have no neighbours to be guessed from; clients never got them as QUIC. */
#define MIN_SIDE 3

struct encoder {
    struct codec_rows rows, out;
};

static bool accepts(uint8_t format)
{
    return format >= SPICE_BITMAP_FMT_16BIT && format <= SPICE_BITMAP_FMT_RGBA;
}

static struct encoder *create(void)
{
    return g_new0(struct encoder, 1);
}

static void destroy(struct encoder *encoder)
{
    if (encoder == NULL)
        return;
    codec_rows_finish(&encoder->rows);
    codec_rows_finish(&encoder->out);
    g_free(encoder);
}

static enum quic_type quic_type(uint8_t format)
{
    switch (format) {
    case SPICE_BITMAP_FMT_16BIT:
        return QUIC_RGB16;
    case SPICE_BITMAP_FMT_24BIT:
        return QUIC_RGB24;
    case SPICE_BITMAP_FMT_RGBA:
        return QUIC_RGBA;
    default:
        return QUIC_RGB32;
    }
}

static bool encode(struct encoder *encoder, const struct codec_source *source, uint8_t **out,
                   size_t *out_size)
{
    struct quic_info info = {
        .type = quic_type(source->format), .width = source->width, .height = source->height};
    ptrdiff_t row = codec_row_bytes(source);
    const uint8_t *pixels;
    uint8_t *stream;
    size_t size;

    if (source->width < MIN_SIDE || source->height < MIN_SIDE ||
        !codec_source_is_complete(source) || (uint64_t)info.width * info.height > QUIC_MAX_PIXELS)
        return false;
    pixels = codec_rows_pack(&encoder->rows, source);
    stream = codec_rows_reserve(&encoder->out, quic_encoded_bound(&info));
    if (source->top_down)
        size = quic_encode(&info, pixels, row, stream);
    else
        size = quic_encode(&info, pixels + row * (source->height - 1), -row, stream);
    if (size >= (size_t)row * source->height)
        return false;
    *out = codec_rows_take(&encoder->out, size);
    *out_size = size;
    return true;
}

const struct encoder_impl encoder_quic = {
    .name = "QUIC",
    .image_type = SPICE_IMAGE_TYPE_QUIC,
    .accepts = accepts,
    .create = create,
    .destroy = destroy,
    .encode = encode,
};
