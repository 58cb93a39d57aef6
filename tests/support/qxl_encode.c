/*
 * Drawing commands as a guest writes them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/qxl_encode.h"

#include <string.h>

/* SIZE zero bytes of guest memory. */
static void *keep(struct qxl_host *host, size_t size)
{
    void *p = qxl_host_pointer(host, qxl_host_place(host, NULL, size));

    memset(p, 0, size);
    return p;
}

static QXLRect encode_rect(const draw_rect *rect)
{
    return (QXLRect){.left = rect->x1, .top = rect->y1, .right = rect->x2, .bottom = rect->y2};
}

static QXLPHYSICAL address(const struct qxl_host *host, const void *p)
{
    return p == NULL ? 0 : qxl_host_address((const uint8_t *)p - host->memory);
}

static QXLPHYSICAL encode_chunks(const struct draw_bytes *bytes, struct qxl_host *host)
{
    QXLDataChunk *previous = NULL;
    QXLPHYSICAL first = 0;

    for (unsigned i = 0; i < bytes->count; i++) {
        size_t size = bytes->pieces[i].iov_len;
        QXLDataChunk *chunk = keep(host, sizeof(*chunk) + size);
        chunk->data_size = size;
        memcpy(chunk->data, bytes->pieces[i].iov_base, size);
        chunk->prev_chunk = address(host, previous);
        if (previous)
            previous->next_chunk = address(host, chunk);
        else
            first = address(host, chunk);
        previous = chunk;
    }
    return first;
}

/* The first piece is part of the image itself. */
static QXLPHYSICAL encode_stream(const QXLImage *head, const struct draw_bytes *data,
                                 struct qxl_host *host)
{
    size_t first = data->pieces[0].iov_len;
    QXLImage *to = keep(host, sizeof(*to) + first + 64);
    struct draw_bytes rest = {data->size - first, data->count - 1, data->pieces + 1};

    to->descriptor = head->descriptor;
    to->quic.data_size = data->size;
    QXLDataChunk *chunk = (QXLDataChunk *)to->quic.data;
    chunk->data_size = first;
    memcpy(chunk->data, data->pieces[0].iov_base, first);
    chunk->next_chunk = encode_chunks(&rest, host);
    return address(host, to);
}

static QXLPHYSICAL encode_palette(const struct draw_palette *palette, struct qxl_host *host)
{
    if (!palette)
        return 0;
    QXLPalette *to = keep(host, sizeof(*to) + palette->count * 4u);
    to->unique = palette->unique;
    to->num_ents = palette->count;
    memcpy(to->ents, palette->colors, palette->count * 4u);
    return address(host, to);
}

static QXLPHYSICAL encode_image(const struct draw_image *image, struct qxl_host *host)
{
    if (!image)
        return 0;
    QXLImage *to = keep(host, sizeof(*to) + 64);
    to->descriptor.id = image->id;
    to->descriptor.type = image->type;
    to->descriptor.flags = image->flags;
    to->descriptor.width = image->width;
    to->descriptor.height = image->height;
    if (image->type == SPICE_IMAGE_TYPE_SURFACE) {
        to->surface_image.surface_id = image->surface_id;
        return address(host, to);
    }
    if (image->type != SPICE_IMAGE_TYPE_BITMAP)
        return encode_stream(to, &image->quic.data, host);
    to->bitmap.format = image->bitmap.format;
    to->bitmap.flags = image->bitmap.top_down ? QXL_BITMAP_TOP_DOWN : 0;
    to->bitmap.x = image->width;
    to->bitmap.y = image->height;
    to->bitmap.stride = image->bitmap.stride;
    to->bitmap.palette = encode_palette(image->bitmap.palette, host);
    if (image->bitmap.data.count == 1) {
        to->bitmap.flags |= QXL_BITMAP_DIRECT;
        to->bitmap.data =
            qxl_host_place(host, image->bitmap.data.pieces[0].iov_base, image->bitmap.data.size);
    } else {
        to->bitmap.data = encode_chunks(&image->bitmap.data, host);
    }
    return address(host, to);
}

static QXLBrush encode_brush(const struct draw_brush *brush, struct qxl_host *host)
{
    QXLBrush to = {.type = brush->type};

    if (brush->type == SPICE_BRUSH_TYPE_PATTERN) {
        to.u.pattern.pat = encode_image(brush->pattern, host);
        to.u.pattern.pos.x = brush->pattern_origin.x;
        to.u.pattern.pos.y = brush->pattern_origin.y;
    } else {
        to.u.color = brush->color;
    }
    return to;
}

static QXLQMask encode_mask(const struct draw_mask *mask, struct qxl_host *host)
{
    return (QXLQMask){
        .flags = mask->inverted ? SPICE_MASK_FLAGS_INVERS : 0,
        .pos = {.x = mask->origin.x, .y = mask->origin.y},
        .bitmap = encode_image(mask->image, host),
    };
}

static QXLPHYSICAL encode_path(const struct draw_path *path, struct qxl_host *host)
{
    size_t size = 0;

    for (unsigned i = 0; i < path->count; i++)
        size += sizeof(QXLPathSeg) + path->segments[i].count * sizeof(QXLPointFix);
    QXLPath *to = keep(host, sizeof(*to) + size);
    to->data_size = size;
    to->chunk.data_size = size;
    uint8_t *at = to->chunk.data;
    for (unsigned i = 0; i < path->count; i++) {
        const struct draw_path_segment *from = &path->segments[i];
        QXLPathSeg *segment = (QXLPathSeg *)at;
        segment->flags = from->flags;
        segment->count = from->count;
        memcpy(segment->points, from->points, from->count * sizeof(QXLPointFix));
        at += sizeof(*segment) + from->count * sizeof(QXLPointFix);
    }
    return address(host, to);
}

static size_t glyph_size(const struct draw_string *string, const struct draw_glyph *glyph)
{
    unsigned bits = string->flags & SPICE_STRING_FLAGS_RASTER_A1   ? 1
                    : string->flags & SPICE_STRING_FLAGS_RASTER_A4 ? 4
                                                                   : 8;
    return (glyph->width * bits + 7) / 8 * (size_t)glyph->height;
}

static QXLPHYSICAL encode_string(const struct draw_string *string, struct qxl_host *host)
{
    size_t size = 0;

    for (unsigned i = 0; i < string->count; i++)
        size += sizeof(QXLRasterGlyph) + glyph_size(string, &string->glyphs[i]);
    QXLString *to = keep(host, sizeof(*to) + size);
    to->data_size = size;
    to->length = string->count;
    to->flags = string->flags;
    to->chunk.data_size = size;
    uint8_t *at = to->chunk.data;
    for (unsigned i = 0; i < string->count; i++) {
        const struct draw_glyph *from = &string->glyphs[i];
        QXLRasterGlyph *glyph = (QXLRasterGlyph *)at;
        glyph->render_pos = (QXLPoint){.x = from->render_pos.x, .y = from->render_pos.y};
        glyph->glyph_origin = (QXLPoint){.x = from->origin.x, .y = from->origin.y};
        glyph->width = from->width;
        glyph->height = from->height;
        memcpy(glyph->data, from->bits, glyph_size(string, from));
        at += sizeof(*glyph) + glyph_size(string, from);
    }
    return address(host, to);
}

/* The image that AREA of is drawn; the destination's own pixels go without one. */
static QXLPHYSICAL encode_source(QXLDrawable *to, const struct draw_image *image,
                                 const draw_rect *area, QXLRect *source_area, struct qxl_host *host)
{
    *source_area = encode_rect(area);
    if (image->type != SPICE_IMAGE_TYPE_SURFACE || image->surface_id != to->surface_id)
        return encode_image(image, host);
    to->self_bitmap = 1;
    to->self_bitmap_area = *source_area;
    *source_area = (QXLRect){.right = area->x2 - area->x1, .bottom = area->y2 - area->y1};
    return 0;
}

static void encode_stroke(QXLStroke *to, const struct draw *draw, struct qxl_host *host)
{
    const struct draw_line_style *style = &draw->stroke.style;

    to->path = encode_path(&draw->stroke.path, host);
    to->attr.flags = style->flags;
    to->attr.style_nseg = style->count;
    if (style->count) {
        int32_t *lengths = keep(host, style->count * sizeof(*lengths));
        memcpy(lengths, style->lengths, style->count * sizeof(*lengths));
        to->attr.style = address(host, lengths);
    }
    to->brush = encode_brush(&draw->stroke.brush, host);
    to->fore_mode = draw->stroke.fore_mode;
    to->back_mode = draw->stroke.back_mode;
}

static QXLPHYSICAL encode_transform(const struct draw_transform *from, struct qxl_host *host)
{
    if (!from)
        return 0;
    QXLTransform *to = keep(host, sizeof(*to));
    *to = (QXLTransform){from->t00, from->t01, from->t02, from->t10, from->t11, from->t12};
    return address(host, to);
}

static void encode_composite(QXLDrawable *drawable, const struct draw *draw, struct qxl_host *host)
{
    QXLComposite *to = &drawable->u.composite;
    const struct draw_image *source = draw->composite.source;
    const draw_rect all = {0, 0, source->width, source->height};
    QXLRect area;

    to->flags = draw->composite.flags;
    to->src = encode_source(drawable, source, &all, &area, host);
    to->src_transform = encode_transform(draw->composite.source_transform, host);
    to->mask = encode_image(draw->composite.mask, host);
    to->mask_transform = encode_transform(draw->composite.mask_transform, host);
    to->src_origin.x = draw->composite.source_origin.x;
    to->src_origin.y = draw->composite.source_origin.y;
    to->mask_origin.x = draw->composite.mask_origin.x;
    to->mask_origin.y = draw->composite.mask_origin.y;
}

static void encode_clip(QXLClip *to, const struct draw_clip *clip, struct qxl_host *host)
{
    if (!clip->has_rects)
        return;
    QXLClipRects *rects = keep(host, sizeof(*rects) + clip->count * sizeof(QXLRect));
    rects->num_rects = clip->count;
    rects->chunk.data_size = clip->count * sizeof(QXLRect);
    for (unsigned i = 0; i < clip->count; i++)
        ((QXLRect *)rects->chunk.data)[i] = encode_rect(&clip->rects[i]);
    to->type = SPICE_CLIP_TYPE_RECTS;
    to->data = address(host, rects);
}

QXLPHYSICAL qxl_encode(const struct draw *draw, struct qxl_host *host)
{
    QXLDrawable *to = keep(host, sizeof(*to));

    to->surface_id = draw->surface_id;
    to->effect = draw->effect;
    to->type = draw->type;
    to->bbox = encode_rect(&draw->box);
    encode_clip(&to->clip, &draw->clip, host);
    for (int i = 0; i < 3; i++) {
        to->surfaces_dest[i] = draw->sources[i];
        /* All of the surface may be read. */
        to->surfaces_rects[i] = (QXLRect){.right = 4096, .bottom = 4096};
    }

    switch (draw->type) {
    case QXL_DRAW_FILL:
        to->u.fill.brush = encode_brush(&draw->fill.brush, host);
        to->u.fill.rop_descriptor = draw->fill.rop;
        to->u.fill.mask = encode_mask(&draw->fill.mask, host);
        break;
    case QXL_DRAW_OPAQUE:
        to->u.opaque.src_bitmap =
            encode_source(to, draw->opaque.image, &draw->opaque.area, &to->u.opaque.src_area, host);
        to->u.opaque.brush = encode_brush(&draw->opaque.brush, host);
        to->u.opaque.rop_descriptor = draw->opaque.rop;
        to->u.opaque.scale_mode = draw->opaque.scale_mode;
        to->u.opaque.mask = encode_mask(&draw->opaque.mask, host);
        break;
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
        to->u.copy.src_bitmap =
            encode_source(to, draw->copy.image, &draw->copy.area, &to->u.copy.src_area, host);
        to->u.copy.rop_descriptor = draw->copy.rop;
        to->u.copy.scale_mode = draw->copy.scale_mode;
        to->u.copy.mask = encode_mask(&draw->copy.mask, host);
        break;
    case QXL_COPY_BITS:
        to->u.copy_bits.src_pos.x = draw->copy_bits.from.x;
        to->u.copy_bits.src_pos.y = draw->copy_bits.from.y;
        break;
    case QXL_DRAW_BLACKNESS:
    case QXL_DRAW_WHITENESS:
    case QXL_DRAW_INVERS:
        to->u.blackness.mask = encode_mask(&draw->whole.mask, host);
        break;
    case QXL_DRAW_ROP3:
        to->u.rop3.src_bitmap =
            encode_source(to, draw->rop3.image, &draw->rop3.area, &to->u.rop3.src_area, host);
        to->u.rop3.brush = encode_brush(&draw->rop3.brush, host);
        to->u.rop3.rop3 = draw->rop3.rop3;
        to->u.rop3.scale_mode = draw->rop3.scale_mode;
        to->u.rop3.mask = encode_mask(&draw->rop3.mask, host);
        break;
    case QXL_DRAW_STROKE:
        encode_stroke(&to->u.stroke, draw, host);
        break;
    case QXL_DRAW_TEXT:
        to->u.text.str = encode_string(&draw->text.string, host);
        to->u.text.back_area = encode_rect(&draw->text.back_area);
        to->u.text.fore_brush = encode_brush(&draw->text.fore_brush, host);
        to->u.text.back_brush = encode_brush(&draw->text.back_brush, host);
        to->u.text.fore_mode = draw->text.fore_mode;
        to->u.text.back_mode = draw->text.back_mode;
        break;
    case QXL_DRAW_TRANSPARENT:
        to->u.transparent.src_bitmap =
            encode_source(to, draw->transparent.image, &draw->transparent.area,
                          &to->u.transparent.src_area, host);
        to->u.transparent.src_color = draw->transparent.source_color;
        to->u.transparent.true_color = draw->transparent.true_color;
        break;
    case QXL_DRAW_ALPHA_BLEND:
        to->u.alpha_blend.alpha_flags = draw->alpha_blend.alpha_flags;
        to->u.alpha_blend.alpha = draw->alpha_blend.alpha;
        to->u.alpha_blend.src_bitmap =
            encode_source(to, draw->alpha_blend.image, &draw->alpha_blend.area,
                          &to->u.alpha_blend.src_area, host);
        break;
    case QXL_DRAW_COMPOSITE:
        encode_composite(to, draw, host);
        break;
    default:
        g_assert_not_reached();
    }
    return address(host, to);
}
