/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/soft_pointer.h"

#include <string.h>

#define SIZE 32

/* 'X' outline, '.' inside, each shape in the corner of its square. */
static const char *const arrow[] = {"X           ", "XX          ", "X.X         ", "X..X        ",
                                    "X...X       ", "X....X      ", "X.....X     ", "X......X    ",
                                    "X.......X   ", "X........X  ", "X.........X ", "X......XXXXX",
                                    "X...X..X    ", "X..XX..X    ", "X.X  X..X   ", "XX   X..X   ",
                                    "X     X..X  ", "      X..X  ", "       XX   ", NULL};
static const char *const hand[] = {"     XX          ",
                                   "    X..X         ",
                                   "    X..X         ",
                                   "    X..X         ",
                                   "    X..X         ",
                                   "    X..XXX       ",
                                   "    X..X..XXX    ",
                                   "    X..X..X..XX  ",
                                   "XXX X..X..X..X.X ",
                                   "X..XX........X..X",
                                   "X...X...........X",
                                   " X..............X",
                                   "  X.............X",
                                   "  X............X ",
                                   "   X...........X ",
                                   "    X.........X  ",
                                   "     X........X  ",
                                   "     XXXXXXXXXX  ",
                                   NULL};

/* Premultiplied: what covers comes first, a shadow two dots away second. */
static uint32_t drawing_pixel(const char *const *rows, int count, int x, int y)
{
    if (y < count && x < (int)strlen(rows[y]) && rows[y][x] != ' ')
        return rows[y][x] == 'X' ? 0xff101010 : 0xfff8f8f8;
    x -= 2;
    y -= 2;
    if (x >= 0 && y >= 0 && y < count && x < (int)strlen(rows[y]) && rows[y][x] != ' ')
        return 0x50000000;
    return 0;
}

static void fill_drawing(const char *const *rows, uint32_t *pixels, int width, int y, int count)
{
    int drawn = 0;

    while (rows[drawn])
        drawn++;
    for (int row = 0; row < count; row++)
        for (int x = 0; x < width; x++)
            pixels[row * width + x] = drawing_pixel(rows, drawn, x, y + row);
}

static void fill_arrow(void *opaque, uint32_t *pixels, int width, int y, int rows)
{
    (void)opaque;
    fill_drawing(arrow, pixels, width, y, rows);
}

static void fill_hand(void *opaque, uint32_t *pixels, int width, int y, int rows)
{
    (void)opaque;
    fill_drawing(hand, pixels, width, y, rows);
}

/* A ring whose colour runs around with the phase. */
static void fill_busy(void *opaque, uint32_t *pixels, int width, int y, int rows)
{
    static const uint8_t octants[8] = {0, 1, 3, 2,
                                       7, 6, 4, 5}; /* by the signs and the steeper axis */
    uint32_t phase = *(const uint32_t *)opaque;

    for (int row = 0; row < rows; row++)
        for (int x = 0; x < width; x++) {
            int dx = 2 * x - width + 1, dy = 2 * (y + row) - width + 1;
            int distance = dx * dx + dy * dy;
            unsigned octant = octants[(dy < 0) * 4 + (dx < 0) * 2 +
                                      ((ABS(dy) > ABS(dx)) != ((dx < 0) != (dy < 0)))];
            uint32_t alpha = 40 + ((octant + 8 - phase % 8) % 8) * 30;
            bool inside = distance < width * width * 4 / 5 && distance > width * width / 4;
            uint32_t blue = alpha * 220 / 255, green = alpha * 120 / 255;
            pixels[row * width + x] = inside ? alpha << 24 | green << 8 | blue : 0;
        }
}

/* Draws a mono shape of 32 x 32: AND mask all ones, XOR mask the lines, which then invert. */
static void make_mono(uint8_t masks[2 * SIZE * SIZE / 8], enum soft_pointer pointer)
{
    uint8_t *invert = masks + SIZE * SIZE / 8;

    memset(masks, 0xff, SIZE * SIZE / 8);
    memset(invert, 0, SIZE * SIZE / 8);
    for (int y = 4; y < 28; y++) {
        bool bar = y == 4 || y == 27;
        uint32_t row = 1u << 16;
        if (pointer == SOFT_POINTER_TEXT && bar)
            row = 0x0006c000; /* serifs */
        if (pointer == SOFT_POINTER_CROSS && y == 16)
            row = 0x0ffffff0;
        for (int byte = 0; byte < 4; byte++)
            invert[y * 4 + byte] = (uint8_t)(row >> (24 - 8 * byte));
    }
}

void soft_pointer_set(struct soft_frame *frame, int x, int y, enum soft_pointer pointer,
                      uint32_t phase)
{
    struct soft_cursor_shape shape = {.width = SIZE, .height = SIZE};
    uint8_t masks[2 * SIZE * SIZE / 8];

    switch (pointer) {
    case SOFT_POINTER_BUSY:
        shape.fill = fill_busy;
        shape.opaque = &phase;
        shape.hot_x = shape.hot_y = SIZE / 2;
        break;
    case SOFT_POINTER_TEXT:
    case SOFT_POINTER_CROSS:
        make_mono(masks, pointer);
        shape.mono = masks;
        shape.hot_x = shape.hot_y = SIZE / 2;
        break;
    case SOFT_POINTER_HAND:
        shape.fill = fill_hand;
        shape.hot_x = 5;
        break;
    default:
        shape.fill = fill_arrow;
        break;
    }
    soft_cursor_set(frame, x, y, &shape);
}

const char *soft_pointer_name(enum soft_pointer pointer)
{
    static const char *const names[SOFT_POINTER_COUNT] = {
        "arrow, alpha", "busy, alpha", "text, mono", "cross, mono", "hand, alpha"};
    return pointer < SOFT_POINTER_COUNT ? names[pointer] : "?";
}
