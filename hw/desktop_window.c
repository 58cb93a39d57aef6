/*
 * Frames of windows, and the kinds that show text and pictures.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/desktop_window.h"
#include "hw/desktop_window_kinds.h"
#include "hw/soft_art.h"
#include "hw/soft_font.h"

#include <glib.h>
#include <string.h>

#define BORDER       3
#define TITLE_HEIGHT 20
#define LINE_SIZE     128
#define PAPER        0xfdfdf6
#define INK          0x202020
#define FADE_ALPHA   60

struct soft_rect window_rect(const struct window *window)
{
    return (struct soft_rect){window->x, window->y, window->width, window->height};
}

struct soft_rect window_inside(const struct window *window)
{
    return (struct soft_rect){window->x + BORDER, window->y + BORDER + TITLE_HEIGHT,
                              window->width - 2 * BORDER,
                              window->height - 2 * BORDER - TITLE_HEIGHT};
}

void window_bevel(const struct soft_target *target, struct soft_rect rect, bool raised)
{
    int right = rect.x + rect.width - 1, bottom = rect.y + rect.height - 1;
    const struct soft_point light[3] = {{rect.x, bottom}, {rect.x, rect.y}, {right, rect.y}};
    const struct soft_point dark[3] = {{right, rect.y}, {right, bottom}, {rect.x, bottom}};

    soft_stroke(target, light, 3, raised ? 0xffffff : 0x707070, SPICE_ROPD_OP_PUT, NULL);
    soft_stroke(target, dark, 3, raised ? 0x606060 : 0xf0f0f0, SPICE_ROPD_OP_PUT, NULL);
}

const char *window_title(const struct window *window)
{
    static const char *const titles[WINDOW_KINDS] = {"Terminal", "Editor", "Pictures", "Load",
                                                     "Setup"};
    return titles[window->kind % WINDOW_KINDS];
}

static void draw_frame(const struct soft_target *target, const struct window *window, bool active)
{
    struct soft_rect rect = window_rect(window);
    struct soft_rect bar = {rect.x + BORDER, rect.y + BORDER, rect.width - 2 * BORDER,
                            TITLE_HEIGHT - 1};
    struct soft_gradient gradient = {
        .from = 0x1c4f8f, .to = 0x6ea4d8, .length = bar.width, .across = true};
    struct soft_picture picture = {
        .width = bar.width, .height = bar.height, .fill = soft_gradient_fill, .opaque = &gradient};
    int close = bar.x + bar.width - 16;
    const struct soft_point cross[2][2] = {{{close + 3, bar.y + 5}, {close + 10, bar.y + 12}},
                                           {{close + 9, bar.y + 5}, {close + 2, bar.y + 12}}};

    /* Around the inside, which is drawn by itself. */
    soft_fill(target, (struct soft_rect){rect.x, rect.y, rect.width, BORDER}, FACE_COLOR);
    soft_fill(target, (struct soft_rect){rect.x, rect.y, BORDER, rect.height}, FACE_COLOR);
    soft_fill(target, (struct soft_rect){rect.x + rect.width - BORDER, rect.y, BORDER, rect.height},
              FACE_COLOR);
    soft_fill(target, (struct soft_rect){rect.x, rect.y + rect.height - BORDER, rect.width, BORDER},
              FACE_COLOR);
    soft_fill(target, (struct soft_rect){bar.x, bar.y + bar.height, bar.width, 1}, FACE_COLOR);
    window_bevel(target, rect, true);
    if (active)
        soft_copy_picture(target, bar.x, bar.y, &picture, NULL);
    else
        soft_fill(target, bar, 0x8890a0);
    soft_text(target, bar.x + 6, bar.y + 6, 1, window_title(window), active ? 0xffffff : 0xd8d8d8);
    soft_fill(target, (struct soft_rect){close, bar.y + 2, 13, 14}, FACE_COLOR);
    window_bevel(target, (struct soft_rect){close, bar.y + 2, 13, 14}, true);
    soft_stroke(target, cross[0], 2, INK, SPICE_ROPD_OP_PUT, NULL);
    soft_stroke(target, cross[1], 2, INK, SPICE_ROPD_OP_PUT, NULL);
}

/* --- terminal --- */

static void cut_to(char *text, int width)
{
    int columns = CLAMP(width / SOFT_CELL_WIDTH, 0, LINE_SIZE - 1);
    if ((int)strlen(text) > columns)
        text[columns] = '\0';
}

static void terminal_line(const struct soft_target *target, const struct window *window,
                          uint32_t number, int row)
{
    struct soft_rect inside = window_inside(window);
    char text[LINE_SIZE];
    uint32_t color = number % 5 ? 0xb8c8b8 : 0x70d0f0;

    soft_log_line(text, sizeof(text), window->seed, number);
    cut_to(text, inside.width - 8);
    soft_text_on(target, inside.x + 4, inside.y + row * SOFT_CELL_HEIGHT, 1, text, color, 0x000000);
}

static void terminal_draw(const struct soft_target *target, const struct window *window)
{
    struct soft_rect inside = window_inside(window);
    int rows = inside.height / SOFT_CELL_HEIGHT;

    soft_fill_plain(target, inside, QXL_DRAW_BLACKNESS);
    for (int row = 0; row < rows; row++)
        terminal_line(target, window, window->progress + (uint32_t)row, row);
}

static void terminal_step(const struct soft_target *target, struct window *window)
{
    struct soft_rect inside = window_inside(window);
    int last = inside.height / SOFT_CELL_HEIGHT - 1;
    struct soft_rect moved = {inside.x, inside.y, inside.width, last * SOFT_CELL_HEIGHT};

    window->progress++;
    soft_copy_bits(target, moved, inside.x, inside.y + SOFT_CELL_HEIGHT);
    soft_fill_plain(target,
                    (struct soft_rect){inside.x, inside.y + last * SOFT_CELL_HEIGHT, inside.width,
                                       SOFT_CELL_HEIGHT},
                    QXL_DRAW_BLACKNESS);
    terminal_line(target, window, window->progress + (uint32_t)last, last);
}

/* --- editor --- */

static int editor_rows(const struct window *window)
{
    return window_inside(window).height / (SOFT_CELL_HEIGHT + 1) - 1;
}

/* The row of the line being typed; the lines above it are there. */
static int editor_row(const struct window *window)
{
    return (int)MIN(window->progress, (uint32_t)MAX(0, editor_rows(window) - 1));
}

static struct soft_point editor_place(const struct window *window, int row, int column)
{
    struct soft_rect inside = window_inside(window);
    return (struct soft_point){inside.x + 30 + column * SOFT_CELL_WIDTH,
                               inside.y + 4 + row * (SOFT_CELL_HEIGHT + 1)};
}

static void editor_line(const struct soft_target *target, const struct window *window,
                        uint32_t number, int row, uint32_t columns)
{
    struct soft_point at = editor_place(window, row, 0);
    char text[LINE_SIZE], label[16];

    soft_source_line(text, sizeof(text), window->seed, number);
    cut_to(text, window_inside(window).width - 34);
    if (columns < strlen(text))
        text[columns] = '\0';
    g_snprintf(label, sizeof(label), "%3u", number % 1000);
    soft_text(target, at.x - 26, at.y, 1, label, 0x9a9a90);
    bool comment = strstr(text, "/*"), keyword = strstr(text, "return") || strstr(text, "while");
    soft_text(target, at.x, at.y, 1, text, comment ? 0x2e8b57 : keyword ? 0x8b1a8b : INK);
}

static void editor_draw(const struct soft_target *target, const struct window *window)
{
    int last = editor_row(window);

    soft_fill(target, window_inside(window), PAPER);
    for (int row = 0; row < last; row++)
        editor_line(target, window, window->progress - (uint32_t)(last - row), row, LINE_SIZE);
    editor_line(target, window, window->progress, last, window->column);
}

/* Shows or hides the caret: inverting twice changes nothing. */
static void editor_caret(const struct soft_target *target, const struct window *window)
{
    struct soft_point at = editor_place(window, editor_row(window), (int)window->column);
    soft_fill_plain(target, (struct soft_rect){at.x, at.y - 1, 2, SOFT_CELL_HEIGHT},
                    QXL_DRAW_INVERS);
}

static void editor_new_line(const struct soft_target *target, struct window *window)
{
    struct soft_rect inside = window_inside(window);
    int row = editor_row(window), height = SOFT_CELL_HEIGHT + 1;

    window->progress++;
    window->column = 0;
    if (editor_row(window) == row) { /* full: up by one */
        soft_copy_bits(target,
                       (struct soft_rect){inside.x, inside.y + 4, inside.width, row * height},
                       inside.x, inside.y + 4 + height);
        soft_fill(target,
                  (struct soft_rect){inside.x, inside.y + 4 + row * height, inside.width, height},
                  PAPER);
    }
    editor_line(target, window, window->progress, editor_row(window), 0);
}

static void editor_step(const struct soft_target *target, struct window *window)
{
    char text[LINE_SIZE];

    soft_source_line(text, sizeof(text), window->seed, window->progress);
    cut_to(text, window_inside(window).width - 34);
    if (window->caret)
        editor_caret(target, window);
    if (window->column >= strlen(text)) {
        editor_new_line(target, window);
    } else {
        struct soft_point at = editor_place(window, editor_row(window), (int)window->column);
        const char typed[2] = {text[window->column], '\0'};
        soft_text(target, at.x, at.y, 1, typed, INK);
        window->column++;
    }
    editor_caret(target, window);
    window->caret = true;
}

static void editor_settle(const struct soft_target *target, struct window *window)
{
    if (window->caret)
        editor_caret(target, window);
    window->caret = false;
}

/* --- pictures --- */

static struct soft_rect photo_rect(const struct window *window)
{
    struct soft_rect inside = window_inside(window);
    inside.height -= SOFT_CELL_HEIGHT + 4;
    return inside;
}

uint32_t window_make_picture(struct soft_frame *frame, const struct window *window, uint32_t seed)
{
    struct soft_rect rect = photo_rect(window);
    struct soft_landscape land = {.seed = seed, .width = rect.width, .height = rect.height};
    struct soft_picture picture = {
        .width = rect.width, .height = rect.height, .fill = soft_landscape_fill, .opaque = &land};
    uint32_t surface =
        soft_surface_create(frame, rect.width, rect.height, SPICE_SURFACE_FMT_32_xRGB);
    struct soft_target target = soft_surface_target(frame, surface);

    if (surface)
        soft_copy_picture(&target, 0, 0, &picture, NULL);
    return surface;
}

void window_forget_pictures(struct soft_frame *frame, struct window *window)
{
    soft_surface_destroy(frame, window->picture);
    soft_surface_destroy(frame, window->next_picture);
    window->picture = window->next_picture = 0;
}

static void photo_draw(const struct soft_target *target, const struct window *window)
{
    struct soft_rect rect = photo_rect(window), caption = rect;
    char text[64];

    caption.y += rect.height;
    caption.height = SOFT_CELL_HEIGHT + 4;
    soft_copy_surface(target, rect, (struct soft_source){.surface = window->picture});
    soft_fill(target, caption, FACE_COLOR);
    g_snprintf(text, sizeof(text), "%dx%d  #%08x", rect.width, rect.height, window->seed);
    soft_text_bitmap(target, caption.x + 4, caption.y + 2, 1, text, 0x303060, FACE_COLOR);
}

static void photo_step(const struct soft_target *target, struct window *window)
{
    if (!window->next_picture)
        window->next_picture = window_make_picture(target->frame, window, ++window->seed);
    soft_blend_surface(target, photo_rect(window),
                       (struct soft_source){.surface = window->next_picture}, FADE_ALPHA);
}

static void photo_settle(const struct soft_target *target, struct window *window)
{
    if (!window->next_picture)
        return;
    soft_surface_destroy(target->frame, window->picture);
    window->picture = window->next_picture;
    window->next_picture = 0;
    photo_draw(target, window);
}

/* --- all kinds --- */

void window_draw(const struct soft_target *target, const struct window *window, bool active)
{
    draw_frame(target, window, active);
    switch (window->kind) {
    case WINDOW_TERMINAL:
        terminal_draw(target, window);
        break;
    case WINDOW_EDITOR:
        editor_draw(target, window);
        break;
    case WINDOW_PHOTO:
        photo_draw(target, window);
        break;
    case WINDOW_CHART:
        window_chart_draw(target, window);
        break;
    default:
        window_dialog_draw(target, window);
        break;
    }
}

void window_step(const struct soft_target *target, struct window *window)
{
    switch (window->kind) {
    case WINDOW_TERMINAL:
        terminal_step(target, window);
        break;
    case WINDOW_EDITOR:
        editor_step(target, window);
        break;
    case WINDOW_PHOTO:
        photo_step(target, window);
        break;
    case WINDOW_CHART:
        window_chart_step(target, window);
        break;
    default:
        window_dialog_step(target, window);
        break;
    }
}

void window_settle(const struct soft_target *target, struct window *window)
{
    if (window->kind == WINDOW_PHOTO)
        photo_settle(target, window);
    else if (window->kind == WINDOW_EDITOR)
        editor_settle(target, window);
}
