/*
 * How gradually the colours of a picture change. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/graduality.h"

#include "display/codec_rows.h"

#include <glib.h>
#include <stdlib.h>

/* Scores in quarters, so that sums stay exact. */
enum { CONTRAST = 4, EQUAL = 2, NEAR = -1 };

/* Of a piece of a picture no more pixels are looked at: beyond, an estimate gets no better. */
#define MAX_SAMPLES 8192
#define USUAL_STEP  15

struct estimate {
    int64_t total; /* of the scores */
    int64_t count;
};

#define INLINE static inline __attribute__((always_inline))

/* Red, green and blue; what else a pixel has is cleared. */
INLINE uint32_t load_pixel(const uint8_t *at, unsigned bytes)
{
    if (bytes == 2)
        return (at[0] | at[1] << 8) & 0x7fff;
    return at[0] | at[1] << 8 | (uint32_t)at[2] << 16;
}

INLINE int score(uint32_t a, uint32_t b, unsigned bytes)
{
    const unsigned bits = bytes == 2 ? 5 : 8, mask = (1u << bits) - 1;
    const int limit = bytes == 2 ? 8 : 60; /* components that differ by so much are in contrast */
    int most = 0;

    for (unsigned shift = 0; shift < 3 * bits; shift += bits) {
        int difference = abs((int)(a >> shift & mask) - (int)(b >> shift & mask));

        most = most > difference ? most : difference;
    }
    return most >= limit ? CONTRAST : most == 0 ? EQUAL : NEAR;
}

/* LINES rows that lie side by side, as codecs.md has it. */
INLINE void sample(const uint8_t *row, size_t stride, uint32_t width, uint32_t lines,
                   struct estimate *estimate, unsigned bytes)
{
    uint64_t pixels = (uint64_t)width * lines;
    uint64_t step = USUAL_STEP * (pixels / (USUAL_STEP * MAX_SAMPLES) + 1);
    uint32_t columns, rows, x = width / 2, y = 0;

    if (width <= 1 || lines <= 1) {
        estimate->total += CONTRAST;
        estimate->count += 1;
        return;
    }
    if (step % width == 0)
        step--; /* not one column only */
    columns = step % width;
    rows = step / width;
    while (y < lines - 1) {
        const uint8_t *at;
        uint32_t here, right, below, across;

        if (x == width - 1)
            x--;
        at = row + (size_t)y * stride + (size_t)x * bytes;
        here = load_pixel(at, bytes);
        right = load_pixel(at + bytes, bytes);
        below = load_pixel(at + stride, bytes);
        across = load_pixel(at + stride + bytes, bytes);
        if (((here ^ right) | (here ^ below) | (here ^ across)) != 0)
            estimate->total +=
                score(here, right, bytes) + score(here, below, bytes) + score(here, across, bytes);
        estimate->count += 3;
        x += columns;
        y += rows;
        if (x >= width) {
            x -= width;
            y++;
        }
    }
}

enum graduality graduality_of(const struct codec_source *source)
{
    bool high_color = source->format == SPICE_BITMAP_FMT_16BIT;
    struct estimate estimate = {0};

    if (source->format < SPICE_BITMAP_FMT_16BIT || source->format > SPICE_BITMAP_FMT_RGBA ||
        !codec_source_is_complete(source))
        return GRADUALITY_NONE;
    for (unsigned i = 0; i < source->data.count; i++) {
        const struct iovec *piece = &source->data.pieces[i];
        /* A row that is cut in two by its piece's end is not looked at. */
        uint32_t lines = piece->iov_len / source->stride;

        if (high_color)
            sample(piece->iov_base, source->stride, source->width, lines, &estimate, 2);
        else if (source->format == SPICE_BITMAP_FMT_24BIT)
            sample(piece->iov_base, source->stride, source->width, lines, &estimate, 3);
        else
            sample(piece->iov_base, source->stride, source->width, lines, &estimate, 4);
    }
    /* -0.03 or 0, and 0.002, of 4 quarters */
    if (high_color ? estimate.total < 0 : estimate.total * 100 < -12 * estimate.count)
        return GRADUALITY_HIGH;
    return estimate.total * 1000 < 8 * estimate.count ? GRADUALITY_MEDIUM : GRADUALITY_LOW;
}
