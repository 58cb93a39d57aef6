/*
 * A handful of boxes. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/boxes.h"

#include <glib.h>

/* Two boxes become one when that adds no more pixels than this. */
#define MAX_WASTE 4096

static int64_t waste(const draw_rect *a, const draw_rect *b)
{
    draw_rect both = box_around(a, b);

    return box_size(&both) - box_size(a) - box_size(b);
}

void boxes_add(struct boxes *boxes, const draw_rect *box)
{
    int64_t least = INT64_MAX;
    unsigned best = 0;

    for (unsigned i = 0; i < boxes->count; i++) {
        int64_t wasted = waste(&boxes->boxes[i], box);

        if (wasted < least) {
            least = wasted;
            best = i;
        }
    }
    if (boxes->count > 0 && (least <= MAX_WASTE || boxes->count == BOXES_MAX))
        boxes->boxes[best] = box_around(&boxes->boxes[best], box);
    else
        boxes->boxes[boxes->count++] = *box;
}

void boxes_remove_covered(struct boxes *boxes, const draw_rect *box)
{
    for (unsigned i = 0; i < boxes->count;) {
        if (box_contains(box, &boxes->boxes[i]))
            boxes->boxes[i] = boxes->boxes[--boxes->count];
        else
            i++;
    }
}

void boxes_move(struct boxes *boxes, const draw_rect *to, struct draw_point from)
{
    int dx = to->x1 - from.x, dy = to->y1 - from.y;
    struct boxes moved = {0};

    for (unsigned i = 0; i < boxes->count; i++) {
        const draw_rect *box = &boxes->boxes[i];
        draw_rect part = {MAX(box->x1 + dx, to->x1), MAX(box->y1 + dy, to->y1),
                          MIN(box->x2 + dx, to->x2), MIN(box->y2 + dy, to->y2)};

        if (part.x1 < part.x2 && part.y1 < part.y2)
            moved.boxes[moved.count++] = part;
    }
    boxes_remove_covered(boxes, to);
    for (unsigned i = 0; i < moved.count; i++)
        boxes_add(boxes, &moved.boxes[i]);
}
