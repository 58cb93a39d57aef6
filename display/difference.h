/*
 * Where two pictures of 32 bits a pixel differ.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pixels are looked at in tiles of so many. */
#define DIFFERENCE_TILE 32

/* Do COUNT pixels at A and B, which need not be aligned, differ in the bits of MASK? */
bool pixels_differ(const void *a, const void *b, size_t count, uint32_t mask);
/*
 * Sets MARKS[i] when a pixel of tile i of COUNT pixels at A and B differs; the last tile may be
 * narrower. Returns how many marks it has set that were not set before.
 */
unsigned mark_different_tiles(const void *a, const void *b, size_t count, uint32_t mask,
                              bool *marks);
