/*
 * Packing rows. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/codec_rows.h"

#include "display/canvas.h"

#include <glib.h>
#include <string.h>

void codec_rows_finish(struct codec_rows *rows)
{
    g_free(rows->bytes);
    *rows = (struct codec_rows){0};
}

uint8_t *codec_rows_reserve(struct codec_rows *rows, size_t size)
{
    if (rows->size < size) {
        g_free(rows->bytes);
        rows->bytes = g_malloc(size);
        rows->size = size;
    }
    return rows->bytes;
}

uint8_t *codec_rows_take(struct codec_rows *rows, size_t size)
{
    uint8_t *bytes = rows->bytes;

    if (size < rows->size / 2)
        return g_memdup2(bytes, size);
    *rows = (struct codec_rows){0};
    return bytes;
}

size_t codec_row_bytes(const struct codec_source *source)
{
    return ((size_t)source->width * bitmap_format_bits(source->format) + 7) / 8;
}

bool codec_source_is_complete(const struct codec_source *source)
{
    return source->width > 0 && source->height > 0 && source->stride >= codec_row_bytes(source) &&
           (uint64_t)source->stride * source->height <= source->data.size;
}

bool codec_source_is_packed(const struct codec_source *source)
{
    return source->data.count == 1 && source->stride == codec_row_bytes(source);
}

/* Takes bytes out of pieces one after the other. */
struct reader {
    const struct iovec *piece;
    size_t used; /* of the piece */
};

/* Copies SIZE bytes to TO, or only skips them when TO is NULL. */
static void take(struct reader *reader, uint8_t *to, size_t size)
{
    while (size > 0) {
        size_t part = MIN(size, reader->piece->iov_len - reader->used);

        if (to != NULL) {
            memcpy(to, (const uint8_t *)reader->piece->iov_base + reader->used, part);
            to += part;
        }
        size -= part;
        reader->used += part;
        if (reader->used == reader->piece->iov_len) {
            reader->piece++;
            reader->used = 0;
        }
    }
}

static void copy_rows(const struct codec_source *source, uint8_t *to)
{
    struct reader reader = {.piece = source->data.pieces};
    size_t row = codec_row_bytes(source);

    if (row == source->stride) {
        take(&reader, to, row * source->height);
        return;
    }
    for (uint32_t y = 0; y < source->height; y++) {
        take(&reader, to + y * row, row);
        if (y + 1 < source->height)
            take(&reader, NULL, source->stride - row);
    }
}

const uint8_t *codec_rows_pack(struct codec_rows *rows, const struct codec_source *source)
{
    size_t row = codec_row_bytes(source);
    uint8_t *to;

    if (codec_source_is_packed(source))
        return source->data.pieces[0].iov_base;
    to = codec_rows_reserve(rows, row * source->height);
    copy_rows(source, to);
    return to;
}

void codec_rows_copy32(struct codec_rows *rows, const struct codec_source *source, uint32_t *to)
{
    size_t pixels = (size_t)source->width * source->height;
    uint8_t *bytes;

    if (source->format != SPICE_BITMAP_FMT_24BIT) {
        copy_rows(source, (uint8_t *)to);
        return;
    }
    bytes = codec_rows_reserve(rows, pixels * 3);
    copy_rows(source, bytes);
    for (size_t i = 0; i < pixels; i++)
        to[i] = bytes[i * 3] | bytes[i * 3 + 1] << 8 | (uint32_t)bytes[i * 3 + 2] << 16;
}
