/*
 * Painting regions with brushes.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/image.h"

/* A brush that is ready to paint. */
struct brush {
    bool tiled;
    uint32_t color; /* not tiled */
    struct image tile;
    struct draw_point origin;
    uint8_t *row; /* one repeated row of the tile, as wide as the canvas */
};

/* Returns NULL or why the brush cannot be used; then there is nothing to close. */
const char *brush_open(struct brush *brush, const struct draw_brush *from,
                       const struct drawing *drawing);
void brush_close(struct brush *brush);

/* Paints rectangles, all inside of the canvas: dest := rop(brush, dest); see raster.h. */
void brush_paint(struct brush *brush, struct canvas *canvas, const pixman_box32_t *boxes, int count,
                 uint8_t rop);
void brush_paint_region(struct brush *brush, struct canvas *canvas, pixman_region32_t *region,
                        uint8_t rop);

/* WIDTH pixels of row Y of the plane that the tiles cover; WIDTH at most the canvas's. */
const uint8_t *brush_tile_row(struct brush *brush, int x, int y, int width);

/* dest := rop(COLOR, dest) */
void paint_color(struct canvas *canvas, const pixman_box32_t *boxes, int count, uint32_t color,
                 uint8_t rop);
