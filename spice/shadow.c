/*
 * Cutting copies down to what is new. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/shadow.h"

#include <glib.h>
#include <spice/macros.h>
#include <spice/protocol.h>

/* More than that, and keeping account costs more than it saves. */
#define MAX_KNOWN_RECTS 32
/* A larger change by anything but a copy makes its place unknown. */
#define MAX_FOLLOWED_PIXELS (256 * 256)
/* What is cut out is copied; of a picture that is mostly new, nothing is cut out. */
#define CUT_NUMERATOR   3
#define CUT_DENOMINATOR 4

void shadow_init(struct shadow *shadow, uint32_t width, uint32_t height, uint32_t format)
{
    *shadow = (struct shadow){.width = width, .height = height, .format = format};
    pixman_region32_init(&shadow->known);
}

void shadow_finish(struct shadow *shadow)
{
    g_free(shadow->pixels);
    pixman_region32_fini(&shadow->known);
}

void shadow_forget(struct shadow *shadow)
{
    pixman_region32_clear(&shadow->known);
}

/* The bits of a pixel that are seen; 0: pictures of that format are not looked at. */
static uint32_t visible_bits(const struct shadow *shadow, const struct draw_image *image)
{
    if (shadow->format == SPICE_SURFACE_FMT_32_xRGB &&
        (image->bitmap.format == SPICE_BITMAP_FMT_32BIT ||
         image->bitmap.format == SPICE_BITMAP_FMT_RGBA))
        return 0x00ffffff;
    if (image->bitmap.format == SPICE_BITMAP_FMT_RGBA &&
        shadow->format == SPICE_SURFACE_FMT_32_ARGB)
        return 0xffffffff;
    return 0;
}

/* A bitmap put on the surface as it is. */
static bool is_plain_copy(const struct shadow *shadow, const struct draw *draw)
{
    const struct draw_image *image = draw->copy.image;
    const draw_rect *area = &draw->copy.area, *box = &draw->box;

    return draw->type == QXL_DRAW_COPY && draw->copy.rop == SPICE_ROPD_OP_PUT &&
           draw->copy.mask.image == NULL && image->type == SPICE_IMAGE_TYPE_BITMAP &&
           visible_bits(shadow, image) != 0 && area->x2 - area->x1 == box->x2 - box->x1 &&
           area->y2 - area->y1 == box->y2 - box->y1 && area->x1 >= 0 && area->y1 >= 0 &&
           (uint32_t)area->x2 <= image->width && (uint32_t)area->y2 <= image->height;
}

typedef uint32_t __attribute__((aligned(1), may_alias)) word32;

/* The pixels of a bitmap, whose pieces hold whole rows. */
struct rows {
    const struct draw_image *image;
    unsigned piece;
    size_t start; /* of the piece */
};

static bool rows_init(struct rows *rows, const struct draw_image *image)
{
    *rows = (struct rows){.image = image};
    for (unsigned i = 0; i < image->bitmap.data.count; i++) {
        if (image->bitmap.data.pieces[i].iov_len % image->bitmap.stride != 0)
            return false;
    }
    return true;
}

static const word32 *rows_get(struct rows *rows, uint32_t x, uint32_t y)
{
    const struct draw_image *image = rows->image;
    const struct iovec *pieces = image->bitmap.data.pieces;
    size_t at = (size_t)(image->bitmap.top_down ? y : image->height - 1 - y) * image->bitmap.stride;

    while (at < rows->start)
        rows->start -= pieces[--rows->piece].iov_len;
    while (at - rows->start >= pieces[rows->piece].iov_len) /* pieces may be empty */
        rows->start += pieces[rows->piece++].iov_len;
    return (const word32 *)((const uint8_t *)pieces[rows->piece].iov_base + (at - rows->start)) + x;
}

static uint32_t *shadow_row(const struct shadow *shadow, int x, int y)
{
    return shadow->pixels + (size_t)y * shadow->width + x;
}

static void widen(draw_rect *changed, int x1, int y1, int x2, int y2)
{
    if (changed->x1 == changed->x2)
        *changed = (draw_rect){x1, y1, x2, y2};
    changed->x1 = MIN(changed->x1, x1);
    changed->y1 = MIN(changed->y1, y1);
    changed->x2 = MAX(changed->x2, x2);
    changed->y2 = MAX(changed->y2, y2);
}

/* Widens CHANGED by what differs in WIDTH pixels from (X, Y) on. */
static void compare_row(const word32 *new, const uint32_t *old, int x, int y, int width,
                        uint32_t mask, draw_rect *changed)
{
    int left = 0, right = width;

    if (memcmp(new, old, width * sizeof(*old)) == 0)
        return;
    while (left < right && ((new[left] ^ old[left]) & mask) == 0)
        left++;
    while (right > left && ((new[right - 1] ^ old[right - 1]) & mask) == 0)
        right--;
    if (left < right)
        widen(changed, x + left, y, x + right, y + 1);
}

/* The pixel of the picture that goes to (X, Y). */
static const word32 *source_of(struct rows *rows, const struct draw *draw, int x, int y)
{
    return rows_get(rows, draw->copy.area.x1 + x - draw->box.x1,
                    draw->copy.area.y1 + y - draw->box.y1);
}

/* The box around what in REGION is news to the clients; all zero: nothing. */
static draw_rect find_changes(const struct shadow *shadow, const struct draw *draw,
                              struct rows *rows, pixman_region32_t *region)
{
    uint32_t mask = visible_bits(shadow, draw->copy.image);
    draw_rect changed = {0};
    pixman_region32_t unknown;
    const pixman_box32_t *rect;
    int count;

    pixman_region32_init(&unknown);
    pixman_region32_subtract(&unknown, region, &shadow->known);
    rect = pixman_region32_rectangles(&unknown, &count);
    for (; count > 0; count--, rect++)
        widen(&changed, rect->x1, rect->y1, rect->x2, rect->y2);
    pixman_region32_fini(&unknown);

    rect = pixman_region32_rectangles(region, &count);
    for (; count > 0; count--, rect++) {
        for (int y = rect->y1; y < rect->y2; y++)
            compare_row(source_of(rows, draw, rect->x1, y), shadow_row(shadow, rect->x1, y),
                        rect->x1, y, rect->x2 - rect->x1, mask, &changed);
    }
    return changed;
}

static void remember(struct shadow *shadow, const struct draw *draw, struct rows *rows,
                     pixman_region32_t *region)
{
    int count;
    const pixman_box32_t *rect = pixman_region32_rectangles(region, &count);

    for (; count > 0; count--, rect++) {
        for (int y = rect->y1; y < rect->y2; y++)
            memcpy(shadow_row(shadow, rect->x1, y), source_of(rows, draw, rect->x1, y),
                   (size_t)(rect->x2 - rect->x1) * sizeof(uint32_t));
    }
    pixman_region32_union(&shadow->known, &shadow->known, region);
}

/* Leaves of DRAWABLE what is in BOX, as remembered; the guest's pixels are not needed then. */
static void cut(const struct shadow *shadow, struct drawable *drawable, const draw_rect *box)
{
    struct draw *draw = &drawable->draw;
    struct draw_image *image = draw->copy.image;
    uint32_t width = box->x2 - box->x1, height = box->y2 - box->y1;
    size_t size = (size_t)width * height * sizeof(uint32_t);
    uint32_t *pixels = arena_alloc(&drawable->arena, size);
    struct iovec *piece = arena_alloc(&drawable->arena, sizeof(*piece));

    for (uint32_t y = 0; y < height; y++)
        memcpy(pixels + (size_t)y * width, shadow_row(shadow, box->x1, box->y1 + y),
               width * sizeof(uint32_t));
    *piece = (struct iovec){pixels, size};
    draw->box = *box;
    draw->copy.area = (draw_rect){0, 0, width, height};
    image->flags = 0;
    image->width = width;
    image->height = height;
    image->bitmap.top_down = true;
    image->bitmap.stride = width * sizeof(uint32_t);
    image->bitmap.data = (struct draw_bytes){.size = size, .count = 1, .pieces = piece};
    drawable->data_size = size;
    guest_resource_release(&drawable->resource);
}

static void refine_copy(struct shadow *shadow, struct drawable *drawable, struct rows *rows,
                        pixman_region32_t *region)
{
    const struct draw *draw = &drawable->draw;
    draw_rect changed;
    uint64_t all = (uint64_t)(draw->box.x2 - draw->box.x1) * (draw->box.y2 - draw->box.y1), new;

    if (shadow->pixels == NULL)
        shadow->pixels = g_new0(uint32_t, (size_t)shadow->width * shadow->height);
    if (shadow->format == SPICE_SURFACE_FMT_32_xRGB)
        draw->copy.image->bitmap.format = SPICE_BITMAP_FMT_32BIT; /* nobody sees its alpha */
    changed = find_changes(shadow, draw, rows, region);
    pixman_region32_intersect_rect(region, region, changed.x1, changed.y1, changed.x2 - changed.x1,
                                   changed.y2 - changed.y1);
    remember(shadow, draw, rows, region);
    new = (uint64_t)(changed.x2 - changed.x1) * (changed.y2 - changed.y1);
    if (new > 0 && new *CUT_DENOMINATOR <= all * CUT_NUMERATOR)
        cut(shadow, drawable, &changed);
}

/* Clients make of what is known there what the canvas has made of it. */
static void follow(struct shadow *shadow, const struct canvas *canvas, pixman_region32_t *region)
{
    const pixman_box32_t *extents = pixman_region32_extents(region), *rect;
    pixman_region32_t changed;
    int count;

    if ((int64_t)(extents->x2 - extents->x1) * (extents->y2 - extents->y1) > MAX_FOLLOWED_PIXELS) {
        pixman_region32_subtract(&shadow->known, &shadow->known, region);
        return;
    }
    pixman_region32_init(&changed);
    pixman_region32_intersect(&changed, region, &shadow->known);
    rect = pixman_region32_rectangles(&changed, &count);
    for (; count > 0; count--, rect++) {
        for (int y = rect->y1; y < rect->y2; y++)
            memcpy(shadow_row(shadow, rect->x1, y),
                   canvas_row(canvas, y) + (size_t)rect->x1 * sizeof(uint32_t),
                   (size_t)(rect->x2 - rect->x1) * sizeof(uint32_t));
    }
    pixman_region32_fini(&changed);
}

void shadow_refine(struct shadow *shadow, const struct canvas *canvas, struct drawable *drawable,
                   pixman_region32_t *region)
{
    struct rows rows;

    if (is_plain_copy(shadow, &drawable->draw) && rows_init(&rows, drawable->draw.copy.image))
        refine_copy(shadow, drawable, &rows, region);
    else if (pixman_region32_not_empty(&shadow->known))
        follow(shadow, canvas, region);
    if (pixman_region32_n_rects(&shadow->known) > MAX_KNOWN_RECTS)
        shadow_forget(shadow);
}
