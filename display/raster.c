/*
 * Raster operations.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/raster.h"

/* These loops are what vector units are for; at -O2 gcc leaves them scalar. */
#pragma GCC optimize("O3")

/* Rows start at any pixel, so words are not aligned. */
typedef uint32_t __attribute__((aligned(1), may_alias)) word;

/* The products of a sum: index 4 * p + 2 * s + d says which inputs are its factors. */
struct raster_terms {
    uint32_t mask[8]; /* all ones where the product takes part */
};

static struct raster_terms raster_terms(uint8_t truth)
{
    struct raster_terms terms;

    /* The Moebius transform turns a truth table into the coefficients of its normal form. */
    truth ^= (truth & 0x55) << 1;
    truth ^= (truth & 0x33) << 2;
    truth ^= (truth & 0x0f) << 4;
    for (unsigned i = 0; i < 8; i++)
        terms.mask[i] = truth >> i & 1 ? UINT32_MAX : 0;
    return terms;
}

static inline uint32_t raster2(const struct raster_terms *t, uint32_t s, uint32_t d)
{
    return t->mask[0] ^ (s & t->mask[2]) ^ (d & (t->mask[1] ^ (s & t->mask[3])));
}

static inline uint32_t raster3(const struct raster_terms *t, uint32_t p, uint32_t s, uint32_t d)
{
    uint32_t without_d = t->mask[0] ^ (s & t->mask[2]) ^ (p & (t->mask[4] ^ (s & t->mask[6])));
    uint32_t with_d = t->mask[1] ^ (s & t->mask[3]) ^ (p & (t->mask[5] ^ (s & t->mask[7])));

    return without_d ^ (d & with_d);
}

uint8_t raster_from_ropd(uint16_t ropd, uint16_t invers_s, uint16_t invers_d)
{
    uint8_t s = ropd & invers_s ? (uint8_t)~RASTER_S : RASTER_S;
    uint8_t d = ropd & invers_d ? (uint8_t)~RASTER_D : RASTER_D;
    uint8_t result;

    if (ropd & SPICE_ROPD_OP_PUT)
        result = s;
    else if (ropd & SPICE_ROPD_OP_OR)
        result = s | d;
    else if (ropd & SPICE_ROPD_OP_AND)
        result = s & d;
    else if (ropd & SPICE_ROPD_OP_XOR)
        result = s ^ d;
    else if (ropd & SPICE_ROPD_OP_BLACKNESS)
        return RASTER_CLEAR;
    else if (ropd & SPICE_ROPD_OP_WHITENESS)
        return RASTER_SET;
    else if (ropd & SPICE_ROPD_OP_INVERS)
        return RASTER_INVERT;
    else
        return RASTER_COPY;
    return ropd & SPICE_ROPD_INVERS_RES ? (uint8_t)~result : result;
}

void raster_row(uint8_t rop, uint8_t *restrict dest, const uint8_t *restrict source, size_t bytes)
{
    struct raster_terms terms = raster_terms(rop);
    size_t words = bytes / sizeof(word);
    word *d = (word *)dest;
    const word *s = (const word *)source;

    for (size_t i = 0; i < words; i++)
        d[i] = raster2(&terms, s[i], d[i]);
    for (size_t i = words * sizeof(word); i < bytes; i++)
        dest[i] = raster2(&terms, source[i], dest[i]);
}

void raster_row_solid(uint8_t rop, uint8_t *dest, uint32_t source, size_t bytes)
{
    struct raster_terms terms = raster_terms(rop);
    size_t words = bytes / sizeof(word);
    word *d = (word *)dest;

    for (size_t i = 0; i < words; i++)
        d[i] = raster2(&terms, source, d[i]);
    for (size_t i = words * sizeof(word); i < bytes; i++)
        dest[i] = raster2(&terms, source >> 8 * (i % sizeof(word)), dest[i]);
}

void raster_row3(uint8_t rop3, uint8_t *restrict dest, const uint8_t *restrict source,
                 const uint8_t *restrict pattern, size_t bytes)
{
    struct raster_terms terms = raster_terms(rop3);
    size_t words = bytes / sizeof(word);
    word *d = (word *)dest;
    const word *s = (const word *)source;
    const word *p = (const word *)pattern;

    for (size_t i = 0; i < words; i++)
        d[i] = raster3(&terms, p[i], s[i], d[i]);
    for (size_t i = words * sizeof(word); i < bytes; i++)
        dest[i] = raster3(&terms, pattern[i], source[i], dest[i]);
}

uint32_t raster_repeat_color(uint32_t color, unsigned bits)
{
    if (bits == 8)
        return (color & 0xff) * 0x01010101u;
    if (bits == 16)
        return (color & 0xffff) * 0x00010001u;
    return color;
}
