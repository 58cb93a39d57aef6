/*
 * How gradually the colours of a picture change. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/graduality.h"

#include "display/codec_rows.h"

#include <glib.h>
#include <stdlib.h>

/* Scores in quarters, so that sums stay exact. */
enum { CONTRAST = 4, EQUAL = 2, NEAR = -1 };

struct sampler {
    const uint8_t *rows;
    size_t stride;
    unsigned bytes; /* of a pixel */
    int limit;      /* components that differ by so much are in contrast */
};

struct color {
    int r, g, b;
};

static struct color color_at(const struct sampler *sampler, uint32_t x, uint32_t y)
{
    const uint8_t *at = sampler->rows + y * sampler->stride + (size_t)x * sampler->bytes;

    if (sampler->bytes == 2) {
        unsigned pixel = at[0] | at[1] << 8;
        return (struct color){pixel >> 10 & 31, pixel >> 5 & 31, pixel & 31};
    }
    return (struct color){at[2], at[1], at[0]};
}

static int score(const struct sampler *sampler, struct color a, struct color b)
{
    int r = abs(a.r - b.r), g = abs(a.g - b.g), blue = abs(a.b - b.b);

    if (r >= sampler->limit || g >= sampler->limit || blue >= sampler->limit)
        return CONTRAST;
    return r + g + blue == 0 ? EQUAL : NEAR;
}

/* LINES rows that lie side by side, as codecs.md has it. */
static void sample(const struct sampler *sampler, uint32_t width, uint32_t lines, int64_t *total,
                   int64_t *count)
{
    uint64_t step = 15 % width != 0 ? 15 : 14;

    if (width <= 1 || lines <= 1) {
        *total += CONTRAST;
        *count += 1;
        return;
    }
    for (uint64_t p = width / 2; p < (uint64_t)(lines - 1) * width; p += step) {
        struct color here;
        uint32_t x, y;
        int right, below, across;

        if ((p + 1) % width == 0)
            p--;
        x = p % width;
        y = p / width;
        here = color_at(sampler, x, y);
        right = score(sampler, here, color_at(sampler, x + 1, y));
        below = score(sampler, here, color_at(sampler, x, y + 1));
        across = score(sampler, here, color_at(sampler, x + 1, y + 1));
        if (right != EQUAL || below != EQUAL || across != EQUAL)
            *total += right + below + across;
        *count += 3;
    }
}

enum graduality graduality_of(const struct codec_source *source)
{
    bool high_color = source->format == SPICE_BITMAP_FMT_16BIT;
    struct sampler sampler = {
        .stride = source->stride,
        .bytes = high_color                                 ? 2
                 : source->format == SPICE_BITMAP_FMT_24BIT ? 3
                                                            : 4,
        .limit = high_color ? 8 : 60,
    };
    int64_t total = 0, count = 0;

    if (source->format < SPICE_BITMAP_FMT_16BIT || source->format > SPICE_BITMAP_FMT_RGBA ||
        !codec_source_is_complete(source))
        return GRADUALITY_NONE;
    for (unsigned i = 0; i < source->data.count; i++) {
        const struct iovec *piece = &source->data.pieces[i];

        /* A row that is cut in two by its piece's end is not looked at. */
        sampler.rows = piece->iov_base;
        sample(&sampler, source->width, piece->iov_len / source->stride, &total, &count);
    }
    /* -0.03 or 0, and 0.002, of 4 quarters */
    if (high_color ? total < 0 : total * 100 < -12 * count)
        return GRADUALITY_HIGH;
    return total * 1000 < 8 * count ? GRADUALITY_MEDIUM : GRADUALITY_LOW;
}
