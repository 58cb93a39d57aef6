/*
 * Load "cursor": the pointer goes around, changes its shape, hides and comes back.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/soft_art.h"
#include "hw/soft_load.h"
#include "hw/soft_pointer.h"

#include <glib.h>

#define SHAPE_FRAMES 30 /* how long a shape stays */
#define HIDE_FRAMES  8  /* at the end of each round of shapes */
#define TILE         40

struct cursor_load {
    uint32_t seed;
};

static void need(uint32_t width, uint32_t height, struct soft_need *need)
{
    need->memory = 64 * 1024 + (uint64_t)(width / TILE + 2) * (height / TILE + 2) * 512;
}

static void begin(void *state, uint64_t seed, uint32_t width, uint32_t height)
{
    struct cursor_load *cursor = state;
    (void)width;
    (void)height;
    cursor->seed = soft_hash((uint32_t)seed ^ (uint32_t)(seed >> 32) * 41u);
}

static bool check(const void *state, uint32_t width, uint32_t height)
{
    (void)state;
    (void)width;
    (void)height;
    return true;
}

static void draw_floor(const struct soft_target *screen, uint32_t seed)
{
    for (int y = 0; y < screen->height; y += TILE)
        for (int x = 0; x < screen->width; x += TILE) {
            uint32_t tile = soft_hash(seed ^ (uint32_t)(x / TILE * 1009 + y / TILE));
            int hue = (int)(seed & 1023) + x / 8 + y / 6;
            soft_fill(screen, (struct soft_rect){x, y, TILE, TILE},
                      soft_hue(hue, 120, 120 + (int)(tile & 63) + ((x ^ y) / TILE & 1) * 40));
        }
}

static void draw(void *state, struct soft_frame *frame)
{
    const struct cursor_load *cursor = state;
    struct soft_target screen = soft_screen(frame);
    uint32_t number = (uint32_t)(frame->number & 0x7fffffff);
    uint32_t round = number / SHAPE_FRAMES, in_round = number % SHAPE_FRAMES;
    enum soft_pointer pointer = (enum soft_pointer)((round + cursor->seed) % SOFT_POINTER_COUNT);
    int angle = (int)(number * 7 & 0xffff) + (int)(cursor->seed >> 10 & 1023);
    int x = frame->width / 2 + soft_sine(angle) * (frame->width / 2 - 40) / 1024;
    int y = frame->height / 2 + soft_sine(angle * 3 / 2) * (frame->height / 2 - 40) / 1024;
    bool hidden = pointer == SOFT_POINTER_CROSS && in_round >= SHAPE_FRAMES - HIDE_FRAMES;
    char text[64];

    if (frame->number == 0)
        draw_floor(&screen, cursor->seed);
    if (in_round == 0 || frame->number == 0 || pointer == SOFT_POINTER_BUSY)
        soft_pointer_set(frame, x, y, pointer, number);
    else if (hidden)
        soft_cursor_hide(frame);
    else
        soft_cursor_move(frame, x, y);
    g_snprintf(text, sizeof(text), "  %-14s %5d,%5d  frame %8u  ",
               hidden ? "hidden" : soft_pointer_name(pointer), x, y, number);
    soft_text_on(&screen, 16, 16, 1, text, 0x101010, 0xe8e8e0);
}

const struct soft_load soft_load_cursor = {
    .name = "cursor",
    .need = need,
    .begin = begin,
    .check = check,
    .draw = draw,
};
