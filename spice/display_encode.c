/*
 * Drawing commands as clients get them. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/display_encode_image.h"

#include <spice/protocol.h>

static void add_point(struct message *message, struct draw_point point)
{
    message_add_u32(message, point.x);
    message_add_u32(message, point.y);
}

static void add_point16(struct message *message, struct draw_point point)
{
    message_add_u16(message, point.x);
    message_add_u16(message, point.y);
}

static void add_base(struct message *message, const struct draw *draw)
{
    message_add_u32(message, draw->surface_id);
    add_rect(message, &draw->box);
    if (!draw->clip.has_rects) {
        message_add_u8(message, SPICE_CLIP_TYPE_NONE);
        return;
    }
    message_add_u8(message, SPICE_CLIP_TYPE_RECTS);
    message_add_u32(message, draw->clip.count);
    for (unsigned i = 0; i < draw->clip.count; i++)
        add_rect(message, &draw->clip.rects[i]);
}

static void add_brush(struct image_writer *writer, const struct draw_brush *brush)
{
    struct message *message = writer->message;

    message_add_u8(message, brush->type);
    if (brush->type == SPICE_BRUSH_TYPE_SOLID) {
        message_add_u32(message, brush->color);
    } else if (brush->type == SPICE_BRUSH_TYPE_PATTERN) {
        image_writer_add_pointer(writer, brush->pattern, IMAGE_MAY_BE_COMPRESSED);
        add_point(message, brush->pattern_origin);
    }
}

static void add_mask(struct image_writer *writer, const struct draw_mask *mask)
{
    message_add_u8(writer->message, mask->inverted ? SPICE_MASK_FLAGS_INVERS : 0);
    add_point(writer->message, mask->origin);
    image_writer_add_pointer(writer, mask->image, IMAGE_AS_IT_IS);
}

static void add_path(struct message *message, const struct draw_path *path)
{
    message_add_u32(message, path->count);
    for (unsigned i = 0; i < path->count; i++) {
        const struct draw_path_segment *segment = &path->segments[i];

        message_add_u8(message, segment->flags);
        message_add_u32(message, segment->count);
        for (unsigned j = 0; j < segment->count; j++)
            add_point(message, segment->points[j]);
    }
}

static void add_stroke(struct image_writer *writer, const struct draw *draw)
{
    struct message *message = writer->message;
    const struct draw_line_style *style = &draw->stroke.style;
    struct message_pointer path, lengths = {0};

    path = message_add_pointer(message);
    message_add_u8(message, style->flags);
    if (style->flags & SPICE_LINE_FLAGS_STYLED) {
        message_add_u8(message, style->count);
        lengths = message_add_pointer(message);
    }
    add_brush(writer, &draw->stroke.brush);
    message_add_u16(message, draw->stroke.fore_mode);
    message_add_u16(message, draw->stroke.back_mode);

    message_point(message, path);
    add_path(message, &draw->stroke.path);
    if (style->flags & SPICE_LINE_FLAGS_STYLED) {
        message_point(message, lengths);
        for (unsigned i = 0; i < style->count; i++)
            message_add_u32(message, style->lengths[i]);
    }
}

static size_t glyph_size(const struct draw_string *string, const struct draw_glyph *glyph)
{
    unsigned bits = string->flags & SPICE_STRING_FLAGS_RASTER_A1   ? 1
                    : string->flags & SPICE_STRING_FLAGS_RASTER_A4 ? 4
                                                                   : 8;

    return ((size_t)glyph->width * bits + 7) / 8 * glyph->height;
}

static void add_string(struct message *message, const struct draw_string *string)
{
    message_add_u16(message, string->count);
    message_add_u8(message, string->flags);
    for (unsigned i = 0; i < string->count; i++) {
        const struct draw_glyph *glyph = &string->glyphs[i];

        add_point(message, glyph->render_pos);
        add_point(message, glyph->origin);
        message_add_u16(message, glyph->width);
        message_add_u16(message, glyph->height);
        message_add_bytes(message, glyph->bits, glyph_size(string, glyph));
    }
}

static void add_text(struct image_writer *writer, const struct draw *draw)
{
    struct message *message = writer->message;
    struct message_pointer string = message_add_pointer(message);

    add_rect(message, &draw->text.back_area);
    add_brush(writer, &draw->text.fore_brush);
    add_brush(writer, &draw->text.back_brush);
    message_add_u16(message, draw->text.fore_mode);
    message_add_u16(message, draw->text.back_mode);

    message_point(message, string);
    add_string(message, &draw->text.string);
}

static void add_transform(struct message *message, const struct draw_transform *transform)
{
    message_add_u32(message, transform->t00);
    message_add_u32(message, transform->t01);
    message_add_u32(message, transform->t02);
    message_add_u32(message, transform->t10);
    message_add_u32(message, transform->t11);
    message_add_u32(message, transform->t12);
}

static void add_composite(struct image_writer *writer, const struct draw *draw)
{
    struct message *message = writer->message;

    message_add_u32(message, draw->composite.flags);
    image_writer_add_pointer(writer, draw->composite.source, IMAGE_MAY_BE_COMPRESSED);
    if (draw->composite.flags & SPICE_COMPOSITE_HAS_MASK)
        image_writer_add_pointer(writer, draw->composite.mask, IMAGE_MAY_BE_COMPRESSED);
    if (draw->composite.flags & SPICE_COMPOSITE_HAS_SRC_TRANSFORM)
        add_transform(message, draw->composite.source_transform);
    if (draw->composite.flags & SPICE_COMPOSITE_HAS_MASK_TRANSFORM)
        add_transform(message, draw->composite.mask_transform);
    add_point16(message, draw->composite.source_origin);
    add_point16(message, draw->composite.mask_origin);
}

/* A pixel that is a little wrong would become another one altogether. */
static bool combines_bits(uint16_t rop)
{
    return rop & (SPICE_ROPD_OP_OR | SPICE_ROPD_OP_AND | SPICE_ROPD_OP_XOR);
}

/* What follows the base; images come behind it. */
static void add_body(struct image_writer *writer, const struct draw *draw)
{
    struct message *message = writer->message;

    switch (draw->type) {
    case QXL_DRAW_FILL:
        add_brush(writer, &draw->fill.brush);
        message_add_u16(message, draw->fill.rop);
        add_mask(writer, &draw->fill.mask);
        break;
    case QXL_DRAW_OPAQUE:
        image_writer_add_pointer(writer, draw->opaque.image,
                                 combines_bits(draw->opaque.rop) ? IMAGE_MAY_BE_COMPRESSED
                                                                 : IMAGE_MAY_LOSE);
        add_rect(message, &draw->opaque.area);
        add_brush(writer, &draw->opaque.brush);
        message_add_u16(message, draw->opaque.rop);
        message_add_u8(message, draw->opaque.scale_mode);
        add_mask(writer, &draw->opaque.mask);
        break;
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
        image_writer_add_pointer(writer, draw->copy.image,
                                 draw->type == QXL_DRAW_COPY ? IMAGE_MAY_LOSE
                                                             : IMAGE_MAY_BE_COMPRESSED);
        add_rect(message, &draw->copy.area);
        message_add_u16(message, draw->copy.rop);
        message_add_u8(message, draw->copy.scale_mode);
        add_mask(writer, &draw->copy.mask);
        break;
    case QXL_COPY_BITS:
        add_point(message, draw->copy_bits.from);
        break;
    case QXL_DRAW_BLACKNESS:
    case QXL_DRAW_WHITENESS:
    case QXL_DRAW_INVERS:
        add_mask(writer, &draw->whole.mask);
        break;
    case QXL_DRAW_ROP3:
        image_writer_add_pointer(writer, draw->rop3.image, IMAGE_MAY_BE_COMPRESSED);
        add_rect(message, &draw->rop3.area);
        add_brush(writer, &draw->rop3.brush);
        message_add_u8(message, draw->rop3.rop3);
        message_add_u8(message, draw->rop3.scale_mode);
        add_mask(writer, &draw->rop3.mask);
        break;
    case QXL_DRAW_STROKE:
        add_stroke(writer, draw);
        break;
    case QXL_DRAW_TEXT:
        add_text(writer, draw);
        break;
    case QXL_DRAW_TRANSPARENT:
        image_writer_add_pointer(writer, draw->transparent.image, IMAGE_MAY_BE_COMPRESSED);
        add_rect(message, &draw->transparent.area);
        message_add_u32(message, draw->transparent.source_color);
        message_add_u32(message, draw->transparent.true_color);
        break;
    case QXL_DRAW_ALPHA_BLEND:
        message_add_u8(message, draw->alpha_blend.alpha_flags);
        message_add_u8(message, draw->alpha_blend.alpha);
        image_writer_add_pointer(writer, draw->alpha_blend.image, IMAGE_MAY_LOSE);
        add_rect(message, &draw->alpha_blend.area);
        break;
    case QXL_DRAW_COMPOSITE:
        add_composite(writer, draw);
        break;
    }
}

static const uint16_t message_types[] = {
    [QXL_DRAW_FILL] = SPICE_MSG_DISPLAY_DRAW_FILL,
    [QXL_DRAW_OPAQUE] = SPICE_MSG_DISPLAY_DRAW_OPAQUE,
    [QXL_DRAW_COPY] = SPICE_MSG_DISPLAY_DRAW_COPY,
    [QXL_COPY_BITS] = SPICE_MSG_DISPLAY_COPY_BITS,
    [QXL_DRAW_BLEND] = SPICE_MSG_DISPLAY_DRAW_BLEND,
    [QXL_DRAW_BLACKNESS] = SPICE_MSG_DISPLAY_DRAW_BLACKNESS,
    [QXL_DRAW_WHITENESS] = SPICE_MSG_DISPLAY_DRAW_WHITENESS,
    [QXL_DRAW_INVERS] = SPICE_MSG_DISPLAY_DRAW_INVERS,
    [QXL_DRAW_ROP3] = SPICE_MSG_DISPLAY_DRAW_ROP3,
    [QXL_DRAW_STROKE] = SPICE_MSG_DISPLAY_DRAW_STROKE,
    [QXL_DRAW_TEXT] = SPICE_MSG_DISPLAY_DRAW_TEXT,
    [QXL_DRAW_TRANSPARENT] = SPICE_MSG_DISPLAY_DRAW_TRANSPARENT,
    [QXL_DRAW_ALPHA_BLEND] = SPICE_MSG_DISPLAY_DRAW_ALPHA_BLEND,
    [QXL_DRAW_COMPOSITE] = SPICE_MSG_DISPLAY_DRAW_COMPOSITE,
};

struct message *display_encode_draw(struct display_encoder *encoder, struct drawable *drawable,
                                    const struct draw *draw, const struct image_policy *policy)
{
    struct image_writer writer = {
        .encoder = encoder,
        .message = message_create(message_types[draw->type]),
        .drawable = drawable,
        .policy = policy,
    };

    encoder->lossy = false;
    add_base(writer.message, draw);
    add_body(&writer, draw);
    image_writer_add_images(&writer);
    if (writer.has_references)
        message_hold(writer.message, drawable_unref_opaque, drawable_ref(drawable));
    return writer.message;
}
