/*
 * LZ4: see codecs.md section 4.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/codec.h"

#ifdef HAVE_LZ4
#include <glib.h>
#include <lz4.h>
#include <string.h>

/*
 * Rows are packed into blocks of about this size. Each block may refer to the 64 KiB before it, so
 * the input of two blocks lies side by side.
 */
#define BLOCK_BYTES ((size_t)64 << 10)

struct encoder {
    LZ4_stream_t *stream;
};

static bool lz4_accepts(uint8_t format)
{
    switch (format) {
    case SPICE_BITMAP_FMT_16BIT:
    case SPICE_BITMAP_FMT_24BIT:
    case SPICE_BITMAP_FMT_32BIT:
    case SPICE_BITMAP_FMT_RGBA:
        return true;
    default:
        return false;
    }
}

static struct encoder *lz4_create(void)
{
    struct encoder *encoder = g_new0(struct encoder, 1);

    encoder->stream = LZ4_createStream();
    if (!encoder->stream) {
        g_free(encoder);
        return NULL;
    }
    return encoder;
}

static void lz4_destroy(struct encoder *encoder)
{
    if (!encoder)
        return;
    LZ4_freeStream(encoder->stream);
    g_free(encoder);
}

static unsigned pixel_bytes(uint8_t format)
{
    switch (format) {
    case SPICE_BITMAP_FMT_16BIT:
        return 2;
    case SPICE_BITMAP_FMT_24BIT:
        return 3;
    default:
        return 4;
    }
}

/* Takes bytes out of pieces one after the other. */
struct reader {
    const struct draw_bytes *bytes;
    unsigned piece;
    size_t used; /* of the piece */
};

/* Copies SIZE bytes to TO, or only skips them when TO is NULL; false at the end of the data. */
static bool reader_take(struct reader *reader, uint8_t *to, size_t size)
{
    while (size) {
        if (reader->piece == reader->bytes->count)
            return false;
        const struct iovec *piece = &reader->bytes->pieces[reader->piece];
        size_t part = MIN(size, piece->iov_len - reader->used);
        if (to) {
            memcpy(to, (const uint8_t *)piece->iov_base + reader->used, part);
            to += part;
        }
        size -= part;
        reader->used += part;
        if (reader->used == piece->iov_len) {
            reader->piece++;
            reader->used = 0;
        }
    }
    return true;
}

static void write_block_size(uint8_t *to, uint32_t size)
{
    to[0] = size >> 24;
    to[1] = size >> 16;
    to[2] = size >> 8;
    to[3] = size;
}

/* Guest memory may change while it is compressed: a private copy of a block is what is encoded. */
static bool lz4_encode(struct encoder *encoder, const struct codec_source *source, uint8_t **out,
                       size_t *out_size)
{
    size_t row = (size_t)source->width * pixel_bytes(source->format);
    size_t total = (size_t)source->stride * source->height;
    size_t rows_per_block = MAX(BLOCK_BYTES / row, 1);
    size_t block = MIN(rows_per_block, source->height) * row;
    /* The result must be smaller than the source, so what does not fit is not wanted. */
    size_t limit = total - 1, written = 2;
    struct reader reader = {.bytes = &source->data};

    if (!lz4_accepts(source->format) || source->stride < row || block > LZ4_MAX_INPUT_SIZE ||
        total > source->data.size || limit < 2)
        return false;

    uint8_t *halves = g_try_malloc_n(2, block);
    uint8_t *result = g_try_malloc(limit);
    bool fits = halves && result;
    if (fits) {
        result[0] = source->top_down;
        result[1] = source->format;
        LZ4_resetStream_fast(encoder->stream);
    }
    for (uint32_t y = 0, half = 0; fits && y < source->height; half ^= 1) {
        uint8_t *input = halves + half * block;
        uint32_t rows = MIN(rows_per_block, source->height - y);
        for (uint32_t i = 0; fits && i < rows; i++)
            fits = reader_take(&reader, input + i * row, row) &&
                   reader_take(&reader, NULL, source->stride - row);
        if (!fits || limit - written < 4) {
            fits = false;
            break;
        }
        int size = LZ4_compress_fast_continue(encoder->stream, (const char *)input,
                                              (char *)result + written + 4, rows * row,
                                              MIN(limit - written - 4, (size_t)INT32_MAX), 1);
        if (size <= 0) {
            fits = false;
            break;
        }
        write_block_size(result + written, size);
        written += 4 + size;
        y += rows;
    }
    g_free(halves);
    if (!fits) {
        /* A stream that ran out of room is of no use until it is made anew. */
        LZ4_initStream(encoder->stream, sizeof(*encoder->stream));
        g_free(result);
        return false;
    }
    *out = g_realloc(result, written);
    *out_size = written;
    return true;
}

const struct encoder_impl encoder_lz4 = {
    .name = "LZ4",
    .image_type = SPICE_IMAGE_TYPE_LZ4,
    .accepts = lz4_accepts,
    .create = lz4_create,
    .destroy = lz4_destroy,
    .encode = lz4_encode,
};
#endif
