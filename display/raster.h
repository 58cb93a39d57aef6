/*
 * Raster operations: bitwise functions of pattern P, source S and destination D.
 *
 * A function is named by its truth table, the Windows ROP3 byte: bit 4 * p + 2 * s + d is its
 * value. It is evaluated as a sum (XOR) of products (AND) of its inputs, which is the same short
 * loop for all 256 of them. Being bitwise they do not care how wide a pixel is: rows are rows of
 * bytes.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/draw.h"

enum {
    RASTER_P = 0xf0,
    RASTER_S = 0xcc,
    RASTER_D = 0xaa,
    RASTER_CLEAR = 0x00,
    RASTER_COPY = RASTER_S,
    RASTER_NOOP = RASTER_D,
    RASTER_INVERT = 0xff ^ RASTER_D,
    RASTER_SET = 0xff,
};

/*
 * The truth table of a ropd (SPICE_ROPD_*) over S and D. INVERS_S and INVERS_D are the flags that
 * complement the two inputs: they depend on what the command takes for its inputs.
 */
uint8_t raster_from_ropd(uint16_t ropd, uint16_t invers_s, uint16_t invers_d);

/* dest := f(source, dest) for BYTES bytes; ROP must not depend on P. The rows may not overlap. */
void raster_row(uint8_t rop, uint8_t *dest, const uint8_t *source, size_t bytes);
/* The same with a source of one colour, repeated to fill 32 bits. */
void raster_row_solid(uint8_t rop, uint8_t *dest, uint32_t source, size_t bytes);
/* dest := f(pattern, source, dest). */
void raster_row3(uint8_t rop3, uint8_t *dest, const uint8_t *source, const uint8_t *pattern,
                 size_t bytes);

/* COLOR as it repeats through 32 bits of memory with pixels of BITS (8, 16 or 32) bits. */
uint32_t raster_repeat_color(uint32_t color, unsigned bits);
