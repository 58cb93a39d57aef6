/*
 * One rectangle in place of two. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/trim.h"

static bool is_inside(const draw_rect *area, const struct draw_image *image)
{
    return area->x1 >= 0 && area->y1 >= 0 && (uint32_t)area->x2 <= image->width &&
           (uint32_t)area->y2 <= image->height;
}

/* Is each pixel made of that of the image which is as far from the box's corner? */
static bool is_simple(const struct draw *draw)
{
    const draw_rect *area = &draw->copy.area, *box = &draw->box;

    switch (draw->type) {
    case QXL_DRAW_FILL:
        return draw->fill.brush.type == SPICE_BRUSH_TYPE_SOLID && draw->fill.mask.image == NULL;
    case QXL_DRAW_BLACKNESS:
    case QXL_DRAW_WHITENESS:
    case QXL_DRAW_INVERS:
        return draw->whole.mask.image == NULL;
    case QXL_DRAW_COPY:
        return draw->copy.mask.image == NULL && draw->copy.image->type == SPICE_IMAGE_TYPE_BITMAP &&
               area->x2 - area->x1 == box->x2 - box->x1 &&
               area->y2 - area->y1 == box->y2 - box->y1 && is_inside(area, draw->copy.image);
    default:
        return false;
    }
}

void draw_trim(struct draw *draw)
{
    draw_rect *box = &draw->box, *area = &draw->copy.area;
    const draw_rect *clip = draw->clip.rects;
    draw_rect trimmed;

    if (!draw->clip.has_rects || draw->clip.count != 1 || !is_simple(draw))
        return;
    trimmed = (draw_rect){
        clip->x1 > box->x1 ? clip->x1 : box->x1, clip->y1 > box->y1 ? clip->y1 : box->y1,
        clip->x2 < box->x2 ? clip->x2 : box->x2, clip->y2 < box->y2 ? clip->y2 : box->y2};
    if (trimmed.x1 >= trimmed.x2 || trimmed.y1 >= trimmed.y2)
        return; /* nothing is painted, and a box is never empty */
    if (draw->type == QXL_DRAW_COPY)
        *area = (draw_rect){area->x1 + trimmed.x1 - box->x1, area->y1 + trimmed.y1 - box->y1,
                            area->x2 + trimmed.x2 - box->x2, area->y2 + trimmed.y2 - box->y2};
    *box = trimmed;
    draw->clip = (struct draw_clip){0};
}
