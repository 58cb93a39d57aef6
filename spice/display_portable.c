/*
 * Commands that clients cannot be trusted with. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/display_portable.h"

#include "display/quic.h"

#include <spice/macros.h>
#include <string.h>

/* The surface's format, or 0. */
static uint32_t surface_format(const struct surfaces *surfaces, uint32_t id)
{
    const struct surface *surface = surfaces_find(surfaces, id);

    return surface == NULL ? 0 : surface->format;
}

static uint32_t image_surface_format(const struct surfaces *surfaces,
                                     const struct draw_image *image)
{
    return image != NULL && image->type == SPICE_IMAGE_TYPE_SURFACE
               ? surface_format(surfaces, image->surface_id)
               : 0;
}

/* The guest may still change its picture; a client is then shown what it would refuse anyway. */
static bool quic_has_colors(const struct draw_bytes *data)
{
    uint8_t header[(QUIC_HEADER_WORDS + 1) * sizeof(uint32_t)]; /* and a word of data */
    struct quic_info info;
    size_t have = 0;

    for (unsigned i = 0; i < data->count && have < sizeof(header); i++) {
        size_t part = MIN(sizeof(header) - have, data->pieces[i].iov_len);

        memcpy(header + have, data->pieces[i].iov_base, part);
        have += part;
    }
    return quic_read_header(header, have, &info) == NULL && info.type != QUIC_GRAY;
}

/* Is IMAGE, or nothing, something that is decoded for a surface of FORMAT? */
static bool image_is_portable(const struct draw_image *image, uint32_t format)
{
    if (image == NULL)
        return true;
    if (image->type == SPICE_IMAGE_TYPE_QUIC)
        return quic_has_colors(&image->quic.data);
    if (image->type != SPICE_IMAGE_TYPE_BITMAP)
        return true;
    switch (image->bitmap.format) {
    case SPICE_BITMAP_FMT_1BIT_LE:
    case SPICE_BITMAP_FMT_4BIT_LE:
        return false;
    case SPICE_BITMAP_FMT_1BIT_BE:
    case SPICE_BITMAP_FMT_4BIT_BE:
    case SPICE_BITMAP_FMT_8BIT:
        return format != SPICE_SURFACE_FMT_16_565;
    default:
        return true;
    }
}

static bool brush_is_portable(const struct draw_brush *brush, uint32_t format)
{
    return brush->type != SPICE_BRUSH_TYPE_PATTERN || image_is_portable(brush->pattern, format);
}

/* Clients stop at one, or leave it changed, where they draw through a mask or in spans. */
static bool is_surface_pattern(const struct draw_brush *brush)
{
    return brush->type == SPICE_BRUSH_TYPE_PATTERN && brush->pattern != NULL &&
           brush->pattern->type == SPICE_IMAGE_TYPE_SURFACE;
}

/* Clients have code for those of the 256 that read pattern, source and destination. */
static bool rop3_reads_all(uint8_t rop3)
{
    bool pattern = (rop3 >> 4) != (rop3 & 0x0f);
    bool source = (rop3 >> 2 & 0x33) != (rop3 & 0x33);
    bool destination = (rop3 >> 1 & 0x55) != (rop3 & 0x55);

    return pattern && source && destination;
}

static bool rop3_is_portable(const struct draw *draw, uint32_t format)
{
    const struct draw_brush *brush = &draw->rop3.brush;

    if (format == SPICE_SURFACE_FMT_8_A || format == SPICE_SURFACE_FMT_1_A ||
        !rop3_reads_all(draw->rop3.rop3))
        return false;
    if (brush->type == SPICE_BRUSH_TYPE_NONE)
        return false; /* they take a colour that was not sent */
    if (brush->type == SPICE_BRUSH_TYPE_PATTERN &&
        (brush->pattern_origin.x > draw->box.x1 || brush->pattern_origin.y > draw->box.y1))
        return false;
    return image_is_portable(draw->rop3.image, format) && brush_is_portable(brush, format);
}

static bool stroke_is_portable(const struct draw *draw, uint32_t format)
{
    const struct draw_path *path = &draw->stroke.path;

    if (draw->clip.has_rects && draw->clip.count > 1)
        return false;
    for (unsigned i = 0; i < path->count; i++) {
        if (path->segments[i].flags & SPICE_PATH_BEZIER)
            return false;
    }
    return !is_surface_pattern(&draw->stroke.brush) &&
           brush_is_portable(&draw->stroke.brush, format);
}

static bool text_is_portable(const struct draw *draw, uint32_t format)
{
    const struct draw_brush *fore = &draw->text.fore_brush;

    if (draw->text.string.flags & SPICE_STRING_FLAGS_RASTER_A8 || is_surface_pattern(fore))
        return false;
    return brush_is_portable(fore, format) && brush_is_portable(&draw->text.back_brush, format);
}

static bool composite_is_portable(const struct draw *draw, uint32_t format,
                                  const struct surfaces *surfaces)
{
    const struct draw_image *source = draw->composite.source, *mask = draw->composite.mask;
    uint32_t source_format = image_surface_format(surfaces, source);
    uint32_t mask_format = image_surface_format(surfaces, mask);
    uint32_t flags = draw->composite.flags;

    if (flags & SPICE_COMPOSITE_SOURCE_OPAQUE &&
        (format == SPICE_SURFACE_FMT_8_A || source_format == SPICE_SURFACE_FMT_8_A))
        return false;
    if (flags & SPICE_COMPOSITE_DEST_OPAQUE && format == SPICE_SURFACE_FMT_8_A)
        return false;
    if (source_format != 0 && mask_format != 0 && source->surface_id == mask->surface_id)
        return false;
    if ((source_format != 0 && flags & SPICE_COMPOSITE_HAS_SRC_TRANSFORM) ||
        (mask_format != 0 && flags & SPICE_COMPOSITE_HAS_MASK_TRANSFORM))
        return false;
    return image_is_portable(source, format) && image_is_portable(mask, format);
}

/* Clients need not have the unused bytes of our xRGB surfaces: pictures are compressed without. */
static bool alpha_blend_is_portable(const struct draw *draw, uint32_t format,
                                    const struct surfaces *surfaces)
{
    const struct draw_image *image = draw->alpha_blend.image;

    if (draw->alpha_blend.alpha_flags & SPICE_ALPHA_FLAGS_SRC_SURFACE_HAS_ALPHA &&
        image_surface_format(surfaces, image) == SPICE_SURFACE_FMT_32_xRGB)
        return false;
    return image_is_portable(image, format);
}

bool draw_is_portable(const struct draw *draw, const struct surfaces *surfaces)
{
    uint32_t format = surface_format(surfaces, draw->surface_id);

    switch (draw->type) {
    case QXL_DRAW_FILL:
        return brush_is_portable(&draw->fill.brush, format);
    case QXL_DRAW_OPAQUE:
        return image_is_portable(draw->opaque.image, format) &&
               brush_is_portable(&draw->opaque.brush, format);
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
        return image_is_portable(draw->copy.image, format);
    case QXL_DRAW_ROP3:
        return rop3_is_portable(draw, format);
    case QXL_DRAW_STROKE:
        return stroke_is_portable(draw, format);
    case QXL_DRAW_TEXT:
        return text_is_portable(draw, format);
    case QXL_DRAW_TRANSPARENT:
        return image_is_portable(draw->transparent.image, format);
    case QXL_DRAW_ALPHA_BLEND:
        return alpha_blend_is_portable(draw, format, surfaces);
    case QXL_DRAW_COMPOSITE:
        return composite_is_portable(draw, format, surfaces);
    default:
        return true;
    }
}

/* All of the picture as it is; its rows lie close together, and its colours are no palette's. */
static bool copy_is_plain(const struct draw *draw)
{
    const struct draw_image *image = draw->copy.image;
    const draw_rect *from = &draw->copy.area, *to = &draw->box;
    int width = to->x2 - to->x1, height = to->y2 - to->y1;

    return draw->copy.rop == SPICE_ROPD_OP_PUT && draw->copy.mask.image == NULL &&
           image->type == SPICE_IMAGE_TYPE_BITMAP &&
           image->bitmap.format == SPICE_BITMAP_FMT_32BIT &&
           image->bitmap.stride == image->width * sizeof(uint32_t) && from->x1 == 0 &&
           from->y1 == 0 && from->x2 == width && from->y2 == height &&
           image->width == (uint32_t)width && image->height == (uint32_t)height;
}

bool draw_is_plain(const struct draw *draw)
{
    if (draw->clip.has_rects)
        return false;
    switch (draw->type) {
    case QXL_DRAW_FILL:
        return draw->fill.rop == SPICE_ROPD_OP_PUT && draw->fill.mask.image == NULL &&
               draw->fill.brush.type == SPICE_BRUSH_TYPE_SOLID;
    case QXL_DRAW_COPY:
        return copy_is_plain(draw);
    case QXL_COPY_BITS:
        return true;
    default:
        return false;
    }
}
