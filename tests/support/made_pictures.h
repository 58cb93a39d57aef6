/*
 * Pictures made by rule, for measuring encoders. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdint.h>

enum made_picture_kind {
    MADE_PHOTO,   /* smooth shapes, texture, the noise of a camera */
    MADE_TEXT,    /* a page of words, all glyphs of some alphabet, on plain ground */
    MADE_DESKTOP, /* windows with borders, shaded bars and a little text */
    MADE_NOISE,   /* every pixel by itself */
    MADE_PICTURE_KINDS,
};
extern const char *const made_picture_names[MADE_PICTURE_KINDS];

/* WIDTH x HEIGHT pixels, xRGB, rows without gaps. The same arguments give the same pixels. */
void made_picture(uint32_t *pixels, uint32_t width, uint32_t height, enum made_picture_kind kind,
                  uint32_t seed);

/*
 * COUNT pixels that repeat as those of photographs do: the first half is noise, the other is made
 * of 64 pairs in any order, so that two that follow each other are a repetition and three are
 * seldom one.
 */
void made_pairs(uint32_t *pixels, uint32_t count, uint32_t seed);
