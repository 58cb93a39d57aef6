/*
 * JPEG for photographs on slow connections, and with an exact alpha: codecs.md sections 5.1
 * and 5.2.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/codec_rows.h"
#include "display/jpeg.h"
#include "display/lz.h"

#include <glib.h>
#include <string.h>

#define QUALITY 85

struct encoder {
    struct jpeg_encoder *jpeg;
    struct lz_encoder *lz; /* of the alpha; NULL: none */
    struct codec_rows rows, alpha;
    size_t first_size;
};

static bool accepts(uint8_t format)
{
    return format >= SPICE_BITMAP_FMT_16BIT && format <= SPICE_BITMAP_FMT_32BIT;
}

static bool accepts_alpha(uint8_t format)
{
    return format == SPICE_BITMAP_FMT_RGBA;
}

static void destroy(struct encoder *encoder)
{
    if (encoder == NULL)
        return;
    jpeg_encoder_destroy(encoder->jpeg);
    lz_encoder_destroy(encoder->lz);
    codec_rows_finish(&encoder->rows);
    codec_rows_finish(&encoder->alpha);
    g_free(encoder);
}

static struct encoder *create(void)
{
    struct encoder *encoder = g_new0(struct encoder, 1);

    encoder->jpeg = jpeg_encoder_create();
    if (encoder->jpeg == NULL)
        g_clear_pointer(&encoder, destroy);
    return encoder;
}

static struct encoder *create_alpha(void)
{
    struct encoder *encoder = create();

    if (encoder != NULL)
        encoder->lz = lz_encoder_create();
    return encoder;
}

size_t encoder_jpeg_alpha_first_size(const struct encoder *encoder)
{
    return encoder->first_size;
}

/* PIXELS: rows without gaps, in memory order. */
static size_t encode_colors(struct encoder *encoder, const struct codec_source *source,
                            const uint8_t *pixels, const uint8_t **out)
{
    ptrdiff_t row = codec_row_bytes(source);
    struct jpeg_rows rows = {
        .format = source->format,
        .width = source->width,
        .height = source->height,
        .top = source->top_down ? pixels : pixels + row * (source->height - 1),
        .stride = source->top_down ? row : -row,
    };

    return jpeg_encode(encoder->jpeg, &rows, QUALITY, false, out);
}

static bool encode(struct encoder *encoder, const struct codec_source *source, uint8_t **out,
                   size_t *out_size)
{
    const uint8_t *stream;
    size_t size;

    if (!codec_source_is_complete(source))
        return false;
    size = encode_colors(encoder, source, codec_rows_pack(&encoder->rows, source), &stream);
    if (size == 0 || size >= codec_row_bytes(source) * source->height)
        return false;
    *out = g_memdup2(stream, size);
    *out_size = size;
    return true;
}

static bool encode_with_alpha(struct encoder *encoder, const struct codec_source *source,
                              uint8_t **out, size_t *out_size)
{
    struct lz_info info = {
        .type = LZ_XXXA,
        .width = source->width,
        .height = source->height,
        .stride = source->width * 4,
        .top_down = source->top_down,
    };
    const uint8_t *pixels, *stream;
    size_t total, colors, alpha;

    if (!codec_source_is_complete(source) || source->width > LZ_MAX_BYTES / 4 / source->height)
        return false;
    total = codec_row_bytes(source) * source->height;
    pixels = codec_rows_pack(&encoder->rows, source);
    colors = encode_colors(encoder, source, pixels, &stream);
    if (colors == 0 || colors >= total)
        return false;
    alpha = lz_encode(encoder->lz, &info, pixels, codec_rows_reserve(&encoder->alpha, total),
                      total - colors);
    if (alpha == 0)
        return false;
    *out = g_malloc(colors + alpha);
    memcpy(*out, stream, colors);
    memcpy(*out + colors, encoder->alpha.bytes, alpha);
    *out_size = colors + alpha;
    encoder->first_size = colors;
    return true;
}

const struct encoder_impl encoder_jpeg = {
    .name = "JPEG",
    .image_type = SPICE_IMAGE_TYPE_JPEG,
    .accepts = accepts,
    .create = create,
    .destroy = destroy,
    .encode = encode,
};

const struct encoder_impl encoder_jpeg_alpha = {
    .name = "JPEG with alpha",
    .image_type = SPICE_IMAGE_TYPE_JPEG_ALPHA,
    .accepts = accepts_alpha,
    .create = create_alpha,
    .destroy = destroy,
    .encode = encode_with_alpha,
};
