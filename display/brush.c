/*
 * Painting regions with brushes.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/brush.h"
#include "display/raster.h"

#include <glib.h>
#include <limits.h>
#include <string.h>

const char *brush_open(struct brush *brush, const struct draw_brush *from,
                       const struct drawing *drawing)
{
    memset(brush, 0, sizeof(*brush));
    if (from->type == SPICE_BRUSH_TYPE_SOLID)
        brush->color = from->color;
    if (drawing->target->bits == 1)
        brush->color = brush->color & 1 ? UINT32_MAX : 0;
    if (from->type != SPICE_BRUSH_TYPE_PATTERN)
        return NULL;

    const char *reason = image_open(&brush->tile, from->pattern, IMAGE_ROWS, 0, INT_MAX, drawing);
    if (reason)
        return reason;
    brush->tiled = true;
    brush->origin = from->pattern_origin;
    brush->row = g_malloc((size_t)drawing->canvas->width * canvas_pixel_bytes(drawing->canvas));
    return NULL;
}

void brush_close(struct brush *brush)
{
    if (brush->tiled)
        image_close(&brush->tile);
    g_free(brush->row);
}

/* Where in a tile of SIZE is coordinate V when a tile starts at ORIGIN? */
static int tile_position(int v, int origin, int size)
{
    int64_t position = ((int64_t)v - origin) % size;

    return position < 0 ? position + size : position;
}

const uint8_t *brush_tile_row(struct brush *brush, int x, int y, int width)
{
    struct image *tile = &brush->tile;
    size_t pixel = tile->bits / 8;
    int tile_x = tile_position(x, brush->origin.x, tile->width);
    int tile_y = tile_position(y, brush->origin.y, tile->height);

    if (tile_x + (int64_t)width <= tile->width)
        return image_row(tile, tile_x, tile_y, width);

    /* One period, then what is there already, doubled again and again. */
    int first = MIN(tile->width - tile_x, width);
    memcpy(brush->row, image_row(tile, tile_x, tile_y, first), first * pixel);
    int second = MIN(tile_x, width - first);
    if (second)
        memcpy(brush->row + first * pixel, image_row(tile, 0, tile_y, second), second * pixel);
    size_t done = (first + second) * pixel, total = width * pixel;
    while (done < total) {
        size_t part = MIN(done, total - done);
        memcpy(brush->row + done, brush->row, part);
        done += part;
    }
    return brush->row;
}

static void paint_tiles(struct brush *brush, struct canvas *canvas, const pixman_box32_t *box,
                        uint8_t rop)
{
    size_t bytes = (size_t)(box->x2 - box->x1) * canvas_pixel_bytes(canvas);

    for (int y = box->y1; y < box->y2; y++) {
        uint8_t *to = canvas_pixel(canvas, box->x1, y);
        const uint8_t *from = brush_tile_row(brush, box->x1, y, box->x2 - box->x1);
        if (rop == RASTER_COPY)
            memcpy(to, from, bytes);
        else
            raster_row(rop, to, from, bytes);
    }
}

void paint_color(struct canvas *canvas, const pixman_box32_t *boxes, int count, uint32_t color,
                 uint8_t rop)
{
    uint32_t repeated = raster_repeat_color(color, canvas->bits);

    for (const pixman_box32_t *box = boxes; box < boxes + count; box++) {
        if (rop == RASTER_COPY &&
            pixman_fill((uint32_t *)canvas->top, canvas->stride / 4, canvas->bits, box->x1, box->y1,
                        box->x2 - box->x1, box->y2 - box->y1, color))
            continue;
        size_t bytes = (size_t)(box->x2 - box->x1) * canvas_pixel_bytes(canvas);
        for (int y = box->y1; y < box->y2; y++)
            raster_row_solid(rop, canvas_pixel(canvas, box->x1, y), repeated, bytes);
    }
}

void brush_paint(struct brush *brush, struct canvas *canvas, const pixman_box32_t *boxes, int count,
                 uint8_t rop)
{
    if (rop == RASTER_NOOP)
        return;
    if (!brush->tiled) {
        paint_color(canvas, boxes, count, brush->color, rop);
        return;
    }
    for (int i = 0; i < count; i++)
        paint_tiles(brush, canvas, &boxes[i], rop);
}

void brush_paint_region(struct brush *brush, struct canvas *canvas, pixman_region32_t *region,
                        uint8_t rop)
{
    int count;
    const pixman_box32_t *boxes = pixman_region32_rectangles(region, &count);

    brush_paint(brush, canvas, boxes, count, rop);
}
