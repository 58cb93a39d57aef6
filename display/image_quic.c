/*
 * Images that the guest compressed with QUIC.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/expand.h"
#include "display/image_private.h"
#include "display/quic.h"

#include <glib.h>
#include <string.h>

/* The stream in one private piece: what was checked must be what is decoded. */
static uint8_t *copy_stream(const struct draw_bytes *bytes, size_t *size)
{
    size_t total = 0;

    for (unsigned i = 0; i < bytes->count; i++)
        total += bytes->pieces[i].iov_len;
    uint8_t *copy = g_try_malloc(MAX(total, 1)), *to = copy;
    for (unsigned i = 0; copy && i < bytes->count; i++) {
        memcpy(to, bytes->pieces[i].iov_base, bytes->pieces[i].iov_len);
        to += bytes->pieces[i].iov_len;
    }
    *size = total;
    return copy;
}

/* 555 pixels widened in place, from the last one to the first; the top byte is 0. */
static void widen_row(uint8_t *row, int width)
{
    uint32_t *to = (uint32_t *)row;

    for (int x = width - 1; x >= 0; x--) {
        unsigned pixel = ((const uint16_t *)row)[x];
        unsigned r = pixel >> 10 & 31, g = pixel >> 5 & 31, b = pixel & 31;
        to[x] = (r << 3 | r >> 2) << 16 | (g << 3 | g >> 2) << 8 | (b << 3 | b >> 2);
    }
}

static const char *decode(struct image *opened, const uint8_t *stream, size_t size,
                          const struct quic_info *info, bool widen)
{
    const char *reason = image_allocate(opened, 0, opened->height, false);

    if (!reason)
        reason = quic_decode(stream, size, info, opened->owned, opened->stride);
    for (int y = 0; !reason && widen && y < opened->height; y++)
        widen_row((uint8_t *)opened->owned + y * opened->stride, opened->width);
    return reason;
}

const char *open_quic(struct image *opened, const struct draw_image *image, enum image_use use,
                      const struct drawing *drawing)
{
    struct quic_info info;
    size_t size;
    uint8_t *stream = copy_stream(&image->quic.data, &size);
    const char *reason = "out of memory for a QUIC image";

    if (!stream)
        return reason;
    reason = quic_read_header(stream, size, &info);
    if (!reason && (info.width != image->width || info.height != image->height))
        reason = "a QUIC image is not as large as its descriptor says";
    if (!reason && info.type == QUIC_GRAY)
        reason = "QUIC images without colours are not supported";
    if (reason) {
        g_free(stream);
        return reason;
    }

    bool widen = info.type == QUIC_RGB16 && use != IMAGE_ORIGINAL && drawing->canvas->bits == 32;
    opened->width = info.width;
    opened->height = info.height;
    opened->bits = info.type == QUIC_RGB16 && !widen ? 16 : 32;
    opened->format = opened->bits == 16       ? PIXMAN_x1r5g5b5
                     : info.type == QUIC_RGBA ? PIXMAN_a8r8g8b8
                                              : PIXMAN_x8r8g8b8;
    reason = decode(opened, stream, size, &info, widen);
    g_free(stream);

    pixman_format_code_t wanted = use == IMAGE_ORIGINAL
                                      ? opened->format
                                      : canvas_wants(drawing->canvas, info.type == QUIC_RGBA);
    /* As with bitmaps the top byte is set before pixels lose it, if ever. */
    if (!reason && opened->format == PIXMAN_x8r8g8b8 &&
        image->flags & SPICE_IMAGE_FLAGS_HIGH_BITS_SET)
        for (int y = 0; y < opened->height; y++)
            expand_or((uint8_t *)opened->owned + y * opened->stride, opened->width, 0xff000000);
    if (!reason && opened->format != wanted)
        reason = image_convert(opened, wanted, 0, opened->height);
    if (!reason && use != IMAGE_ROWS)
        reason = image_wrap(opened);
    return reason;
}
