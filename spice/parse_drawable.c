/*
 * Drawing commands (qxl-device.md sections 8.3 to 8.7). SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/parse_memory.h"

#include <glib.h>

/* What a command with self_bitmap uses when it names no source: the destination's own pixels. */
struct self_bitmap {
    bool wanted;
    draw_rect area;
};

static bool is_inside(const draw_rect *area, uint32_t width, uint32_t height)
{
    return area->x1 >= 0 && area->y1 >= 0 && area->x1 < area->x2 && area->y1 < area->y2 &&
           (uint32_t)area->x2 <= width && (uint32_t)area->y2 <= height;
}

static struct draw_image *parse_self(struct parser *parser, const struct self_bitmap *self)
{
    const draw_rect *area = &self->area;
    struct draw_image *image;

    if (!self->wanted) {
        parser_fail(parser, "the command has no source image");
        return NULL;
    }
    if (area->x1 < 0 || area->y1 < 0 || area->x1 >= area->x2 || area->y1 >= area->y2) {
        parser_fail(parser, "the area of the self bitmap is empty or negative");
        return NULL;
    }
    image = parser_surface_image(parser, parser->drawable->draw.surface_id);
    if (image == NULL)
        return NULL;
    image->width = area->x2 - area->x1;
    image->height = area->y2 - area->y1;
    image->snapshot = true;
    image->area = *area;
    return image;
}

/* The image that a command copies AREA from. */
static bool parse_source(struct parser *parser, QXLPHYSICAL address, const QXLRect *from,
                         const struct self_bitmap *self, struct draw_image **image, draw_rect *area)
{
    *area = rect_from_guest(from);
    *image =
        address == 0 ? parse_self(parser, self) : parse_image(parser, address, IMAGE_IS_PICTURE);
    if (*image == NULL)
        return false;
    if ((*image)->type == SPICE_IMAGE_TYPE_SURFACE && (*image)->snapshot &&
        !is_inside(area, (*image)->width, (*image)->height))
        return parser_fail(parser, "the source area is not inside the self bitmap");
    if ((*image)->type == SPICE_IMAGE_TYPE_SURFACE
            ? !is_inside(area, INT32_MAX, INT32_MAX)
            : !is_inside(area, (*image)->width, (*image)->height))
        return parser_fail(parser, "the source area is empty or not inside the source image");
    return true;
}

static uint8_t scale_mode(uint8_t mode)
{
    return mode == SPICE_IMAGE_SCALE_MODE_INTERPOLATE ? mode : SPICE_IMAGE_SCALE_MODE_NEAREST;
}

static bool parse_fill(struct parser *parser, const QXLFill *from, struct draw *draw)
{
    draw->fill.rop = from->rop_descriptor & SPICE_ROPD_MASK;
    return parse_brush(parser, &from->brush, &draw->fill.brush) &&
           parse_mask(parser, &from->mask, &draw->fill.mask);
}

static bool parse_opaque(struct parser *parser, const QXLOpaque *from,
                         const struct self_bitmap *self, struct draw *draw)
{
    draw->opaque.rop = from->rop_descriptor & SPICE_ROPD_MASK;
    draw->opaque.scale_mode = scale_mode(from->scale_mode);
    return parse_source(parser, from->src_bitmap, &from->src_area, self, &draw->opaque.image,
                        &draw->opaque.area) &&
           parse_brush(parser, &from->brush, &draw->opaque.brush) &&
           parse_mask(parser, &from->mask, &draw->opaque.mask);
}

static bool parse_copy(struct parser *parser, const QXLCopy *from, const struct self_bitmap *self,
                       struct draw *draw)
{
    draw->copy.rop = from->rop_descriptor & SPICE_ROPD_MASK;
    draw->copy.scale_mode = scale_mode(from->scale_mode);
    return parse_source(parser, from->src_bitmap, &from->src_area, self, &draw->copy.image,
                        &draw->copy.area) &&
           parse_mask(parser, &from->mask, &draw->copy.mask);
}

static bool parse_rop3(struct parser *parser, const QXLRop3 *from, const struct self_bitmap *self,
                       struct draw *draw)
{
    draw->rop3.rop3 = from->rop3;
    draw->rop3.scale_mode = scale_mode(from->scale_mode);
    return parse_source(parser, from->src_bitmap, &from->src_area, self, &draw->rop3.image,
                        &draw->rop3.area) &&
           parse_brush(parser, &from->brush, &draw->rop3.brush) &&
           parse_mask(parser, &from->mask, &draw->rop3.mask);
}

static bool parse_stroke(struct parser *parser, const QXLStroke *from, struct draw *draw)
{
    draw->stroke.fore_mode = from->fore_mode & SPICE_ROPD_MASK;
    draw->stroke.back_mode = from->back_mode & SPICE_ROPD_MASK;
    return parse_path(parser, from->path, &draw->stroke.path) &&
           parse_line_style(parser, &from->attr, &draw->stroke.style) &&
           parse_brush(parser, &from->brush, &draw->stroke.brush);
}

static bool parse_text(struct parser *parser, const QXLText *from, struct draw *draw)
{
    draw_rect back = rect_from_guest(&from->back_area);

    draw->text.fore_mode = from->fore_mode & SPICE_ROPD_MASK;
    draw->text.back_mode = from->back_mode & SPICE_ROPD_MASK;
    if (back.x1 < back.x2 && back.y1 < back.y2) {
        draw->text.back_area = back;
        draw->text.fore_mode = SPICE_ROPD_OP_PUT; /* clients drop other combinations */
    }
    return parse_string(parser, from->str, &draw->text.string) &&
           parse_brush(parser, &from->fore_brush, &draw->text.fore_brush) &&
           parse_brush(parser, &from->back_brush, &draw->text.back_brush);
}

static bool parse_transparent(struct parser *parser, const QXLTransparent *from,
                              const struct self_bitmap *self, struct draw *draw)
{
    draw->transparent.source_color = from->src_color;
    draw->transparent.true_color = from->true_color;
    return parse_source(parser, from->src_bitmap, &from->src_area, self, &draw->transparent.image,
                        &draw->transparent.area);
}

static bool is_known_operator(uint8_t op)
{
    return op <= QXL_OP_SATURATE || (op >= QXL_OP_MULTIPLY && op <= QXL_OP_HSL_LUMINOSITY);
}

static bool parse_transform(struct parser *parser, QXLPHYSICAL address,
                            struct draw_transform **transform)
{
    if (address == 0)
        return true;
    _Static_assert(sizeof(struct draw_transform) == sizeof(QXLTransform), "same six numbers");
    *transform = arena_alloc(&parser->drawable->arena, sizeof(**transform));
    return parser_read(parser, address, *transform, sizeof(**transform),
                       "a transformation is not in a memory slot");
}

static bool parse_composite(struct parser *parser, const QXLComposite *from,
                            const struct self_bitmap *self, struct draw *draw)
{
    const uint32_t presence = SPICE_COMPOSITE_HAS_MASK | SPICE_COMPOSITE_HAS_SRC_TRANSFORM |
                              SPICE_COMPOSITE_HAS_MASK_TRANSFORM;
    uint32_t flags = from->flags & SPICE_COMPOSITE_FLAGS_MASK & ~presence;
    unsigned source_filter = (flags >> 8) & 7, mask_filter = (flags >> 11) & 7;

    if (!is_known_operator(flags & 0xff))
        return parser_fail(parser, "a composite has an unknown operator");
    if (source_filter > PIXMAN_FILTER_BILINEAR || mask_filter > PIXMAN_FILTER_BILINEAR)
        return parser_fail(parser, "a composite has an unknown filter");
    draw->composite.source_origin = (struct draw_point){from->src_origin.x, from->src_origin.y};
    draw->composite.mask_origin = (struct draw_point){from->mask_origin.x, from->mask_origin.y};

    draw->composite.source = from->src == 0 ? parse_self(parser, self)
                                            : parse_image(parser, from->src, IMAGE_IS_PICTURE);
    if (draw->composite.source == NULL ||
        !parse_transform(parser, from->src_transform, &draw->composite.source_transform))
        return false;
    if (draw->composite.source_transform != NULL)
        flags |= SPICE_COMPOSITE_HAS_SRC_TRANSFORM;

    if (from->mask != 0) {
        draw->composite.mask = parse_image(parser, from->mask, IMAGE_IS_PICTURE);
        if (draw->composite.mask == NULL ||
            !parse_transform(parser, from->mask_transform, &draw->composite.mask_transform))
            return false;
        flags |= SPICE_COMPOSITE_HAS_MASK;
        if (draw->composite.mask_transform != NULL)
            flags |= SPICE_COMPOSITE_HAS_MASK_TRANSFORM;
    }
    draw->composite.flags = flags;
    return true;
}

/* All members but ALPHA_BLEND and COMPOSITE lie at the same place in both unions. */
static bool parse_body(struct parser *parser, const void *from, const struct self_bitmap *self,
                       struct draw *draw)
{
    switch (draw->type) {
    case QXL_DRAW_NOP:
        return true;
    case QXL_DRAW_FILL:
        return parse_fill(parser, from, draw);
    case QXL_DRAW_OPAQUE:
        return parse_opaque(parser, from, self, draw);
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
        return parse_copy(parser, from, self, draw);
    case QXL_COPY_BITS: {
        const QXLCopyBits *copy_bits = from;

        draw->copy_bits.from = (struct draw_point){copy_bits->src_pos.x, copy_bits->src_pos.y};
        return true;
    }
    case QXL_DRAW_BLACKNESS:
    case QXL_DRAW_WHITENESS:
    case QXL_DRAW_INVERS:
        return parse_mask(parser, from, &draw->whole.mask);
    case QXL_DRAW_ROP3:
        return parse_rop3(parser, from, self, draw);
    case QXL_DRAW_STROKE:
        return parse_stroke(parser, from, draw);
    case QXL_DRAW_TEXT:
        return parse_text(parser, from, draw);
    case QXL_DRAW_TRANSPARENT:
        return parse_transparent(parser, from, self, draw);
    default:
        return parser_fail(parser, "the command has an unknown draw type");
    }
}

static bool parse_head(struct parser *parser, uint8_t type, uint8_t effect, const QXLRect *box,
                       const QXLClip *clip)
{
    struct draw *draw = &parser->drawable->draw;

    draw->type = type;
    draw->effect = effect;
    draw->box = rect_from_guest(box);
    if (draw->box.x1 < 0 || draw->box.y1 < 0 || draw->box.x1 > draw->box.x2 ||
        draw->box.y1 > draw->box.y2)
        return parser_fail(parser, "the box is negative or inside out");
    return parse_clip(parser, clip, &draw->box, &draw->clip);
}

static bool parse_native(struct parser *parser, const QXLDrawable *from)
{
    struct draw *draw = &parser->drawable->draw;
    struct self_bitmap self = {
        .wanted = from->self_bitmap != 0,
        .area = rect_from_guest(&from->self_bitmap_area),
    };

    draw->surface_id = from->surface_id;
    memcpy(parser->drawable->listed_sources, from->surfaces_dest, sizeof(from->surfaces_dest));
    if (!parse_head(parser, from->type, from->effect, &from->bbox, &from->clip))
        return false;
    if (from->type == QXL_DRAW_COMPOSITE)
        return parse_composite(parser, &from->u.composite, &self, draw);
    if (from->type == QXL_DRAW_ALPHA_BLEND) {
        const QXLAlphaBlend *blend = &from->u.alpha_blend;

        draw->alpha_blend.alpha_flags = blend->alpha_flags & SPICE_ALPHA_FLAGS_MASK;
        draw->alpha_blend.alpha = blend->alpha;
        return parse_source(parser, blend->src_bitmap, &blend->src_area, &self,
                            &draw->alpha_blend.image, &draw->alpha_blend.area);
    }
    return parse_body(parser, &from->u, &self, draw);
}

static bool parse_compat(struct parser *parser, const QXLCompatDrawable *from)
{
    struct draw *draw = &parser->drawable->draw;
    struct self_bitmap self = {
        .wanted = from->bitmap_offset != 0,
        .area = rect_from_guest(&from->bitmap_area),
    };

    memset(parser->drawable->listed_sources, -1, sizeof(parser->drawable->listed_sources));
    if (!parse_head(parser, from->type, from->effect, &from->bbox, &from->clip))
        return false;
    if (from->type == QXL_DRAW_ALPHA_BLEND) {
        const QXLCompatAlphaBlend *blend = &from->u.alpha_blend;

        draw->alpha_blend.alpha = blend->alpha;
        return parse_source(parser, blend->src_bitmap, &blend->src_area, &self,
                            &draw->alpha_blend.image, &draw->alpha_blend.area);
    }
    return parse_body(parser, &from->u, &self, draw);
}

const char *parse_drawable(const struct memslots *memslots, const QXLCommandExt *command,
                           struct drawable *drawable)
{
    struct parser parser = {
        .memslots = memslots,
        .group = command->group_id,
        .colors_555 = command->flags & QXL_COMMAND_FLAG_COMPAT_16BPP,
        .drawable = drawable,
    };
    bool compat = command->flags & QXL_COMMAND_FLAG_COMPAT;
    union {
        QXLDrawable native;
        QXLCompatDrawable compat;
    } from;
    const char *wrong =
        guest_read_command(memslots, command, &from,
                           compat ? sizeof(from.compat) : sizeof(from.native), &drawable->resource);

    if (wrong != NULL)
        return wrong;
    memset(drawable->draw.sources, -1, sizeof(drawable->draw.sources));
    if (compat ? parse_compat(&parser, &from.compat) : parse_native(&parser, &from.native))
        return NULL;
    return parser.wrong;
}
