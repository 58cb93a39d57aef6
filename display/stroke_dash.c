/*
 * Dashed lines.
 *
 * A dash is a rectangle one pixel wide along its line, and where two painted dashes meet at a
 * corner there is a mitre between them. A pixel is painted when the point at its top left is
 * inside. All numbers here are computed in the order in which SPICE clients compute them, because
 * the last bit of a sum can decide over a pixel.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/stroke.h"

#include <glib.h>
#include <math.h>

/* Mitres are cut off at corners of less than 11 degrees: 1 / sin^2(5.5 degrees). */
#define MITRE_LIMIT 108.856472512142

struct vertex {
    double x, y;
};

/* A line of direction (dx, dy): all points with x * dy - y * dx = k. */
struct slope {
    int64_t dx, dy;
    double k;
};

/* A convex polygon: slopes[i] leads from vertex i to the next one. */
struct polygon {
    unsigned count; /* 3 or 4 */
    struct vertex vertices[4];
    struct slope slopes[4];
};

/* Where a line begins or ends: the end of one long side, relative to (x, y). */
struct face {
    int64_t x, y, dx, dy;
    double xa, ya, k;
};

struct dasher {
    struct stroke *stroke;
    GArray *boxes;  /* of pixman_box32_t: to be united first; NULL: paint at once */
    unsigned index; /* of the current dash; even ones are painted */
    int offset;     /* how much of it is used up */
};

static void dash_span(struct dasher *dasher, int64_t x1, int64_t x2, int64_t y)
{
    if (!dasher->boxes) {
        stroke_span(dasher->stroke, x1, x2, y);
    } else {
        pixman_box32_t box = {x1, y, x2, y + 1};
        if (x1 < x2)
            g_array_append_val(dasher->boxes, box);
    }
}

static int64_t ceil_division(int64_t a, int64_t b)
{
    return a > 0 ? (a - 1) / b + 1 : -(-a / b);
}

/* One side of a polygon from row `start` on for `rows` rows; dy > 0. */
struct edge {
    int64_t start, rows, dx, dy, k;
};

/* The first column at or right of the edge in its row number ROW. */
static int64_t edge_column(const struct edge *edge, int64_t row)
{
    return ceil_division(edge->k + (edge->start + row) * edge->dx, edge->dy);
}

/* The sides met on the way from vertex TOP to BOTTOM in direction STEP; returns their number. */
static unsigned polygon_side(const struct polygon *polygon, unsigned top, unsigned bottom, int step,
                             int64_t end, struct edge edges[4])
{
    unsigned count = polygon->count, found = 0;

    for (unsigned i = top; i != bottom; i = (i + count + step) % count) {
        const struct slope *slope = &polygon->slopes[step > 0 ? i : (i + count - 1) % count];
        if (!slope->dy)
            continue;
        int sign = slope->dy < 0 ? -1 : 1;
        struct edge edge = {
            .start = (int64_t)ceil(polygon->vertices[i].y),
            .dx = sign * slope->dx,
            .dy = sign * slope->dy,
            .k = (int64_t)ceil(sign * slope->k),
        };
        if (found)
            edges[found - 1].rows = edge.start - edges[found - 1].start;
        edges[found++] = edge;
    }
    if (found)
        edges[found - 1].rows = end - edges[found - 1].start;
    return found;
}

static void fill_polygon(struct dasher *dasher, const struct polygon *polygon, int64_t x, int64_t y)
{
    unsigned top = 0, bottom = 0;

    for (unsigned i = 1; i < polygon->count; i++) {
        if (polygon->vertices[i].y < polygon->vertices[top].y)
            top = i;
        if (polygon->vertices[i].y >= polygon->vertices[bottom].y)
            bottom = i;
    }

    const struct slope *out = &polygon->slopes[top];
    const struct slope *in = &polygon->slopes[(top + polygon->count - 1) % polygon->count];
    int clockwise = in->dy * out->dx > out->dy * in->dx ? -1 : 1;
    int64_t end = (int64_t)ceil(polygon->vertices[bottom].y);
    struct edge right[4], left[4];
    unsigned rights = polygon_side(polygon, top, bottom, clockwise, end, right);
    unsigned lefts = polygon_side(polygon, top, bottom, -clockwise, end, left);
    if (!rights || !lefts)
        return;

    unsigned r = 0, l = 0;
    int64_t right_row = 0, left_row = 0;
    for (int64_t row = right[0].start; row < end; row++) {
        while (l + 1 < lefts && left_row >= left[l].rows) {
            l++;
            left_row = 0;
        }
        while (r + 1 < rights && right_row >= right[r].rows) {
            r++;
            right_row = 0;
        }
        if (left_row >= left[l].rows || right_row >= right[r].rows)
            return;
        dash_span(dasher, x + edge_column(&left[l], left_row++),
                  x + edge_column(&right[r], right_row++), y + row);
    }
}

static void next_dash(struct dasher *dasher)
{
    dasher->index = (dasher->index + 1) % dasher->stroke->dash_count;
    dasher->offset = 0;
}

/* Starts a polyline: skips what the offset says, and dashes without length. */
static void start_dashes(struct dasher *dasher)
{
    int distance = dasher->stroke->dash_offset;

    while (distance >= dasher->stroke->dashes[dasher->index]) {
        distance -= dasher->stroke->dashes[dasher->index];
        next_dash(dasher);
    }
    dasher->offset = distance;
}

enum { TOP, RIGHT, BOTTOM, LEFT };

/* Draws the dashes of one line that is not a point; tells what its ends look like. */
static void dash_line(struct dasher *dasher, struct draw_point a, struct draw_point b,
                      struct face *left_face, struct face *right_face)
{
    const uint8_t *dashes = dasher->stroke->dashes;
    int64_t dx = (int64_t)b.x - a.x, dy = (int64_t)b.y - a.y;
    double length, rdx, rdy; /* (rdx, rdy): half a pixel along the line */

    if (dx == 0 || dy == 0) {
        length = ABS(dx + dy);
        rdx = dx ? copysign(0.5, dx) : 0;
        rdy = dy ? copysign(0.5, dy) : 0;
    } else {
        length = hypot(dx, dy);
        double r = 0.5 / length;
        rdx = r * dx;
        rdy = r * dy;
    }

    double k = 0.5 * length, rest = length;
    int remain = dashes[dasher->index] - dasher->offset;
    struct polygon dash = {
        .count = 4,
        .vertices = {[TOP] = {rdy, -rdx},
                     [RIGHT] = {rdy, -rdx},
                     [BOTTOM] = {-rdy, rdx},
                     [LEFT] = {-rdy, rdx}},
        .slopes = {[TOP] = {dx, dy, k},
                   [RIGHT] = {-dy, dx, 0},
                   [BOTTOM] = {-dx, -dy, k},
                   [LEFT] = {dy, -dx, 0}},
    };
    struct vertex *v = dash.vertices;

    while (rest > remain) {
        double step_x = remain * dx / length, step_y = remain * dy / length;
        v[RIGHT].x += step_x;
        v[RIGHT].y += step_y;
        v[BOTTOM].x += step_x;
        v[BOTTOM].y += step_y;
        dash.slopes[RIGHT].k = v[RIGHT].x * dx + v[RIGHT].y * dy;
        if (!(dasher->index & 1))
            fill_polygon(dasher, &dash, a.x, a.y);
        rest -= remain;
        next_dash(dasher);
        remain = dashes[dasher->index];
        v[TOP] = v[RIGHT];
        v[LEFT] = v[BOTTOM];
        dash.slopes[LEFT].k = -dash.slopes[RIGHT].k;
    }
    if (!(dasher->index & 1)) {
        /* The last dash is seen from the line's end. */
        v[TOP].x -= dx;
        v[TOP].y -= dy;
        v[LEFT].x -= dx;
        v[LEFT].y -= dy;
        v[RIGHT] = (struct vertex){rdy, -rdx};
        v[BOTTOM] = (struct vertex){-rdy, rdx};
        dash.slopes[RIGHT].k = 0;
        dash.slopes[LEFT].k += dx * dx + dy * dy;
        fill_polygon(dasher, &dash, b.x, b.y);
    }
    remain = (int)(remain - rest);
    if (!remain) {
        next_dash(dasher);
        remain = dashes[dasher->index];
    }
    dasher->offset = dashes[dasher->index] - remain;

    *left_face = (struct face){a.x, a.y, dx, dy, rdy, -rdx, k};
    *right_face = (struct face){b.x, b.y, -dx, -dy, -rdy, rdx, k};
}

static void turn(struct face *face)
{
    face->xa = -face->xa;
    face->ya = -face->ya;
    face->dx = -face->dx;
    face->dy = -face->dy;
}

static struct slope slope_of_face(const struct face *face, bool swapped)
{
    int sign = swapped ? -1 : 1;

    return (struct slope){sign * face->dx, sign * face->dy, sign * face->k};
}

/* Fills the wedge between two lines that meet. */
static void dash_join(struct dasher *dasher, struct face left, struct face right)
{
    /* Alone, one of two lines that go right or down paints the pixel of the corner. */
    if (!dasher->boxes && (left.dx > 0 || (left.dx == 0 && left.dy > 0) || right.dx > 0 ||
                           (right.dx == 0 && right.dy > 0)))
        return;
    double angle = -left.dx * (double)right.dy + right.dx * (double)left.dy;
    if (angle == 0)
        return;

    bool swapped = angle <= 0;
    turn(swapped ? &right : &left);

    struct polygon wedge = {
        .count = 4,
        .vertices = {{right.xa, right.ya}, {0, 0}, {left.xa, left.ya}},
        .slopes = {{-right.dy, right.dx, 0}, {left.dy, -left.dx, 0}},
    };
    double my = (left.dy * (right.xa * right.dy - right.ya * right.dx) -
                 right.dy * (left.xa * left.dy - left.ya * left.dx)) /
                angle;
    double mx = left.dy ? left.xa + (my - left.ya) * (double)left.dx / (double)left.dy
                        : right.xa + (my - right.ya) * (double)right.dx / (double)right.dy;
    if ((mx * mx + my * my) * 4 <= MITRE_LIMIT) {
        wedge.vertices[3] = (struct vertex){mx, my};
        wedge.slopes[2] = slope_of_face(&left, swapped);
        wedge.slopes[3] = slope_of_face(&right, swapped);
    } else {
        double dx = right.xa - left.xa, dy = right.ya - left.ya;
        double scale = MAX(fabs(dx), fabs(dy));
        wedge.count = 3;
        wedge.slopes[2].dx = (int64_t)(dx * 65536 / scale);
        wedge.slopes[2].dy = (int64_t)(dy * 65536 / scale);
        wedge.slopes[2].k = ((left.xa + right.xa) * wedge.slopes[2].dy -
                             (left.ya + right.ya) * wedge.slopes[2].dx) /
                            2.0;
    }
    fill_polygon(dasher, &wedge, left.x, left.y);
}

/* Does painting a pixel twice differ from painting it once? */
static bool rop_counts(uint8_t rop)
{
    unsigned dd = rop & 1, dD = rop >> 1 & 1, sd = rop >> 2 & 1, sD = rop >> 3 & 1;

    /* It does where a source, clear or set, complements the destination. */
    return (dd && !dD) || (sd && !sD);
}

static void paint_united(struct dasher *dasher)
{
    struct stroke *stroke = dasher->stroke;
    pixman_region32_t region;
    int count;

    pixman_region32_init_rects(&region, (const pixman_box32_t *)dasher->boxes->data,
                               dasher->boxes->len);
    const pixman_box32_t *box = pixman_region32_rectangles(&region, &count);
    for (; count--; box++)
        for (int y = box->y1; y < box->y2; y++)
            stroke_span(stroke, box->x1, box->x2, y);
    pixman_region32_fini(&region);
    g_array_free(dasher->boxes, TRUE);
}

static void dash_polyline(struct dasher *dasher, const struct draw_point *points, unsigned count)
{
    bool closed = points[0].x == points[count - 1].x && points[0].y == points[count - 1].y;
    bool any = false, first_painted = false, ends_painted = false;
    struct face first = {0}, left, right = {0}, previous = {0};

    for (unsigned i = 1; i < count; i++) {
        if (points[i].x == points[i - 1].x && points[i].y == points[i - 1].y)
            continue;
        bool starts_painted = !(dasher->index & 1), previous_painted = ends_painted;
        dash_line(dasher, points[i - 1], points[i], &left, &right);
        ends_painted = (dasher->index & 1) != (dasher->offset != 0);
        if (starts_painted && any && previous_painted)
            dash_join(dasher, left, previous);
        if (starts_painted && !any && closed) {
            first = left;
            first_painted = true;
        }
        previous = right;
        any = true;
    }
    if (any && ends_painted && closed && first_painted)
        dash_join(dasher, first, right);
}

void stroke_dashed(struct stroke *stroke, const struct draw_point *points, unsigned count)
{
    struct dasher dasher = {.stroke = stroke};

    if (count < 2)
        return;
    if (count > 2 && rop_counts(stroke->rop))
        dasher.boxes = g_array_new(FALSE, FALSE, sizeof(pixman_box32_t));
    start_dashes(&dasher);
    dash_polyline(&dasher, points, count);
    if (dasher.boxes)
        paint_united(&dasher);
}
