/*
 * Pictures of few colours as pictures with a palette, and others without their unused byte: a
 * fraction of their size even where nothing is compressed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct few_colors {
    uint8_t format;  /* SPICE_BITMAP_FMT_1BIT_BE, _4BIT_BE or _8BIT */
    uint32_t stride; /* bytes */
    size_t size;     /* stride * height */
    unsigned count;
    uint32_t colors[256]; /* 0x00RRGGBB, in the order in which they appear */
};

/*
 * PIXELS: HEIGHT rows of WIDTH pixels of 32 bits, the highest 8 of which are not looked at. Have
 * they no more than 256 colours, and would they be less than half their size with a palette? Gives
 * up soon when not.
 */
bool few_colors_find(const uint8_t *pixels, uint32_t width, uint32_t height,
                     struct few_colors *few);
/* Writes few->size bytes to TO, rows as they come. False: the pixels have changed meanwhile. */
bool few_colors_write(const uint8_t *pixels, uint32_t width, uint32_t height,
                      const struct few_colors *few, uint8_t *to);
/* COUNT pixels as SPICE_BITMAP_FMT_24BIT. */
void pack_24bit(const uint8_t *pixels, size_t count, uint8_t *to);
