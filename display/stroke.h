/*
 * The lines of a STROKE command.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/brush.h"
#include "display/raster.h"

struct stroke {
    struct canvas *canvas;
    struct brush brush;
    uint8_t rop;
    const pixman_box32_t *boxes; /* where paint goes: bands from top to bottom */
    int box_count;
    unsigned dash_count;  /* 0: solid */
    uint8_t dashes[255];  /* pixels, alternately painted and left out */
    unsigned dash_offset; /* where in the dashes a polyline starts, in pixels */
};

/* Paints pixels X1 to X2 (without) of row Y, as far as the boxes go. Any coordinates. */
void stroke_span(struct stroke *stroke, int64_t x1, int64_t x2, int64_t y);

/* A solid line from A to B, without B. */
void stroke_line(struct stroke *stroke, struct draw_point a, struct draw_point b);

/* A polyline with dashes. */
void stroke_dashed(struct stroke *stroke, const struct draw_point *points, unsigned count);
