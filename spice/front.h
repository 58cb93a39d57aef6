/*
 * What clients see, or will see once they have been sent all that is queued, of a surface: a
 * private copy of its pixels while anybody looks.
 *
 * The surface's own pixels are the guest's to write: some guests draw into them first, and then
 * tell us by a copy of a rectangle onto itself. So what is news is found by comparing with this
 * copy, and pictures are sent out of it.
 *
 * The worker's thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/canvas.h"
#include "display/pixel_view.h"

#include <glib.h>

struct front {
    uint32_t width, height;
    uint32_t format; /* SPICE_SURFACE_FMT_* */
    unsigned pixel;  /* bytes; 0: pictures in that format can be sent to nobody */
    uint8_t *pixels; /* rows without gaps; NULL: nobody looks */
    bool *tiles;     /* of a row: room for comparisons */
};

void front_init(struct front *front, uint32_t width, uint32_t height, uint32_t format);
void front_finish(struct front *front);

/* Somebody looks from now on: at what is in VIEW. */
void front_open(struct front *front, const struct pixel_view *view);
void front_close(struct front *front);

static inline uint8_t *front_at(const struct front *front, int x, int y)
{
    return front->pixels + ((size_t)y * front->width + x) * front->pixel;
}

/* All boxes are inside, and valid in views. These need an open front. */

/* BOX is shown as it is in VIEW. */
void front_take(struct front *front, const struct pixel_view *view, const draw_rect *box);
/* BOX is shown as what is as large at FROM, which is inside too, was shown; they may overlap. */
void front_move(struct front *front, const draw_rect *box, struct draw_point from);
/* Does anything in BOX look different in VIEW? */
bool front_differs(const struct front *front, const struct pixel_view *view, const draw_rect *box);
/* Adds boxes to CHANGES (of draw_rect), not overlapping, around what looks different in BOX. */
void front_compare(const struct front *front, const struct pixel_view *view, const draw_rect *box,
                   GArray *changes);
