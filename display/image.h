/*
 * Reading the images of drawing commands.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/canvas_private.h"

/* What an image is opened for. */
enum image_use {
    IMAGE_ROWS,     /* rows in the canvas's own format, one after the other */
    IMAGE_CANVAS,   /* a pixman image in the canvas's own format */
    IMAGE_ORIGINAL, /* a pixman image that keeps its format and with it its alpha channel */
};

/*
 * An opened image. With rows: use image_row(). Otherwise `image` is valid. The pixels may lie where
 * the guest put them and change while they are read.
 */
struct image {
    int width, height;
    unsigned bits;       /* per pixel as read here: 8, 16 or 32 */
    const uint8_t *data; /* of row first_row; NULL: the rows are in pieces */
    int first_row;
    ptrdiff_t stride; /* from a row to the one below */
    uint32_t or_mask; /* to be set in every 32-bit pixel */
    pixman_format_code_t format;
    pixman_image_t *image; /* NULL for IMAGE_ROWS */

    struct bytes_cursor {
        const struct draw_bytes *bytes;
        unsigned piece;
        size_t start; /* offset of the piece */
    } cursor;         /* when data is NULL */
    bool top_down;
    uint8_t *scratch; /* one row, when rows need to be put together */
    void *owned;
};

/*
 * Opens IMAGE for DRAWING. Of ROWS only the rows between FIRST and END are read; for the other
 * uses, and when the whole image is wanted, give 0 and INT_MAX. Returns NULL or why it cannot be
 * read.
 */
const char *image_open(struct image *opened, const struct draw_image *image, enum image_use use,
                       int first, int end, const struct drawing *drawing);
void image_close(struct image *image);

/* Is it another surface itself, not a bitmap that is made of one? */
bool image_is_surface(const struct draw_image *image);

/* Reads AREA of the image only; refuses areas that lie outside of a bitmap. */
const char *image_open_area(struct image *opened, const struct draw_image *image,
                            enum image_use use, const draw_rect *area,
                            const struct drawing *drawing);

const uint8_t *image_row_slow(struct image *image, int x, int y, int width);

/* WIDTH pixels of row Y from column X on; valid until the next call. All of it must exist. */
static inline const uint8_t *image_row(struct image *image, int x, int y, int width)
{
    if (image->data && !image->or_mask)
        return image->data + (y - image->first_row) * image->stride +
               (ptrdiff_t)x * (image->bits / 8);
    return image_row_slow(image, x, y, width);
}
