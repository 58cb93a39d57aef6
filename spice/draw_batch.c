/*
 * Commands that later ones hide. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/draw_batch.h"

#include <glib.h>

/* Does the raster operation, over source or brush, leave nothing of what was there? */
static bool is_put(uint16_t rop)
{
    return (rop & SPICE_ROPD_OP_PUT) != 0;
}

static bool is_box_of_size(const draw_rect *area, const draw_rect *box)
{
    return area->x2 - area->x1 == box->x2 - box->x1 && area->y2 - area->y1 == box->y2 - box->y1;
}

/* Whole pixels that any surface of 32 bits takes. */
static bool is_plain_bitmap(const struct draw_image *image)
{
    return image->type == SPICE_IMAGE_TYPE_BITMAP &&
           image->bitmap.format >= SPICE_BITMAP_FMT_16BIT &&
           image->bitmap.format <= SPICE_BITMAP_FMT_RGBA;
}

/* Will DRAW certainly be done, and replace every pixel of its box? */
static bool hides_its_box(const struct draw *draw, const struct surface *surface)
{
    if (draw->clip.has_rects || draw->effect == QXL_EFFECT_NOP ||
        surface_format_bits(surface->format) != 32)
        return false;
    switch (draw->type) {
    case QXL_DRAW_FILL:
        return draw->fill.brush.type == SPICE_BRUSH_TYPE_SOLID && is_put(draw->fill.rop) &&
               draw->fill.mask.image == NULL;
    case QXL_DRAW_COPY:
        return is_put(draw->copy.rop) && draw->copy.mask.image == NULL &&
               is_plain_bitmap(draw->copy.image) && is_box_of_size(&draw->copy.area, &draw->box);
    case QXL_DRAW_BLACKNESS:
    case QXL_DRAW_WHITENESS:
        return draw->whole.mask.image == NULL;
    default:
        return false;
    }
}

/* Does DRAW change nothing outside of BOX? TEXT may: unused bytes around its box. */
static bool is_inside(const struct draw *draw, const draw_rect *box)
{
    const draw_rect *part = &draw->box;

    return draw->type != QXL_DRAW_TEXT && part->x1 >= box->x1 && part->y1 >= box->y1 &&
           part->x2 <= box->x2 && part->y2 <= box->y2;
}

/* Do pixels that DRAW leaves depend on those that the surface has elsewhere? */
static bool reads_surface(const struct draw *draw, uint32_t surface_id)
{
    for (size_t i = 0; i < G_N_ELEMENTS(draw->sources); i++) {
        if (draw->sources[i] == (int32_t)surface_id)
            return true;
    }
    if (draw->surface_id != surface_id)
        return false;
    switch (draw->type) {
    case QXL_DRAW_FILL:
    case QXL_DRAW_OPAQUE:
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
    case QXL_DRAW_BLACKNESS:
    case QXL_DRAW_WHITENESS:
    case QXL_DRAW_INVERS:
    case QXL_DRAW_ROP3:
    case QXL_DRAW_TRANSPARENT:
        return false; /* pixel by pixel */
    default:
        return true; /* COPY_BITS; others look at their box's first pixel */
    }
}

/* Releases those commands on a surface inside of BOX, NULL for all, that nobody reads later. */
static void drop_hidden(struct draw_batch *batch, uint32_t surface_id, const draw_rect *box)
{
    unsigned left = batch->count, kept = batch->count;

    while (left > 0) {
        struct drawable *drawable = batch->drawables[left - 1];
        const struct draw *draw = &drawable->draw;
        bool hidden = draw->surface_id == surface_id && (box == NULL || is_inside(draw, box));

        if (!hidden && reads_surface(draw, surface_id))
            break;
        left--;
        if (hidden)
            drawable_unref(drawable);
        else
            batch->drawables[--kept] = drawable;
    }
    memmove(&batch->drawables[left], &batch->drawables[kept],
            (batch->count - kept) * sizeof(batch->drawables[0]));
    batch->count -= kept - left;
}

void draw_batch_add(struct draw_batch *batch, struct drawable *drawable,
                    const struct surfaces *surfaces)
{
    const struct draw *draw = &drawable->draw;

    if (hides_its_box(draw, surfaces_find(surfaces, draw->surface_id)))
        drop_hidden(batch, draw->surface_id, &draw->box);
    batch->drawables[batch->count++] = drawable;
}

bool draw_batch_forget(struct draw_batch *batch, uint32_t surface_id)
{
    drop_hidden(batch, surface_id, NULL);
    for (unsigned i = 0; i < batch->count; i++) {
        const struct draw *draw = &batch->drawables[i]->draw;

        if (draw->surface_id == surface_id || reads_surface(draw, surface_id))
            return true;
    }
    return false;
}
