/*
 * Where something is to be looked at again: a handful of boxes that cover at least what was added.
 * Adding costs the same however much was added before.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/draw.h"

#include <stdbool.h>

#define BOXES_MAX 16

struct boxes {
    unsigned count;
    draw_rect boxes[BOXES_MAX]; /* they may overlap */
};

/* BOX is not empty. */
void boxes_add(struct boxes *boxes, const draw_rect *box);
/* Forgets the boxes that are inside of BOX. */
void boxes_remove_covered(struct boxes *boxes, const draw_rect *box);
/*
 * What is as large as TO at FROM moves there: what was noted at FROM is noted at TO as well, and
 * what was inside of TO is forgotten.
 */
void boxes_move(struct boxes *boxes, const draw_rect *to, struct draw_point from);

static inline int64_t box_size(const draw_rect *box)
{
    return (int64_t)(box->x2 - box->x1) * (box->y2 - box->y1);
}

static inline bool box_contains(const draw_rect *outer, const draw_rect *inner)
{
    return inner->x1 >= outer->x1 && inner->y1 >= outer->y1 && inner->x2 <= outer->x2 &&
           inner->y2 <= outer->y2;
}

static inline bool box_touches(const draw_rect *a, const draw_rect *b)
{
    return a->x1 < b->x2 && b->x1 < a->x2 && a->y1 < b->y2 && b->y1 < a->y2;
}

static inline draw_rect box_around(const draw_rect *a, const draw_rect *b)
{
    return (draw_rect){a->x1 < b->x1 ? a->x1 : b->x1, a->y1 < b->y1 ? a->y1 : b->y1,
                       a->x2 > b->x2 ? a->x2 : b->x2, a->y2 > b->y2 ? a->y2 : b->y2};
}
