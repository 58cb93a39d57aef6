/*
 * Pictures made by rule. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/made_pictures.h"

#include <glib.h>
#include <math.h>
#include <stdbool.h>

const char *const made_picture_names[MADE_PICTURE_KINDS] = {
    [MADE_PHOTO] = "photo",
    [MADE_TEXT] = "text",
    [MADE_DESKTOP] = "desktop",
    [MADE_NOISE] = "noise",
};

enum { GLYPHS = 90, GLYPH_WIDTH = 8, GLYPH_HEIGHT = 15 };

static uint32_t next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static unsigned clamp(double value)
{
    return (unsigned)CLAMP(value, 0, 255);
}

static void make_photo(uint32_t *pixels, uint32_t width, uint32_t height, uint32_t *state)
{
    double fx = 3 + next(state) % 8, fy = 2 + next(state) % 8, phase = next(state) % 628 / 100.0;

    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            double u = (double)x / width, v = (double)y / height;
            double light = 128 + 70 * sin(fx * u * 6 + phase) * cos(fy * v * 6);
            double texture = 20 * sin(u * width / 3.1 + 5 * sin(v * 40)) * sin(v * height / 2.3);
            double edge = sin(9 * u + 4 * v * v + phase) > 0.6 ? 40 : 0;
            uint32_t noise = next(state);
            double base = light + (u > 0.5 ? texture : texture / 6) - edge;
            unsigned red = clamp(base + 20 * u + (noise & 7));
            unsigned green = clamp(base * 0.9 + 15 * v + (noise >> 3 & 7));
            unsigned blue = clamp(base * 0.7 + 30 * (1 - v) + (noise >> 6 & 7));

            *pixels++ = red << 16 | green << 8 | blue;
        }
    }
}

static void fill(uint32_t *pixels, uint32_t width, uint32_t height, uint32_t x, uint32_t y,
                 uint32_t right, uint32_t bottom, uint32_t color)
{
    for (uint32_t row = y; row < MIN(bottom, height); row++) {
        for (uint32_t column = x; column < MIN(right, width); column++)
            pixels[row * width + column] = color;
    }
}

/* Words of blurred shapes that stand for letters. */
static void write_text(uint32_t *pixels, uint32_t width, uint32_t x, uint32_t y, uint32_t right,
                       uint32_t bottom, uint32_t *state)
{
    uint8_t glyphs[GLYPHS][GLYPH_HEIGHT][GLYPH_WIDTH] = {0};
    uint32_t shapes = 4711; /* the same alphabet each time */

    for (unsigned g = 0; g < GLYPHS; g++) {
        for (unsigned stroke = 0; stroke < 3; stroke++) {
            uint32_t where = next(&shapes);
            bool upright = where & 1;
            unsigned from = 2 + (where >> 1) % 4, at = 1 + (where >> 8) % 6;

            for (unsigned i = from; i < from + 7 && i < GLYPH_HEIGHT; i++) {
                unsigned row = upright ? i : at + 3, column = upright ? at : i % GLYPH_WIDTH;

                glyphs[g][row][column] = 255;
                if (column + 1 < GLYPH_WIDTH)
                    glyphs[g][row][column + 1] |= 90 + (where >> 16 & 63);
            }
        }
    }
    for (; y + GLYPH_HEIGHT <= bottom; y += GLYPH_HEIGHT + 2) {
        uint32_t end = x + (right - x) / 100 * (20 + next(state) % 80);

        for (uint32_t at = x; at + GLYPH_WIDTH <= end; at += GLYPH_WIDTH) {
            unsigned g = next(state) % (GLYPHS + 18);

            if (g >= GLYPHS)
                continue; /* a space */
            for (unsigned row = 0; row < GLYPH_HEIGHT; row++) {
                for (unsigned column = 0; column < GLYPH_WIDTH; column++) {
                    unsigned level = 255 - glyphs[g][row][column];

                    if (level < 255)
                        pixels[(y + row) * width + at + column] = level * 0x10101;
                }
            }
        }
    }
}

static void make_text(uint32_t *pixels, uint32_t width, uint32_t height, uint32_t *state)
{
    fill(pixels, width, height, 0, 0, width, height, 0xffffff);
    write_text(pixels, width, 5 + next(state) % 7, 3 + next(state) % 7, width - 8, height - 4,
               state);
}

static void make_desktop(uint32_t *pixels, uint32_t width, uint32_t height, uint32_t *state)
{
    fill(pixels, width, height, 0, 0, width, height, 0x2e3440 + (next(state) & 0x0f0f0f));
    for (unsigned i = 0; i < 6; i++) {
        uint32_t x = next(state) % (width * 2 / 3), y = next(state) % (height * 2 / 3);
        uint32_t right = x + width / 4 + next(state) % (width / 4);
        uint32_t bottom = y + height / 4 + next(state) % (height / 4);

        right = MIN(right, width);
        bottom = MIN(bottom, height);
        fill(pixels, width, height, x, y, right, bottom, 0x808080);
        fill(pixels, width, height, x + 1, y + 1, right - 1, bottom - 1,
             0xe0e0e0 + (next(state) & 0x1f1f1f));
        for (uint32_t row = 0; row < 22; row++)
            fill(pixels, width, height, x + 1, y + 1 + row, right - 1, y + 2 + row,
                 0x5081c0 - row * 0x020202);
        if (i % 2 == 0)
            write_text(pixels, width, x + 6, y + 30, right - 6, bottom - 6, state);
    }
}

void made_picture(uint32_t *pixels, uint32_t width, uint32_t height, enum made_picture_kind kind,
                  uint32_t seed)
{
    uint32_t state = seed * 2654435761u | 1;

    switch (kind) {
    case MADE_PHOTO:
        make_photo(pixels, width, height, &state);
        break;
    case MADE_TEXT:
        make_text(pixels, width, height, &state);
        break;
    case MADE_DESKTOP:
        make_desktop(pixels, width, height, &state);
        break;
    default:
        for (uint32_t i = 0; i < width * height; i++)
            pixels[i] = next(&state) & 0xffffff;
        break;
    }
}

void made_pairs(uint32_t *pixels, uint32_t count, uint32_t seed)
{
    GRand *rand = g_rand_new_with_seed(seed);
    uint32_t half = count / 2;

    for (uint32_t i = 0; i < half; i++)
        pixels[i] = g_rand_int(rand) & 0xffffff;
    for (uint32_t i = half; i < count; i++)
        pixels[i] = (i - half) % 2 ? pixels[i - 1] ^ 0x123456
                                   : (uint32_t)g_rand_int_range(rand, 0, 512) * 0x4081;
    g_rand_free(rand);
}
