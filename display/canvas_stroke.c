/*
 * STROKE: cosmetic lines, one pixel wide.
 *
 * A path is a list of polylines. Their points are rounded to pixels, curves are divided into lines
 * first. The last point of every line is left out, so that where two lines meet one pixel is drawn
 * once. The rules of rounding are those of every SPICE client.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/stroke.h"

#include <glib.h>

/* A curve of 2^DEPTH lines is as fine as the coordinates allow. */
#define CURVE_DEPTH_MAX 24
/* Dashed lines may not leave this plane. No box of a surface covers such a path. */
#define DASHED_MAX INT16_MAX
/* No path of a sane driver has more points once its curves are divided. */
#define POINTS_MAX (1u << 22)

/* A fixed point number to the nearest pixel; halves go down. */
static int fix_round(int32_t fixed)
{
    return (fixed >> 4) + ((fixed & 15) > 8);
}

static void add_point(GArray *points, int x, int y)
{
    struct draw_point point = {x, y};

    if (points->len < POINTS_MAX)
        g_array_append_val(points, point);
}

static int64_t dot(struct draw_point a, struct draw_point b)
{
    return ((int64_t)a.x * b.x + (int64_t)a.y * b.y) >> 4;
}

static struct draw_point minus(struct draw_point a, struct draw_point b)
{
    return (struct draw_point){(int32_t)((uint32_t)a.x - b.x), (int32_t)((uint32_t)a.y - b.y)};
}

static struct draw_point middle(struct draw_point a, struct draw_point b)
{
    return (struct draw_point){((int64_t)a.x + b.x) / 2, ((int64_t)a.y + b.y) / 2};
}

/* Is the square of the distance of a control point from the chord less than half a pixel? */
static bool is_flat(struct draw_point handle, struct draw_point chord)
{
    /* 128 bits: the factors come from the guest. */
    __int128 handle2 = dot(handle, handle), chord2 = dot(chord, chord), both = dot(handle, chord);

    if (!chord2) /* A loop: its distance means nothing, it ends when it has no size. */
        return !handle2;
    return (handle2 * chord2 - both * both) >> 3 < chord2;
}

/* Appends the end points of the lines that stand for a Bezier curve from P[0] to P[3]. */
static void add_curve(GArray *points, const struct draw_point p[4], unsigned depth)
{
    struct draw_point chord = minus(p[3], p[0]), back = minus(p[0], p[3]);

    if (depth == CURVE_DEPTH_MAX || points->len >= POINTS_MAX ||
        (is_flat(minus(p[1], p[0]), chord) && is_flat(minus(p[2], p[3]), back))) {
        add_point(points, fix_round(p[3].x), fix_round(p[3].y));
        return;
    }

    struct draw_point a = middle(p[0], p[1]), b = middle(p[1], p[2]), c = middle(p[2], p[3]);
    struct draw_point ab = middle(a, b), bc = middle(b, c), abc = middle(ab, bc);

    add_curve(points, (struct draw_point[4]){p[0], a, ab, abc}, depth + 1);
    add_curve(points, (struct draw_point[4]){abc, bc, c, p[3]}, depth + 1);
}

static void add_segment(GArray *points, const struct draw_path_segment *segment, uint32_t first)
{
    const struct draw_point *from = segment->points;

    if (!(segment->flags & SPICE_PATH_BEZIER)) {
        for (uint32_t i = first; i < segment->count; i++)
            add_point(points, fix_round(from[i].x), fix_round(from[i].y));
        return;
    }
    for (uint32_t i = first; i + 2 < segment->count && points->len; i += 3) {
        struct draw_point start = g_array_index(points, struct draw_point, points->len - 1);
        struct draw_point curve[4] = {
            {(int32_t)((uint32_t)start.x << 4), (int32_t)((uint32_t)start.y << 4)},
            from[i],
            from[i + 1],
            from[i + 2]};
        add_curve(points, curve, 0);
    }
}

static void draw_polyline(struct stroke *stroke, GArray *points)
{
    const struct draw_point *p = (const struct draw_point *)points->data;

    if (stroke->dash_count)
        stroke_dashed(stroke, p, points->len);
    else
        for (unsigned i = 1; i < points->len; i++)
            stroke_line(stroke, p[i - 1], p[i]);
    g_array_set_size(points, 0);
}

static void draw_path(struct stroke *stroke, const struct draw_path *path)
{
    GArray *points = g_array_new(FALSE, FALSE, sizeof(struct draw_point));

    for (unsigned i = 0; i < path->count; i++) {
        const struct draw_path_segment *segment = &path->segments[i];
        uint32_t first = 0;

        if (segment->flags & SPICE_PATH_BEGIN) {
            draw_polyline(stroke, points);
            if (segment->count)
                add_point(points, fix_round(segment->points[0].x), fix_round(segment->points[0].y));
            first = 1;
        }
        add_segment(points, segment, first);
        if (segment->flags & SPICE_PATH_END) {
            if (segment->flags & SPICE_PATH_CLOSE && points->len) {
                struct draw_point start = g_array_index(points, struct draw_point, 0);
                add_point(points, start.x, start.y);
            }
            draw_polyline(stroke, points);
        }
    }
    draw_polyline(stroke, points);
    g_array_free(points, TRUE);
}

/* Dash lengths in pixels, as the clients have them: one byte each. */
static const char *open_dashes(struct stroke *stroke, const struct draw_line_style *style)
{
    unsigned shift = style->flags & SPICE_LINE_FLAGS_START_WITH_GAP ? 1 : 0;
    unsigned total = 0;

    if (!(style->flags & SPICE_LINE_FLAGS_STYLED))
        return NULL;
    if (!style->count)
        return "a styled line has no dashes";
    stroke->dash_count = style->count;
    for (unsigned i = 0; i < style->count; i++) {
        stroke->dashes[i] = fix_round(style->lengths[(i + shift) % style->count]);
        total += stroke->dashes[i];
    }
    /* A line that starts with a gap starts at the end of the first dash of the turned list. */
    stroke->dash_offset = shift ? stroke->dashes[0] : 0;
    return total ? NULL : "the dashes of a styled line have no length";
}

static const char *check_segment(const struct draw_path_segment *segment, bool dashed)
{
    uint32_t count = segment->count;

    if (segment->flags & SPICE_PATH_BEGIN && count)
        count--;
    if (segment->flags & SPICE_PATH_BEZIER && count % 3)
        return "a curve's points do not come in threes";
    for (uint32_t i = 0; dashed && i < segment->count; i++)
        if (ABS((int64_t)segment->points[i].x) >> 4 >= DASHED_MAX ||
            ABS((int64_t)segment->points[i].y) >> 4 >= DASHED_MAX)
            return "a dashed line leaves the plane of 16-bit coordinates";
    return NULL;
}

const char *canvas_stroke(struct drawing *drawing)
{
    const struct draw *draw = drawing->draw;
    struct stroke stroke = {
        .canvas = drawing->canvas,
        .rop = raster_from_ropd(draw->stroke.fore_mode, SPICE_ROPD_INVERS_BRUSH,
                                SPICE_ROPD_INVERS_DEST),
    };
    const char *reason = open_dashes(&stroke, &draw->stroke.style);

    for (unsigned i = 0; !reason && i < draw->stroke.path.count; i++)
        reason = check_segment(&draw->stroke.path.segments[i], stroke.dash_count);
    if (!reason)
        reason = brush_open(&stroke.brush, &draw->stroke.brush, drawing);
    if (reason)
        return reason;
    stroke.boxes = pixman_region32_rectangles(&drawing->region, &stroke.box_count);
    draw_path(&stroke, &draw->stroke.path);
    brush_close(&stroke.brush);
    return NULL;
}
