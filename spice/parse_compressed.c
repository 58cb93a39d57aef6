/*
 * Images that guests compressed (qxl-device.md section 8.8).
 *
 * QUIC streams stay in guest memory: clients decode them, too. Streams of the other codecs, which
 * libspice-server never took, become bitmaps here, once, and are bitmaps to everybody else.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/codec.h"
#include "spice/parse_memory.h"

#include <glib.h>

/* All of them are laid out as QXLQUICData: a size and, right behind it, the first chunk. */
static bool parse_stream(struct parser *parser, QXLPHYSICAL address, const struct draw_image *image,
                         struct draw_bytes *stream)
{
    uint32_t size;

    if (!parser_read(parser, address + offsetof(QXLImage, quic), &size, sizeof(size),
                     "a compressed image is not in a memory slot") ||
        !parser_chunks(parser, address + offsetof(QXLImage, quic.data), stream))
        return false;
    if (stream->size != size)
        return parser_fail(parser,
                           "a compressed image has not as much data as its size field says");
    if (image->width == 0 || image->height == 0 || image->width > INT32_MAX ||
        image->height > INT32_MAX)
        return parser_fail(parser, "a compressed image's width or height is 0 or too large");
    return true;
}

/* Makes IMAGE the bitmap that STREAM holds. */
static bool decode(struct parser *parser, const struct decoder_impl *decoder,
                   const struct draw_bytes *stream, struct draw_image *image)
{
    const uint8_t *data = parser_gather(parser, stream);
    struct codec_picture picture;
    struct iovec *rows;
    const char *wrong;

    if (data == NULL)
        return false;
    wrong = decoder->read_header(data, stream->size, &picture);
    if (wrong != NULL)
        return parser_fail(parser, wrong);
    if (picture.width != image->width || picture.height != image->height)
        return parser_fail(parser, "a compressed image is not as large as its descriptor says");
    if ((uint64_t)picture.stride * picture.height > PARSE_MAX_COPY)
        return parser_fail(parser, "a compressed image has more than 64 MiB of pixels");

    rows = arena_alloc(&parser->drawable->arena, sizeof(*rows));
    rows->iov_len = (size_t)picture.stride * picture.height;
    rows->iov_base = arena_alloc(&parser->drawable->arena, rows->iov_len);
    wrong = decoder->decode(data, stream->size, &picture, rows->iov_base);
    if (wrong != NULL)
        return parser_fail(parser, wrong);

    image->type = SPICE_IMAGE_TYPE_BITMAP;
    image->bitmap.format = picture.format;
    image->bitmap.top_down = picture.top_down;
    image->bitmap.stride = picture.stride;
    image->bitmap.palette = NULL;
    image->bitmap.data = (struct draw_bytes){.size = rows->iov_len, .count = 1, .pieces = rows};
    parser->drawable->data_size += rows->iov_len;
    return true;
}

static const struct decoder_impl *find_decoder(uint8_t image_type)
{
    static const struct decoder_impl *const decoders[] = {&decoder_lz, &decoder_jpeg};

    for (size_t i = 0; i < G_N_ELEMENTS(decoders); i++) {
        if (decoders[i]->image_type == image_type)
            return decoders[i];
    }
    return NULL;
}

bool parse_compressed(struct parser *parser, QXLPHYSICAL address, struct draw_image *image)
{
    const struct decoder_impl *decoder = find_decoder(image->type);
    struct draw_bytes stream;

    if (decoder == NULL && image->type != SPICE_IMAGE_TYPE_QUIC)
        return parser_fail(parser, "an image has a type that guests may not use here");
    if (!parse_stream(parser, address, image, &stream))
        return false;
    parser->drawable->data_size += stream.size;
    if (decoder != NULL)
        return decode(parser, decoder, &stream, image);
    image->quic.data = stream;
    return true;
}
