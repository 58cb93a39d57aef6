/*
 * COPY, BLEND, OPAQUE, TRANSPARENT and COPY_BITS: pixels that are moved but not mixed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/brush.h"
#include "display/raster.h"
#include "display/scale.h"

#include <glib.h>
#include <string.h>

/* How a row of source pixels goes onto the canvas. */
struct row_writer {
    uint8_t rop;
    bool has_key; /* pixels equal to key are left out, rop is not used */
    uint32_t key;
    unsigned bits;
};

static void write_keyed(const struct row_writer *writer, uint8_t *to, const uint8_t *from,
                        int width)
{
    typedef uint32_t __attribute__((aligned(1), may_alias)) word32;
    typedef uint16_t __attribute__((aligned(1), may_alias)) word16;

    /* The source may change: each pixel is read once. */
    if (writer->bits == 32) {
        for (int x = 0; x < width; x++) {
            uint32_t pixel = ((const volatile word32 *)from)[x];
            if ((pixel & 0xffffff) != (writer->key & 0xffffff))
                ((word32 *)to)[x] = pixel;
        }
    } else if (writer->bits == 16) {
        for (int x = 0; x < width; x++) {
            uint16_t pixel = ((const volatile word16 *)from)[x];
            if (pixel != (uint16_t)writer->key)
                ((word16 *)to)[x] = pixel;
        }
    } else {
        for (int x = 0; x < width; x++) {
            uint8_t pixel = ((const volatile uint8_t *)from)[x];
            if (pixel != (uint8_t)writer->key)
                to[x] = pixel;
        }
    }
}

/*
 * What guests copy is often there already: reading it costs less than writing it back to memory.
 * False: it was.
 */
static bool put_row(uint8_t *to, const uint8_t *from, size_t bytes)
{
    if (memcmp(to, from, bytes) == 0)
        return false;
    memcpy(to, from, bytes);
    return true;
}

/* False: it looks as before. */
static bool write_row(const struct row_writer *writer, uint8_t *to, const uint8_t *from, int width)
{
    size_t bytes = (size_t)width * (writer->bits / 8);

    if (!writer->has_key && writer->rop == RASTER_COPY)
        return put_row(to, from, bytes);
    if (writer->has_key)
        write_keyed(writer, to, from, width);
    else
        raster_row(writer->rop, to, from, bytes);
    return true;
}

/*
 * Pixel (x + dx, y + dy) of SOURCE goes to (x, y), in all of the region that the source covers.
 * Returns which rows that has changed.
 */
static struct canvas_rows write_region(const struct row_writer *writer, struct drawing *drawing,
                                       struct image *source, int dx, int dy)
{
    struct canvas_rows changed = {INT_MAX, 0};
    pixman_region32_t region;
    int count;

    pixman_region32_init(&region);
    pixman_region32_intersect_rect(&region, &drawing->region, -dx, -dy, source->width,
                                   source->height);
    const pixman_box32_t *box = pixman_region32_rectangles(&region, &count);
    for (; count--; box++) {
        for (int y = box->y1; y < box->y2; y++) {
            if (!write_row(writer, canvas_pixel(drawing->canvas, box->x1, y),
                           image_row(source, box->x1 + dx, y + dy, box->x2 - box->x1),
                           box->x2 - box->x1))
                continue;
            changed.first = MIN(changed.first, y);
            changed.end = MAX(changed.end, y + 1);
        }
    }
    pixman_region32_fini(&region);
    changed.first = MIN(changed.first, changed.end);
    return changed;
}

/* Writes AREA of IMAGE, scaled to the box when that has another size. */
static const char *write_image(const struct row_writer *writer, struct drawing *drawing,
                               const struct draw_image *image, const draw_rect *area,
                               uint8_t scale_mode)
{
    const draw_rect *box = &drawing->draw->box;
    bool scaled = !rect_same_size(area, box);
    struct image source;
    const char *reason =
        image_open_area(&source, image, scaled ? IMAGE_CANVAS : IMAGE_ROWS, area, drawing);

    if (reason)
        return reason;
    if (!scaled) {
        struct canvas_rows changed =
            write_region(writer, drawing, &source, area->x1 - box->x1, area->y1 - box->y1);

        if (drawing->draw->type == QXL_DRAW_COPY && drawing->draw->copy.mask.image == NULL)
            drawing->changed = changed;
    } else if (writer->rop == RASTER_COPY && !writer->has_key) {
        reason = scale_onto(drawing, &source, area, scale_mode);
    } else {
        struct image result;
        const pixman_box32_t *extents = pixman_region32_extents(&drawing->region);
        reason = scale_region(&result, drawing, &source, area, scale_mode);
        if (!reason) {
            if (result.bits == drawing->canvas->bits)
                write_region(writer, drawing, &result, -extents->x1, -extents->y1);
            else
                reason = "the source surface has another depth than the destination";
            image_close(&result);
        }
    }
    image_close(&source);
    return reason;
}

const char *canvas_copy(struct drawing *drawing)
{
    const struct draw *draw = drawing->draw;
    struct row_writer writer = {
        .rop = raster_from_ropd(draw->copy.rop, SPICE_ROPD_INVERS_SRC, SPICE_ROPD_INVERS_DEST),
        .bits = drawing->canvas->bits,
    };

    if (writer.rop == RASTER_NOOP)
        return NULL;
    return write_image(&writer, drawing, draw->copy.image, &draw->copy.area, draw->copy.scale_mode);
}

const char *canvas_opaque(struct drawing *drawing)
{
    const struct draw *draw = drawing->draw;
    struct row_writer writer = {.rop = RASTER_COPY, .bits = drawing->canvas->bits};
    uint8_t rop =
        raster_from_ropd(draw->opaque.rop, SPICE_ROPD_INVERS_BRUSH, SPICE_ROPD_INVERS_SRC);
    struct brush brush;
    const char *reason;

    /* Opened first, so that a brush that cannot be used leaves everything as it was. */
    reason = brush_open(&brush, &draw->opaque.brush, drawing);
    if (reason)
        return reason;
    reason = write_image(&writer, drawing, draw->opaque.image, &draw->opaque.area,
                         draw->opaque.scale_mode);
    if (!reason)
        brush_paint_region(&brush, drawing->canvas, &drawing->region, rop);
    brush_close(&brush);
    return reason;
}

/* A colour 0xRRGGBB in the format of the canvas, for comparison. */
static uint32_t key_color(const struct canvas *canvas, uint32_t color)
{
    switch (canvas->format) {
    case SPICE_SURFACE_FMT_16_555:
        return (color >> 9 & 0x7c00) | (color >> 6 & 0x03e0) | (color >> 3 & 0x001f);
    case SPICE_SURFACE_FMT_16_565:
        return (color >> 8 & 0xf800) | (color >> 5 & 0x07e0) | (color >> 3 & 0x001f);
    case SPICE_SURFACE_FMT_8_A:
    case SPICE_SURFACE_FMT_1_A:
        return 0;
    default:
        return color;
    }
}

const char *canvas_transparent(struct drawing *drawing)
{
    const struct draw *draw = drawing->draw;
    struct row_writer writer = {
        .has_key = true,
        .key = key_color(drawing->canvas, draw->transparent.true_color),
        .bits = drawing->canvas->bits,
    };

    return write_image(&writer, drawing, draw->transparent.image, &draw->transparent.area,
                       SPICE_IMAGE_SCALE_MODE_NEAREST);
}

static void move_box(struct canvas *canvas, const pixman_box32_t *box, int dx, int dy)
{
    size_t bytes = (size_t)(box->x2 - box->x1) * canvas_pixel_bytes(canvas);
    int rows = box->y2 - box->y1;

    for (int i = 0; i < rows; i++) {
        int y = dy > 0 ? box->y2 - 1 - i : box->y1 + i;
        memmove(canvas_pixel(canvas, box->x1, y), canvas_pixel(canvas, box->x1 - dx, y - dy),
                bytes);
    }
}

/*
 * Boxes are moved in an order in which none is overwritten before it was read: bands against the
 * direction of the move, and so the boxes in a band.
 */
static void move_region(struct canvas *canvas, pixman_region32_t *region, int dx, int dy)
{
    int count;
    const pixman_box32_t *boxes = pixman_region32_rectangles(region, &count);
    int done = 0;

    while (done < count) {
        int first, end;
        if (dy > 0) {
            first = end = count - done;
            while (first > 0 && boxes[first - 1].y1 == boxes[end - 1].y1)
                first--;
        } else {
            first = end = done;
            while (end < count && boxes[end].y1 == boxes[first].y1)
                end++;
        }
        for (int i = 0; i < end - first; i++)
            move_box(canvas, &boxes[dx > 0 ? end - 1 - i : first + i], dx, dy);
        done += end - first;
    }
}

const char *canvas_copy_bits(struct drawing *drawing)
{
    const struct draw *draw = drawing->draw;
    int64_t dx = (int64_t)draw->box.x1 - draw->copy_bits.from.x;
    int64_t dy = (int64_t)draw->box.y1 - draw->copy_bits.from.y;
    struct canvas *canvas = drawing->canvas;
    pixman_region32_t region;

    if ((dx == 0 && dy == 0) || dx <= -canvas->width || dx >= canvas->width ||
        dy <= -canvas->height || dy >= canvas->height)
        return NULL;
    pixman_region32_init(&region);
    pixman_region32_intersect_rect(&region, &drawing->region, dx, dy, canvas->width,
                                   canvas->height);
    move_region(canvas, &region, dx, dy);
    pixman_region32_fini(&region);
    return NULL;
}
