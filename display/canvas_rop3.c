/*
 * ROP3: every bitwise function of brush, source and destination.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/brush.h"
#include "display/raster.h"

#include <glib.h>
#include <math.h>

/*
 * AREA of SOURCE scaled to the box. ROP3 has always scaled in its own way: not quite as COPY does,
 * the source offset is rounded to whole destination pixels.
 */
static const char *scale_for_rop3(struct image *result, struct drawing *drawing,
                                  struct image *source, const draw_rect *area, uint8_t scale_mode)
{
    const draw_rect *box = &drawing->draw->box;
    const pixman_box32_t *extents = pixman_region32_extents(&drawing->region);
    double sx = (double)(area->x2 - area->x1) / (box->x2 - box->x1);
    double sy = (double)(area->y2 - area->y1) / (box->y2 - box->y1);
    pixman_transform_t transform;

    if (scale_mode != SPICE_IMAGE_SCALE_MODE_INTERPOLATE &&
        scale_mode != SPICE_IMAGE_SCALE_MODE_NEAREST)
        return "unknown scale mode";
    if (area->x2 > INT16_MAX || area->y2 > INT16_MAX || area->x1 / sx > INT16_MAX ||
        area->y1 / sy > INT16_MAX)
        return "the image is too large to be scaled";
    *result = (struct image){
        .width = extents->x2 - extents->x1,
        .height = extents->y2 - extents->y1,
        .bits = source->bits,
        .format = source->format,
    };
    result->image =
        pixman_image_create_bits(result->format, result->width, result->height, NULL, 0);
    if (!result->image)
        return "out of memory for a scaled image";
    result->data = (const uint8_t *)pixman_image_get_data(result->image);
    result->stride = pixman_image_get_stride(result->image);

    pixman_transform_init_scale(&transform, pixman_double_to_fixed(sx), pixman_double_to_fixed(sy));
    pixman_image_set_transform(source->image, &transform);
    pixman_image_set_repeat(source->image, PIXMAN_REPEAT_NONE);
    pixman_image_set_filter(source->image,
                            scale_mode == SPICE_IMAGE_SCALE_MODE_NEAREST ? PIXMAN_FILTER_NEAREST
                                                                         : PIXMAN_FILTER_GOOD,
                            NULL, 0);
    pixman_image_composite32(PIXMAN_OP_SRC, source->image, NULL, result->image,
                             (int)floor(area->x1 / sx + 0.5) + extents->x1 - box->x1,
                             (int)floor(area->y1 / sy + 0.5) + extents->y1 - box->y1, 0, 0, 0, 0,
                             result->width, result->height);
    return NULL;
}

/* Pixel (x + dx, y + dy) of SOURCE belongs to (x, y). */
static void combine(struct drawing *drawing, struct image *source, int dx, int dy,
                    struct brush *brush, uint8_t rop3)
{
    struct canvas *canvas = drawing->canvas;
    size_t row_bytes = (size_t)canvas->width * canvas_pixel_bytes(canvas);
    uint8_t *solid = NULL;
    int count;
    const pixman_box32_t *box = pixman_region32_rectangles(&drawing->region, &count);

    if (!brush->tiled) {
        uint32_t color = raster_repeat_color(brush->color, canvas->bits);
        solid = g_malloc(row_bytes);
        for (size_t i = 0; i < row_bytes; i++)
            solid[i] = color >> 8 * (i % 4);
    }
    for (; count--; box++) {
        int width = box->x2 - box->x1;
        for (int y = box->y1; y < box->y2; y++)
            raster_row3(rop3, canvas_pixel(canvas, box->x1, y),
                        image_row(source, box->x1 + dx, y + dy, width),
                        solid ? solid : brush_tile_row(brush, box->x1, y, width),
                        (size_t)width * canvas_pixel_bytes(canvas));
    }
    g_free(solid);
}

const char *canvas_rop3(struct drawing *drawing)
{
    const struct draw *draw = drawing->draw;
    const draw_rect *box = &draw->box, *area = &draw->rop3.area;
    const pixman_box32_t *extents = pixman_region32_extents(&drawing->region);
    bool scaled = !rect_same_size(area, box);
    struct image source, result;
    struct brush brush;
    const char *reason = image_open_area(&source, draw->rop3.image,
                                         scaled ? IMAGE_CANVAS : IMAGE_ROWS, area, drawing);

    if (reason)
        return reason;
    if (area->x2 > source.width || area->y2 > source.height)
        reason = "the source area is outside of the image";
    else if (source.bits != drawing->canvas->bits)
        reason = "the source surface has another depth than the destination";
    if (!reason)
        reason = brush_open(&brush, &draw->rop3.brush, drawing);
    if (reason) {
        image_close(&source);
        return reason;
    }

    if (!scaled) {
        combine(drawing, &source, area->x1 - box->x1, area->y1 - box->y1, &brush, draw->rop3.rop3);
    } else {
        reason = scale_for_rop3(&result, drawing, &source, area, draw->rop3.scale_mode);
        if (!reason) {
            combine(drawing, &result, -extents->x1, -extents->y1, &brush, draw->rop3.rop3);
            image_close(&result);
        }
    }
    brush_close(&brush);
    image_close(&source);
    return reason;
}
