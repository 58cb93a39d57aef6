/*
 * One candidate per hash of a few units, as in LZ4: the last place where they stood. Text and
 * drawings gain by matches that last long, photographs have none but short ones: so where more
 * units are literals than are in matches, the hash covers fewer. Long stretches without a match are
 * walked in steps of two, so that noise costs less; longer steps were seen to lose more than they
 * save.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/lz.h"

#include <glib.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

#define HASH_BITS    13
#define HASH_SIZE    (1u << HASH_BITS)
#define PLACES       (1u << 18) /* that are told apart: more than may be referred to */
#define MAX_LITERALS 32
#define NEAR_LIMIT   8192 /* distances below take two bytes with the control byte, others four */
#define FAR_LIMIT    73727
#define SKIP_AFTER   64   /* misses */
#define BUSY_AFTER   64   /* more literals than units in matches */
#define MAX_BUSY     1024 /* that are remembered */

struct lz_encoder {
    uint32_t places[HASH_SIZE]; /* where a hash was seen last, below PLACES, and a tag of it */
    uint8_t *alpha;             /* plane of the picture being encoded */
    size_t alpha_size;
};

struct output {
    uint8_t *at, *end;
};

/* How a kernel sees its units; constants where it is called. */
struct unit {
    unsigned size;    /* bytes in memory: 1, 2 or 4 */
    unsigned literal; /* bytes in the stream */
    unsigned bias;    /* what is taken off a match's length */
    unsigned hashed;  /* units that the hash covers: more are found less often, but last longer */
    unsigned busy;    /* the same where most are literals */
    unsigned least;   /* units of a match, which must not cost more than literals */
    uint64_t mask;    /* of eight bytes: what counts when units are compared */
};

static const struct unit unit_byte = {1, 1, 2, 4, 4, 4, UINT64_MAX};
static const struct unit unit_rgb16 = {2, 2, 1, 3, 3, 2, UINT64_C(0x7fff7fff7fff7fff)};
static const struct unit unit_rgb = {4, 3, 0, 3, 2, 2, UINT64_C(0x00ffffff00ffffff)};

/*
 * Fewer units left than this are literals: eight bytes may be loaded at each place before and at
 * the next.
 */
INLINE size_t tail_units(struct unit unit)
{
    return 8 / unit.size + 1;
}

INLINE uint64_t load8(const uint8_t *units, size_t i, struct unit unit)
{
    uint64_t value;
    memcpy(&value, units + i * unit.size, sizeof(value));
    return value & unit.mask;
}

INLINE uint32_t hash_of(const uint8_t *units, size_t i, unsigned hashed, struct unit unit)
{
    unsigned used = 8 * hashed * unit.size;
    uint64_t key = load8(units, i, unit);

    if (used < 64)
        key <<= 64 - used;
    else if (used > 64) /* by one unit */
        key ^= (load8(units, i + 1, unit) >> 32) * UINT64_C(0xc2b2ae3d27d4eb4f);
    return (uint32_t)((key * UINT64_C(0x9e3779b185ebca87)) >> 32);
}

INLINE uint32_t hash(const uint8_t *units, size_t i, bool busy, struct unit unit)
{
    return busy ? hash_of(units, i, unit.busy, unit) : hash_of(units, i, unit.hashed, unit);
}

/* What is kept of a hash beside its place: so nearly all that stands for others is not looked at.
 */
INLINE uint32_t tag_of(uint32_t hashed)
{
    return (hashed << HASH_BITS) & ~(PLACES - 1);
}

/* Unit I has that hash; returns what the table had of it. */
INLINE uint32_t learn(struct lz_encoder *encoder, uint32_t hashed, size_t i)
{
    uint32_t *place = &encoder->places[hashed >> (32 - HASH_BITS)], found = *place;

    *place = tag_of(hashed) | ((uint32_t)i & (PLACES - 1));
    return found;
}

/* How many units agree from A and B on, B behind A, END the first that must not be looked at. */
INLINE size_t common_units(const uint8_t *units, size_t a, size_t b, size_t end, struct unit unit)
{
    size_t start = b, per_load = 8 / unit.size;
    while (b + per_load <= end) {
        uint64_t difference = load8(units, a, unit) ^ load8(units, b, unit);
        if (difference)
            return b - start + (unsigned)__builtin_ctzll(difference) / (8 * unit.size);
        a += per_load;
        b += per_load;
    }
    return b - start;
}

/* Units FIRST to END as literals; false when there is no room. */
INLINE bool put_literals(struct output *out, const uint8_t *units, size_t first, size_t end,
                         struct unit unit)
{
    while (first < end) {
        size_t count = end - first < MAX_LITERALS ? end - first : MAX_LITERALS;
        if ((size_t)(out->end - out->at) < 1 + count * unit.literal)
            return false;
        *out->at++ = (uint8_t)(count - 1);
        const uint8_t *from = units + first * unit.size;
        for (size_t i = 0; i < count; i++) {
            if (unit.size == 1) {
                out->at[i] = from[i];
            } else if (unit.size == 2) {
                out->at[i * 2] = from[i * 2 + 1];
                out->at[i * 2 + 1] = from[i * 2];
            } else {
                out->at[i * 3] = from[i * 4];
                out->at[i * 3 + 1] = from[i * 4 + 1];
                out->at[i * 3 + 2] = from[i * 4 + 2];
            }
        }
        out->at += count * unit.literal;
        first += count;
    }
    return true;
}

static bool put_match(struct output *out, size_t distance, size_t length, unsigned bias)
{
    length -= bias;
    if ((size_t)(out->end - out->at) < 5 + length / 255)
        return false;
    distance -= 1;
    unsigned high = distance < NEAR_LIMIT - 1 ? (unsigned)(distance >> 8) : 31;
    if (length < 7) {
        *out->at++ = (uint8_t)(length << 5 | high);
    } else {
        *out->at++ = (uint8_t)(7 << 5 | high);
        for (length -= 7; length >= 255; length -= 255)
            *out->at++ = 255;
        *out->at++ = (uint8_t)length;
    }
    if (distance < NEAR_LIMIT - 1) {
        *out->at++ = (uint8_t)distance;
    } else {
        distance -= NEAR_LIMIT - 1;
        *out->at++ = 255;
        *out->at++ = (uint8_t)(distance >> 8);
        *out->at++ = (uint8_t)distance;
    }
    return true;
}

/* One pass over COUNT units; false when the output is full. */
INLINE bool encode_pass(struct lz_encoder *encoder, struct output *out, const uint8_t *units,
                        size_t count, struct unit unit)
{
    memset(encoder->places, 0, sizeof(encoder->places));
    size_t literals = 0, i = 0, misses = 0;
    ptrdiff_t busy = 0; /* literals less units in matches, of late */
    size_t end = count > tail_units(unit) ? count - tail_units(unit) : 0;

    while (i < end) {
        uint32_t hashed = hash(units, i, busy > BUSY_AFTER, unit);
        uint32_t found = learn(encoder, hashed, i) ^ tag_of(hashed);
        size_t distance = (i - found) & (PLACES - 1), length = 0;
        if (found < PLACES && distance - 1 < FAR_LIMIT && distance <= i)
            length = common_units(units, i - distance, i, end, unit);
        if (length < unit.least) {
            size_t step = 1 + (misses++ >= SKIP_AFTER);
            i += step;
            busy = MIN(busy + (ptrdiff_t)step, MAX_BUSY);
            continue;
        }
        misses = 0;
        while (i > literals && i > distance &&
               memcmp(units + (i - 1) * unit.size, units + (i - 1 - distance) * unit.size,
                      unit.size) == 0) {
            i--;
            length++;
        }
        if (!put_literals(out, units, literals, i, unit) ||
            !put_match(out, distance, length, unit.bias))
            return false;
        i += length;
        literals = i;
        busy = MAX(busy - (ptrdiff_t)length, -MAX_BUSY);
        if (i < end)
            learn(encoder, hash(units, i - 1, busy > BUSY_AFTER, unit), i - 1);
    }
    return put_literals(out, units, literals, count, unit);
}

struct lz_encoder *lz_encoder_create(void)
{
    return g_new0(struct lz_encoder, 1);
}

void lz_encoder_destroy(struct lz_encoder *encoder)
{
    if (encoder)
        g_free(encoder->alpha);
    g_free(encoder);
}

static void put_header(struct output *out, const struct lz_info *info)
{
    const uint32_t words[] = {LZ_MAGIC,     LZ_VERSION,   info->type,    info->width,
                              info->height, info->stride, info->top_down};
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        uint32_t word = GUINT32_TO_BE(words[i]);
        memcpy(out->at, &word, sizeof(word));
        out->at += sizeof(word);
    }
}

static bool encode_alpha(struct lz_encoder *encoder, struct output *out, const uint8_t *rows,
                         size_t pixels)
{
    if (encoder->alpha_size < pixels) {
        g_free(encoder->alpha);
        encoder->alpha = g_malloc(pixels);
        encoder->alpha_size = pixels;
    }
    for (size_t i = 0; i < pixels; i++)
        encoder->alpha[i] = rows[i * 4 + 3];
    return encode_pass(encoder, out, encoder->alpha, pixels, unit_byte);
}

size_t lz_encode(struct lz_encoder *encoder, const struct lz_info *info, const uint8_t *rows,
                 uint8_t *out, size_t room)
{
    struct output output = {out, out + room};
    if (room < LZ_HEADER_SIZE)
        return 0;
    put_header(&output, info);
    size_t pixels = (size_t)info->width * info->height;
    bool fits = false;
    switch (info->type) {
    case LZ_PLT1_LE:
    case LZ_PLT1_BE:
    case LZ_PLT4_LE:
    case LZ_PLT4_BE:
    case LZ_PLT8:
        fits = encode_pass(encoder, &output, rows, (size_t)info->stride * info->height, unit_byte);
        break;
    case LZ_A8:
        fits = encode_pass(encoder, &output, rows, pixels, unit_byte);
        break;
    case LZ_RGB16:
        fits = encode_pass(encoder, &output, rows, pixels, unit_rgb16);
        break;
    case LZ_RGB24:
        break;
    case LZ_RGB32:
        fits = encode_pass(encoder, &output, rows, pixels, unit_rgb);
        break;
    case LZ_RGBA:
        fits = encode_pass(encoder, &output, rows, pixels, unit_rgb) &&
               encode_alpha(encoder, &output, rows, pixels);
        break;
    case LZ_XXXA:
        fits = encode_alpha(encoder, &output, rows, pixels);
        break;
    }
    return fits ? (size_t)(output.at - out) : 0;
}
