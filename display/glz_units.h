/*
 * Units of GLZ, one word each: what they hash to, how many agree. For display/glz_encode.c only.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

enum {
    COMPARED = 16,   /* units, at a time; so many may be read from each place on */
    EDGE_UNITS = 16, /* that hash_many() covers */
};

/* How a pass sees its units; constants where it is called. */
struct unit {
    uint32_t mask;    /* what counts when two are compared */
    unsigned literal; /* bytes in the stream */
    unsigned bias;    /* what is taken off a match's length */
    unsigned hashed;  /* units that the first table's hash covers: 2 or 4 */
};

/* What stands at a place, for the tables; mixed well in the upper half. */
struct hashes {
    uint64_t few, many;
};

INLINE uint64_t load2(const uint32_t *units, struct unit unit)
{
    uint64_t two;

    memcpy(&two, units, sizeof(two));
    return two & (unit.mask | (uint64_t)unit.mask << 32);
}

INLINE uint64_t hash_few(const uint32_t *units, struct unit unit)
{
    uint64_t key = load2(units, unit);

    if (unit.hashed == 4)
        key = (key >> 24 | load2(units + 2, unit)) + 1;
    return key * UINT64_C(0x9e3779b185ebca87);
}

INLINE uint64_t hash_many(const uint32_t *units, struct unit unit)
{
    static const uint64_t factors[EDGE_UNITS / 2] = {
        UINT64_C(0x9e3779b185ebca87), UINT64_C(0xc2b2ae3d27d4eb4f), UINT64_C(0x165667b19e3779f9),
        UINT64_C(0x85ebca77c2b2ae63), UINT64_C(0x27d4eb2f165667c5), UINT64_C(0xd6e8feb86659fd93),
        UINT64_C(0xa0761d6478bd642f), UINT64_C(0xe7037ed1a0b428db)};
    uint64_t sum = 0;

    for (unsigned i = 0; i < EDGE_UNITS / 2; i++)
        sum += load2(units + 2 * i, unit) * factors[i];
    return sum;
}

/* Which of COMPARED units at A and B differ, a bit each. */
INLINE uint32_t different_units(const uint32_t *a, const uint32_t *b, struct unit unit)
{
#ifdef __SSE2__
    const __m128i mask = _mm_set1_epi32((int)unit.mask);
    __m128i same[4];

    for (unsigned i = 0; i < 4; i++) {
        __m128i x = _mm_loadu_si128((const __m128i *)(a + 4 * i));
        __m128i y = _mm_loadu_si128((const __m128i *)(b + 4 * i));

        same[i] = _mm_cmpeq_epi32(_mm_and_si128(x, mask), _mm_and_si128(y, mask));
    }
    return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(same[0], same[1]),
                                                       _mm_packs_epi32(same[2], same[3]))) ^
           0xffff;
#else
    uint32_t bits = 0;

    for (unsigned i = 0; i < COMPARED; i++)
        bits |= (uint32_t)(((a[i] ^ b[i]) & unit.mask) != 0) << i;
    return bits;
#endif
}

/* How many units agree, at most MAX; some more are read. */
INLINE uint32_t common_units(const uint32_t *a, const uint32_t *b, uint32_t max, struct unit unit)
{
    for (uint32_t same = 0; same < max; same += COMPARED) {
        uint32_t different = different_units(a + same, b + same, unit);

        if (different)
            return MIN(same + (unsigned)__builtin_ctz(different), max);
    }
    return max;
}
