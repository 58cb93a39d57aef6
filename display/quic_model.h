/*
 * QUIC's adaptive model, shared by encoder and decoder: codecs.md section 1.
 *
 * Everything here is inline: it runs once per pixel or per model update, with the number of
 * channels and the bits per component known when the caller is compiled.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define QUIC_MAGIC        0x43495551u
#define QUIC_VERSION      0u
#define QUIC_HEADER_WORDS 5
/* More pixels than this are refused, as the reference does. */
#define QUIC_MAX_PIXELS ((UINT64_C(1) << 29) - 1)

enum quic_type { /* word 2 of the header */
                 QUIC_GRAY = 1,
                 QUIC_RGB16 = 2,
                 QUIC_RGB24 = 3,
                 QUIC_RGB32 = 4,
                 QUIC_RGBA = 5,
};

#define QUIC_MAX_BPC     8
#define QUIC_MAX_BUCKETS 8
#define QUIC_MAX_MASK    6
#define QUIC_MASK_PIXELS 2048 /* after so many columns the wait mask gets one bit more */
#define QUIC_CODE_LIMIT  26   /* longest code, bits */

/* How often one Golomb-Rice parameter would have been how long, and which is best now. */
struct quic_bucket {
    uint16_t cost[QUIC_MAX_BPC];
    uint8_t best;
};

struct quic_channel {
    uint8_t *residuals; /* of column -1 ... width - 1; see section 1.2 for what stays in it */
    struct quic_bucket buckets[QUIC_MAX_BUCKETS];
};

/* What the channels of a group (R, G, B; or alpha; or grey) have in common. */
struct quic_context {
    uint32_t wait;
    uint8_t seed;
    uint8_t mask_bits;
    uint16_t trigger;
    uint32_t columns_left; /* before mask_bits grows */
    uint8_t run_state;
};

/* The channels of a group and the rows that it is at, as the decoder has them. */
struct quic_group {
    struct quic_context context;
    struct quic_channel channels[3];
    uint8_t *now[3]; /* components of this row */
    uint8_t *above[3];
    uint8_t *same_now; /* 1 where a pixel equals its left neighbour, this row */
    uint8_t *same_above;
};

static const uint16_t quic_triggers[QUIC_MAX_MASK + 1] = {110, 550, 900, 800, 550, 400, 350};

static const uint8_t quic_run_orders[32] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,  2,  3,  3,  3,  3,
                                            4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* The format's own random numbers, section 1.3. */
static const uint8_t quic_waits[256] = {
    2,  23, 19, 21, 7,  18, 40, 14, 12, 32, 47, 44, 36, 6,  18, 11, 4,  19, 42, 29, 16, 63, 57, 51,
    16, 3,  5,  14, 15, 30, 20, 9,  36, 45, 3,  57, 61, 0,  8,  5,  41, 14, 43, 27, 43, 59, 31, 35,
    39, 60, 42, 38, 13, 54, 62, 1,  26, 3,  11, 61, 52, 34, 7,  48, 4,  59, 22, 12, 22, 8,  50, 4,
    10, 6,  44, 8,  11, 46, 31, 51, 53, 17, 1,  43, 46, 60, 36, 54, 10, 27, 39, 44, 22, 41, 23, 2,
    44, 0,  40, 53, 40, 48, 16, 43, 32, 28, 33, 12, 20, 2,  56, 62, 55, 58, 18, 20, 13, 55, 38, 29,
    57, 19, 49, 33, 47, 63, 59, 0,  35, 61, 19, 25, 46, 38, 60, 4,  35, 1,  26, 40, 28, 10, 5,  14,
    25, 18, 48, 49, 20, 59, 62, 34, 46, 7,  33, 52, 34, 58, 9,  29, 8,  55, 62, 60, 37, 36, 37, 50,
    6,  3,  10, 28, 48, 24, 26, 61, 57, 30, 11, 54, 2,  6,  50, 47, 7,  17, 35, 53, 32, 12, 23, 17,
    5,  21, 49, 55, 51, 45, 52, 27, 39, 25, 39, 63, 22, 24, 42, 52, 56, 38, 41, 41, 56, 32, 13, 24,
    26, 51, 27, 56, 58, 37, 24, 42, 15, 28, 17, 30, 31, 15, 16, 23, 25, 54, 33, 34, 1,  29, 31, 50,
    53, 21, 49, 15, 47, 9,  0,  58, 37, 45, 30, 13, 9,  45, 63, 21};

static inline void quic_context_init(struct quic_context *context)
{
    *context = (struct quic_context){
        .seed = 255, .trigger = quic_triggers[0], .columns_left = QUIC_MASK_PIXELS};
}

static inline void quic_channel_init(struct quic_channel *channel, unsigned bpc)
{
    memset(channel->buckets, 0, sizeof(channel->buckets));
    for (unsigned b = 0; b < QUIC_MAX_BUCKETS; b++)
        channel->buckets[b].best = (uint8_t)(bpc - 1);
}

static inline uint32_t quic_next_wait(struct quic_context *context)
{
    context->seed++;
    return quic_waits[context->seed] & ((1u << context->mask_bits) - 1);
}

/* The bucket that the residual left of a pixel chooses: floor(log2(residual + 1)), bounded. */
static inline unsigned quic_bucket_index(unsigned residual, unsigned bpc)
{
    unsigned last = bpc == 8 ? 7 : 4;
    unsigned index = 31 - (unsigned)__builtin_clz(residual + 1);
    return index < last ? index : last;
}

static inline struct quic_bucket *quic_bucket(struct quic_channel *channel, unsigned residual,
                                              unsigned bpc)
{
    return &channel->buckets[quic_bucket_index(residual, bpc)];
}

/* Golomb-Rice codes of limited length, section 1.5: prefix zeros and suffix bits of an escape. */
static inline unsigned quic_prefix_limit(unsigned k, unsigned bpc)
{
    unsigned ones = (1u << (bpc - k)) - 1;
    return ones < QUIC_CODE_LIMIT - bpc ? ones : QUIC_CODE_LIMIT - bpc;
}

static inline unsigned quic_escape_bits(unsigned k, unsigned bpc)
{
    unsigned rest = (1u << bpc) - (quic_prefix_limit(k, bpc) << k);
    return rest <= 1 ? 0 : 32 - (unsigned)__builtin_clz(rest - 1);
}

static inline unsigned quic_code_length(unsigned symbol, unsigned k, unsigned bpc)
{
    unsigned limit = quic_prefix_limit(k, bpc);
    return symbol < limit << k ? (symbol >> k) + 1 + k : limit + quic_escape_bits(k, bpc);
}

/* Learns that SYMBOL was coded in BUCKET; section 1.6. LENGTHS: of SYMBOL's code for each k. */
static inline void quic_bucket_update(struct quic_bucket *bucket, const uint8_t *lengths,
                                      unsigned bpc, unsigned trigger)
{
    uint32_t best = UINT32_MAX; /* cost and, below it, 7 - k: ties go to the larger k */
    for (unsigned k = 0; k < bpc; k++) {
        uint32_t cost = bucket->cost[k] + lengths[k];
        uint32_t rank = cost << 3 | (7 - k);
        bucket->cost[k] = (uint16_t)cost;
        best = rank < best ? rank : best;
    }
    bucket->best = 7 - (best & 7);
    if (best >> 3 > trigger) {
        for (unsigned k = 0; k < bpc; k++)
            bucket->cost[k] >>= 1;
    }
}

static inline void quic_run_longer(struct quic_context *context)
{
    if (context->run_state < 31)
        context->run_state++;
}

static inline void quic_run_shorter(struct quic_context *context)
{
    if (context->run_state > 0)
        context->run_state--;
}

/* The next stretch of a row with one wait mask; starts the next mask when a stretch is used up. */
static inline uint32_t quic_segment_length(const struct quic_context *context, uint32_t columns)
{
    bool grows = context->mask_bits < QUIC_MAX_MASK && context->columns_left <= columns;
    return grows ? context->columns_left : columns;
}

static inline void quic_segment_done(struct quic_context *context, uint32_t columns)
{
    if (context->mask_bits == QUIC_MAX_MASK)
        return;
    context->columns_left -= columns;
    if (context->columns_left == 0) {
        context->mask_bits++;
        context->trigger = quic_triggers[context->mask_bits];
        context->columns_left = QUIC_MASK_PIXELS;
    }
}

static inline void quic_row_begin(struct quic_group *group, unsigned channels, bool first_row)
{
    for (unsigned c = 0; c < channels; c++)
        group->channels[c].residuals[-1] = first_row ? 0 : group->channels[c].residuals[0];
}

/* This row becomes the one above. */
static inline void quic_row_end(struct quic_group *group, unsigned channels)
{
    for (unsigned c = 0; c < channels; c++) {
        uint8_t *above = group->above[c];
        group->above[c] = group->now[c];
        group->now[c] = above;
    }
    uint8_t *same = group->same_above;
    group->same_above = group->same_now;
    group->same_now = same;
}
