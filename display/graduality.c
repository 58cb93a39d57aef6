/*
 * How gradually the colours of a picture change. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/graduality.h"

#include "display/codec_rows.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* Scores in quarters, so that sums stay exact. */
enum { CONTRAST = 4, EQUAL = 2, NEAR = -1 };
enum { NEIGHBOURS = 3 };

/* Components of five and of eight bits that differ by so much are in contrast. */
enum { LIMIT5 = 8, LIMIT8 = 60 };

/* Of a piece of a picture no more pixels are looked at: beyond, an estimate gets no better. */
#define MAX_SAMPLES 2048
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

INLINE int score_of(uint32_t a, uint32_t b, unsigned bytes)
{
    const unsigned bits = bytes == 2 ? 5 : 8, mask = (1u << bits) - 1;
    const int limit = bytes == 2 ? LIMIT5 : LIMIT8;
    int most = 0;

    for (unsigned shift = 0; shift < 3 * bits; shift += bits) {
        int difference = abs((int)(a >> shift & mask) - (int)(b >> shift & mask));

        most = most > difference ? most : difference;
    }
    return most >= limit ? CONTRAST : most == 0 ? EQUAL : NEAR;
}

/* Of a pixel and those to the right, below, and below to the right; nothing when all are equal. */
INLINE int score_at(const uint8_t *at, size_t stride, unsigned bytes)
{
    uint32_t here = load_pixel(at, bytes), right = load_pixel(at + bytes, bytes);
    uint32_t below = load_pixel(at + stride, bytes);
    uint32_t across = load_pixel(at + stride + bytes, bytes);

    if (here == right && here == below && here == across)
        return 0;
    return score_of(here, right, bytes) + score_of(here, below, bytes) +
           score_of(here, across, bytes);
}

typedef uint8_t __attribute__((vector_size(16))) components;
typedef uint32_t __attribute__((vector_size(16))) lanes;
typedef uint64_t __attribute__((vector_size(16))) halves;

/* The same of pixels of 32 bits, to be added up later: without jumps, which nobody could foresee.
 */
struct counts {
    lanes different, contrasts; /* by neighbour; the first is the pixel itself */
    uint32_t uneven;            /* pixels that do not equal all neighbours */
};

INLINE void count_at(const uint8_t *at, size_t stride, struct counts *counts)
{
    const uint64_t colors = UINT64_C(0x00ffffff00ffffff); /* of two pixels */
    uint64_t row, below;
    components here, there, more, difference;
    halves both;

    memcpy(&row, at, sizeof(row));
    memcpy(&below, at + stride, sizeof(below));
    there = (components)((halves){row, below} & colors);
    here = (components)((lanes){0} + ((uint32_t)row & (uint32_t)colors));
    more = (components)(here > there);
    difference = ((here - there) & more) | ((there - here) & ~more);
    both = (halves)difference;
    /* What is true is -1. */
    counts->different -= (lanes)((lanes)difference != 0);
    counts->contrasts -= (lanes)((lanes)(difference >= LIMIT8) != 0);
    counts->uneven += (both[0] | both[1]) != 0;
}

static int64_t score_of_counts(const struct counts *counts)
{
    int64_t different = 0, contrasts = 0;

    for (unsigned i = 1; i < NEIGHBOURS + 1; i++) {
        different += counts->different[i];
        contrasts += counts->contrasts[i];
    }
    return CONTRAST * contrasts + NEAR * (different - contrasts) +
           EQUAL * ((int64_t)NEIGHBOURS * counts->uneven - different);
}

/* LINES rows that lie side by side, as codecs.md has it. */
INLINE void sample(const uint8_t *row, size_t stride, uint32_t width, uint32_t lines,
                   struct estimate *estimate, unsigned bytes)
{
    uint64_t pixels = (uint64_t)width * lines;
    uint64_t step = USUAL_STEP * (pixels / (USUAL_STEP * MAX_SAMPLES) + 1);
    uint32_t columns, rows, x = width / 2, y = 0;
    struct counts counts = {0};

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

        if (x == width - 1)
            x--;
        at = row + (size_t)y * stride + (size_t)x * bytes;
        if (bytes == 4)
            count_at(at, stride, &counts);
        else
            estimate->total += score_at(at, stride, bytes);
        estimate->count += NEIGHBOURS;
        x += columns;
        y += rows;
        if (x >= width) {
            x -= width;
            y++;
        }
    }
    estimate->total += score_of_counts(&counts);
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
