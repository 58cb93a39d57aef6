/*
 * LZ4: codecs.md section 4. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/codec_rows.h"

#ifdef HAVE_LZ4
#include <glib.h>
#include <lz4.h>

struct encoder {
    LZ4_stream_t *stream;
    struct codec_rows rows, out;
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
    codec_rows_finish(&encoder->rows);
    codec_rows_finish(&encoder->out);
    g_free(encoder);
}

static void write_block_size(uint8_t *to, uint32_t size)
{
    to[0] = size >> 24;
    to[1] = size >> 16;
    to[2] = size >> 8;
    to[3] = size;
}

/*
 * TOTAL bytes, a block of its own for each piece. Returns what was written to OUT, 0 when it does
 * not fit.
 */
static size_t encode_pieces(LZ4_stream_t *stream, const struct iovec *pieces, size_t total,
                            uint8_t *out, size_t room)
{
    size_t written = 0;

    LZ4_initStream(stream, sizeof(*stream));
    for (const struct iovec *piece = pieces; total > 0; piece++) {
        size_t part = MIN(piece->iov_len, total);
        int size;

        if (part == 0)
            continue;
        if (room - written <= 4 || part > LZ4_MAX_INPUT_SIZE)
            return 0;
        size = LZ4_compress_fast_continue(stream, piece->iov_base, (char *)out + written + 4, part,
                                          MIN(room - written - 4, (size_t)INT32_MAX), 1);
        total -= part;
        if (size <= 0)
            return 0;
        write_block_size(out + written, size);
        written += 4 + size;
    }
    return written;
}

/* One block for all TOTAL bytes, with room for the worst case, which spares liblz4 to look for it.
 */
static size_t encode_piece(LZ4_stream_t *stream, const struct iovec *piece, size_t total,
                           uint8_t *out, size_t room)
{
    int size = LZ4_compress_fast_extState(stream, piece->iov_base, (char *)out + 4, (int)total,
                                          (int)MIN(room - 4, (size_t)INT32_MAX), 1);

    if (size <= 0)
        return 0;
    write_block_size(out, size);
    return 4 + size;
}

/*
 * Of photographs LZ4 makes next to nothing, and takes longer for that than for anything else. So it
 * is tried on a few rows first; three at a time, since some pictures repeat from row to row only.
 */
enum { SAMPLES = 6, SAMPLE_ROWS = 3, MIN_SAMPLED_ROWS = 96 };

static bool is_hopeless(LZ4_stream_t *stream, const struct iovec *pieces, size_t row,
                        uint32_t height, uint8_t *out, size_t room)
{
    size_t size = row * SAMPLE_ROWS, step = row * height / SAMPLES, next = step / 2, begin = 0;
    size_t tried = 0, compressed = 0;

    if (height < MIN_SAMPLED_ROWS)
        return false;
    for (const struct iovec *piece = pieces; next < row * height; begin += piece++->iov_len) {
        for (; next < begin + piece->iov_len; next += step) {
            size_t at = next - begin;
            int written;

            if (at + size > piece->iov_len)
                continue;
            written = LZ4_compress_fast_extState(stream, (char *)piece->iov_base + at, (char *)out,
                                                 (int)size, (int)MIN(room, (size_t)INT32_MAX), 1);
            tried += size;
            compressed += written > 0 ? (size_t)written : size;
        }
    }
    return tried > 0 && compressed > tried / 8 * 7;
}

/*
 * Pixels are read where they are, in guest memory: liblz4 checks what it finds by looking at it
 * again, and writes no more than it is allowed to, so a guest that changes them spoils only its own
 * picture.
 */
static bool lz4_encode(struct encoder *encoder, const struct codec_source *source, uint8_t **out,
                       size_t *out_size)
{
    size_t row = codec_row_bytes(source), total = row * source->height, room, written;
    struct iovec packed = {.iov_len = total};
    const struct iovec *pieces = source->data.pieces;
    uint8_t *result;

    if (!lz4_accepts(source->format) || !codec_source_is_complete(source) || total < 8)
        return false;
    if (source->stride != row) {
        packed.iov_base = (void *)codec_rows_pack(&encoder->rows, source);
        pieces = &packed;
    }
    if (total > LZ4_MAX_INPUT_SIZE)
        return false;
    room = 2 + 4 + LZ4_compressBound((int)total);
    result = codec_rows_reserve(&encoder->out, room);
    result[0] = source->top_down;
    result[1] = source->format;
    if (source->no_alpha &&
        is_hopeless(encoder->stream, pieces, row, source->height, result + 2, room - 2))
        return false;
    if (pieces[0].iov_len >= total)
        written = encode_piece(encoder->stream, pieces, total, result + 2, room - 2);
    else
        written = encode_pieces(encoder->stream, pieces, total, result + 2, total - 3);
    if (written == 0 || 2 + written >= (source->no_alpha ? total / 4 * 3 : total))
        return false;
    *out_size = 2 + written;
    *out = codec_rows_take(&encoder->out, *out_size);
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
