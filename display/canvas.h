/*
 * A surface's pixels and how commands draw on them.
 *
 * A canvas does not own its pixels: they lie in memory that the caller keeps (guest memory for
 * surfaces). One thread at a time may use a canvas and the canvases it reads from.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/draw.h"

struct canvas;

/* How a command's SURFACE images find their pixels: NULL when there is no such surface. */
typedef struct canvas *(*canvas_lookup)(void *opaque, uint32_t surface_id);

/*
 * A canvas of WIDTH x HEIGHT pixels in FORMAT (SPICE_SURFACE_FMT_*) over |STRIDE| * HEIGHT bytes that
 * start at PIXELS, the lowest address. STRIDE in bytes; negative: the first row in memory is the
 * bottom one. PIXELS must be aligned to 4 bytes and stay valid until canvas_destroy().
 * Returns NULL for a format, size or stride it cannot handle.
 */
struct canvas *canvas_create(int width, int height, int stride, uint32_t format, void *pixels);
void canvas_destroy(struct canvas *canvas);

int canvas_width(const struct canvas *canvas);
int canvas_height(const struct canvas *canvas);
uint32_t canvas_format(const struct canvas *canvas);
/* Bytes from one row to the one below it; negative for bottom-up memory. */
int canvas_stride(const struct canvas *canvas);
/* The first byte of row Y, counted from the top. */
uint8_t *canvas_row(const struct canvas *canvas, int y);

/* Bits per pixel of a SPICE_SURFACE_FMT_*: 1, 8, 16 or 32; 0 when it is unknown. */
unsigned surface_format_bits(uint32_t format);
/* Bits per pixel of a SPICE_BITMAP_FMT_*; 0 when it is unknown. */
unsigned bitmap_format_bits(uint8_t format);

/*
 * Executes DRAW. What it reads from other surfaces comes through LOOKUP(OPAQUE, id); the destination
 * itself may be among them. Drawing is clipped to the canvas whatever DRAW says. Returns NULL, or,
 * when it cannot be drawn, a static text that names the reason; then nothing was changed.
 */
const char *canvas_draw(struct canvas *canvas, const struct draw *draw, canvas_lookup lookup,
                        void *opaque);

/* Rows from FIRST on, before END. */
struct canvas_rows {
    int first, end;
};
/* The same; *CHANGED are rows among which are all that look otherwise than before, if any do. */
const char *canvas_draw_rows(struct canvas *canvas, const struct draw *draw, canvas_lookup lookup,
                             void *opaque, struct canvas_rows *changed);

/* The pixels that DRAW may change on a canvas of this size: box, clip and size; not the mask. */
void canvas_draw_region(const struct draw *draw, int width, int height, pixman_region32_t *region);

/* Zeroes all pixels. */
void canvas_clear(struct canvas *canvas);
