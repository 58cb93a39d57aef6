/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/pointer.h"

#include <glib.h>
#include <spice/enums.h>
#include <stdbool.h>
#include <string.h>

#define MAX_SIDE 512
#define OPAQUE   0xff000000u

/* Bytes of a row of colours and of all palette entries of the coloured types. */
static size_t row_size(uint16_t type, size_t width)
{
    switch (type) {
    case SPICE_CURSOR_TYPE_COLOR4:
        return (width + 1) / 2;
    case SPICE_CURSOR_TYPE_COLOR8:
        return width;
    case SPICE_CURSOR_TYPE_COLOR16:
        return width * 2;
    case SPICE_CURSOR_TYPE_COLOR24:
        return width * 3;
    case SPICE_CURSOR_TYPE_COLOR32:
    case SPICE_CURSOR_TYPE_ALPHA:
        return width * 4;
    case SPICE_CURSOR_TYPE_MONO:
        return (width + 7) / 8;
    default:
        return 0;
    }
}

static size_t palette_size(uint16_t type)
{
    return type == SPICE_CURSOR_TYPE_COLOR4   ? 16 * sizeof(uint32_t)
           : type == SPICE_CURSOR_TYPE_COLOR8 ? 256 * sizeof(uint32_t)
                                              : 0;
}

size_t pointer_size(uint16_t type, uint16_t width, uint16_t height)
{
    size_t colors = row_size(type, width) * height + palette_size(type);

    return type == SPICE_CURSOR_TYPE_ALPHA ? colors : colors + (size_t)(width + 7) / 8 * height;
}

static uint32_t word_at(const uint8_t *data)
{
    uint32_t word;

    memcpy(&word, data, sizeof(word));
    return word;
}

static uint32_t straight(uint32_t pixel)
{
    uint32_t alpha = pixel >> 24, result = pixel & OPAQUE;

    if (alpha == 0)
        return 0;
    for (unsigned shift = 0; shift < 24; shift += 8)
        result |= MIN(((pixel >> shift & 0xff) * 255 + alpha / 2) / alpha, 255) << shift;
    return result;
}

static uint32_t expand_555(uint32_t color)
{
    uint32_t blue = color & 0x1f, green = color >> 5 & 0x1f, red = color >> 10 & 0x1f;

    return (red << 3 | red >> 2) << 16 | (green << 3 | green >> 2) << 8 | (blue << 3 | blue >> 2);
}

/* The colour of pixel X in ROW, without alpha. */
static uint32_t color_at(uint16_t type, const uint8_t *row, const uint8_t *palette, unsigned x)
{
    switch (type) {
    case SPICE_CURSOR_TYPE_COLOR4:
        return word_at(palette + 4 * (row[x / 2] >> (x % 2 ? 0 : 4) & 0xf)) & ~OPAQUE;
    case SPICE_CURSOR_TYPE_COLOR8:
        return word_at(palette + 4 * row[x]) & ~OPAQUE;
    case SPICE_CURSOR_TYPE_COLOR16:
        return expand_555((uint32_t)row[2 * x] | (uint32_t)row[2 * x + 1] << 8);
    case SPICE_CURSOR_TYPE_COLOR24:
        return row[3 * x] | (uint32_t)row[3 * x + 1] << 8 | (uint32_t)row[3 * x + 2] << 16;
    case SPICE_CURSOR_TYPE_COLOR32:
        return word_at(row + 4 * x) & ~OPAQUE;
    default: /* MONO: the XOR mask */
        return row[x / 8] << x % 8 & 0x80 ? ~OPAQUE : 0;
    }
}

/* With a bit in the AND mask, black leaves the screen alone and every other colour inverts it. */
static uint32_t masked(uint32_t color, bool kept)
{
    return kept ? (color ? OPAQUE : 0) : OPAQUE | color;
}

uint32_t *pointer_picture(uint16_t type, uint16_t width, uint16_t height, const void *data,
                          size_t size)
{
    size_t row = row_size(type, width), mask_row = (size_t)(width + 7) / 8;
    bool mono = type == SPICE_CURSOR_TYPE_MONO;

    if ((row == 0 && width) || type > SPICE_CURSOR_TYPE_COLOR32 || width > MAX_SIDE ||
        height > MAX_SIDE)
        return NULL;
    size_t whole = pointer_size(type, width, height);
    g_autofree uint8_t *bytes = g_malloc0(whole + 1);
    uint32_t *pixels = g_new0(uint32_t, (size_t)width * height + 1);

    if (size && whole)
        memcpy(bytes, data, MIN(size, whole));
    /* MONO has its mask first. */
    const uint8_t *colors = mono ? bytes + mask_row * height : bytes;
    const uint8_t *palette = bytes + row * height;
    const uint8_t *mask = mono ? bytes : palette + palette_size(type);
    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x++) {
            uint32_t *to = &pixels[y * (size_t)width + x];
            if (type == SPICE_CURSOR_TYPE_ALPHA)
                *to = straight(word_at(colors + y * row + 4 * x));
            else
                *to = masked(color_at(type, colors + y * row, palette, x),
                             mask[y * mask_row + x / 8] << x % 8 & 0x80);
        }
    }
    return pixels;
}
