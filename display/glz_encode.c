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
#include "display/glz_units.h"

#include <glib.h>
#include <string.h>

enum {
    MAX_LITERALS = 32,
    NEAR_OFFSET = 4096,     /* offsets from there on need the far form, */
    MIDDLE_OFFSET = 131072, /* and from there on one byte more of it */
    NEAR_AGE = 64,
    LONG_MATCH = 48, /* no search for a longer one */
    SKIP_AFTER = 64, /* misses; from then on every other unit is looked up */
    MAX_COST = 5,    /* bytes of a match but for its length's, */
    MATCH_ROOM = 8,  /* and those that are written of it */
    SPARE_BYTES = 8, /* that may be written behind what counts */
};

static const struct unit unit_color = {UINT32_MAX, 3, 0, 2}; /* what does not count is 0 */
static const struct unit unit_color_of_alpha = {0x00ffffff, 3, 0, 2};
static const struct unit unit_alpha = {0xff000000, 1, 2, 4};
static const struct unit unit_high_color = {UINT32_MAX, 2, 1, 2};

/* A picture while it is encoded. */
struct encoding {
    struct glz_dictionary *dictionary;
    struct glz_picture picture; /* number dictionary->next */
    uint8_t *at, *out_end;
};

struct match {
    uint32_t from; /* in the ring */
    uint32_t length;
};

/* A match as the stream has it. */
struct reference {
    uint32_t offset, length;
    uint32_t age; /* how many pictures ago; 0: in this one */
};

/* ---- Searching ---- */

/* The tables' answers for AT will be wanted soon. */
INLINE struct hashes approach(const struct encoding *encoding, uint32_t at, struct unit unit)
{
    const struct glz_dictionary *dictionary = encoding->dictionary;
    const uint32_t *units = dictionary->ring + at;
    struct hashes hashes = {hash_few(units, unit), hash_many(units, unit)};

    __builtin_prefetch(&dictionary->places[hashes.few >> (64 - GLZ_PLACE_BITS)], 1);
    __builtin_prefetch(&dictionary->edges[hashes.many >> (64 - GLZ_EDGE_BITS)], 1);
    return hashes;
}

/* How many pictures ago what stands at FROM was drawn; meaningless if that is not in the ring. */
INLINE uint32_t age_of(const struct glz_dictionary *dictionary, uint32_t from)
{
    return (dictionary->next - dictionary->owners[from / GLZ_GRAIN]) % GLZ_MAX_PICTURES;
}

/* Do units from AT on agree longer with those at FROM? */
INLINE void try_longer(struct match *best, const struct encoding *encoding, uint32_t at,
                       uint32_t from, struct unit unit)
{
    struct glz_dictionary *dictionary = encoding->dictionary;
    uint32_t age = age_of(dictionary, from), length;
    const struct glz_picture *picture = glz_picture_at(dictionary, dictionary->next - age);

    /* Of this one, what lies behind; a copy may run into itself. */
    if (age > dictionary->count || picture->type != encoding->picture.type ||
        from < picture->start || from >= (age == 0 ? at : picture->end))
        return;
    length = common_units(dictionary->ring + from, dictionary->ring + at,
                          MIN(encoding->picture.end - at, picture->end - from), unit);
    if (length > best->length)
        *best = (struct match){from, length};
}

/* What a table keeps of a hash, in the place of an entry. */
INLINE glz_place tag_of(unsigned bits, uint64_t hashed)
{
    return (glz_place)(hashed >> (32 - bits)) & ~(GLZ_MAX_UNITS - 1);
}

/* Puts AT into a table; returns what was there. */
INLINE glz_place learn(glz_place *table, unsigned bits, uint64_t hashed, uint32_t at)
{
    glz_place *place = &table[hashed >> (64 - bits)], found = *place;

    *place = tag_of(bits, hashed) | at;
    return found;
}

/* What a table says of AT, which it learns. */
INLINE void look_up(struct match *best, const struct encoding *encoding, glz_place *table,
                    unsigned bits, uint64_t hashed, uint32_t at, struct unit unit)
{
    uint32_t from = learn(table, bits, hashed, at) ^ tag_of(bits, hashed);

    if (from < GLZ_MAX_UNITS)
        try_longer(best, encoding, at, from, unit);
}

/* GOES_ON: where what the last match refers to does, in the ring, if that may be of use. */
INLINE struct match find(const struct encoding *encoding, uint32_t at, struct hashes hashes,
                         uint32_t goes_on, struct unit unit)
{
    struct glz_dictionary *dictionary = encoding->dictionary;
    const uint32_t *units = dictionary->ring + at;
    bool edge = at == encoding->picture.start || ((units[0] ^ units[-1]) & unit.mask) != 0;
    struct match best = {0};

    if (!edge)
        try_longer(&best, encoding, at, at - 1, unit);
    if (goes_on < dictionary->capacity)
        try_longer(&best, encoding, at, goes_on, unit);
    if (best.length >= LONG_MATCH)
        return best;
    if (edge && best.length < EDGE_UNITS && encoding->picture.end - at >= EDGE_UNITS) {
        look_up(&best, encoding, dictionary->edges, GLZ_EDGE_BITS, hashes.many, at, unit);
        if (best.length >= EDGE_UNITS) {
            learn(dictionary->places, GLZ_PLACE_BITS, hashes.few, at);
            return best;
        }
    }
    look_up(&best, encoding, dictionary->places, GLZ_PLACE_BITS, hashes.few, at, unit);
    return best;
}

INLINE struct reference reference_to(const struct encoding *encoding, const struct match *match,
                                     uint32_t at)
{
    struct glz_dictionary *dictionary = encoding->dictionary;
    uint32_t age = age_of(dictionary, match->from);

    return (struct reference){
        .offset = age == 0
                      ? at - match->from - 1
                      : match->from - glz_picture_at(dictionary, dictionary->next - age)->start,
        .length = match->length,
        .age = age};
}

/* Bytes of a match, but for those of its length. */
INLINE unsigned cost(struct reference to)
{
    bool far = to.offset >= NEAR_OFFSET;

    return 3 + (to.offset >= MIDDLE_OFFSET) + (far ? to.age > 0 : to.age >= NEAR_AGE);
}

INLINE bool is_worth_it(const struct encoding *encoding, const struct match *match, uint32_t at,
                        struct unit unit)
{
    unsigned saved = match->length * unit.literal;
    unsigned profit = unit.literal == 1 ? 1 : 2;

    return match->length >= unit.bias + 2 &&
           (saved >= MAX_COST + profit ||
            saved >= cost(reference_to(encoding, match, at)) + profit);
}

/* ---- Writing ---- */

INLINE uint8_t *put_literals_of(uint8_t *at, const uint32_t *units, unsigned count,
                                struct unit unit)
{
    if (unit.literal != 3) {
        for (unsigned i = 0; i < count; i++, at += unit.literal) {
            if (unit.literal == 2)
                at[0] = units[i] >> 8;
            at[unit.literal - 1] = unit.literal == 1 ? units[i] >> 24 : units[i];
        }
        return at;
    }
    /* Two at a time, and one that is too many is written over by what comes next. */
    for (unsigned i = 0; i < count; i += 2) {
        uint64_t two;

        memcpy(&two, units + i, sizeof(two));
        two = (two & 0xffffff) | (two >> 8 & 0xffffff000000);
        memcpy(at + i * 3, &two, sizeof(two));
    }
    return at + count * 3;
}

INLINE bool put_literals(struct encoding *encoding, uint32_t first, uint32_t end, struct unit unit)
{
    while (first < end) {
        uint32_t count = MIN(end - first, MAX_LITERALS);

        if ((size_t)(encoding->out_end - encoding->at) < 1 + unit.literal * (size_t)count)
            return false;
        *encoding->at = count - 1;
        encoding->at =
            put_literals_of(encoding->at + 1, encoding->dictionary->ring + first, count, unit);
        first += count;
    }
    return true;
}

/* What is written may be there or not: it is counted when it is, which is never a jump. */
INLINE bool put_match(struct encoding *encoding, struct reference to)
{
    bool far = to.offset >= NEAR_OFFSET, very_far = to.offset >= MIDDLE_OFFSET;
    uint32_t age = far ? to.age : to.age >> 6, length = to.length;
    unsigned age_bytes = (age > 0) + (age > 255);
    uint8_t *at = encoding->at;

    if ((size_t)(encoding->out_end - at) < MATCH_ROOM + length / 255)
        return false;
    *at++ = MIN(length, 7) << 5 | far << 4 | (to.offset & 15);
    if (length >= 7 + 255) {
        for (length -= 7; length >= 255; length -= 255)
            *at++ = 255;
        length += 7;
    }
    *at = length - 7;
    at += length >= 7;
    at[0] = to.offset >> 4;
    at[1] = age_bytes << 6 | (far ? very_far << 5 | (to.offset >> 12 & 31) : to.age & 63);
    at[2] = age;
    at[3] = age >> 8;
    at += 2 + age_bytes;
    *at = to.offset >> 17;
    encoding->at = at + very_far;
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
    struct glz_dictionary *dictionary = encoding->dictionary;
    const uint32_t *ring = dictionary->ring;
    uint32_t start =
        glz_picture_at(dictionary, dictionary->next - age_of(dictionary, match->from))->start;

    while (*at > first && match->from > start &&
           ((ring[*at - 1] ^ ring[match->from - 1]) & unit.mask) == 0) {
        --*at;
        match->from--;
        match->length++;
    }
}

INLINE bool encode_pass(struct encoding *shared, struct unit unit)
{
    struct encoding own = *shared, *encoding = &own;
    struct glz_dictionary *dictionary = encoding->dictionary;
    uint32_t at = encoding->picture.start, end = encoding->picture.end;
    uint32_t literals = at, misses = 0;
    uint32_t ahead = 0; /* from a match to what it refers to, modulo 2^32 */
    struct hashes next = approach(encoding, at, unit);
    bool fits;

    while (at + unit.hashed <= end) {
        /* Right behind a match what it refers to goes on otherwise. */
        struct match match = find(encoding, at, next, misses > 0 ? at + ahead : UINT32_MAX, unit);
        struct reference reference;

        if (!is_worth_it(encoding, &match, at, unit)) {
            at += 1 + (misses++ >= SKIP_AFTER);
            next = approach(encoding, MIN(at, end), unit);
            continue;
        }
        next = approach(encoding, at + match.length, unit);
        misses = 0;
        ahead = match.from - at;
        grow_back(encoding, &match, &at, literals, unit);
        reference = reference_to(encoding, &match, at);
        reference.length -= unit.bias;
        if (!put_literals(encoding, literals, at, unit) || !put_match(encoding, reference))
            return false;
        at += match.length;
        literals = at;
        learn(dictionary->places, GLZ_PLACE_BITS,
              hash_few(dictionary->ring + at - unit.hashed, unit), at - unit.hashed);
    }
    fits = put_literals(encoding, literals, end, unit);
    shared->at = encoding->at;
    return fits;
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
    encoding->picture = *glz_dictionary_load(dictionary, source);
    stream = codec_rows_reserve(&dictionary->out, room + SPARE_BYTES);
    encoding->at = stream;
    encoding->out_end = stream + room - 1;
    put_header(encoding, source);
    if (!encode_units(encoding))
        return 0;
    glz_dictionary_keep(dictionary);
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
