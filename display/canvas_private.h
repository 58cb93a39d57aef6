/*
 * What the drawing operations of a canvas share.
 *
 * Every operation is a function of a struct drawing: it opens what it reads, refuses what it cannot
 * draw, and only then changes pixels, all of them inside of the region.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/canvas.h"

struct canvas {
    int width, height;
    ptrdiff_t stride; /* bytes from a row to the one below */
    uint32_t format;  /* SPICE_SURFACE_FMT_* */
    unsigned bits;    /* per pixel */
    uint8_t *top;     /* the first byte of the top row */
    pixman_image_t *image;
};

/* A drawing command on its way onto a canvas. */
struct drawing {
    struct canvas *canvas;
    const struct canvas *target; /* the surface itself; differs from canvas for 1-bit surfaces */
    const struct draw *draw;
    pixman_region32_t region; /* what is left of the box; inside of the canvas, never empty */
    canvas_lookup lookup;
    void *opaque;
    struct canvas_rows changed; /* at first all that there may be; an operation may know better */
};

/* The operations; each returns NULL or a static text that says why it cannot be drawn. */
const char *canvas_fill(struct drawing *drawing);
const char *canvas_whole(struct drawing *drawing);
const char *canvas_copy(struct drawing *drawing);
const char *canvas_opaque(struct drawing *drawing);
const char *canvas_copy_bits(struct drawing *drawing);
const char *canvas_transparent(struct drawing *drawing);
const char *canvas_alpha_blend(struct drawing *drawing);
const char *canvas_composite(struct drawing *drawing);
const char *canvas_rop3(struct drawing *drawing);
const char *canvas_text(struct drawing *drawing);
const char *canvas_stroke(struct drawing *drawing);

/*
 * Cuts REGION down to where MASK lets paint through; BOX is the command's. Nothing is done when
 * there is no mask. Returns a text when the mask cannot be used.
 */
const char *mask_apply(const struct draw_mask *mask, const struct drawing *drawing,
                       const draw_rect *box, pixman_region32_t *region);

/* Formats of memory that holds pixels of a surface. */
pixman_format_code_t surface_format_pixman(uint32_t format);

static inline unsigned canvas_pixel_bytes(const struct canvas *canvas)
{
    return canvas->bits / 8;
}

static inline uint8_t *canvas_pixel(const struct canvas *canvas, int x, int y)
{
    return canvas->top + y * canvas->stride + (ptrdiff_t)x * canvas_pixel_bytes(canvas);
}

static inline bool rect_same_size(const draw_rect *a, const draw_rect *b)
{
    return (int64_t)a->x2 - a->x1 == (int64_t)b->x2 - b->x1 &&
           (int64_t)a->y2 - a->y1 == (int64_t)b->y2 - b->y1;
}
