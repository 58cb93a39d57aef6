/*
 * Drawing commands in words. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/random_sequence.h"

static void add_rect(GString *text, const char *name, const draw_rect *rect)
{
    g_string_append_printf(text, " %s %d,%d %dx%d", name, rect->x1, rect->y1, rect->x2 - rect->x1,
                           rect->y2 - rect->y1);
}

static void add_image(GString *text, const char *name, const struct draw_image *image)
{
    if (image == NULL)
        return;
    g_string_append_printf(text, " %s %ux%u", name, image->width, image->height);
    if (image->type == SPICE_IMAGE_TYPE_SURFACE)
        g_string_append_printf(text, " of surface %u", image->surface_id);
    else if (image->type == SPICE_IMAGE_TYPE_BITMAP)
        g_string_append_printf(text, " bitmap format %u stride %u%s pieces %u flags %u",
                               image->bitmap.format, image->bitmap.stride,
                               image->bitmap.top_down ? " top-down" : "", image->bitmap.data.count,
                               image->flags);
    else
        g_string_append_printf(text, " type %u", image->type);
}

static void add_brush(GString *text, const struct draw_brush *brush)
{
    if (brush->type == SPICE_BRUSH_TYPE_SOLID)
        g_string_append_printf(text, " brush %08x", brush->color);
    else if (brush->type == SPICE_BRUSH_TYPE_NONE)
        g_string_append(text, " no brush");
    else
        add_image(text, "pattern", brush->pattern);
}

static void add_mask(GString *text, const struct draw_mask *mask)
{
    add_image(text, mask->inverted ? "inverted mask" : "mask", mask->image);
}

char *random_draw_describe(const struct draw *draw)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "draw type %u effect %u on surface %u", draw->type, draw->effect,
                           draw->surface_id);
    add_rect(text, "box", &draw->box);
    if (draw->clip.has_rects)
        g_string_append_printf(text, " clip rects %u", draw->clip.count);
    switch (draw->type) {
    case QXL_DRAW_FILL:
        add_brush(text, &draw->fill.brush);
        add_mask(text, &draw->fill.mask);
        g_string_append_printf(text, " rop %x", draw->fill.rop);
        break;
    case QXL_DRAW_OPAQUE:
        add_image(text, "image", draw->opaque.image);
        add_rect(text, "area", &draw->opaque.area);
        add_brush(text, &draw->opaque.brush);
        add_mask(text, &draw->opaque.mask);
        g_string_append_printf(text, " rop %x scale %u", draw->opaque.rop, draw->opaque.scale_mode);
        break;
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
        add_image(text, "image", draw->copy.image);
        add_rect(text, "area", &draw->copy.area);
        add_mask(text, &draw->copy.mask);
        g_string_append_printf(text, " rop %x scale %u", draw->copy.rop, draw->copy.scale_mode);
        break;
    case QXL_COPY_BITS:
        g_string_append_printf(text, " from %d,%d", draw->copy_bits.from.x, draw->copy_bits.from.y);
        break;
    case QXL_DRAW_BLACKNESS:
    case QXL_DRAW_WHITENESS:
    case QXL_DRAW_INVERS:
        add_mask(text, &draw->whole.mask);
        break;
    case QXL_DRAW_ROP3:
        add_image(text, "image", draw->rop3.image);
        add_rect(text, "area", &draw->rop3.area);
        add_brush(text, &draw->rop3.brush);
        add_mask(text, &draw->rop3.mask);
        g_string_append_printf(text, " rop3 %02x scale %u", draw->rop3.rop3, draw->rop3.scale_mode);
        break;
    case QXL_DRAW_STROKE:
        add_brush(text, &draw->stroke.brush);
        g_string_append_printf(text, " rop %x style %u", draw->stroke.fore_mode,
                               draw->stroke.style.flags);
        for (unsigned i = 0; i < draw->stroke.path.count; i++)
            g_string_append_printf(text, " segment %x:%u", draw->stroke.path.segments[i].flags,
                                   draw->stroke.path.segments[i].count);
        break;
    case QXL_DRAW_TEXT:
        add_brush(text, &draw->text.fore_brush);
        add_brush(text, &draw->text.back_brush);
        add_rect(text, "back", &draw->text.back_area);
        g_string_append_printf(text, " glyphs %u flags %u", draw->text.string.count,
                               draw->text.string.flags);
        break;
    case QXL_DRAW_TRANSPARENT:
        add_image(text, "image", draw->transparent.image);
        add_rect(text, "area", &draw->transparent.area);
        break;
    case QXL_DRAW_ALPHA_BLEND:
        add_image(text, "image", draw->alpha_blend.image);
        add_rect(text, "area", &draw->alpha_blend.area);
        g_string_append_printf(text, " alpha %u flags %u", draw->alpha_blend.alpha,
                               draw->alpha_blend.alpha_flags);
        break;
    case QXL_DRAW_COMPOSITE:
        add_image(text, "source", draw->composite.source);
        add_image(text, "mask", draw->composite.mask);
        g_string_append_printf(text, " flags %x%s%s", draw->composite.flags,
                               draw->composite.source_transform ? " source transform" : "",
                               draw->composite.mask_transform ? " mask transform" : "");
        break;
    default:
        break;
    }
    return g_string_free(text, FALSE);
}
