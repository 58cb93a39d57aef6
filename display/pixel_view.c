/*
 * Pixels to be looked at. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/canvas_private.h"
#include "display/pixel_view.h"

#include <glib.h>
#include <limits.h>

struct pixel_view canvas_view(const struct canvas *canvas)
{
    return (struct pixel_view){.origin = (uintptr_t)canvas->top, .stride = canvas->stride};
}

/* Is any of these SIZE bytes the canvas's own? */
static bool lies_in(const struct canvas *canvas, const void *start, size_t size)
{
    uintptr_t first = (uintptr_t)canvas->top,
              last = (uintptr_t)canvas_row(canvas, canvas->height - 1);
    uintptr_t low = first < last ? first : last, high = first < last ? last : first;

    return (uintptr_t)start < high + (size_t)canvas->width * canvas_pixel_bytes(canvas) &&
           (uintptr_t)start + size > low;
}

static bool is_plain_copy(const struct draw *draw)
{
    const draw_rect *area = &draw->copy.area, *box = &draw->box;
    const struct draw_image *image = draw->copy.image;

    return draw->type == QXL_DRAW_COPY && draw->effect != QXL_EFFECT_NOP && !draw->clip.has_rects &&
           draw->copy.rop == SPICE_ROPD_OP_PUT && draw->copy.mask.image == NULL &&
           image->type == SPICE_IMAGE_TYPE_BITMAP &&
           !(image->flags & SPICE_IMAGE_FLAGS_HIGH_BITS_SET) && area->x1 >= 0 && area->y1 >= 0 &&
           (uint32_t)area->x2 <= image->width && (uint32_t)area->y2 <= image->height &&
           area->x2 - area->x1 == box->x2 - box->x1 && area->y2 - area->y1 == box->y2 - box->y1 &&
           box->x1 < box->x2 && box->y1 < box->y2;
}

/* Rows in each piece of IMAGE but the last, which may have fewer; 0: rows are torn apart. */
static int rows_in_piece(const struct draw_image *image)
{
    const struct draw_bytes *data = &image->bitmap.data;
    size_t size = data->pieces[0].iov_len, stride = image->bitmap.stride;

    if (data->count == 1)
        return size / stride >= image->height ? (int)image->height : 0;
    if (size % stride != 0 || size / stride > INT_MAX)
        return 0;
    for (unsigned i = 1; i + 1 < data->count; i++) {
        if (data->pieces[i].iov_len != size)
            return 0;
    }
    return (uint64_t)size * (data->count - 1) + MIN(data->pieces[data->count - 1].iov_len, size) >=
                   (uint64_t)stride * image->height
               ? (int)(size / stride)
               : 0;
}

/* Are the pixels of IMAGE, a bitmap, those that an xRGB canvas has? */
static bool is_direct(const struct draw_image *image)
{
    return (image->bitmap.format == SPICE_BITMAP_FMT_32BIT ||
            image->bitmap.format == SPICE_BITMAP_FMT_RGBA) &&
           image->bitmap.stride / 4 >= image->width;
}

bool draw_view(const struct draw *draw, const struct canvas *canvas, struct pixel_view *view)
{
    const struct draw_image *image;
    const struct draw_bytes *data;
    ptrdiff_t stride;
    bool down;
    int dx, dy, rows;

    if (canvas->format != SPICE_SURFACE_FMT_32_xRGB || !is_plain_copy(draw) ||
        !is_direct(draw->copy.image))
        return false;
    image = draw->copy.image;
    data = &image->bitmap.data;
    stride = image->bitmap.stride;
    down = image->bitmap.top_down;
    dx = draw->copy.area.x1 - draw->box.x1;
    dy = draw->copy.area.y1 - draw->box.y1;
    rows = rows_in_piece(image);
    if (rows == 0)
        return false;
    for (unsigned i = 0; i < data->count; i++) {
        if (lies_in(canvas, data->pieces[i].iov_base, data->pieces[i].iov_len))
            return false;
    }
    if (data->count == 1) {
        view->pieces = NULL;
        view->stride = down ? stride : -stride;
        view->origin = (uintptr_t)data->pieces[0].iov_base + (intptr_t)dx * 4 +
                       (down ? 0 : (image->height - 1) * stride) + dy * view->stride;
        return true;
    }
    *view = (struct pixel_view){
        .origin = (intptr_t)dx * 4,
        .stride = stride,
        .pieces = data->pieces,
        .rows = rows,
        .first = down ? dy : (int)image->height - 1 - dy,
        .step = down ? 1 : -1,
    };
    return true;
}
