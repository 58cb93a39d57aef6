/*
 * TEXT: strings of glyph bitmaps painted with a brush.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/brush.h"
#include "display/opaque_alpha.h"
#include "display/raster.h"

#include <glib.h>
#include <limits.h>

/* Glyph positions are any 32-bit numbers; sums of two are not. */
struct wide_box {
    int64_t x1, y1, x2, y2;
};

static struct wide_box glyph_box(const struct draw_glyph *glyph)
{
    int64_t x = (int64_t)glyph->render_pos.x + glyph->origin.x;
    int64_t y = (int64_t)glyph->render_pos.y + glyph->origin.y;

    return (struct wide_box){x, y, x + glyph->width, y + glyph->height};
}

static struct wide_box wide_union(struct wide_box a, struct wide_box b)
{
    return (struct wide_box){MIN(a.x1, b.x1), MIN(a.y1, b.y1), MAX(a.x2, b.x2), MAX(a.y2, b.y2)};
}

static struct wide_box wide_intersect(struct wide_box a, struct wide_box b)
{
    return (struct wide_box){MAX(a.x1, b.x1), MAX(a.y1, b.y1), MIN(a.x2, b.x2), MIN(a.y2, b.y2)};
}

static struct wide_box string_box(const struct draw_string *string)
{
    struct wide_box box = glyph_box(&string->glyphs[0]);

    for (unsigned i = 1; i < string->count; i++)
        box = wide_union(box, glyph_box(&string->glyphs[i]));
    return box;
}

static unsigned string_bits(const struct draw_string *string)
{
    if (string->flags & SPICE_STRING_FLAGS_RASTER_A1)
        return 1;
    if (string->flags & SPICE_STRING_FLAGS_RASTER_A4)
        return 4;
    return string->flags & SPICE_STRING_FLAGS_RASTER_A8 ? 8 : 0;
}

/*
 * Coverage of pixel X of a glyph's row, in the low 8 bits. Of overlapping pixels the greater number
 * wins, and clients compare an odd pixel of A4 with the bits of its left neighbour still on top.
 */
static inline unsigned glyph_coverage(const uint8_t *row, int x, unsigned bits)
{
    switch (bits) {
    case 1:
        return row[x / 8] << x % 8 & 0x80 ? 0xff : 0;
    case 4:
        return x % 2 ? (unsigned)row[x / 2] << 4 : row[x / 2] & 0xf0;
    default:
        return row[x];
    }
}

/* Adds a glyph to a mask whose top left is at (WHERE.x1, WHERE.y1). */
static void mask_add_glyph(uint8_t *mask, size_t stride, const struct wide_box *where,
                           const struct draw_glyph *glyph, unsigned bits)
{
    struct wide_box box = glyph_box(glyph);
    struct wide_box seen = wide_intersect(box, *where);
    size_t row_bytes = ((size_t)glyph->width * bits + 7) / 8;

    for (int64_t y = seen.y1; y < seen.y2; y++) {
        const uint8_t *row = glyph->bits + (box.y2 - 1 - y) * row_bytes;
        uint8_t *to = mask + (y - where->y1) * stride;
        for (int64_t x = seen.x1; x < seen.x2; x++) {
            unsigned coverage = glyph_coverage(row, x - box.x1, bits);
            int64_t at = x - where->x1;
            if (bits == 1)
                to[at / 8] |= (coverage & 1) << at % 8;
            else if (coverage > to[at])
                to[at] = coverage;
        }
    }
}

/* The part of the string's mask that lies in WHERE, as a pixman image over *BITS (g_free). */
static pixman_image_t *string_mask(const struct draw_string *string, const struct wide_box *where,
                                   uint8_t **bits)
{
    int width = where->x2 - where->x1, height = where->y2 - where->y1;
    unsigned depth = string_bits(string);
    size_t stride = depth == 1 ? (width + 31) / 32 * 4 : (width + 3) & ~3;

    *bits = g_try_malloc0_n(height, stride);
    if (!*bits)
        return NULL;
    for (unsigned i = 0; i < string->count; i++)
        mask_add_glyph(*bits, stride, where, &string->glyphs[i], depth);
    return pixman_image_create_bits(depth == 1 ? PIXMAN_a1 : PIXMAN_a8, width, height,
                                    (uint32_t *)*bits, stride);
}

/* A colour for pixman. 16-bit colours are read as 555 whatever the format, as all clients do. */
static pixman_image_t *solid_image(const struct canvas *canvas, uint32_t color)
{
    unsigned bits = canvas->bits == 16 ? 5 : 8;
    uint32_t max = (1u << bits) - 1;
    pixman_color_t wide = {
        .blue = (color & max) * 0xffff / max,
        .green = (color >> bits & max) * 0xffff / max,
        .red = (color >> 2 * bits & max) * 0xffff / max,
        .alpha = 0xffff,
    };

    return pixman_image_create_solid_fill(&wide);
}

/* Opens a brush for pixman; *IMAGE is NULL for brushes that paint nothing. */
static const char *text_brush(const struct draw_brush *brush, const struct drawing *drawing,
                              struct image *tile, pixman_image_t **image)
{
    pixman_transform_t transform;
    const char *reason;

    *image = NULL;
    if (brush->type == SPICE_BRUSH_TYPE_SOLID) {
        *image = solid_image(drawing->canvas, brush->color);
        return *image ? NULL : "out of memory for an image";
    }
    if (brush->type != SPICE_BRUSH_TYPE_PATTERN)
        return NULL;
    reason = image_open(tile, brush->pattern, IMAGE_CANVAS, 0, INT_MAX, drawing);
    if (reason)
        return reason;
    int x = brush->pattern_origin.x % tile->width, y = brush->pattern_origin.y % tile->height;
    pixman_transform_init_translate(&transform, pixman_int_to_fixed(-x), pixman_int_to_fixed(-y));
    pixman_image_set_transform(tile->image, &transform);
    pixman_image_set_repeat(tile->image, PIXMAN_REPEAT_NORMAL);
    *image = pixman_image_ref(tile->image);
    return NULL;
}

/* Paints the box behind the text. */
static void paint_back(struct drawing *drawing, struct brush *brush)
{
    const draw_rect *area = &drawing->draw->text.back_area;
    pixman_region32_t region, back;

    pixman_region32_init_rects(&back, area, 1);
    pixman_region32_init(&region);
    pixman_region32_intersect(&region, &drawing->region, &back);
    brush_paint_region(brush, drawing->canvas, &region, RASTER_COPY);
    pixman_region32_fini(&region);
    pixman_region32_fini(&back);
}

/*
 * The reference positions a pattern relative to the string's box, not to the surface: pixel (0, 0)
 * of the mask is pixel (0, 0) of the brush.
 */
static const char *paint_string(struct drawing *drawing, pixman_image_t *brush,
                                const struct image *tile)
{
    const struct draw_string *string = &drawing->draw->text.string;
    const pixman_box32_t *extents = pixman_region32_extents(&drawing->region);
    struct wide_box clip = {extents->x1, extents->y1, extents->x2, extents->y2};
    struct wide_box whole = string_box(string);
    struct wide_box seen = wide_intersect(whole, clip);
    pixman_image_t *target = drawing->canvas->image;
    uint8_t *bits = NULL;
    const char *reason = NULL;

    if (seen.x1 < seen.x2 && seen.y1 < seen.y2) {
        pixman_image_t *mask = string_mask(string, &seen, &bits);
        if (mask) {
            pixman_image_set_clip_region32(target, &drawing->region);
            int x = tile->width ? (seen.x1 - whole.x1) % tile->width : 0;
            int y = tile->height ? (seen.y1 - whole.y1) % tile->height : 0;
            pixman_image_composite32(PIXMAN_OP_OVER, brush, mask, target, x, y, 0, 0, seen.x1,
                                     seen.y1, seen.x2 - seen.x1, seen.y2 - seen.y1);
            pixman_image_set_clip_region32(target, NULL);
            pixman_image_unref(mask);
        } else {
            reason = "out of memory for a string";
        }
        g_free(bits);
    }
    opaque_alpha_clear(drawing->canvas, whole.x1, whole.y1, whole.x2, whole.y2);
    return reason;
}

const char *canvas_text(struct drawing *drawing)
{
    const struct draw *draw = drawing->draw;
    const draw_rect *back_area = &draw->text.back_area;
    bool has_back = back_area->x1 < back_area->x2 && back_area->y1 < back_area->y2;
    struct image tile = {0};
    struct brush back = {0};
    pixman_image_t *brush = NULL;
    const char *reason;

    if (!draw->text.string.count)
        return "the string has no glyphs";
    if (!string_bits(&draw->text.string))
        return "vector strings are not supported";
    if (draw->text.string.flags & SPICE_STRING_FLAGS_RASTER_TOP_DOWN)
        return "top-down glyphs are not supported";
    if (has_back && draw->text.fore_mode != SPICE_ROPD_OP_PUT)
        return "text with a background needs the raster operation PUT";

    reason = text_brush(&draw->text.fore_brush, drawing, &tile, &brush);
    if (!reason && has_back)
        reason = brush_open(&back, &draw->text.back_brush, drawing);
    if (!reason && has_back) {
        paint_back(drawing, &back);
        brush_close(&back);
    }
    if (!reason && brush)
        reason = paint_string(drawing, brush, &tile);
    if (brush)
        pixman_image_unref(brush);
    image_close(&tile);
    return reason;
}
