/*
 * QUIC, the lossless picture codec for photographs: codecs.md section 1.
 *
 * Any thread; nothing is kept between pictures.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/quic_model.h"

#include <stddef.h>

struct quic_info {
    enum quic_type type;
    uint32_t width, height; /* at least 1; their product at most QUIC_MAX_PIXELS */
};

/* Bytes a pixel takes in memory: GRAY 1, RGB16 2, RGB24 3, RGB32 and RGBA 4. */
unsigned quic_pixel_size(enum quic_type type);

/* Reads the header of a stream. NULL, or a static text that says what is wrong with it. */
const char *quic_read_header(const uint8_t *data, size_t size, struct quic_info *info);

/*
 * Decodes a whole stream whose header gave INFO into rows of PIXELS, the top row first, STRIDE
 * bytes apart (negative: upwards). RGB24 and RGB32 become B, G, R, 0; RGBA B, G, R, A; RGB16
 * little-endian 555 with the top bit clear; GRAY one byte. NULL, or a static text; then PIXELS are
 * undefined.
 */
const char *quic_decode(const uint8_t *data, size_t size, const struct quic_info *info,
                        uint8_t *pixels, ptrdiff_t stride);

/* An upper bound of quic_encode()'s result, bytes. */
size_t quic_encoded_bound(const struct quic_info *info);

/*
 * Encodes rows as quic_pixel_size() has them, PIXELS being the top one, STRIDE bytes apart. Writes
 * at most quic_encoded_bound() bytes to OUT, 4-byte aligned, and returns how many.
 */
size_t quic_encode(const struct quic_info *info, const uint8_t *pixels, ptrdiff_t stride,
                   uint8_t *out);
