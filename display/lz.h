/*
 * LZ, the dictionary coder for screens and palette pictures: codecs.md section 2.
 *
 * Any thread; nothing is kept between pictures.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LZ_MAGIC       0x20205a4cu
#define LZ_VERSION     0x00010001u
#define LZ_HEADER_SIZE 28
/* Larger pictures, stride * height in bytes, are refused, as the reference does. */
#define LZ_MAX_BYTES ((UINT64_C(1) << 30) - 1)

enum lz_type {
    LZ_PLT1_LE = 1,
    LZ_PLT1_BE = 2,
    LZ_PLT4_LE = 3,
    LZ_PLT4_BE = 4,
    LZ_PLT8 = 5,
    LZ_RGB16 = 6,
    LZ_RGB24 = 7,
    LZ_RGB32 = 8,
    LZ_RGBA = 9,
    LZ_XXXA = 10, /* only the alpha of 32-bit pixels; in JPEG_ALPHA */
    LZ_A8 = 11,
};

struct lz_info {
    enum lz_type type;
    uint32_t width, height; /* pixels, at least 1 */
    uint32_t stride;        /* bytes of an encoded row, without padding */
    bool top_down;          /* false: the first row of the stream is the bottom row */
};

/* Pixels in a byte: 8, 2 or 1; only for palette types. */
unsigned lz_pixels_per_byte(enum lz_type type);

/* Reads the header of a stream. NULL, or a static text that says what is wrong with it. */
const char *lz_read_header(const uint8_t *data, size_t size, struct lz_info *info);

/*
 * The rows that lz_decode() gives, in the stream's order and without gaps: palette types and A8 one
 * byte a unit, RGB16 two (555, top bit clear), all others four (B, G, R, 0 or A).
 */
size_t lz_decoded_stride(const struct lz_info *info);

/*
 * Decodes a whole stream whose header gave INFO into lz_decoded_stride() * height bytes at ROWS.
 * XXXA writes only each fourth byte. NULL, or a static text; then ROWS are undefined.
 */
const char *lz_decode(const uint8_t *data, size_t size, const struct lz_info *info, uint8_t *rows);

/* Holds the hash table and scratch memory; one picture at a time. */
struct lz_encoder;
struct lz_encoder *lz_encoder_create(void);
void lz_encoder_destroy(struct lz_encoder *encoder); /* NULL is allowed */

/*
 * Encodes rows laid out as lz_decode() gives them (bytes that it clears are ignored) into at most
 * ROOM bytes at OUT. Returns how many, or 0 when ROOM is too small. RGB24 is not encoded: its
 * pixels would have to be widened, so say RGB32, whose stream is the same.
 */
size_t lz_encode(struct lz_encoder *encoder, const struct lz_info *info, const uint8_t *rows,
                 uint8_t *out, size_t room);
