/*
 * Pixels to be looked at, wherever they are: those of a canvas, or those that a command is about to
 * put there.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/draw.h"

struct canvas;

/* Valid as long as the memory is; nothing says that a guest does not write to it. */
struct pixel_view {
    uintptr_t origin; /* where the pixel (0, 0) is, or would be: it may lie outside */
    ptrdiff_t stride; /* bytes from a row to the one below */
    /* If the rows are in several pieces of as many rows each: */
    const struct iovec *pieces; /* NULL: they are not; ORIGIN is then an offset in each piece */
    int rows;                   /* in a piece */
    int first, step;            /* row Y is the one FIRST + STEP * Y of all pieces together */
};

/* All of CANVAS. */
struct pixel_view canvas_view(const struct canvas *canvas);
/*
 * What CANVAS, which has 32 bits without alpha, has in DRAW's box once that is drawn, if it is a
 * plain copy of pixels elsewhere in memory, in the canvas's own coordinates; nothing else of the
 * view is valid. Such a draw, which is inside of the canvas, cannot be refused. False: it is
 * something else.
 */
bool draw_view(const struct draw *draw, const struct canvas *canvas, struct pixel_view *view);

/* The pixel (X, Y), of SIZE bytes. */
static inline const uint8_t *pixel_view_at(const struct pixel_view *view, int x, int y,
                                           unsigned size)
{
    uintptr_t row;

    if (view->pieces == NULL) {
        row = view->origin + (intptr_t)y * view->stride;
    } else {
        int at = view->first + view->step * y;

        row = (uintptr_t)view->pieces[at / view->rows].iov_base + view->origin +
              (intptr_t)(at % view->rows) * view->stride;
    }
    return (const uint8_t *)(row + (intptr_t)x * size);
}
