/*
 * ALPHA_BLEND and COMPOSITE: pixels that pixman mixes.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/image.h"
#include "display/opaque_alpha.h"
#include "display/scale.h"

#include <limits.h>
#include <string.h>

/* The same pixels seen as another format of the same width. */
static const char *image_reinterpret(struct image *image, pixman_format_code_t format)
{
    pixman_image_t *other = pixman_image_create_bits(
        format, image->width, image->height, (uint32_t *)(uintptr_t)image->data, image->stride);

    if (!other)
        return "out of memory for an image";
    pixman_image_unref(image->image);
    image->image = other;
    image->format = format;
    return NULL;
}

/* The canvas to blend onto: with an alpha channel where the command says that xRGB has one. */
static pixman_image_t *blend_target(struct canvas *canvas, bool has_alpha)
{
    if (has_alpha && canvas->format == SPICE_SURFACE_FMT_32_xRGB)
        return pixman_image_create_bits(PIXMAN_a8r8g8b8, canvas->width, canvas->height,
                                        (uint32_t *)canvas->top, canvas->stride);
    return pixman_image_ref(canvas->image);
}

const char *canvas_alpha_blend(struct drawing *drawing)
{
    const struct draw *draw = drawing->draw;
    const draw_rect *box = &draw->box, *area = &draw->alpha_blend.area;
    uint8_t flags = draw->alpha_blend.alpha_flags;
    bool target_alpha = flags & SPICE_ALPHA_FLAGS_DEST_HAS_ALPHA;
    struct image source;
    const char *reason;

    if (!draw->alpha_blend.alpha)
        return NULL;
    reason = image_open_area(&source, draw->alpha_blend.image, IMAGE_ORIGINAL, area, drawing);
    if (reason)
        return reason;
    if (image_is_surface(draw->alpha_blend.image) &&
        flags & SPICE_ALPHA_FLAGS_SRC_SURFACE_HAS_ALPHA && source.format == PIXMAN_x8r8g8b8)
        reason = image_reinterpret(&source, PIXMAN_a8r8g8b8);

    bool scaled = !rect_same_size(area, box);
    if (!reason && scaled)
        reason = scale_prepare(&source, area, box, SPICE_IMAGE_SCALE_MODE_NEAREST);

    pixman_image_t *mask = NULL, *target = NULL;
    if (!reason && draw->alpha_blend.alpha != 0xff) {
        pixman_color_t coverage = {.alpha = draw->alpha_blend.alpha * 0x101};
        mask = pixman_image_create_solid_fill(&coverage);
        if (!mask)
            reason = "out of memory for an image";
    }
    if (!reason) {
        target = blend_target(drawing->canvas, target_alpha);
        if (!target)
            reason = "out of memory for an image";
    }
    if (!reason) {
        pixman_image_set_clip_region32(target, &drawing->region);
        pixman_image_composite32(PIXMAN_OP_OVER, source.image, mask, target, scaled ? 0 : area->x1,
                                 scaled ? 0 : area->y1, 0, 0, box->x1, box->y1, box->x2 - box->x1,
                                 box->y2 - box->y1);
        pixman_image_set_clip_region32(target, NULL);
        if (!target_alpha)
            opaque_alpha_clear(drawing->canvas, box->x1, box->y1, box->x2, box->y2);
    }
    if (target)
        pixman_image_unref(target);
    if (mask)
        pixman_image_unref(mask);
    image_close(&source);
    return reason;
}

/* COUNT bits of a COMPOSITE's flags from bit FIRST on. */
static unsigned flag_bits(uint32_t flags, unsigned first, unsigned count)
{
    return flags >> first & ((1u << count) - 1);
}

static bool composite_operator_known(unsigned op)
{
    return op <= PIXMAN_OP_SATURATE ||
           (op >= PIXMAN_OP_DISJOINT_CLEAR && op <= PIXMAN_OP_DISJOINT_XOR) ||
           (op >= PIXMAN_OP_CONJOINT_CLEAR && op <= PIXMAN_OP_CONJOINT_XOR) ||
           (op >= PIXMAN_OP_MULTIPLY && op <= PIXMAN_OP_HSL_LUMINOSITY);
}

static const char *composite_prepare(struct image *image, const struct draw_transform *from,
                                     unsigned filter, unsigned repeat)
{
    if (filter > PIXMAN_FILTER_BILINEAR)
        return "unknown composite filter";
    if (from) {
        pixman_transform_t transform = {{{from->t00, from->t01, from->t02},
                                         {from->t10, from->t11, from->t12},
                                         {0, 0, pixman_fixed_1}}};
        pixman_image_set_transform(image->image, &transform);
    }
    pixman_image_set_filter(image->image, filter, NULL, 0);
    pixman_image_set_repeat(image->image, repeat);
    return NULL;
}

/* Is all of BOX to be painted? */
static bool is_whole_box(struct drawing *drawing, const draw_rect *box)
{
    const pixman_box32_t *extents = pixman_region32_extents(&drawing->region);

    return pixman_region32_n_rects(&drawing->region) == 1 && extents->x1 == box->x1 &&
           extents->y1 == box->y1 && extents->x2 == box->x2 && extents->y2 == box->y2;
}

/* A copy of what BOX shows. */
static pixman_image_t *copy_box(const struct canvas *canvas, const draw_rect *box)
{
    int width = box->x2 - box->x1, height = box->y2 - box->y1;
    pixman_image_t *copy =
        pixman_image_create_bits(surface_format_pixman(canvas->format), width, height, NULL, 0);

    if (copy)
        for (int y = 0; y < height; y++)
            memcpy((uint8_t *)pixman_image_get_data(copy) + y * pixman_image_get_stride(copy),
                   canvas_pixel(canvas, box->x1, box->y1 + y),
                   (size_t)width * canvas_pixel_bytes(canvas));
    return copy;
}

/* Puts the region back from the copy. */
static void paste_box(struct drawing *drawing, pixman_image_t *copy, const draw_rect *box)
{
    const struct canvas *canvas = drawing->canvas;
    const uint8_t *pixels = (const uint8_t *)pixman_image_get_data(copy);
    int count, stride = pixman_image_get_stride(copy);
    const pixman_box32_t *part = pixman_region32_rectangles(&drawing->region, &count);

    for (; count--; part++)
        for (int y = part->y1; y < part->y2; y++)
            memcpy(canvas_pixel(canvas, part->x1, y),
                   pixels + (ptrdiff_t)(y - box->y1) * stride +
                       (ptrdiff_t)(part->x1 - box->x1) * canvas_pixel_bytes(canvas),
                   (size_t)(part->x2 - part->x1) * canvas_pixel_bytes(canvas));
}

/*
 * What pixman leaves in unused bits depends on how large a rectangle it is asked for. Clients ask
 * for the whole box, so for the same result a clipped box is mixed whole, too, beside the canvas.
 */
static const char *composite_box(struct drawing *drawing, pixman_image_t *source,
                                 pixman_image_t *mask)
{
    const struct draw *draw = drawing->draw;
    const struct canvas *canvas = drawing->canvas;
    const draw_rect *box = &draw->box;
    bool direct = is_whole_box(drawing, box) || box->x1 < 0 || box->y1 < 0 ||
                  box->x2 > canvas->width || box->y2 > canvas->height;
    pixman_image_t *target = direct ? pixman_image_ref(canvas->image) : copy_box(canvas, box);

    if (!target)
        return "out of memory for an image";
    if (direct)
        pixman_image_set_clip_region32(target, &drawing->region);
    pixman_image_composite32(flag_bits(draw->composite.flags, 0, 8), source, mask, target,
                             draw->composite.source_origin.x, draw->composite.source_origin.y,
                             draw->composite.mask_origin.x, draw->composite.mask_origin.y,
                             direct ? box->x1 : 0, direct ? box->y1 : 0, box->x2 - box->x1,
                             box->y2 - box->y1);
    if (direct)
        pixman_image_set_clip_region32(target, NULL);
    else
        paste_box(drawing, target, box);
    pixman_image_unref(target);
    return NULL;
}

const char *canvas_composite(struct drawing *drawing)
{
    const struct draw *draw = drawing->draw;
    uint32_t flags = draw->composite.flags;
    struct image source, mask = {0};
    const char *reason;

    if (!composite_operator_known(flag_bits(flags, 0, 8)))
        return "unknown composite operator";
    reason = image_open(&source, draw->composite.source, IMAGE_CANVAS, 0, INT_MAX, drawing);
    if (reason)
        return reason;
    if (flags & SPICE_COMPOSITE_SOURCE_OPAQUE && source.format == PIXMAN_a8r8g8b8 &&
        image_is_surface(draw->composite.source))
        reason = image_reinterpret(&source, PIXMAN_x8r8g8b8);
    if (!reason)
        reason = composite_prepare(&source, draw->composite.source_transform,
                                   flag_bits(flags, 8, 3), flag_bits(flags, 14, 2));
    if (!reason && draw->composite.mask) {
        reason = image_open(&mask, draw->composite.mask, IMAGE_CANVAS, 0, INT_MAX, drawing);
        if (!reason)
            reason = composite_prepare(&mask, draw->composite.mask_transform,
                                       flag_bits(flags, 11, 3), flag_bits(flags, 16, 2));
        if (!reason)
            pixman_image_set_component_alpha(mask.image,
                                             !!(flags & SPICE_COMPOSITE_COMPONENT_ALPHA));
    }
    if (!reason)
        reason = composite_box(drawing, source.image, mask.image);
    image_close(&source);
    image_close(&mask);
    return reason;
}
