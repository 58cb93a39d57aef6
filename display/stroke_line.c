/*
 * Solid lines of one pixel.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/stroke.h"

#include <glib.h>

void stroke_span(struct stroke *stroke, int64_t x1, int64_t x2, int64_t y)
{
    int low = 0, high = stroke->box_count;

    /* The first box that does not end above y. */
    while (low < high) {
        int half = low + (high - low) / 2;
        if (stroke->boxes[half].y2 <= y)
            low = half + 1;
        else
            high = half;
    }
    for (int i = low; i < stroke->box_count && stroke->boxes[i].y1 <= y; i++) {
        int64_t left = MAX(x1, stroke->boxes[i].x1), right = MIN(x2, stroke->boxes[i].x2);
        if (left < right) {
            pixman_box32_t box = {left, y, right, y + 1};
            brush_paint(&stroke->brush, stroke->canvas, &box, 1, stroke->rop);
        }
    }
}

/*
 * After I steps along the major axis, how many have been made along the minor one? Lines step when
 * the error is at least half a pixel; BIAS tells whether exactly half is enough (0) or not (1).
 */
static int64_t minor_steps(int64_t i, int64_t major, int64_t minor, int bias)
{
    return (2 * i * minor + major - bias) / (2 * major);
}

/* Which I of 0 .. COUNT have FROM + DIRECTION * I in 0 .. SIZE? */
static void clip_steps(int64_t from, int direction, int size, int64_t count, int64_t *first,
                       int64_t *end)
{
    if (direction > 0) {
        *first = MAX(0, -from);
        *end = MIN(count, size - from);
    } else {
        *first = MAX(0, from - size + 1);
        *end = MIN(count, from + 1);
    }
}

/* Mostly horizontal: the pixels of a row make a span. */
static void line_x_major(struct stroke *stroke, struct draw_point a, int64_t dx, int64_t dy, int sx,
                         int sy)
{
    /* Exactly half goes along x in lines that go left. */
    int bias = sx < 0;
    int64_t i, end;

    clip_steps(a.x, sx, stroke->canvas->width, dx, &i, &end);
    while (i < end) {
        int64_t row = minor_steps(i, dx, dy, bias), start = i;
        /* The last I whose row this is: 2 * i * dy + dx - bias < 2 * dx * (row + 1). */
        i = dy ? MIN(end, (2 * dx * (row + 1) - dx + bias + 2 * dy - 1) / (2 * dy)) : end;
        int64_t from = a.x + sx * start, to = a.x + sx * (i - 1);
        stroke_span(stroke, MIN(from, to), MAX(from, to) + 1, a.y + sy * row);
    }
}

static void line_y_major(struct stroke *stroke, struct draw_point a, int64_t dx, int64_t dy, int sx,
                         int sy)
{
    /* Exactly half goes along y in lines that go up. */
    int bias = sy < 0;
    int64_t i, end;

    clip_steps(a.y, sy, stroke->canvas->height, dy, &i, &end);
    for (; i < end; i++) {
        int64_t x = a.x + sx * minor_steps(i, dy, dx, bias);
        stroke_span(stroke, x, x + 1, a.y + sy * i);
    }
}

void stroke_line(struct stroke *stroke, struct draw_point a, struct draw_point b)
{
    int64_t dx = (int64_t)b.x - a.x, dy = (int64_t)b.y - a.y;
    int sx = dx < 0 ? -1 : 1, sy = dy < 0 ? -1 : 1;

    dx = ABS(dx);
    dy = ABS(dy);
    if (dx > dy)
        line_x_major(stroke, a, dx, dy, sx, sy);
    else if (dy)
        line_y_major(stroke, a, dx, dy, sx, sy);
}
