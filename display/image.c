/*
 * Reading the images of drawing commands: finding rows in guest memory, expanding palettes and
 * packed pixels, converting to the canvas's format where the two differ.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/image_private.h"
#include "display/expand.h"

#include <glib.h>
#include <string.h>

/* pixman's coordinates are 16.16. */
#define PIXMAN_MAX 32767
/* What is converted at once; columns of it begin at multiples of 4 bytes. */
#define CONVERTED_SIDE 16384
/* What one command may make us allocate for pixels that cannot be used in place. */
#define PRIVATE_MAX ((size_t)512 << 20)

/*
 * SIZE bytes at OFFSET, in place when they lie in one piece, otherwise put together in SCRATCH.
 * Fast for neighbouring offsets. The caller has proven that they exist.
 */
static const uint8_t *bytes_at(struct bytes_cursor *cursor, size_t offset, size_t size,
                               uint8_t *scratch)
{
    const struct iovec *pieces = cursor->bytes->pieces;
    size_t done = 0;

    while (offset < cursor->start)
        cursor->start -= pieces[--cursor->piece].iov_len;
    while (offset - cursor->start >= pieces[cursor->piece].iov_len)
        cursor->start += pieces[cursor->piece++].iov_len;

    size_t skip = offset - cursor->start;
    if (pieces[cursor->piece].iov_len - skip >= size)
        return (const uint8_t *)pieces[cursor->piece].iov_base + skip;

    for (unsigned i = cursor->piece; done < size; i++, skip = 0) {
        size_t part = MIN(size - done, pieces[i].iov_len - skip);
        memcpy(scratch + done, (const uint8_t *)pieces[i].iov_base + skip, part);
        done += part;
    }
    return scratch;
}

static size_t bytes_total(const struct draw_bytes *bytes)
{
    size_t total = 0;

    for (unsigned i = 0; i < bytes->count; i++)
        total += bytes->pieces[i].iov_len;
    return total;
}

/* Row Y of the picture is which row of the data? */
static size_t row_offset(const struct image *image, int y)
{
    size_t stride = image->stride;

    return stride * (image->top_down ? y : image->height - 1 - y);
}

const uint8_t *image_row_slow(struct image *image, int x, int y, int width)
{
    size_t pixel = image->bits / 8;
    size_t size = width * pixel;
    const uint8_t *row;

    if (image->data)
        row = image->data + (y - image->first_row) * image->stride + x * pixel;
    else
        row = bytes_at(&image->cursor, row_offset(image, y) + x * pixel, size, image->scratch);
    if (!image->or_mask)
        return row;

    typedef uint32_t __attribute__((aligned(1), may_alias)) any_word;
    const any_word *from = (const any_word *)row;
    any_word *to = (any_word *)image->scratch;
    for (int i = 0; i < width; i++)
        to[i] = from[i] | image->or_mask;
    return image->scratch;
}

/* How a bitmap's pixels look once they are expanded; 0: not on this canvas. */
static pixman_format_code_t bitmap_native(uint8_t format, const struct canvas *canvas)
{
    switch (format) {
    case SPICE_BITMAP_FMT_16BIT:
        return PIXMAN_x1r5g5b5;
    case SPICE_BITMAP_FMT_24BIT:
    case SPICE_BITMAP_FMT_32BIT:
        return PIXMAN_x8r8g8b8;
    case SPICE_BITMAP_FMT_RGBA:
        return PIXMAN_a8r8g8b8;
    case SPICE_BITMAP_FMT_8BIT_A:
        return PIXMAN_a8;
    default: /* palettes hold colours of the destination */
        return canvas->bits >= 16 ? surface_format_pixman(canvas->format) : 0;
    }
}

/*
 * What pixels become before they are put on the canvas: its own format, but an alpha byte is
 * neither thrown away nor made up, because these pixels are copied as they are.
 */
pixman_format_code_t canvas_wants(const struct canvas *canvas, bool has_alpha)
{
    pixman_format_code_t format = surface_format_pixman(canvas->format);

    if (format == PIXMAN_x8r8g8b8 || format == PIXMAN_a8r8g8b8)
        format = has_alpha ? PIXMAN_a8r8g8b8 : PIXMAN_x8r8g8b8;
    return format;
}

/* Is a bitmap of this format laid out as its expanded form is? */
static bool format_is_direct(uint8_t format)
{
    return format == SPICE_BITMAP_FMT_16BIT || format == SPICE_BITMAP_FMT_32BIT ||
           format == SPICE_BITMAP_FMT_RGBA || format == SPICE_BITMAP_FMT_8BIT_A;
}

const char *image_allocate(struct image *image, int first, int end, bool zero)
{
    size_t stride = ((size_t)image->width * (image->bits / 8) + 3) & ~(size_t)3;
    size_t size;

    if (!g_size_checked_mul(&size, stride, end - first) || size > PRIVATE_MAX)
        return "the image is too large to be converted";
    void *data = zero ? g_try_malloc0(size) : g_try_malloc(size);
    if (!data)
        return "out of memory for an image";
    g_free(image->owned);
    image->owned = data;
    image->data = data;
    image->stride = stride;
    image->first_row = first;
    return NULL;
}

const char *image_wrap(struct image *image)
{
    if (image->width > PIXMAN_MAX || image->height > PIXMAN_MAX)
        return "the image is too large to be scaled or blended";
    image->image = pixman_image_create_bits(image->format, image->width, image->height,
                                            (uint32_t *)(uintptr_t)image->data, image->stride);
    return image->image ? NULL : "out of memory for an image";
}

/* Copies and expands rows FIRST to END of the bitmap that IMAGE reads into private memory. */
static const char *image_gather(struct image *image, const struct draw_image *from, int first,
                                int end)
{
    struct image source = *image;
    size_t row_bytes = ((size_t)from->width * bitmap_format_bits(from->bitmap.format) + 7) / 8;
    uint8_t *scratch = g_try_malloc(row_bytes);
    const char *reason =
        scratch ? image_allocate(image, first, end, false) : "out of memory for an image";
    uint8_t *to = image->owned;

    for (int y = first; !reason && y < end; y++, to += image->stride) {
        const uint8_t *row = bytes_at(&source.cursor, row_offset(&source, y), row_bytes, scratch);
        expand_row(to, row, from->width, from->bitmap.format, from->bitmap.palette, image->bits);
        if (source.or_mask)
            expand_or(to, from->width, source.or_mask);
    }
    if (!reason)
        image->or_mask = 0;
    g_free(scratch);
    return reason;
}

/* Lets pixman convert WIDTH pixels of some rows; both images are seen from column X on. */
static bool convert_columns(const struct image *from, const struct image *to, int x, int width,
                            int rows)
{
    size_t from_offset = (size_t)x * (from->bits / 8), to_offset = (size_t)x * (to->bits / 8);
    pixman_image_t *source =
        pixman_image_create_bits(from->format, width, rows,
                                 (uint32_t *)((uint8_t *)from->owned + from_offset), from->stride);
    pixman_image_t *result = pixman_image_create_bits(
        to->format, width, rows, (uint32_t *)((uint8_t *)to->owned + to_offset), to->stride);
    bool good = source && result;

    if (good)
        pixman_image_composite32(PIXMAN_OP_SRC, source, NULL, result, 0, 0, 0, 0, 0, 0, width,
                                 rows);
    if (source)
        pixman_image_unref(source);
    if (result)
        pixman_image_unref(result);
    return good;
}

const char *image_convert(struct image *image, pixman_format_code_t format, int first, int end)
{
    struct image converted = *image;
    const char *reason;

    converted.owned = NULL;
    converted.format = format;
    converted.bits = PIXMAN_FORMAT_BPP(format);
    reason = image_allocate(&converted, first, end, true);
    for (int y = first; !reason && y < end; y += CONVERTED_SIDE) {
        int rows = MIN(end - y, CONVERTED_SIDE);
        struct image from = *image, to = converted;

        from.owned = (uint8_t *)from.owned + (y - first) * from.stride;
        to.owned = (uint8_t *)to.owned + (y - first) * to.stride;
        for (int x = 0; !reason && x < image->width; x += CONVERTED_SIDE)
            if (!convert_columns(&from, &to, x, MIN(image->width - x, CONVERTED_SIDE), rows))
                reason = "out of memory for an image";
    }
    if (reason) {
        g_free(converted.owned);
        return reason;
    }
    g_free(image->owned);
    *image = converted;
    return NULL;
}

static const char *bitmap_check(const struct draw_image *image)
{
    unsigned bits = bitmap_format_bits(image->bitmap.format);
    uint64_t row_bits = (uint64_t)image->width * bits;

    if (!bits)
        return "unknown bitmap format";
    if (!image->width || !image->height || image->width > INT32_MAX || image->height > INT32_MAX)
        return "bitmap without pixels or too large";
    if ((uint64_t)image->bitmap.stride * 8 < row_bits)
        return "bitmap rows are longer than their stride";
    if ((uint64_t)image->bitmap.stride * image->height > bytes_total(&image->bitmap.data))
        return "bitmap data is shorter than its rows";
    return NULL;
}

static const char *open_bitmap(struct image *opened, const struct draw_image *image,
                               enum image_use use, int first, int end,
                               const struct drawing *drawing)
{
    uint8_t format = image->bitmap.format;
    const struct draw_bytes *bytes = &image->bitmap.data;
    const char *reason = bitmap_check(image);

    if (reason)
        return reason;
    opened->width = image->width;
    opened->height = image->height;
    opened->top_down = image->bitmap.top_down;
    opened->stride = image->bitmap.stride;
    opened->cursor.bytes = bytes;
    first = MAX(first, 0);
    end = MIN(end, opened->height);
    if (first >= end)
        return "no rows of the image are inside of the source area";

    pixman_format_code_t native = bitmap_native(format, drawing->canvas);
    if (!native)
        return "an image with a palette on an alpha surface";
    pixman_format_code_t wanted =
        use == IMAGE_ORIGINAL ? native
                              : canvas_wants(drawing->canvas, format == SPICE_BITMAP_FMT_RGBA);
    /* Alpha that nobody looks at need not be converted away. */
    bool convert = native != wanted && !(native == PIXMAN_a8r8g8b8 && wanted == PIXMAN_x8r8g8b8);
    uint32_t or_mask = 0;
    if (image->flags & SPICE_IMAGE_FLAGS_HIGH_BITS_SET && wanted == PIXMAN_x8r8g8b8)
        or_mask = 0xff000000;

    opened->format = convert ? native : wanted;
    opened->bits = PIXMAN_FORMAT_BPP(native);
    if (!convert && format_is_direct(format)) {
        opened->or_mask = or_mask;
        if (bytes->count == 1) {
            opened->data = bytes->pieces[0].iov_base;
            if (!opened->top_down) {
                opened->data += row_offset(opened, 0);
                opened->stride = -opened->stride;
            }
        }
        if (use == IMAGE_ROWS) {
            if (opened->data && !or_mask)
                return NULL;
            opened->scratch = g_try_malloc((size_t)opened->width * (opened->bits / 8));
            return opened->scratch ? NULL : "out of memory for an image";
        }
        if (opened->data && !or_mask && (uintptr_t)opened->data % 4 == 0 && opened->stride % 4 == 0)
            return image_wrap(opened);
        opened->data = NULL;
        opened->stride = image->bitmap.stride;
    } else if (!convert) {
        opened->or_mask = or_mask;
    }

    reason = image_gather(opened, image, first, end);
    if (!reason && convert) {
        reason = image_convert(opened, wanted, first, end);
        if (!reason && or_mask) {
            uint8_t *row = opened->owned;
            for (int y = first; y < end; y++, row += opened->stride)
                expand_or(row, opened->width, or_mask);
        }
    }
    if (!reason && use != IMAGE_ROWS)
        reason = image_wrap(opened);
    return reason;
}

/* Copies AREA of SURFACE, for ROWS that are not WHOLE only the rows from FIRST to END of it. */
static const char *copy_surface(struct image *opened, const struct canvas *surface,
                                const draw_rect *area, enum image_use use, bool whole, int first,
                                int end)
{
    const char *reason;
    bool unpack = opened->bits != surface->bits;

    first = CLAMP(first, 0, opened->height - 1);
    end = CLAMP(end, first + 1, opened->height);
    if (use != IMAGE_ROWS || whole) {
        first = 0;
        end = opened->height;
    }
    reason = image_allocate(opened, first, end, false);
    if (reason)
        return reason;
    for (int y = first; y < end; y++) {
        uint8_t *to = (uint8_t *)opened->owned + (y - first) * opened->stride;
        if (unpack)
            expand_a1(to, surface->top + (area->y1 + y) * surface->stride, area->x1, opened->width);
        else
            memcpy(to, canvas_pixel(surface, area->x1, area->y1 + y),
                   (size_t)opened->width * canvas_pixel_bytes(surface));
    }
    return NULL;
}

/*
 * Guests keep pictures with alpha in xRGB surfaces, too, except in the one that is shown. What
 * SPICE servers have always made of such a surface's pixels: alpha when a top byte is neither 0 nor
 * 0xff, else, when there is any 0xff, opaque ones.
 */
static void guess_alpha(struct image *opened)
{
    bool partial = false, opaque = false;
    int width = opened->width;
    uint8_t *row = opened->owned;

    for (int y = 0; y < opened->height && !partial; y++, row += opened->stride) {
        for (int x = 0; x < width; x++) {
            uint8_t alpha = ((const uint32_t *)row)[x] >> 24;
            opaque |= alpha == 0xff;
            partial |= alpha != 0 && alpha != 0xff;
        }
    }
    if (partial) {
        opened->format = PIXMAN_a8r8g8b8;
    } else if (opaque) {
        row = opened->owned;
        for (int y = 0; y < opened->height; y++, row += opened->stride)
            expand_or(row, width, 0xff000000);
    }
}

static const char *open_surface(struct image *opened, const struct draw_image *image,
                                enum image_use use, int first, int end,
                                const struct drawing *drawing)
{
    const struct canvas *surface =
        drawing->lookup ? drawing->lookup(drawing->opaque, image->surface_id) : NULL;
    const struct canvas *canvas = drawing->canvas;
    const char *reason = NULL;

    if (!surface)
        return "the source surface does not exist";
    bool unpack = surface->bits == 1 && drawing->target != canvas;
    draw_rect area = {0, 0, surface->width, surface->height};

    if (image->snapshot) {
        if (image->area.x1 < 0 || image->area.y1 < 0 || image->area.x1 >= image->area.x2 ||
            image->area.y1 >= image->area.y2 || image->area.x2 > area.x2 ||
            image->area.y2 > area.y2)
            return "the area of the self bitmap is not inside the surface";
        area = image->area;
    }
    opened->width = area.x2 - area.x1;
    opened->height = area.y2 - area.y1;
    opened->bits = unpack ? 8 : surface->bits;
    opened->format = unpack ? PIXMAN_a8 : surface_format_pixman(surface->format);
    if (use == IMAGE_ROWS && opened->bits != canvas->bits)
        return "the source surface has another depth than the destination";

    if (unpack || surface == canvas || image->snapshot) {
        reason = copy_surface(opened, surface, &area, use, image->snapshot, first, end);
    } else {
        opened->data = surface->top;
        opened->stride = surface->stride;
    }
    if (!reason && image->snapshot && image->surface_id != 0 && opened->format == PIXMAN_x8r8g8b8)
        guess_alpha(opened);
    return reason || use == IMAGE_ROWS ? reason : image_wrap(opened);
}

bool image_is_surface(const struct draw_image *image)
{
    return image->type == SPICE_IMAGE_TYPE_SURFACE && !image->snapshot;
}

const char *image_open(struct image *opened, const struct draw_image *image, enum image_use use,
                       int first, int end, const struct drawing *drawing)
{
    const char *reason;

    memset(opened, 0, sizeof(*opened));
    if (!image)
        return "the command has no image";
    switch (image->type) {
    case SPICE_IMAGE_TYPE_BITMAP:
        reason = open_bitmap(opened, image, use, first, end, drawing);
        break;
    case SPICE_IMAGE_TYPE_SURFACE:
        reason = open_surface(opened, image, use, first, end, drawing);
        break;
    case SPICE_IMAGE_TYPE_QUIC:
        reason = open_quic(opened, image, use, drawing);
        break;
    default:
        reason = "unknown image type";
        break;
    }
    if (reason)
        image_close(opened);
    return reason;
}

const char *image_open_area(struct image *opened, const struct draw_image *image,
                            enum image_use use, const draw_rect *area,
                            const struct drawing *drawing)
{
    const draw_rect *box = &drawing->draw->box;
    int first = 0, end = INT32_MAX;

    if (area->x1 >= area->x2 || area->y1 >= area->y2)
        return "the source area is empty";
    if (area->x1 < 0 || area->y1 < 0)
        return "the source area is outside of the image";
    if (image && !image_is_surface(image) &&
        ((uint32_t)area->x2 > image->width || (uint32_t)area->y2 > image->height))
        return "the source area is outside of the image";
    if (use == IMAGE_ROWS && rect_same_size(area, box)) {
        const pixman_box32_t *extents =
            pixman_region32_extents((pixman_region32_t *)&drawing->region);
        first = area->y1 + (extents->y1 - box->y1);
        end = area->y1 + (extents->y2 - box->y1);
    }
    return image_open(opened, image, use, first, end, drawing);
}

void image_close(struct image *image)
{
    if (image->image)
        pixman_image_unref(image->image);
    g_free(image->scratch);
    g_free(image->owned);
    memset(image, 0, sizeof(*image));
}
