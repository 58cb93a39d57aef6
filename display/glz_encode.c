/*
 * The pictures lie one behind the other in a ring of pixels; a new one drops the oldest that are in
 * its way. A table leads from the hash of two pixels to the last place where they stood, whichever
 * picture that was in; a second one does so for sixteen pixels at edges, which finds the long
 * repetitions of scrolled text that two pixels do not tell from each other. What the tables say is
 * checked before use, so stale entries do no harm.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/codec_rows.h"
#include "display/glz.h"
#include "display/lz.h"

#include <glib.h>
#include <string.h>

#define MAX_PIXELS   (1u << 22) /* of the ring, 16 MiB: more brings little */
#define MIN_PIXELS   (1u << 12)
#define MAX_PICTURES 4096 /* a power of two */
#define HASH_BITS    17
#define HASHED       2 /* pixels */
#define EDGE_BITS    15
#define EDGE_HASHED  16
#define MAX_LITERALS 32
#define NEAR_PIXELS  4096
#define NEAR_IDS     64
#define MIDDLE       131072 /* offsets from there on take one byte more */
#define SKIP_SHIFT   5      /* after 2^5 misses the step grows */

struct picture {
    uint32_t start, end; /* in the ring */
};

struct place {
    uint32_t at;      /* in the ring */
    uint32_t picture; /* its number, low bits */
};

struct glz_dictionary {
    uint32_t *ring;
    uint32_t capacity; /* pixels */
    uint64_t next;     /* the next picture's number */
    uint32_t count;    /* pictures in the ring: next - count ... next - 1 */
    struct picture pictures[MAX_PICTURES];
    struct place places[1u << HASH_BITS], edges[1u << EDGE_BITS];
    struct codec_rows rows, out;
};

/* A picture while it is encoded. */
struct encoding {
    struct glz_dictionary *dictionary;
    uint32_t start, end; /* of it */
    uint8_t *at, *out_end;
};

struct match {
    uint32_t from; /* in the ring */
    uint32_t length;
    uint32_t age;    /* how many pictures ago; 0: in this one */
    uint32_t offset; /* as the stream has it */
};

struct glz_dictionary *glz_dictionary_create(uint32_t window)
{
    struct glz_dictionary *dictionary;

    if (window < MIN_PIXELS || window > GLZ_MAX_WINDOW)
        return NULL;
    dictionary = g_new0(struct glz_dictionary, 1);
    dictionary->capacity = MIN(window, MAX_PIXELS);
    dictionary->ring = g_new(uint32_t, dictionary->capacity);
    return dictionary;
}

void glz_dictionary_destroy(struct glz_dictionary *dictionary)
{
    if (dictionary == NULL)
        return;
    codec_rows_finish(&dictionary->rows);
    codec_rows_finish(&dictionary->out);
    g_free(dictionary->ring);
    g_free(dictionary);
}

uint64_t glz_dictionary_next(const struct glz_dictionary *dictionary)
{
    return dictionary->next;
}

void glz_dictionary_continue(struct glz_dictionary *dictionary, uint64_t next)
{
    g_return_if_fail(dictionary->count == 0);
    dictionary->next = next;
}

bool glz_accepts(const struct glz_dictionary *dictionary, const struct codec_source *source)
{
    return (source->format == SPICE_BITMAP_FMT_32BIT || source->format == SPICE_BITMAP_FMT_24BIT) &&
           codec_source_is_complete(source) &&
           (uint64_t)source->width * source->height < dictionary->capacity;
}

static struct picture *picture_at(struct glz_dictionary *dictionary, uint64_t number)
{
    return &dictionary->pictures[number % MAX_PICTURES];
}

/* Where SIZE pixels can go; the oldest pictures make room. */
static uint32_t make_room(struct glz_dictionary *dictionary, uint32_t size)
{
    uint32_t start = dictionary->count > 0 ? picture_at(dictionary, dictionary->next - 1)->end : 0;
    bool wraps = size > dictionary->capacity - start;

    if (dictionary->count == MAX_PICTURES)
        dictionary->count--;
    while (dictionary->count > 0) {
        const struct picture *oldest = picture_at(dictionary, dictionary->next - dictionary->count);
        uint32_t from = wraps ? 0 : start;

        /* What is still behind us is from the last round, and is older than what is before us. */
        if (!(wraps && oldest->start >= start) &&
            (oldest->end <= from || oldest->start >= from + size))
            break;
        dictionary->count--;
    }
    return wraps ? 0 : start;
}

static inline uint32_t hash(const uint32_t *pixels)
{
    uint64_t key;

    memcpy(&key, pixels, sizeof(key));
    return (key * UINT64_C(0x9e3779b185ebca87)) >> (64 - HASH_BITS);
}

static inline uint32_t edge_hash(const uint32_t *pixels)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < EDGE_HASHED; i += 2) {
        uint64_t key;

        memcpy(&key, pixels + i, sizeof(key));
        sum = (sum ^ key) * UINT64_C(0x9e3779b185ebca87);
        sum ^= sum >> 29;
    }
    return sum >> (64 - EDGE_BITS);
}

static inline uint32_t common_pixels(const uint32_t *a, const uint32_t *b, uint32_t max)
{
    uint32_t same = 0;

    for (; same + 2 <= max; same += 2) {
        uint64_t x, y;

        memcpy(&x, a + same, sizeof(x));
        memcpy(&y, b + same, sizeof(y));
        if (x != y)
            return same + ((uint32_t)x == (uint32_t)y);
    }
    return same + (same < max && a[same] == b[same]);
}

/* How far pixels from AT on agree with those at FROM in the picture that is AGE older. */
static struct match try_match(const struct encoding *encoding, uint32_t at, uint32_t from,
                              uint32_t age)
{
    struct glz_dictionary *dictionary = encoding->dictionary;
    const struct picture *picture;
    struct match match = {.from = from, .age = age};

    if (age == 0) {
        if (from < encoding->start || from >= at)
            return match;
        match.offset = at - from - 1;
        match.length =
            common_pixels(dictionary->ring + from, dictionary->ring + at, encoding->end - at);
        return match;
    }
    if (age > dictionary->count)
        return match;
    picture = picture_at(dictionary, dictionary->next - age);
    if (from < picture->start || from >= picture->end)
        return match;
    match.offset = from - picture->start;
    match.length = common_pixels(dictionary->ring + from, dictionary->ring + at,
                                 MIN(encoding->end - at, picture->end - from));
    return match;
}

/* Bytes of a match, but for those of its length. */
static inline int cost(const struct match *match)
{
    bool far = match->offset >= NEAR_PIXELS;

    return 3 + (match->offset >= MIDDLE) + (far ? match->age > 0 : match->age >= NEAR_IDS);
}

/* Bytes that a match saves. */
static inline int gain(const struct match *match)
{
    return (int)MIN(match->length, 1u << 20) * 3 - cost(match);
}

static inline bool is_worth_it(const struct match *match)
{
    return match->length >= HASHED && gain(match) >= 3;
}

static bool put_literals(struct encoding *encoding, uint32_t first, uint32_t end)
{
    const uint32_t *pixels = encoding->dictionary->ring;

    while (first < end) {
        uint32_t count = MIN(end - first, MAX_LITERALS);

        if ((size_t)(encoding->out_end - encoding->at) < 1 + 3 * (size_t)count)
            return false;
        *encoding->at++ = count - 1;
        for (uint32_t i = 0; i < count; i++) {
            *encoding->at++ = pixels[first + i];
            *encoding->at++ = pixels[first + i] >> 8;
            *encoding->at++ = pixels[first + i] >> 16;
        }
        first += count;
    }
    return true;
}

static bool put_match(struct encoding *encoding, const struct match *match)
{
    uint32_t length = match->length, offset = match->offset, age = match->age;
    bool far = offset >= NEAR_PIXELS, very_far = offset >= MIDDLE;
    uint8_t *at = encoding->at;
    unsigned age_bytes = 0;

    /* Control, two more, three of the age, one of the offset; and the length's. */
    if ((size_t)(encoding->out_end - at) < 8 + length / 255)
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
    const uint32_t start[] = {LZ_MAGIC, LZ_VERSION};
    const uint32_t rest[] = {source->width,          source->height,   source->width * 4,
                             dictionary->next >> 32, dictionary->next, dictionary->count};

    for (unsigned i = 0; i < G_N_ELEMENTS(start); i++, encoding->at += 4)
        memcpy(encoding->at, &(uint32_t){GUINT32_TO_BE(start[i])}, 4);
    *encoding->at++ = LZ_RGB32 | source->top_down << 4;
    for (unsigned i = 0; i < G_N_ELEMENTS(rest); i++, encoding->at += 4)
        memcpy(encoding->at, &(uint32_t){GUINT32_TO_BE(rest[i])}, 4);
}

static void keep_better(struct match *best, const struct match *other)
{
    if (gain(other) > gain(best))
        *best = *other;
}

/* The best of what the tables know, and of going on where the last match was taken from. */
static struct match find(struct encoding *encoding, uint32_t at, const struct match *last,
                         uint32_t last_at)
{
    struct glz_dictionary *dictionary = encoding->dictionary;
    const uint32_t *pixels = dictionary->ring + at;
    uint32_t number = dictionary->next;
    struct place *place = &dictionary->places[hash(pixels)];
    struct match best = try_match(encoding, at, place->at, number - place->picture), other;

    *place = (struct place){at, number};
    if (last->length > 0) {
        other = try_match(encoding, at, last->from + (at - last_at), last->age);
        keep_better(&best, &other);
    }
    if ((at == encoding->start || pixels[0] != pixels[-1]) && encoding->end - at >= EDGE_HASHED) {
        place = &dictionary->edges[edge_hash(pixels)];
        other = try_match(encoding, at, place->at, number - place->picture);
        keep_better(&best, &other);
        *place = (struct place){at, number};
    }
    return best;
}

static bool encode_pixels(struct encoding *encoding)
{
    struct glz_dictionary *dictionary = encoding->dictionary;
    uint32_t *ring = dictionary->ring;
    uint32_t at = encoding->start, literals = at, last_at = at, misses = 0;
    struct match last = {0};

    while (at + HASHED <= encoding->end) {
        struct match match = find(encoding, at, &last, last_at);

        if (!is_worth_it(&match)) {
            at += 1 + (misses++ >> SKIP_SHIFT);
            continue;
        }
        misses = 0;
        /* Pixels that were stepped over may belong to it, too. */
        while (at > literals &&
               (match.age == 0 ? match.from > encoding->start : match.offset > 0) &&
               ring[at - 1] == ring[match.from - 1]) {
            at--;
            match.from--;
            match.length++;
            if (match.age != 0)
                match.offset--;
        }
        if (!put_literals(encoding, literals, at) || !put_match(encoding, &match))
            return false;
        last = match;
        last_at = at;
        at += match.length;
        literals = at;
        if (at + 1 <= encoding->end && match.length > HASHED)
            dictionary->places[hash(ring + at - HASHED)] =
                (struct place){at - HASHED, dictionary->next};
    }
    return put_literals(encoding, literals, encoding->end);
}

bool glz_encode(struct glz_dictionary *dictionary, const struct codec_source *source, uint8_t **out,
                size_t *out_size)
{
    uint32_t pixels = source->width * source->height;
    size_t room = codec_row_bytes(source) * source->height;
    struct encoding encoding = {.dictionary = dictionary};
    uint8_t *stream;

    if (room <= GLZ_HEADER_SIZE)
        return false;
    encoding.start = make_room(dictionary, pixels);
    encoding.end = encoding.start + pixels;
    codec_rows_copy32(&dictionary->rows, source, dictionary->ring + encoding.start);
    for (uint32_t i = encoding.start; i < encoding.end; i++)
        dictionary->ring[i] &= 0x00ffffff;

    stream = codec_rows_reserve(&dictionary->out, room);
    encoding.at = stream;
    encoding.out_end = stream + room - 1;
    put_header(&encoding, source);
    if (!encode_pixels(&encoding))
        return false;
    *picture_at(dictionary, dictionary->next) = (struct picture){encoding.start, encoding.end};
    dictionary->next++;
    dictionary->count++;
    *out_size = encoding.at - stream;
    *out = g_memdup2(stream, *out_size);
    return true;
}
