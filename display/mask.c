/*
 * Masks: 1-bit images that say where a command paints.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/image.h"

#include <glib.h>
#include <string.h>

static inline uint8_t reverse_bits(uint8_t byte)
{
    byte = byte >> 4 | byte << 4;
    byte = (byte >> 2 & 0x33) | (byte & 0x33) << 2;
    return (byte >> 1 & 0x55) | (byte & 0x55) << 1;
}

/* A mask's bits: rows of bytes with the lowest bit leftmost once read. */
struct mask_bits {
    int width, height;
    size_t stride;
    bool top_down, reversed;
    const uint8_t *top; /* of a surface, whose stride may be negative; or: */
    ptrdiff_t surface_stride;
    const struct draw_bytes *bytes; /* of a bitmap */
};

static const char *mask_find(const struct draw_image *image, const struct drawing *drawing,
                             struct mask_bits *bits)
{
    memset(bits, 0, sizeof(*bits));
    if (image->type == SPICE_IMAGE_TYPE_SURFACE) {
        const struct canvas *surface =
            drawing->lookup ? drawing->lookup(drawing->opaque, image->surface_id) : NULL;
        if (!surface)
            return "the mask surface does not exist";
        if (surface->bits != 1)
            return "the mask surface is not a 1-bit one";
        bits->width = surface->width;
        bits->height = surface->height;
        bits->top = surface->top;
        bits->surface_stride = surface->stride;
        return NULL;
    }
    if (image->type != SPICE_IMAGE_TYPE_BITMAP || bitmap_format_bits(image->bitmap.format) != 1)
        return "the mask is not a 1-bit bitmap";

    uint64_t total = 0;
    for (unsigned i = 0; i < image->bitmap.data.count; i++)
        total += image->bitmap.data.pieces[i].iov_len;
    if (!image->width || !image->height || image->width > INT32_MAX || image->height > INT32_MAX ||
        image->bitmap.stride < ((uint64_t)image->width + 7) / 8 ||
        (uint64_t)image->bitmap.stride * image->height > total)
        return "the mask's data is shorter than its rows";
    bits->width = image->width;
    bits->height = image->height;
    bits->stride = image->bitmap.stride;
    bits->top_down = image->bitmap.top_down;
    bits->reversed = image->bitmap.format == SPICE_BITMAP_FMT_1BIT_BE;
    bits->bytes = &image->bitmap.data;
    return NULL;
}

/* Copies SIZE bytes at OFFSET out of pieces. */
static void bytes_copy(const struct draw_bytes *bytes, size_t offset, uint8_t *to, size_t size)
{
    for (unsigned i = 0; size; i++) {
        size_t length = bytes->pieces[i].iov_len;
        if (offset >= length) {
            offset -= length;
            continue;
        }
        size_t part = MIN(size, length - offset);
        memcpy(to, (const uint8_t *)bytes->pieces[i].iov_base + offset, part);
        to += part;
        size -= part;
        offset = 0;
    }
}

/* Private copy of bytes FIRST .. FIRST + SIZE of row Y, lowest bit leftmost. */
static void mask_read(const struct mask_bits *bits, int y, int first, size_t size, uint8_t *to)
{
    if (bits->top) {
        memcpy(to, bits->top + y * bits->surface_stride + first, size);
        return;
    }
    int row = bits->top_down ? y : bits->height - 1 - y;
    bytes_copy(bits->bytes, bits->stride * row + first, to, size);
    if (bits->reversed)
        for (size_t i = 0; i < size; i++)
            to[i] = reverse_bits(to[i]);
}

const char *mask_apply(const struct draw_mask *mask, const struct drawing *drawing,
                       const draw_rect *box, pixman_region32_t *region)
{
    struct mask_bits bits;

    if (!mask->image)
        return NULL;
    const char *reason = mask_find(mask->image, drawing, &bits);
    if (reason)
        return reason;

    /* The part of the mask that matters, in its own coordinates and from a whole byte on. */
    const pixman_box32_t *extents = pixman_region32_extents(region);
    int64_t dx = (int64_t)mask->origin.x - box->x1;
    int64_t dy = (int64_t)mask->origin.y - box->y1;
    int64_t x1 = MAX(extents->x1 + dx, 0), x2 = MIN(extents->x2 + dx, bits.width);
    int64_t y1 = MAX(extents->y1 + dy, 0), y2 = MIN(extents->y2 + dy, bits.height);
    if (x1 >= x2 || y1 >= y2) {
        pixman_region32_clear(region);
        return NULL;
    }
    x1 &= ~(int64_t)7;

    int width = x2 - x1, height = y2 - y1;
    size_t stride = (width + 31) / 32 * 4;
    size_t row_bytes = (width + 7) / 8;
    uint8_t *copy = g_try_malloc0_n(height, stride);
    if (!copy)
        return "out of memory for a mask";
    for (int y = 0; y < height; y++) {
        uint8_t *row = copy + y * stride;
        mask_read(&bits, y1 + y, x1 / 8, row_bytes, row);
        if (mask->inverted)
            for (size_t i = 0; i < row_bytes; i++)
                row[i] = ~row[i];
    }

    pixman_image_t *image =
        pixman_image_create_bits(PIXMAN_a1, width, height, (uint32_t *)copy, stride);
    if (image) {
        pixman_region32_t open;
        pixman_region32_init_from_image(&open, image);
        pixman_region32_translate(&open, x1 - dx, y1 - dy);
        pixman_region32_intersect(region, region, &open);
        pixman_region32_fini(&open);
        pixman_image_unref(image);
    } else {
        reason = "out of memory for a mask";
    }
    g_free(copy);
    return reason;
}
