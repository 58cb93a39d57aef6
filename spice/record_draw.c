/*
 * Drawing commands in a recording. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/record_values.h"

#include <spice/enums.h>

static bool put_fill(struct record_writer *r, const QXLFill *fill)
{
    if (!record_brush(r, &fill->brush))
        return false;
    record_field(r, "rop_descriptor", fill->rop_descriptor);
    return record_mask(r, &fill->mask);
}

static bool put_copy(struct record_writer *r, const QXLCopy *copy)
{
    if (!record_image(r, copy->src_bitmap))
        return false;
    record_rect(r, "src_area", &copy->src_area);
    record_field(r, "rop_descriptor", copy->rop_descriptor);
    record_field(r, "scale_mode", copy->scale_mode);
    return record_mask(r, &copy->mask);
}

static bool put_opaque(struct record_writer *r, const QXLOpaque *opaque)
{
    if (!record_image(r, opaque->src_bitmap))
        return false;
    record_rect(r, "src_area", &opaque->src_area);
    if (!record_brush(r, &opaque->brush))
        return false;
    record_field(r, "rop_descriptor", opaque->rop_descriptor);
    record_field(r, "scale_mode", opaque->scale_mode);
    return record_mask(r, &opaque->mask);
}

static bool put_rop3(struct record_writer *r, const QXLRop3 *rop3)
{
    if (!record_image(r, rop3->src_bitmap))
        return false;
    record_rect(r, "src_area", &rop3->src_area);
    if (!record_brush(r, &rop3->brush))
        return false;
    record_field(r, "rop3", rop3->rop3);
    record_field(r, "scale_mode", rop3->scale_mode);
    return record_mask(r, &rop3->mask);
}

static bool put_stroke(struct record_writer *r, const QXLStroke *stroke)
{
    if (!record_chunks(r, "path", stroke->path + offsetof(QXLPath, chunk)))
        return false;
    record_field(r, "attr.flags", stroke->attr.flags);
    if (stroke->attr.flags & SPICE_LINE_FLAGS_STYLED) {
        size_t size = stroke->attr.style ? stroke->attr.style_nseg * sizeof(QXLFIXED) : 0;

        record_field(r, "attr.style_nseg", (uint32_t)(size / sizeof(QXLFIXED)));
        if (!size)
            record_binary(r->out, "style", "", 0);
        else if (!record_memory(r, "style", stroke->attr.style, size))
            return false;
    }
    if (!record_brush(r, &stroke->brush))
        return false;
    record_field(r, "fore_mode", stroke->fore_mode);
    record_field(r, "back_mode", stroke->back_mode);
    return true;
}

static bool put_text(struct record_writer *r, const QXLText *text)
{
    QXLString header;

    if (!record_read(r, text->str, &header, sizeof(header)))
        return false;
    record_field(r, "data_size", header.data_size);
    record_field(r, "length", header.length);
    record_field(r, "flags", header.flags);
    if (!record_chunks(r, "string", text->str + offsetof(QXLString, chunk)))
        return false;
    record_rect(r, "back_area", &text->back_area);
    if (!record_brush(r, &text->fore_brush) || !record_brush(r, &text->back_brush))
        return false;
    record_field(r, "fore_mode", text->fore_mode);
    record_field(r, "back_mode", text->back_mode);
    return true;
}

static bool put_transparent(struct record_writer *r, const QXLTransparent *transparent)
{
    if (!record_image(r, transparent->src_bitmap))
        return false;
    record_rect(r, "src_area", &transparent->src_area);
    record_field(r, "src_color", transparent->src_color);
    record_field(r, "true_color", transparent->true_color);
    return true;
}

static bool put_alpha_blend(struct record_writer *r, const QXLAlphaBlend *blend)
{
    record_field(r, "alpha_flags", blend->alpha_flags);
    record_field(r, "alpha", blend->alpha);
    if (!record_image(r, blend->src_bitmap))
        return false;
    record_rect(r, "src_area", &blend->src_area);
    return true;
}

static bool put_transform(struct record_writer *r, const char *name, QXLPHYSICAL address)
{
    record_field(r, name, address != 0);
    return !address || record_memory(r, "transform", address, sizeof(QXLTransform));
}

static bool put_composite(struct record_writer *r, const QXLComposite *composite)
{
    record_field(r, "flags", composite->flags);
    if (!record_image(r, composite->src) ||
        !put_transform(r, "src_transform", composite->src_transform))
        return false;
    record_field(r, "mask", composite->mask != 0);
    if ((composite->mask && !record_image(r, composite->mask)) ||
        !put_transform(r, "mask_transform", composite->mask_transform))
        return false;
    record_point16(r, "src_origin", &composite->src_origin);
    record_point16(r, "mask_origin", &composite->mask_origin);
    return true;
}

static bool put_body(struct record_writer *r, const QXLDrawable *draw)
{
    switch (draw->type) {
    case QXL_DRAW_NOP:
        return true;
    case QXL_DRAW_FILL:
        return put_fill(r, &draw->u.fill);
    case QXL_DRAW_OPAQUE:
        return put_opaque(r, &draw->u.opaque);
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
        return put_copy(r, &draw->u.copy);
    case QXL_COPY_BITS:
        record_point(r, &draw->u.copy_bits.src_pos);
        return true;
    case QXL_DRAW_BLACKNESS:
    case QXL_DRAW_WHITENESS:
    case QXL_DRAW_INVERS:
        return record_mask(r, &draw->u.blackness.mask);
    case QXL_DRAW_ROP3:
        return put_rop3(r, &draw->u.rop3);
    case QXL_DRAW_STROKE:
        return put_stroke(r, &draw->u.stroke);
    case QXL_DRAW_TEXT:
        return put_text(r, &draw->u.text);
    case QXL_DRAW_TRANSPARENT:
        return put_transparent(r, &draw->u.transparent);
    case QXL_DRAW_ALPHA_BLEND:
        return put_alpha_blend(r, &draw->u.alpha_blend);
    case QXL_DRAW_COMPOSITE:
        return put_composite(r, &draw->u.composite);
    default:
        return parser_fail(&r->memory, "unknown");
    }
}

static bool put_clip(struct record_writer *r, const QXLClip *clip)
{
    uint32_t count;

    record_field(r, "type", clip->type);
    if (clip->type != SPICE_CLIP_TYPE_RECTS)
        return true;
    if (!record_read(r, clip->data, &count, sizeof(count)))
        return false;
    record_field(r, "num_rects", count);
    return record_chunks(r, "clip_rects", clip->data + offsetof(QXLClipRects, chunk));
}

bool record_draw(struct record_writer *r, const QXLCommandExt *command)
{
    QXLDrawable draw;

    if (command->flags & QXL_COMMAND_FLAG_COMPAT)
        return record_end(r, "commands of old drivers (compat mode) cannot be told apart");
    if (!record_read(r, command->cmd.data, &draw, sizeof(draw)))
        return false;
    g_string_append(r->out, "drawable\n");
    record_rect(r, "bbox", &draw.bbox);
    if (!put_clip(r, &draw.clip))
        return false;
    record_field(r, "effect", draw.effect);
    record_field(r, "mm_time", draw.mm_time);
    record_field(r, "self_bitmap", draw.self_bitmap);
    record_rect(r, "self_bitmap_area", &draw.self_bitmap_area);
    record_field(r, "surface_id", draw.surface_id);
    for (unsigned i = 0; i < G_N_ELEMENTS(draw.surfaces_dest); i++) {
        record_field(r, "surfaces_dest", (uint32_t)draw.surfaces_dest[i]);
        record_rect(r, "surfaces_rects", &draw.surfaces_rects[i]);
    }
    record_field(r, "type", draw.type);
    return put_body(r, &draw);
}
