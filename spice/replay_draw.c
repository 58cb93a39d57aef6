/*
 * Recorded drawing commands. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/replay_values.h"

#include <spice/enums.h>

static void read_copy(struct replay_builder *b, QXLCopy *copy)
{
    copy->src_bitmap = replay_image(b);
    copy->src_area = replay_rect(b, "src_area");
    copy->rop_descriptor = (uint16_t)replay_field(b, "rop_descriptor");
    copy->scale_mode = (uint8_t)replay_field(b, "scale_mode");
    replay_mask(b, &copy->mask);
}

static void read_opaque(struct replay_builder *b, QXLOpaque *opaque)
{
    opaque->src_bitmap = replay_image(b);
    opaque->src_area = replay_rect(b, "src_area");
    replay_brush(b, &opaque->brush);
    opaque->rop_descriptor = (uint16_t)replay_field(b, "rop_descriptor");
    opaque->scale_mode = (uint8_t)replay_field(b, "scale_mode");
    replay_mask(b, &opaque->mask);
}

static void read_rop3(struct replay_builder *b, QXLRop3 *rop3)
{
    rop3->src_bitmap = replay_image(b);
    rop3->src_area = replay_rect(b, "src_area");
    replay_brush(b, &rop3->brush);
    rop3->rop3 = (uint8_t)replay_field(b, "rop3");
    rop3->scale_mode = (uint8_t)replay_field(b, "scale_mode");
    replay_mask(b, &rop3->mask);
}

static void read_stroke(struct replay_builder *b, QXLStroke *stroke)
{
    size_t size;
    QXLPath *path = replay_chunks(b, "path", offsetof(QXLPath, chunk), &size);
    if (path)
        path->data_size = (uint32_t)size;
    stroke->path = replay_address(path);
    stroke->attr.flags = (uint8_t)replay_field(b, "attr.flags");
    if (stroke->attr.flags & SPICE_LINE_FLAGS_STYLED) {
        stroke->attr.style_nseg = (uint8_t)replay_field(b, "attr.style_nseg");
        stroke->attr.style = replay_address(replay_data(b, "style", 0, &size));
        if (!replay_reader_failed(b->in) && size != stroke->attr.style_nseg * sizeof(QXLFIXED))
            replay_reader_fail(b->in, "%zu bytes for %u dashes", size, stroke->attr.style_nseg);
    }
    replay_brush(b, &stroke->brush);
    stroke->fore_mode = (uint16_t)replay_field(b, "fore_mode");
    stroke->back_mode = (uint16_t)replay_field(b, "back_mode");
}

static void read_text(struct replay_builder *b, QXLText *text)
{
    size_t size;
    uint32_t data_size = (uint32_t)replay_field(b, "data_size");
    uint16_t length = (uint16_t)replay_field(b, "length");
    uint16_t flags = (uint16_t)replay_field(b, "flags");
    QXLString *string = replay_chunks(b, "string", offsetof(QXLString, chunk), &size);
    if (string) {
        string->data_size = data_size;
        string->length = length;
        string->flags = flags;
    }
    text->str = replay_address(string);
    text->back_area = replay_rect(b, "back_area");
    replay_brush(b, &text->fore_brush);
    replay_brush(b, &text->back_brush);
    text->fore_mode = (uint16_t)replay_field(b, "fore_mode");
    text->back_mode = (uint16_t)replay_field(b, "back_mode");
}

static QXLPHYSICAL read_transform(struct replay_builder *b, const char *present)
{
    size_t size;
    if (!replay_field(b, present))
        return 0;
    void *transform = replay_data(b, "transform", 0, &size);
    if (transform && size != sizeof(QXLTransform))
        replay_reader_fail(b->in, "a transform of %zu bytes instead of %zu", size,
                           sizeof(QXLTransform));
    return replay_address(transform);
}

static void read_composite(struct replay_builder *b, QXLComposite *composite)
{
    composite->flags = (uint32_t)replay_field(b, "flags");
    composite->src = replay_image(b);
    composite->src_transform = read_transform(b, "src_transform");
    if (replay_field(b, "mask"))
        composite->mask = replay_image(b);
    composite->mask_transform = read_transform(b, "mask_transform");
    composite->src_origin = replay_point16(b, "src_origin");
    composite->mask_origin = replay_point16(b, "mask_origin");
}

static void read_transparent(struct replay_builder *b, QXLTransparent *transparent)
{
    transparent->src_bitmap = replay_image(b);
    transparent->src_area = replay_rect(b, "src_area");
    transparent->src_color = (uint32_t)replay_field(b, "src_color");
    transparent->true_color = (uint32_t)replay_field(b, "true_color");
}

static void read_alpha_blend(struct replay_builder *b, QXLAlphaBlend *blend)
{
    blend->alpha_flags = (uint16_t)replay_field(b, "alpha_flags");
    blend->alpha = (uint8_t)replay_field(b, "alpha");
    blend->src_bitmap = replay_image(b);
    blend->src_area = replay_rect(b, "src_area");
}

static void read_body(struct replay_builder *b, QXLDrawable *drawable)
{
    switch (drawable->type) {
    case QXL_DRAW_NOP:
        break;
    case QXL_DRAW_FILL:
        replay_brush(b, &drawable->u.fill.brush);
        drawable->u.fill.rop_descriptor = (uint16_t)replay_field(b, "rop_descriptor");
        replay_mask(b, &drawable->u.fill.mask);
        break;
    case QXL_DRAW_OPAQUE:
        read_opaque(b, &drawable->u.opaque);
        break;
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
        read_copy(b, &drawable->u.copy);
        break;
    case QXL_COPY_BITS:
        drawable->u.copy_bits.src_pos = replay_point(b);
        break;
    case QXL_DRAW_BLACKNESS:
    case QXL_DRAW_WHITENESS:
    case QXL_DRAW_INVERS:
        replay_mask(b, &drawable->u.blackness.mask);
        break;
    case QXL_DRAW_ROP3:
        read_rop3(b, &drawable->u.rop3);
        break;
    case QXL_DRAW_STROKE:
        read_stroke(b, &drawable->u.stroke);
        break;
    case QXL_DRAW_TEXT:
        read_text(b, &drawable->u.text);
        break;
    case QXL_DRAW_TRANSPARENT:
        read_transparent(b, &drawable->u.transparent);
        break;
    case QXL_DRAW_ALPHA_BLEND:
        read_alpha_blend(b, &drawable->u.alpha_blend);
        break;
    case QXL_DRAW_COMPOSITE:
        read_composite(b, &drawable->u.composite);
        break;
    default:
        replay_reader_fail(b->in, "draw type %u is unknown", drawable->type);
        break;
    }
}

QXLReleaseInfo *replay_draw(struct replay_builder *b)
{
    replay_read_word(b->in, "drawable");
    QXLDrawable *drawable = replay_new_block(b, sizeof(*drawable));
    drawable->bbox = replay_rect(b, "bbox");
    drawable->clip.type = (uint32_t)replay_field(b, "type");
    if (drawable->clip.type == SPICE_CLIP_TYPE_RECTS) {
        size_t size;
        uint32_t count = (uint32_t)replay_field(b, "num_rects");
        QXLClipRects *rects = replay_chunks(b, "clip_rects", offsetof(QXLClipRects, chunk), &size);
        if (rects)
            rects->num_rects = count;
        drawable->clip.data = replay_address(rects);
    }
    drawable->effect = (uint8_t)replay_field(b, "effect");
    drawable->mm_time = (uint32_t)replay_field(b, "mm_time");
    drawable->self_bitmap = (uint8_t)replay_field(b, "self_bitmap");
    drawable->self_bitmap_area = replay_rect(b, "self_bitmap_area");
    drawable->surface_id = replay_surface(b, (uint32_t)replay_field(b, "surface_id"));
    for (int i = 0; i < 3; i++) {
        int32_t source = (int32_t)replay_field(b, "surfaces_dest");
        drawable->surfaces_dest[i] = source < 0 ? -1 : (int32_t)replay_surface(b, (uint32_t)source);
        drawable->surfaces_rects[i] = replay_rect(b, "surfaces_rects");
    }
    drawable->type = (uint8_t)replay_field(b, "type");
    if (!replay_reader_failed(b->in))
        read_body(b, drawable);
    return &drawable->release_info;
}
