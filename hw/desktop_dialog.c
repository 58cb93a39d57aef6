/*
 * The kinds of windows that draw as old programs did: lines, patterns, masks, raster operations.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/desktop_window_kinds.h"
#include "hw/soft_art.h"
#include "hw/soft_font.h"

#include <glib.h>

/* --- chart --- */

#define SAMPLE_WIDTH 4
#define CHART_COLOR  0x0a1a12
#define GRID_COLOR   0x1e4030
#define SAMPLES_MAX  (WINDOW_MAX_WIDTH / SAMPLE_WIDTH)
#define GRID_LINES   4

/* The height of a sample in the window, from its top. */
static int chart_sample(const struct window *window, struct soft_rect inside, uint32_t number,
                        uint32_t series)
{
    int slow = soft_sine((int)(number * 9 + window->seed + series * 300)) / 2;
    int fast = (int)(soft_hash(window->seed + number * 3 + series) % 300);
    return inside.height / 2 + (slow + fast - 150) * inside.height / 1600;
}

static void chart_grid(const struct soft_target *target, struct soft_rect part,
                       struct soft_rect inside)
{
    soft_fill(target, part, CHART_COLOR);
    for (int i = 1; i < GRID_LINES; i++)
        soft_fill(
            target,
            (struct soft_rect){part.x, inside.y + inside.height * i / GRID_LINES, part.width, 1},
            GRID_COLOR);
}

static void chart_lines(const struct soft_target *target, const struct window *window,
                        struct soft_rect inside, int first, int last)
{
    static const uint32_t colors[2] = {0x60ff90, 0xffc040};
    struct soft_point points[SAMPLES_MAX + 1];

    for (uint32_t series = 0; series < G_N_ELEMENTS(colors); series++) {
        int count = 0;
        for (int i = first; i <= last && count <= SAMPLES_MAX; i++)
            points[count++] = (struct soft_point){
                inside.x + i * SAMPLE_WIDTH,
                inside.y + chart_sample(window, inside, window->progress + (uint32_t)i, series)};
        soft_stroke(target, points, count, colors[series], SPICE_ROPD_OP_PUT, NULL);
    }
}

void window_chart_draw(const struct soft_target *target, const struct window *window)
{
    struct soft_rect inside = window_inside(window);

    chart_grid(target, inside, inside);
    chart_lines(target, window, inside, 0, (inside.width - 1) / SAMPLE_WIDTH);
}

void window_chart_step(const struct soft_target *target, struct window *window)
{
    struct soft_rect inside = window_inside(window);
    int last = (inside.width - 1) / SAMPLE_WIDTH, kept = (last - 1) * SAMPLE_WIDTH;
    struct soft_rect left = {inside.x, inside.y, kept, inside.height};
    struct soft_rect rest = {inside.x + kept, inside.y, inside.width - kept, inside.height};

    window->progress++;
    soft_copy_bits(target, left, inside.x + SAMPLE_WIDTH, inside.y);
    chart_grid(target, rest, inside);
    chart_lines(target, window, inside, last - 1, last);
}

/* --- dialog --- */

#define ICON_SIZE    32
#define ICON_UNIQUE  1000 /* the first of the icons' numbers */
#define ROP3_DSPDXAX 0xe2 /* Windows: the brush where the source is set */
#define ROP3_PSDPXAX 0xb8 /* ... and where it is not */

static const uint8_t progress_pattern[8] = {0xe1, 0xc3, 0x87, 0x0f, 0x1e, 0x3c, 0x78, 0xf0};

static struct soft_rect progress_rect(struct soft_rect inside)
{
    return (struct soft_rect){inside.x + 12, inside.y + inside.height - 48, inside.width - 24, 14};
}

static void dialog_progress(const struct soft_target *target, const struct window *window)
{
    struct soft_rect bar = progress_rect(window_inside(window)), rest = bar;
    char text[16];

    bar.width = bar.width * (int)MIN(window->progress, 100) / 100;
    rest.x += bar.width;
    rest.width -= bar.width;
    soft_fill_pattern(target, bar, progress_pattern, 0x2060c0, 0x4080e0);
    soft_fill_plain(target, rest, QXL_DRAW_WHITENESS);
    g_snprintf(text, sizeof(text), "%u%%", window->progress);
    soft_text(target, bar.x + 4, bar.y + 3, 1, text, 0x101010);
}

/* A white picture with the word in black, as programs make to combine it by raster operations. */
static void stencil_fill(void *opaque, uint32_t *pixels, int width, int y, int rows)
{
    const char *word = opaque;

    for (int row = 0; row < rows; row++)
        for (int x = 0; x < width; x++) {
            int dot = SOFT_FONT_WIDTH - 1 - x % SOFT_CELL_WIDTH;
            bool set = dot >= 0 && soft_font_row(word[x / SOFT_CELL_WIDTH], y + row) >> dot & 1;
            pixels[row * width + x] = set ? 0xffffff : 0;
        }
}

/* A word that cannot be chosen: white below and to the right, grey on it. */
static void dialog_disabled_word(const struct soft_target *target, int x, int y)
{
    char word[] = "Advanced";
    struct soft_picture picture = {.width = SOFT_CELL_WIDTH * (int)(sizeof(word) - 1),
                                   .height = SOFT_CELL_HEIGHT,
                                   .fill = stencil_fill,
                                   .opaque = word};

    soft_rop3_picture(target, x + 1, y + 1, &picture, 0xffffff, ROP3_DSPDXAX);
    soft_rop3_picture(target, x, y, &picture, 0x808080, ROP3_DSPDXAX);
}

static void dialog_icons(const struct soft_target *target, const struct window *window,
                         struct soft_rect inside)
{
    uint8_t round[ICON_SIZE * ICON_SIZE / 8] = {0};
    struct soft_ball ball = {.color = soft_hue((int)(window->seed & 1023), 220, 230),
                             .size = ICON_SIZE};
    struct soft_landscape land = {.seed = window->seed, .width = ICON_SIZE, .height = ICON_SIZE};
    struct soft_gradient gradient = {.from = 0xff4020, .to = 0x2040ff, .length = ICON_SIZE};
    struct soft_picture picture = {.width = ICON_SIZE, .height = ICON_SIZE};
    int x = inside.x + 12, y = inside.y + 10;

    for (int at = 0; at < ICON_SIZE * ICON_SIZE; at++) {
        int dx = at % ICON_SIZE * 2 - ICON_SIZE + 1, dy = at / ICON_SIZE * 2 - ICON_SIZE + 1;
        if (dx * dx + dy * dy < ICON_SIZE * ICON_SIZE)
            round[at / 8] |= (uint8_t)(0x80 >> at % 8);
    }
    const struct soft_bitmap mask = {.width = ICON_SIZE, .height = ICON_SIZE, .bits = round};

    picture.fill = soft_ball_fill;
    picture.opaque = &ball;
    picture.alpha = true;
    picture.unique = ICON_UNIQUE + (window->seed & 1023);
    soft_blend_picture(target, x, y, &picture, 255);
    picture.alpha = false;
    picture.unique = 0;
    picture.fill = soft_landscape_fill;
    picture.opaque = &land;
    soft_copy_picture(target, x + 40, y, &picture, &mask);
    picture.fill = soft_gradient_fill;
    picture.opaque = &gradient;
    soft_opaque_picture(target, x + 80, y, &picture, 0x3f3f3f, SPICE_ROPD_OP_OR);
    soft_copy_picture_keyed(target, x + 120, y, &picture, 0xff4020);
    soft_rop3_picture(target, x + 120, y, &picture, 0x2040ff, ROP3_PSDPXAX);
}

static void dialog_button(const struct soft_target *target, int x, int y, const char *label,
                          bool focus)
{
    static const uint8_t dots[2] = {1, 1};
    struct soft_rect rect = {x, y, 64, 20};

    soft_fill(target, rect, FACE_COLOR);
    window_bevel(target, rect, true);
    soft_text(target, x + 14, y + 6, 1, label, 0x101010);
    if (focus)
        soft_stroke_rect(target, (struct soft_rect){x + 4, y + 4, 56, 12}, 0x404040,
                         SPICE_ROPD_OP_PUT, dots);
}

void window_dialog_draw(const struct soft_target *target, const struct window *window)
{
    struct soft_rect inside = window_inside(window), bar = progress_rect(inside);
    int right = inside.x + inside.width, middle = inside.y + 50;
    const struct soft_point curve[7] = {
        {inside.x + 12, middle},  {inside.x + 60, middle - 14}, {inside.x + 90, middle + 14},
        {inside.x + 120, middle}, {right - 90, middle - 14},    {right - 60, middle + 14},
        {right - 12, middle},
    };

    soft_fill(target, inside, FACE_COLOR);
    dialog_icons(target, window, inside);
    soft_stroke_curve(target, curve, G_N_ELEMENTS(curve), 0x305080);
    soft_text(target, inside.x + 12, middle + 10, 2, "Copying", 0x203040);
    soft_text(target, inside.x + 108, middle + 14, 1, "to the new machine", 0x303030);
    dialog_disabled_word(target, inside.x + 12, bar.y - 18);
    window_bevel(target, (struct soft_rect){bar.x - 2, bar.y - 2, bar.width + 4, bar.height + 4},
                 false);
    dialog_progress(target, window);
    dialog_button(target, right - 146, bar.y + 22, "Cancel", false);
    dialog_button(target, right - 76, bar.y + 22, "  OK", true);
}

void window_dialog_step(const struct soft_target *target, struct window *window)
{
    window->progress = window->progress >= 100 ? 0 : window->progress + 2;
    dialog_progress(target, window);
}
