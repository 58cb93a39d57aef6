/*
 * What is coded of a row depends on pixels only, never on the model: so each row is first turned
 * into planes of folded residuals and a map of pixels that equal their left neighbour, in loops
 * that the compiler vectorises, and then coded symbol by symbol.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/quic.h"

#include <glib.h>

#define INLINE static inline __attribute__((always_inline))

/* Bits to 32-bit little-endian words, the most significant first. */
struct bit_writer {
    uint8_t *out;
    uint64_t window; /* bits not yet written, at the bottom */
    unsigned bits;   /* how many; less than 32 between calls */
};

INLINE void put_bits(struct bit_writer *out, uint32_t value, unsigned count)
{
    out->window = out->window << count | value;
    out->bits += count;
    if (out->bits >= 32) {
        out->bits -= 32;
        uint32_t word = GUINT32_TO_LE((uint32_t)(out->window >> out->bits));
        memcpy(out->out, &word, sizeof(word));
        out->out += sizeof(word);
    }
}

INLINE void put_symbol(struct bit_writer *out, unsigned symbol, unsigned k, unsigned bpc)
{
    unsigned limit = quic_prefix_limit(k, bpc);
    if (symbol < limit << k)
        put_bits(out, 1u << k | (symbol & ((1u << k) - 1)), (symbol >> k) + 1 + k);
    else
        put_bits(out, symbol - (limit << k), limit + quic_escape_bits(k, bpc));
}

static void put_run(struct bit_writer *out, struct quic_context *context, uint32_t length)
{
    uint32_t step;
    while (length >= (step = 1u << quic_run_orders[context->run_state])) {
        put_bits(out, 1, 1);
        length -= step;
        quic_run_longer(context);
    }
    put_bits(out, length, 1u + quic_run_orders[context->run_state]);
    quic_run_shorter(context);
}

INLINE void code_pixel(struct bit_writer *out, struct quic_group *group, uint32_t i,
                       unsigned channels, unsigned bpc)
{
    for (unsigned c = 0; c < channels; c++) {
        struct quic_channel *channel = &group->channels[c];
        unsigned symbol = group->symbols[c][i];
        unsigned k = quic_bucket(channel, channel->residuals[(ptrdiff_t)i - 1], bpc)->best;
        put_symbol(out, symbol, k, bpc);
        channel->residuals[i] = (uint8_t)symbol;
    }
}

INLINE void update_model(struct quic_group *group, uint32_t i, unsigned channels, unsigned bpc)
{
    for (unsigned c = 0; c < channels; c++) {
        struct quic_channel *channel = &group->channels[c];
        uint8_t lengths[QUIC_MAX_BPC];
        for (unsigned k = 0; k < bpc; k++)
            lengths[k] = (uint8_t)quic_code_length(channel->residuals[i], k, bpc);
        quic_bucket_update(quic_bucket(channel, channel->residuals[(ptrdiff_t)i - 1], bpc), lengths,
                           bpc, group->context.trigger);
    }
}

/* Columns BEGIN to END of a row, one wait mask. */
INLINE void encode_segment(struct bit_writer *out, struct quic_group *group, uint32_t begin,
                           uint32_t end, bool first_row, unsigned channels, unsigned bpc)
{
    struct quic_context *context = &group->context;
    const uint8_t *same_now = group->same_now, *same_above = group->same_above;
    uint32_t i = begin, last_run = 0;
    if (i == 0) {
        code_pixel(out, group, 0, channels, bpc);
        if (context->wait > 0) {
            context->wait--;
        } else {
            context->wait = quic_next_wait(context);
            update_model(group, 0, channels, bpc);
        }
        i = 1;
    }
    uint64_t stop = (uint64_t)i + context->wait; /* the column after which the model learns */
    while (i < end) {
        if (!first_row && i > 2 && i != last_run && same_above[i] && same_now[i - 1]) {
            context->wait = (uint32_t)(stop - i);
            last_run = i;
            while (i < end && same_now[i])
                i++;
            put_run(out, context, i - last_run);
            if (i == end)
                return;
            stop = (uint64_t)i + context->wait;
            continue;
        }
        code_pixel(out, group, i, channels, bpc);
        if (i == stop) {
            update_model(group, i, channels, bpc);
            stop = (uint64_t)i + 1 + quic_next_wait(context);
        }
        i++;
    }
    context->wait = (uint32_t)(stop - end);
}

/* Small differences of either sign become small numbers. */
INLINE uint8_t fold(unsigned difference, unsigned mask)
{
    return (uint8_t)(difference <= mask >> 1 ? difference << 1 : ((mask - difference) << 1) | 1);
}

/* Folded residuals of one component. */
INLINE void fold_row(const uint8_t *restrict now, const uint8_t *restrict above,
                     uint8_t *restrict symbols, uint32_t width, bool first_row, unsigned bpc)
{
    const unsigned mask = (1u << bpc) - 1;
    for (uint32_t i = 1; i < width; i++) {
        unsigned left = now[i - 1];
        unsigned predicted = first_row ? left : (left + above[i]) >> 1;
        symbols[i] = fold((now[i] - predicted) & mask, mask);
    }
    symbols[0] = fold((now[0] - (first_row ? 0u : above[0])) & mask, mask);
}

INLINE void map_same(struct quic_group *group, uint32_t width, unsigned channels)
{
    uint8_t *restrict same = group->same_now;
    const uint8_t *r = group->now[0];
    same[0] = 0;
    if (channels == 1) {
        for (uint32_t i = 1; i < width; i++)
            same[i] = r[i] == r[i - 1];
        return;
    }
    const uint8_t *g = group->now[1], *b = group->now[2];
    for (uint32_t i = 1; i < width; i++)
        same[i] = (r[i] == r[i - 1]) & (g[i] == g[i - 1]) & (b[i] == b[i - 1]);
}

INLINE void encode_row(struct bit_writer *writer, struct quic_group *group, uint32_t width,
                       bool first_row, unsigned channels, unsigned bpc)
{
    for (unsigned c = 0; c < channels; c++)
        fold_row(group->now[c], group->above[c], group->symbols[c], width, first_row, bpc);
    map_same(group, width, channels);
    quic_row_begin(group, channels, first_row);

    struct bit_writer out = *writer;
    for (uint32_t at = 0; at < width;) {
        uint32_t length = quic_segment_length(&group->context, width - at);
        encode_segment(&out, group, at, at + length, first_row, channels, bpc);
        quic_segment_done(&group->context, length);
        at += length;
    }
    *writer = out;

    quic_row_end(group, channels);
}

/* All planes lie in one block, which is returned. */
static void *group_init(struct quic_group *group, unsigned channels, unsigned bpc, uint32_t width)
{
    size_t plane = ((size_t)width + 1 + 63) & ~(size_t)63;
    uint8_t *block = g_malloc0(plane * (4 * channels + 2)), *next = block;
    quic_context_init(&group->context);
    for (unsigned c = 0; c < channels; c++) {
        quic_channel_init(&group->channels[c], bpc);
        group->channels[c].residuals = next + 1;
        group->now[c] = next + plane;
        group->above[c] = next + 2 * plane;
        group->symbols[c] = next + 3 * plane;
        next += 4 * plane;
    }
    group->same_now = next;
    group->same_above = next + plane;
    return block;
}

static void load_row(const struct quic_info *info, const uint8_t *restrict row,
                     struct quic_group *color, struct quic_group *alpha)
{
    uint8_t *restrict r = color->now[0], *restrict g = color->now[1], *restrict b = color->now[2];
    uint32_t width = info->width;
    switch (info->type) {
    case QUIC_GRAY:
        memcpy(r, row, width);
        break;
    case QUIC_RGB16:
        for (uint32_t x = 0; x < width; x++) {
            unsigned pixel = row[x * 2] | row[x * 2 + 1] << 8;
            r[x] = pixel >> 10 & 0x1f;
            g[x] = pixel >> 5 & 0x1f;
            b[x] = pixel & 0x1f;
        }
        break;
    case QUIC_RGB24:
        for (uint32_t x = 0; x < width; x++) {
            b[x] = row[x * 3];
            g[x] = row[x * 3 + 1];
            r[x] = row[x * 3 + 2];
        }
        break;
    case QUIC_RGB32:
    case QUIC_RGBA:
        for (uint32_t x = 0; x < width; x++) {
            b[x] = row[x * 4];
            g[x] = row[x * 4 + 1];
            r[x] = row[x * 4 + 2];
        }
        break;
    }
    if (alpha) {
        for (uint32_t x = 0; x < width; x++)
            alpha->now[0][x] = row[x * 4 + 3];
    }
}

size_t quic_encoded_bound(const struct quic_info *info)
{
    /* No code is longer than the limit; a run costs less than what it stands for, or one bit. */
    uint64_t bits = (uint64_t)info->width * info->height * (4 * QUIC_CODE_LIMIT + 2);
    return QUIC_HEADER_WORDS * 4 + bits / 8 + 16;
}

size_t quic_encode(const struct quic_info *info, const uint8_t *pixels, ptrdiff_t stride,
                   uint8_t *out)
{
    bool gray = info->type == QUIC_GRAY, has_alpha = info->type == QUIC_RGBA;
    unsigned channels = gray ? 1 : 3, bpc = info->type == QUIC_RGB16 ? 5 : 8;
    struct quic_group color = {0}, alpha = {0};
    g_autofree void *color_planes = group_init(&color, channels, bpc, info->width);
    g_autofree void *alpha_planes = has_alpha ? group_init(&alpha, 1, 8, info->width) : NULL;

    struct bit_writer writer = {.out = out};
    put_bits(&writer, QUIC_MAGIC, 32);
    put_bits(&writer, QUIC_VERSION, 32);
    put_bits(&writer, info->type, 32);
    put_bits(&writer, info->width, 32);
    put_bits(&writer, info->height, 32);
    for (uint32_t y = 0; y < info->height; y++) {
        load_row(info, pixels + (ptrdiff_t)y * stride, &color, has_alpha ? &alpha : NULL);
        if (gray)
            encode_row(&writer, &color, info->width, y == 0, 1, 8);
        else if (bpc == 5)
            encode_row(&writer, &color, info->width, y == 0, 3, 5);
        else
            encode_row(&writer, &color, info->width, y == 0, 3, 8);
        if (has_alpha)
            encode_row(&writer, &alpha, info->width, y == 0, 1, 8);
    }
    if (writer.bits > 0)
        put_bits(&writer, 0, 32 - writer.bits);
    put_bits(&writer, 0, 32); /* the decoders' look-ahead */
    return (size_t)(writer.out - out);
}
