/*
 * Canvases and the way of a command onto them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/canvas_private.h"
#include "display/expand.h"

#include <glib.h>
#include <string.h>

/* No coordinate of a box may be farther out than this, so that sums of two cannot overflow. */
#define COORDINATE_MAX (1 << 29)
/* A mask may make a region of one rectangle for every second pixel: draw so many pixels at a time.
 */
#define MASKED_PIXELS_MAX (4 << 20)

unsigned surface_format_bits(uint32_t format)
{
    switch (format) {
    case SPICE_SURFACE_FMT_1_A:
        return 1;
    case SPICE_SURFACE_FMT_8_A:
        return 8;
    case SPICE_SURFACE_FMT_16_555:
    case SPICE_SURFACE_FMT_16_565:
        return 16;
    case SPICE_SURFACE_FMT_32_xRGB:
    case SPICE_SURFACE_FMT_32_ARGB:
        return 32;
    default:
        return 0;
    }
}

pixman_format_code_t surface_format_pixman(uint32_t format)
{
    switch (format) {
    case SPICE_SURFACE_FMT_1_A:
        return PIXMAN_a1;
    case SPICE_SURFACE_FMT_8_A:
        return PIXMAN_a8;
    case SPICE_SURFACE_FMT_16_555:
        return PIXMAN_x1r5g5b5;
    case SPICE_SURFACE_FMT_16_565:
        return PIXMAN_r5g6b5;
    case SPICE_SURFACE_FMT_32_ARGB:
        return PIXMAN_a8r8g8b8;
    default:
        return PIXMAN_x8r8g8b8;
    }
}

unsigned bitmap_format_bits(uint8_t format)
{
    switch (format) {
    case SPICE_BITMAP_FMT_1BIT_LE:
    case SPICE_BITMAP_FMT_1BIT_BE:
        return 1;
    case SPICE_BITMAP_FMT_4BIT_LE:
    case SPICE_BITMAP_FMT_4BIT_BE:
        return 4;
    case SPICE_BITMAP_FMT_8BIT:
    case SPICE_BITMAP_FMT_8BIT_A:
        return 8;
    case SPICE_BITMAP_FMT_16BIT:
        return 16;
    case SPICE_BITMAP_FMT_24BIT:
        return 24;
    case SPICE_BITMAP_FMT_32BIT:
    case SPICE_BITMAP_FMT_RGBA:
        return 32;
    default:
        return 0;
    }
}

struct canvas *canvas_create(int width, int height, int stride, uint32_t format, void *pixels)
{
    unsigned bits = surface_format_bits(format);
    int64_t row = ((int64_t)width * bits + 7) / 8;
    int64_t pitch = stride < 0 ? -(int64_t)stride : stride;

    if (!bits || width < 1 || height < 1 || !pixels || (uintptr_t)pixels % 4 || stride % 4 ||
        pitch < row || pitch * height > INT32_MAX)
        return NULL;

    struct canvas *canvas = g_new0(struct canvas, 1);
    canvas->width = width;
    canvas->height = height;
    canvas->stride = stride;
    canvas->format = format;
    canvas->bits = bits;
    canvas->top = pixels;
    if (stride < 0)
        canvas->top += pitch * (height - 1);
    canvas->image = pixman_image_create_bits(surface_format_pixman(format), width, height,
                                             (uint32_t *)canvas->top, stride);
    if (!canvas->image) {
        g_free(canvas);
        return NULL;
    }
    return canvas;
}

void canvas_destroy(struct canvas *canvas)
{
    if (!canvas)
        return;
    pixman_image_unref(canvas->image);
    g_free(canvas);
}

int canvas_width(const struct canvas *canvas)
{
    return canvas->width;
}

int canvas_height(const struct canvas *canvas)
{
    return canvas->height;
}

uint32_t canvas_format(const struct canvas *canvas)
{
    return canvas->format;
}

int canvas_stride(const struct canvas *canvas)
{
    return canvas->stride;
}

uint8_t *canvas_row(const struct canvas *canvas, int y)
{
    return canvas->top + y * canvas->stride;
}

void canvas_clear(struct canvas *canvas)
{
    size_t row = ((size_t)canvas->width * canvas->bits + 7) / 8;

    for (int y = 0; y < canvas->height; y++)
        memset(canvas_row(canvas, y), 0, row);
}

void canvas_draw_region(const struct draw *draw, int width, int height, pixman_region32_t *region)
{
    draw_rect box = {MAX(draw->box.x1, 0), MAX(draw->box.y1, 0), MIN(draw->box.x2, width),
                     MIN(draw->box.y2, height)};
    pixman_region32_t clip;

    if (box.x1 >= box.x2 || box.y1 >= box.y2) {
        pixman_region32_init(region);
        return;
    }
    pixman_region32_init_rects(region, &box, 1);
    if (!draw->clip.has_rects)
        return;
    if (draw->clip.count == 1) {
        const draw_rect *rect = draw->clip.rects;
        if (rect->x1 < rect->x2 && rect->y1 < rect->y2)
            pixman_region32_init_rects(&clip, rect, 1);
        else
            pixman_region32_init(&clip);
    } else {
        pixman_region32_init_rects(&clip, draw->clip.rects, draw->clip.count);
    }
    pixman_region32_intersect(region, region, &clip);
    pixman_region32_fini(&clip);
}

static const struct draw_mask *draw_mask(const struct draw *draw)
{
    const struct draw_mask *mask;

    switch (draw->type) {
    case QXL_DRAW_FILL:
        mask = &draw->fill.mask;
        break;
    case QXL_DRAW_OPAQUE:
        mask = &draw->opaque.mask;
        break;
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
        mask = &draw->copy.mask;
        break;
    case QXL_DRAW_BLACKNESS:
    case QXL_DRAW_WHITENESS:
    case QXL_DRAW_INVERS:
        mask = &draw->whole.mask;
        break;
    case QXL_DRAW_ROP3:
        mask = &draw->rop3.mask;
        break;
    default:
        return NULL;
    }
    return mask->image ? mask : NULL;
}

/* Draws what is inside of REGION, which is not empty. */
static const char *draw_operation(struct drawing *drawing)
{
    switch (drawing->draw->type) {
    case QXL_DRAW_FILL:
        return canvas_fill(drawing);
    case QXL_DRAW_OPAQUE:
        return canvas_opaque(drawing);
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
        return canvas_copy(drawing);
    case QXL_COPY_BITS:
        return canvas_copy_bits(drawing);
    case QXL_DRAW_BLACKNESS:
    case QXL_DRAW_WHITENESS:
    case QXL_DRAW_INVERS:
        return canvas_whole(drawing);
    case QXL_DRAW_ROP3:
        return canvas_rop3(drawing);
    case QXL_DRAW_STROKE:
        return canvas_stroke(drawing);
    case QXL_DRAW_TEXT:
        return canvas_text(drawing);
    case QXL_DRAW_TRANSPARENT:
        return canvas_transparent(drawing);
    case QXL_DRAW_ALPHA_BLEND:
        return canvas_alpha_blend(drawing);
    case QXL_DRAW_COMPOSITE:
        return canvas_composite(drawing);
    default:
        return "unknown draw type";
    }
}

/* Draws through a mask, in bands low enough that the mask's rectangles fit into memory. */
static const char *draw_masked(struct drawing *drawing, const struct draw_mask *mask)
{
    pixman_box32_t extents = *pixman_region32_extents(&drawing->region);
    int rows = MAX(MASKED_PIXELS_MAX / (extents.x2 - extents.x1), 1);
    const char *reason = NULL;
    pixman_region32_t whole = drawing->region;

    for (int y = extents.y1; !reason && y < extents.y2; y += rows) {
        pixman_region32_init(&drawing->region);
        pixman_region32_intersect_rect(&drawing->region, &whole, extents.x1, y,
                                       extents.x2 - extents.x1, MIN(rows, extents.y2 - y));
        reason = mask_apply(mask, drawing, &drawing->draw->box, &drawing->region);
        if (!reason && pixman_region32_not_empty(&drawing->region))
            reason = draw_operation(drawing);
        pixman_region32_fini(&drawing->region);
    }
    drawing->region = whole;
    return reason;
}

static const char *draw_region(struct drawing *drawing)
{
    const struct draw_mask *mask = draw_mask(drawing->draw);

    return mask ? draw_masked(drawing, mask) : draw_operation(drawing);
}

/* 1-bit surfaces are drawn on as bytes of 0 and 255 and packed afterwards: they are rare. */
static const char *draw_one_bit(struct drawing *drawing)
{
    struct canvas *target = drawing->canvas;
    int stride = (target->width + 3) & ~3;
    uint8_t *bytes = g_try_malloc_n(target->height, stride);
    const char *reason = "out of memory for a surface";

    if (!bytes)
        return reason;
    struct canvas *canvas =
        canvas_create(target->width, target->height, stride, SPICE_SURFACE_FMT_8_A, bytes);
    if (canvas) {
        for (int y = 0; y < target->height; y++)
            expand_a1(canvas_row(canvas, y), canvas_row(target, y), 0, target->width);
        drawing->canvas = canvas;
        reason = draw_region(drawing);
        for (int y = 0; !reason && y < target->height; y++)
            pack_a1(canvas_row(target, y), canvas_row(canvas, y), 0, target->width);
        canvas_destroy(canvas);
    }
    g_free(bytes);
    return reason;
}

const char *canvas_draw_rows(struct canvas *canvas, const struct draw *draw, canvas_lookup lookup,
                             void *opaque, struct canvas_rows *changed)
{
    struct drawing drawing = {
        .canvas = canvas, .target = canvas, .draw = draw, .lookup = lookup, .opaque = opaque};
    const draw_rect *box = &draw->box;
    const char *reason = NULL;

    *changed = (struct canvas_rows){0, 0};
    if (draw->type == QXL_DRAW_NOP || draw->effect == QXL_EFFECT_NOP)
        return NULL;
    if (box->x1 < -COORDINATE_MAX || box->y1 < -COORDINATE_MAX || box->x2 > COORDINATE_MAX ||
        box->y2 > COORDINATE_MAX)
        return "the box is too far outside of the surface";

    canvas_draw_region(draw, canvas->width, canvas->height, &drawing.region);
    if (pixman_region32_not_empty(&drawing.region)) {
        const pixman_box32_t *extents = pixman_region32_extents(&drawing.region);

        drawing.changed = (struct canvas_rows){extents->y1, extents->y2};
        reason = canvas->bits == 1 ? draw_one_bit(&drawing) : draw_region(&drawing);
        *changed = drawing.changed;
    }
    pixman_region32_fini(&drawing.region);
    return reason;
}

const char *canvas_draw(struct canvas *canvas, const struct draw *draw, canvas_lookup lookup,
                        void *opaque)
{
    struct canvas_rows changed;

    return canvas_draw_rows(canvas, draw, lookup, opaque, &changed);
}
