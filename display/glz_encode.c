/*
 * GLZ: a search for the longest repetition at each place, and its writing.
 *
 * Four guesses are made where one may begin: that the last unit goes on, that what follows the last
 * repetition does, and what two tables say: one knows where a few units stood last, the other where
 * many did, but only from edges on, which finds the long repetitions of scrolled text that a few
 * units do not tell from each other.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/glz.h"
#include "display/glz_dictionary.h"

#include <glib.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum {
    MAX_LITERALS = 32,
    NEAR_OFFSET = 4096,     /* offsets from there on need the far form, */
    MIDDLE_OFFSET = 131072, /* and from there on one byte more of it */
    NEAR_AGE = 64,
    EDGE_UNITS = 16, /* that the second table's hash covers */
    LONG_MATCH = 48, /* no search for a longer one */
    SKIP_SHIFT = 6,  /* after 2^6 misses the step grows */
    MATCH_ROOM = 8,  /* bytes of a match but for its length's */
};

/* How a pass sees its units; constants where it is called. */
struct unit {
    uint32_t mask;    /* what counts when two are compared */
    unsigned literal; /* bytes in the stream */
    unsigned bias;    /* what is taken off a match's length */
    unsigned hashed;  /* units that the first table's hash covers: 2 or 4 */
};

static const struct unit unit_color = {UINT32_MAX, 3, 0, 2}; /* what does not count is 0 */
static const struct unit unit_color_of_alpha = {0x00ffffff, 3, 0, 2};
static const struct unit unit_alpha = {0xff000000, 1, 2, 4};
static const struct unit unit_high_color = {UINT32_MAX, 2, 1, 2};

/* A picture while it is encoded. */
struct encoding {
    struct glz_dictionary *dictionary;
    struct glz_picture picture;
    uint8_t *at, *out_end;
};

struct match {
    uint32_t from; /* in the ring */
    uint32_t length;
    uint32_t age;    /* how many pictures ago; 0: in this one */
    uint32_t offset; /* as the stream has it */
};

/* ---- Searching ---- */

INLINE uint64_t load2(const uint32_t *units, struct unit unit)
{
    uint64_t two;

    memcpy(&two, units, sizeof(two));
    return two & (unit.mask | (uint64_t)unit.mask << 32);
}

/* Well mixed in its upper half. */
INLINE uint64_t hash(const uint32_t *units, struct unit unit)
{
    uint64_t key = load2(units, unit);

    if (unit.hashed == 4)
        key = (key >> 24 | load2(units + 2, unit)) + 1;
    return key * UINT64_C(0x9e3779b185ebca87);
}

INLINE uint64_t edge_hash(const uint32_t *units, struct unit unit)
{
    static const uint64_t factors[EDGE_UNITS / 2] = {
        UINT64_C(0x9e3779b185ebca87), UINT64_C(0xc2b2ae3d27d4eb4f), UINT64_C(0x165667b19e3779f9),
        UINT64_C(0x85ebca77c2b2ae63), UINT64_C(0x27d4eb2f165667c5), UINT64_C(0xd6e8feb86659fd93),
        UINT64_C(0xa0761d6478bd642f), UINT64_C(0xe7037ed1a0b428db)};
    uint64_t sum = 0;

    for (unsigned i = 0; i < EDGE_UNITS / 2; i++) {
        uint64_t two = load2(units + 2 * i, unit);

        sum += (two ^ two >> 29) * factors[i];
    }
    return sum;
}

/* How many units agree, at most MAX. */
INLINE uint32_t common_units(const uint32_t *a, const uint32_t *b, uint32_t max, struct unit unit)
{
    uint32_t same = 0;

    while (max - same >= 8) {
        uint64_t difference = 0;

        for (unsigned i = 0; i < 8; i += 2)
            difference |= load2(a + same + i, unit) ^ load2(b + same + i, unit);
        if (difference)
            break;
        same += 8;
    }
    for (; same + 2 <= max; same += 2) {
        uint64_t difference = load2(a + same, unit) ^ load2(b + same, unit);

        if (difference)
            return same + ((GUINT64_TO_LE(difference) & UINT32_MAX) == 0);
    }
    return same + (same < max && ((a[same] ^ b[same]) & unit.mask) == 0);
}

/* How far units from AT on agree with those at FROM in the picture that is AGE older. */
INLINE struct match try_match(const struct encoding *encoding, uint32_t at, uint32_t from,
                              uint32_t age, struct unit unit)
{
    struct glz_dictionary *dictionary = encoding->dictionary;
    const uint32_t *ring = dictionary->ring;
    const struct glz_picture *picture = &encoding->picture;
    struct match match = {.from = from, .age = age};
    uint32_t end = at; /* of what can be referred to; a copy may run into itself */

    if (age > 0) {
        if (age > dictionary->count)
            return match;
        picture = glz_picture_at(dictionary, dictionary->next - age);
        end = picture->end;
        if (picture->type != encoding->picture.type)
            return match;
    }
    if (from < picture->start || from >= end)
        return match;
    match.offset = age == 0 ? at - from - 1 : from - picture->start;
    match.length = common_units(ring + from, ring + at,
                                MIN(encoding->picture.end - at, picture->end - from), unit);
    return match;
}

/* Bytes of a match, but for those of its length. */
INLINE int cost(const struct match *match)
{
    bool far = match->offset >= NEAR_OFFSET;

    return 3 + (match->offset >= MIDDLE_OFFSET) + (far ? match->age > 0 : match->age >= NEAR_AGE);
}

/* Bytes that a match saves. */
INLINE int gain(const struct match *match, struct unit unit)
{
    return (int)(MIN(match->length, 1u << 20) * unit.literal) - cost(match);
}

INLINE bool is_worth_it(const struct match *match, struct unit unit)
{
    return match->length >= unit.bias + 2 && gain(match, unit) >= (unit.literal == 1 ? 1 : 2);
}

INLINE void try_better(struct match *best, const struct encoding *encoding, uint32_t at,
                       uint32_t from, uint32_t age, struct unit unit)
{
    struct match other = try_match(encoding, at, from, age, unit);

    if (gain(&other, unit) > gain(best, unit))
        *best = other;
}

/* What a table says of AT, which it learns. */
INLINE void look_up(struct match *best, const struct encoding *encoding, struct glz_place *table,
                    unsigned bits, uint64_t hashed, uint32_t at, struct unit unit)
{
    uint64_t number = encoding->dictionary->next;
    struct glz_place *place = &table[hashed >> (64 - bits)], found = *place;
    uint16_t tag = hashed >> (48 - bits);

    *place = (struct glz_place){at, (uint16_t)number, tag};
    if (found.tag == tag)
        try_better(best, encoding, at, found.at, (uint16_t)(number - found.picture), unit);
}

/* LAST was found at LAST_AT. */
INLINE struct match find(const struct encoding *encoding, uint32_t at, const struct match *last,
                         uint32_t last_at, struct unit unit)
{
    struct glz_dictionary *dictionary = encoding->dictionary;
    const uint32_t *units = dictionary->ring + at;
    bool inside = at > encoding->picture.start;
    bool edge = !inside || ((units[0] ^ units[-1]) & unit.mask) != 0;
    struct match best = {0};

    if (!edge)
        try_better(&best, encoding, at, at - 1, 0, unit);
    if (last->length > 0)
        try_better(&best, encoding, at, last->from + (at - last_at), last->age, unit);
    if (best.length >= LONG_MATCH)
        return best;
    look_up(&best, encoding, dictionary->places, GLZ_PLACE_BITS, hash(units, unit), at, unit);
    if (edge && best.length < EDGE_UNITS && encoding->picture.end - at >= EDGE_UNITS)
        look_up(&best, encoding, dictionary->edges, GLZ_EDGE_BITS, edge_hash(units, unit), at,
                unit);
    return best;
}

/* ---- Writing ---- */

INLINE bool put_literals(struct encoding *encoding, uint32_t first, uint32_t end, struct unit unit)
{
    const uint32_t *units = encoding->dictionary->ring;

    while (first < end) {
        uint32_t count = MIN(end - first, MAX_LITERALS);
        uint8_t *at = encoding->at;

        if ((size_t)(encoding->out_end - at) < 1 + unit.literal * (size_t)count + 1)
            return false;
        *at++ = count - 1;
        for (uint32_t i = first; i < first + count; i++, at += unit.literal) {
            uint32_t value = units[i];

            if (unit.literal == 1) {
                *at = value >> 24;
            } else if (unit.literal == 2) {
                at[0] = value >> 8;
                at[1] = value;
            } else {
                /* The fourth byte is written over by what comes next. */
                value = GUINT32_TO_LE(value);
                memcpy(at, &value, sizeof(value));
            }
        }
        encoding->at = at;
        first += count;
    }
    return true;
}

static bool put_match(struct encoding *encoding, const struct match *match, unsigned bias)
{
    uint32_t length = match->length - bias, offset = match->offset, age = match->age;
    bool far = offset >= NEAR_OFFSET, very_far = offset >= MIDDLE_OFFSET;
    uint8_t *at = encoding->at;
    unsigned age_bytes = 0;

    /* Control, two more, three of the age, one of the offset; and the length's. */
    if ((size_t)(encoding->out_end - at) < MATCH_ROOM + length / 255)
        return false;
    *at++ = MIN(length, 7) << 5 | far << 4 | (offset & 15);
    if (length >= 7) {
        for (length -= 7; length >= 255; length -= 255)
            *at++ = 255;
        *at++ = length;
    }
    *at++ = offset >> 4;
    for (uint32_t rest = far ? age : age >> 6; rest > 0; rest >>= 8)
        age_bytes++;
    *at++ =
        far ? age_bytes << 6 | very_far << 5 | (offset >> 12 & 31) : age_bytes << 6 | (age & 63);
    for (uint32_t rest = far ? age : age >> 6; rest > 0; rest >>= 8)
        *at++ = rest;
    if (very_far)
        *at++ = offset >> 17;
    encoding->at = at;
    return true;
}

static void put_header(struct encoding *encoding, const struct codec_source *source)
{
    struct glz_dictionary *dictionary = encoding->dictionary;
    enum lz_type type = encoding->picture.type;
    const uint32_t start[] = {LZ_MAGIC, LZ_VERSION};
    const uint32_t rest[] = {
        source->width,          source->height,   source->width * (type == LZ_RGB16 ? 2 : 4),
        dictionary->next >> 32, dictionary->next, dictionary->count};

    for (unsigned i = 0; i < G_N_ELEMENTS(start); i++, encoding->at += 4)
        memcpy(encoding->at, &(uint32_t){GUINT32_TO_BE(start[i])}, 4);
    *encoding->at++ = type | source->top_down << 4;
    for (unsigned i = 0; i < G_N_ELEMENTS(rest); i++, encoding->at += 4)
        memcpy(encoding->at, &(uint32_t){GUINT32_TO_BE(rest[i])}, 4);
}

/* ---- Pictures ---- */

/* Units that were stepped over may belong to a match, too; not those before FIRST. */
INLINE void grow_back(const struct encoding *encoding, struct match *match, uint32_t *at,
                      uint32_t first, struct unit unit)
{
    const uint32_t *ring = encoding->dictionary->ring;

    while (*at > first &&
           (match->age == 0 ? match->from > encoding->picture.start : match->offset > 0) &&
           ((ring[*at - 1] ^ ring[match->from - 1]) & unit.mask) == 0) {
        --*at;
        match->from--;
        match->length++;
        if (match->age != 0)
            match->offset--;
    }
}

INLINE bool encode_pass(struct encoding *encoding, struct unit unit)
{
    struct glz_dictionary *dictionary = encoding->dictionary;
    uint32_t at = encoding->picture.start, end = encoding->picture.end;
    uint32_t literals = at, last_at = at, misses = 0;
    struct match last = {0};

    while (at + unit.hashed <= end) {
        struct match match = find(encoding, at, &last, last_at, unit);

        if (!is_worth_it(&match, unit)) {
            at += 1 + (misses++ >> SKIP_SHIFT);
            continue;
        }
        misses = 0;
        grow_back(encoding, &match, &at, literals, unit);
        if (!put_literals(encoding, literals, at, unit) || !put_match(encoding, &match, unit.bias))
            return false;
        last = match;
        last_at = at;
        at += match.length;
        literals = at;
        if (match.length > unit.hashed) {
            uint64_t hashed = hash(dictionary->ring + at - unit.hashed, unit);

            dictionary->places[hashed >> (64 - GLZ_PLACE_BITS)] = (struct glz_place){
                at - unit.hashed, (uint16_t)dictionary->next, hashed >> (48 - GLZ_PLACE_BITS)};
        }
    }
    return put_literals(encoding, literals, end, unit);
}

static bool encode_units(struct encoding *encoding)
{
    switch (encoding->picture.type) {
    case LZ_RGB16:
        return encode_pass(encoding, unit_high_color);
    case LZ_RGBA:
        return encode_pass(encoding, unit_color_of_alpha) && encode_pass(encoding, unit_alpha);
    default:
        return encode_pass(encoding, unit_color);
    }
}

/* The lock is held. Returns the stream's size, 0: it is not worth it. */
static size_t encode(struct encoding *encoding, const struct codec_source *source, uint8_t **out)
{
    struct glz_dictionary *dictionary = encoding->dictionary;
    size_t room = codec_row_bytes(source) * source->height, size;
    uint8_t *stream;

    if (dictionary->frozen || room <= GLZ_HEADER_SIZE)
        return 0;
    encoding->picture = glz_dictionary_load(dictionary, source);
    stream = codec_rows_reserve(&dictionary->out, room);
    encoding->at = stream;
    encoding->out_end = stream + room - 1;
    put_header(encoding, source);
    if (!encode_units(encoding))
        return 0;
    glz_dictionary_keep(dictionary, &encoding->picture);
    size = encoding->at - stream;
    *out = codec_rows_take(&dictionary->out, size);
    return size;
}

bool glz_encode(struct glz_dictionary *dictionary, const struct codec_source *source, uint8_t **out,
                size_t *out_size)
{
    struct encoding encoding = {.dictionary = dictionary};

    pthread_mutex_lock(&dictionary->lock);
    *out_size = encode(&encoding, source, out);
    pthread_mutex_unlock(&dictionary->lock);
    return *out_size > 0;
}
