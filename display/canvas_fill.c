/*
 * FILL, BLACKNESS, WHITENESS and INVERS.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/brush.h"
#include "display/raster.h"

const char *canvas_fill(struct drawing *drawing)
{
    const struct draw *draw = drawing->draw;
    uint8_t rop = raster_from_ropd(draw->fill.rop, SPICE_ROPD_INVERS_BRUSH, SPICE_ROPD_INVERS_DEST);
    struct brush brush;
    const char *reason = brush_open(&brush, &draw->fill.brush, drawing);

    if (reason)
        return reason;
    brush_paint_region(&brush, drawing->canvas, &drawing->region, rop);
    brush_close(&brush);
    return NULL;
}

const char *canvas_whole(struct drawing *drawing)
{
    int count;
    const pixman_box32_t *boxes = pixman_region32_rectangles(&drawing->region, &count);

    switch (drawing->draw->type) {
    case QXL_DRAW_BLACKNESS:
        paint_color(drawing->canvas, boxes, count, 0, RASTER_COPY);
        break;
    case QXL_DRAW_WHITENESS:
        paint_color(drawing->canvas, boxes, count, UINT32_MAX, RASTER_COPY);
        break;
    default:
        paint_color(drawing->canvas, boxes, count, 0, RASTER_INVERT);
        break;
    }
    return NULL;
}
