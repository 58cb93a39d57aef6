/*
 * Load "text": a terminal that scrolls as fast as it can.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/soft_art.h"
#include "hw/soft_font.h"
#include "hw/soft_load.h"

#define SCREEN_COLOR 0x101418
#define LINE_SIZE    128 /* characters */

struct text_load {
    uint32_t seed;
    uint32_t line; /* the next one's number */
};

static const uint32_t colors[] = {0xc8d0d8, 0x8ae234, 0x729fcf, 0xfce94f, 0xad7fa8, 0x34e2e2};

static void need(uint32_t width, uint32_t height, struct soft_need *need)
{
    /* A glyph takes less than 64 bytes; each line has its fill and its scroll besides. */
    (void)width;
    need->memory = (height / SOFT_CELL_HEIGHT + 8) * (LINE_SIZE * 64 + 2048);
}

static void begin(void *state, uint64_t seed, uint32_t width, uint32_t height)
{
    struct text_load *text = state;
    (void)width;
    (void)height;
    text->seed = soft_hash((uint32_t)seed ^ (uint32_t)(seed >> 32) * 31u);
}

static bool check(const void *state, uint32_t width, uint32_t height)
{
    (void)state;
    (void)width;
    (void)height;
    return true; /* any numbers will do */
}

/* One line at row Y, each in one of the ways that drivers send text. */
static void draw_line(const struct soft_target *screen, const struct text_load *text, int y)
{
    char line[LINE_SIZE];
    uint32_t color = colors[soft_hash(text->seed + text->line) % G_N_ELEMENTS(colors)];

    soft_log_line(line, sizeof(line), text->seed, text->line);
    switch (text->line % 4) {
    case 0:
        soft_fill(screen, (struct soft_rect){0, y, screen->width, SOFT_CELL_HEIGHT}, SCREEN_COLOR);
        soft_text_bitmap(screen, 4, y, 1, line, color, SCREEN_COLOR);
        break;
    case 1:
        soft_fill_plain(screen, (struct soft_rect){0, y, screen->width, SOFT_CELL_HEIGHT},
                        QXL_DRAW_BLACKNESS);
        soft_text_on(screen, 4, y, 1, line, color, 0);
        break;
    default:
        soft_fill(screen, (struct soft_rect){0, y, screen->width, SOFT_CELL_HEIGHT}, SCREEN_COLOR);
        soft_text(screen, 4, y, 1, line, color);
        break;
    }
}

static void draw(void *state, struct soft_frame *frame)
{
    struct text_load *text = state;
    struct soft_target screen = soft_screen(frame);
    int rows = frame->height / SOFT_CELL_HEIGHT;

    if (frame->number == 0) {
        soft_fill(&screen, (struct soft_rect){0, 0, frame->width, frame->height}, SCREEN_COLOR);
        for (int row = 0; row < rows; row++, text->line++)
            draw_line(&screen, text, row * SOFT_CELL_HEIGHT);
        return;
    }
    int lines = 1 + (int)(soft_hash(text->seed ^ (uint32_t)frame->number) % 3);
    for (int i = 0; i < lines; i++, text->line++) {
        soft_copy_bits(&screen,
                       (struct soft_rect){0, 0, frame->width, (rows - 1) * SOFT_CELL_HEIGHT}, 0,
                       SOFT_CELL_HEIGHT);
        draw_line(&screen, text, (rows - 1) * SOFT_CELL_HEIGHT);
    }
}

const struct soft_load soft_load_text = {
    .name = "text",
    .need = need,
    .begin = begin,
    .check = check,
    .draw = draw,
};
