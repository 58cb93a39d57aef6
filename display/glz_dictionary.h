/*
 * What a GLZ encoder remembers: codecs.md section 3.3. For display/glz_*.c only.
 *
 * The pictures lie one behind the other in a ring of units, one word each; a new one drops the
 * oldest that are in its way. Two tables lead from a hash of what stands somewhere to the last
 * place where such a thing stood, whichever picture that was in; they are small enough to stay in
 * the processor's cache. What they say is checked before use, so stale entries do no harm.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/codec_rows.h"
#include "display/lz.h"

#include <pthread.h>

#define GLZ_UNIT_BITS     21
#define GLZ_MAX_UNITS     (1u << GLZ_UNIT_BITS) /* of the ring, 8 MiB: more brings little */
#define GLZ_MIN_UNITS     (1u << 12)
#define GLZ_SPARE_UNITS   16         /* behind the ring, which may be read */
#define GLZ_MAX_PICTURES  4096       /* a power of two */
#define GLZ_TOUCHED_UNITS (1u << 20) /* are memory in front of the next picture, if prepared */
#define GLZ_GRAIN         64         /* units; each picture begins with one that is its own */
#define GLZ_PLACE_BITS    17
#define GLZ_EDGE_BITS     15

struct glz_picture {
    uint32_t start, end; /* in the ring */
    enum lz_type type;
};

/* A place in the ring, GLZ_UNIT_BITS, and what tells what stands there from other things. */
typedef uint32_t glz_place;

struct glz_dictionary {
    uint32_t *ring;
    uint32_t capacity;    /* units */
    pthread_mutex_t lock; /* of everything below; not GLib's, which race detectors cannot see */
    bool frozen;
    uint32_t touched; /* units that have been made memory, from the start */
    uint64_t next;    /* the next picture's number */
    uint32_t count;   /* pictures in the ring: next - count ... next - 1; fewer than can be */
    struct glz_picture pictures[GLZ_MAX_PICTURES];
    uint16_t owners[GLZ_MAX_UNITS / GLZ_GRAIN]; /* by grain: whose it was last, in pictures */
    glz_place places[1u << GLZ_PLACE_BITS];     /* of a few units */
    glz_place edges[1u << GLZ_EDGE_BITS];       /* of many, where a unit differs from the last */
    struct codec_rows rows, out;
};

static inline struct glz_picture *glz_picture_at(struct glz_dictionary *dictionary, uint64_t number)
{
    return &dictionary->pictures[number % GLZ_MAX_PICTURES];
}

/* These with the lock held. */
/*
 * Puts SOURCE, an accepted picture, into the ring as number next, which does not count until
 * glz_dictionary_keep(). Colours are B, G, R and 0 or A; 555 pixels have a clear top bit.
 */
const struct glz_picture *glz_dictionary_load(struct glz_dictionary *dictionary,
                                              const struct codec_source *source);
void glz_dictionary_keep(struct glz_dictionary *dictionary);
