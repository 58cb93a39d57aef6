/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/quic.h"

#include <glib.h>

#define INLINE static inline __attribute__((always_inline))

/* Bits from 32-bit little-endian words, the most significant first. Past the end there are zeros.
 */
struct bit_reader {
    const uint8_t *data;
    size_t words;
    size_t next;     /* word to be loaded; may pass words */
    uint64_t window; /* the next bits, at the top */
    unsigned bits;   /* valid ones; more than 32 after refill() */
};

static const char too_short[] = "QUIC stream ends too early";

static uint32_t word_at(const uint8_t *data, size_t index)
{
    uint32_t word;
    memcpy(&word, data + index * 4, sizeof(word));
    return GUINT32_FROM_LE(word);
}

INLINE void refill(struct bit_reader *in)
{
    if (in->bits > 32)
        return;
    uint64_t word = in->next < in->words ? word_at(in->data, in->next) : 0;
    in->next++;
    in->window |= word << (32 - in->bits);
    in->bits += 32;
}

INLINE void skip(struct bit_reader *in, unsigned count)
{
    in->window <<= count;
    in->bits -= count;
}

/* More words were needed than there are? One may be missing: that of the look-ahead. */
static bool overrun(const struct bit_reader *in)
{
    size_t consumed = in->next * 32 - in->bits;
    return consumed > in->words * 32;
}

INLINE unsigned read_symbol(struct bit_reader *in, unsigned k, unsigned bpc)
{
    refill(in);
    unsigned zeros = (unsigned)__builtin_clzll(in->window | 1);
    unsigned limit = quic_prefix_limit(k, bpc);
    unsigned symbol;
    if (zeros < limit) {
        skip(in, zeros + 1);
        symbol = zeros << k;
        if (k > 0) {
            symbol |= (unsigned)(in->window >> (64 - k));
            skip(in, k);
        }
    } else {
        unsigned escape = quic_escape_bits(k, bpc);
        skip(in, limit);
        symbol = (limit << k) + (unsigned)(in->window >> (64 - escape));
        skip(in, escape);
    }
    /* An escape can name more symbols than there are. */
    return symbol & ((1u << bpc) - 1);
}

/* A run's length, or UINT32_MAX when it is longer than LIMIT. */
INLINE uint32_t read_run(struct bit_reader *in, struct quic_context *context, uint32_t limit)
{
    uint32_t length = 0;
    refill(in);
    while (in->window >> 63) {
        length += 1u << quic_run_orders[context->run_state];
        quic_run_longer(context);
        if (length > limit)
            return UINT32_MAX;
        skip(in, 1);
        refill(in);
    }
    skip(in, 1);
    unsigned order = quic_run_orders[context->run_state];
    if (order > 0) {
        length += (uint32_t)(in->window >> (64 - order));
        skip(in, order);
    }
    quic_run_shorter(context);
    return length > limit ? UINT32_MAX : length;
}

INLINE unsigned predict(const uint8_t *now, const uint8_t *above, uint32_t i, bool first_row)
{
    if (first_row)
        return i == 0 ? 0 : now[i - 1];
    return i == 0 ? above[0] : (unsigned)(now[i - 1] + above[i]) >> 1;
}

INLINE void decode_pixel(struct bit_reader *in, struct quic_group *group, uint32_t i,
                         bool first_row, unsigned channels, unsigned bpc)
{
    const unsigned mask = (1u << bpc) - 1;
    bool same = true;
    for (unsigned c = 0; c < channels; c++) {
        struct quic_channel *channel = &group->channels[c];
        uint8_t *now = group->now[c];
        unsigned k = quic_bucket(channel, channel->residuals[(ptrdiff_t)i - 1], bpc)->best;
        unsigned symbol = read_symbol(in, k, bpc);
        channel->residuals[i] = (uint8_t)symbol;
        unsigned difference = symbol & 1 ? mask - (symbol >> 1) : symbol >> 1;
        now[i] = (uint8_t)((difference + predict(now, group->above[c], i, first_row)) & mask);
        same &= i > 0 && now[i] == now[i - 1];
    }
    group->same_now[i] = same;
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

INLINE void repeat_left(struct quic_group *group, uint32_t i, uint32_t length, unsigned channels)
{
    for (unsigned c = 0; c < channels; c++)
        memset(group->now[c] + i, group->now[c][i - 1], length);
    memset(group->same_now + i, 1, length);
}

/* Columns BEGIN to END of a row, one wait mask. NULL, or what is wrong. */
INLINE const char *decode_segment(struct bit_reader *in, struct quic_group *group, uint32_t begin,
                                  uint32_t end, bool first_row, unsigned channels, unsigned bpc)
{
    struct quic_context *context = &group->context;
    uint32_t i = begin, last_run = 0;
    if (i == 0) {
        decode_pixel(in, group, 0, first_row, channels, bpc);
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
        if (!first_row && i > 2 && i != last_run && group->same_above[i] &&
            group->same_now[i - 1]) {
            context->wait = (uint32_t)(stop - i);
            last_run = i;
            uint32_t length = read_run(in, context, end - i);
            if (length == UINT32_MAX)
                return "QUIC stream has a run that leaves its row";
            repeat_left(group, i, length, channels);
            i += length;
            if (i == end)
                return NULL;
            stop = (uint64_t)i + context->wait;
            continue;
        }
        decode_pixel(in, group, i, first_row, channels, bpc);
        if (i == stop) {
            if (overrun(in))
                return too_short;
            update_model(group, i, channels, bpc);
            stop = (uint64_t)i + 1 + quic_next_wait(context);
        }
        i++;
    }
    context->wait = (uint32_t)(stop - end);
    return overrun(in) ? too_short : NULL;
}

INLINE const char *decode_row(struct bit_reader *reader, struct quic_group *group, uint32_t width,
                              bool first_row, unsigned channels, unsigned bpc)
{
    struct bit_reader in = *reader;
    quic_row_begin(group, channels, first_row);
    const char *error = NULL;
    for (uint32_t at = 0; at < width && !error;) {
        uint32_t length = quic_segment_length(&group->context, width - at);
        error = decode_segment(&in, group, at, at + length, first_row, channels, bpc);
        quic_segment_done(&group->context, length);
        at += length;
    }
    *reader = in;
    quic_row_end(group, channels);
    return error;
}

static void group_init(struct quic_group *group, unsigned channels, unsigned bpc, uint32_t width)
{
    quic_context_init(&group->context);
    for (unsigned c = 0; c < channels; c++) {
        quic_channel_init(&group->channels[c], bpc);
        group->channels[c].residuals = (uint8_t *)g_malloc0(width + 1) + 1;
        group->now[c] = g_malloc0(width);
        group->above[c] = g_malloc0(width);
    }
    group->same_now = g_malloc0(width);
    group->same_above = g_malloc0(width);
}

static void group_finish(struct quic_group *group, unsigned channels)
{
    for (unsigned c = 0; c < channels; c++) {
        g_free(group->channels[c].residuals - 1);
        g_free(group->now[c]);
        g_free(group->above[c]);
    }
    g_free(group->same_now);
    g_free(group->same_above);
}

/* The row just decoded, which is "above" now. */
static void store_row(const struct quic_info *info, const struct quic_group *color,
                      const struct quic_group *alpha, uint8_t *row)
{
    const uint8_t *r = color->above[0], *g = color->above[1], *b = color->above[2];
    switch (info->type) {
    case QUIC_GRAY:
        memcpy(row, r, info->width);
        break;
    case QUIC_RGB16:
        for (uint32_t x = 0; x < info->width; x++) {
            uint16_t pixel = GUINT16_TO_LE((uint16_t)(r[x] << 10 | g[x] << 5 | b[x]));
            memcpy(row + x * 2, &pixel, sizeof(pixel));
        }
        break;
    case QUIC_RGB24:
    case QUIC_RGB32:
    case QUIC_RGBA:
        for (uint32_t x = 0; x < info->width; x++) {
            row[x * 4] = b[x];
            row[x * 4 + 1] = g[x];
            row[x * 4 + 2] = r[x];
            row[x * 4 + 3] = alpha ? alpha->above[0][x] : 0;
        }
        break;
    }
}

unsigned quic_pixel_size(enum quic_type type)
{
    static const unsigned sizes[] = {0, 1, 2, 3, 4, 4};
    return sizes[type];
}

const char *quic_read_header(const uint8_t *data, size_t size, struct quic_info *info)
{
    if (size < (QUIC_HEADER_WORDS + 1) * 4)
        return "QUIC stream is shorter than its header";
    if (word_at(data, 0) != QUIC_MAGIC)
        return "QUIC stream has no magic number";
    if (word_at(data, 1) != QUIC_VERSION)
        return "QUIC stream has an unknown version";
    uint32_t type = word_at(data, 2);
    info->width = word_at(data, 3);
    info->height = word_at(data, 4);
    if (type < QUIC_GRAY || type > QUIC_RGBA)
        return "QUIC stream has an unknown pixel type";
    info->type = (enum quic_type)type;
    if (info->width == 0 || info->height == 0 || info->width > INT32_MAX ||
        info->height > INT32_MAX || (uint64_t)info->width * info->height > QUIC_MAX_PIXELS)
        return "QUIC picture has an impossible size";
    return NULL;
}

const char *quic_decode(const uint8_t *data, size_t size, const struct quic_info *info,
                        uint8_t *pixels, ptrdiff_t stride)
{
    struct bit_reader in = {.data = data, .words = size / 4, .next = QUIC_HEADER_WORDS};
    bool gray = info->type == QUIC_GRAY, has_alpha = info->type == QUIC_RGBA;
    unsigned channels = gray ? 1 : 3, bpc = info->type == QUIC_RGB16 ? 5 : 8;
    struct quic_group color, alpha;
    group_init(&color, channels, bpc, info->width);
    if (has_alpha)
        group_init(&alpha, 1, 8, info->width);

    const char *error = NULL;
    for (uint32_t y = 0; y < info->height && !error; y++) {
        if (gray)
            error = decode_row(&in, &color, info->width, y == 0, 1, 8);
        else if (bpc == 5)
            error = decode_row(&in, &color, info->width, y == 0, 3, 5);
        else
            error = decode_row(&in, &color, info->width, y == 0, 3, 8);
        if (!error && has_alpha)
            error = decode_row(&in, &alpha, info->width, y == 0, 1, 8);
        if (!error)
            store_row(info, &color, has_alpha ? &alpha : NULL, pixels + (ptrdiff_t)y * stride);
    }
    group_finish(&color, channels);
    if (has_alpha)
        group_finish(&alpha, 1);
    return error;
}
