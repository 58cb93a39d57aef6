/*
 * What clients see of a surface. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/boxes.h"
#include "spice/front.h"

#include "display/difference.h"

#include <spice/enums.h>
#include <string.h>

/* Differences are looked for in tiles, and a box around several may waste that many pixels. */
#define TILE_WIDTH  DIFFERENCE_TILE
#define TILE_HEIGHT 8
#define MAX_WASTE   2048
/* Boxes of one comparison; then they grow, whatever they waste. */
#define MAX_CHANGES 64

void front_init(struct front *front, uint32_t width, uint32_t height, uint32_t format)
{
    *front = (struct front){.width = width, .height = height, .format = format};
    front->pixel = surface_format_bits(format) / 8;
}

void front_finish(struct front *front)
{
    front_close(front);
}

void front_close(struct front *front)
{
    g_clear_pointer(&front->pixels, g_free);
    g_clear_pointer(&front->tiles, g_free);
}

void front_open(struct front *front, const struct pixel_view *view)
{
    const draw_rect all = {0, 0, front->width, front->height};

    if (front->pixel == 0 || front->pixels != NULL)
        return;
    front->pixels = g_malloc((size_t)front->width * front->height * front->pixel);
    front->tiles = g_new(bool, front->width / TILE_WIDTH + 1);
    front_take(front, view, &all);
}

void front_take(struct front *front, const struct pixel_view *view, const draw_rect *box)
{
    size_t size = (size_t)(box->x2 - box->x1) * front->pixel;

    for (int y = box->y1; y < box->y2; y++)
        memcpy(front_at(front, box->x1, y), pixel_view_at(view, box->x1, y, front->pixel), size);
}

void front_move(struct front *front, const draw_rect *box, struct draw_point from)
{
    size_t size = (size_t)(box->x2 - box->x1) * front->pixel;
    int height = box->y2 - box->y1;
    bool down = from.y < box->y1;

    for (int i = 0; i < height; i++) {
        int y = down ? height - 1 - i : i;

        memmove(front_at(front, box->x1, box->y1 + y), front_at(front, from.x, from.y + y), size);
    }
}

/* What is seen of a pixel of 32 bits: not the unused byte of xRGB. */
static uint32_t seen_bits(const struct front *front)
{
    return front->format == SPICE_SURFACE_FMT_32_xRGB ? 0xffffff : 0xffffffff;
}

/* Do COUNT pixels look different? */
static bool differ(const struct front *front, const uint8_t *a, const uint8_t *b, size_t count)
{
    if (front->pixel == 4)
        return pixels_differ(a, b, count, seen_bits(front));
    return memcmp(a, b, count * front->pixel) != 0;
}

static bool differs_at(const struct front *front, const struct pixel_view *view, int x, int y,
                       size_t count)
{
    return differ(front, front_at(front, x, y), pixel_view_at(view, x, y, front->pixel), count);
}

bool front_differs(const struct front *front, const struct pixel_view *view, const draw_rect *box)
{
    for (int y = box->y1; y < box->y2; y++) {
        if (differs_at(front, view, box->x1, y, box->x2 - box->x1))
            return true;
    }
    return false;
}

static inline bool pixel_differs(const uint8_t *a, const uint8_t *b, unsigned size)
{
    return a[0] != b[0] || (size > 1 && a[1] != b[1]) || (size > 2 && a[2] != b[2]);
}

/* The first pixel from X on, before END, that looks different; END when none does. */
static int find_right(const struct front *front, const struct pixel_view *view, int x, int y,
                      int end)
{
    const uint8_t *a = front_at(front, 0, y), *b = pixel_view_at(view, 0, y, front->pixel);
    unsigned size = front->pixel;

    if (front->format == SPICE_SURFACE_FMT_32_ARGB) {
        while (x < end && memcmp(a + (size_t)x * 4, b + (size_t)x * 4, 4) == 0)
            x++;
    } else {
        while (x < end && !pixel_differs(a + (size_t)x * size, b + (size_t)x * size, size))
            x++;
    }
    return x;
}

/* The end of what looks different before X, not before END. */
static int find_left(const struct front *front, const struct pixel_view *view, int x, int y,
                     int end)
{
    const uint8_t *a = front_at(front, 0, y), *b = pixel_view_at(view, 0, y, front->pixel);
    unsigned size = front->pixel;

    if (front->format == SPICE_SURFACE_FMT_32_ARGB) {
        while (x > end && memcmp(a + (size_t)(x - 1) * 4, b + (size_t)(x - 1) * 4, 4) == 0)
            x--;
    } else {
        while (x > end &&
               !pixel_differs(a + (size_t)(x - 1) * size, b + (size_t)(x - 1) * size, size))
            x--;
    }
    return x;
}

/*
 * Takes away what looks the same at the edges of BOX. False: all of it does by now, since a guest
 * may write to what it has shown us.
 */
static bool shrink(const struct front *front, const struct pixel_view *view, draw_rect *box)
{
    int left = box->x2, right = box->x1;

    while (box->y1 < box->y2 && !differs_at(front, view, box->x1, box->y1, box->x2 - box->x1))
        box->y1++;
    while (box->y1 < box->y2 && !differs_at(front, view, box->x1, box->y2 - 1, box->x2 - box->x1))
        box->y2--;
    for (int y = box->y1; y < box->y2; y++) {
        left = find_right(front, view, box->x1, y, left);
        right = find_left(front, view, box->x2, y, right);
    }
    box->x1 = left;
    box->x2 = right;
    return left < right;
}

/*
 * Adds NEW, of the strip from NEW->y1 on, to a box that ends there or was begun there, if the box
 * around both is not much larger. Boxes before FIRST are left alone.
 */
static void add_run(GArray *boxes, unsigned first, const draw_rect *new)
{
    for (unsigned i = boxes->len; i > first; i--) {
        draw_rect *box = &g_array_index(boxes, draw_rect, i - 1), both;

        bool full = i == boxes->len && boxes->len - first >= MAX_CHANGES;

        if (box->y2 < new->y1 && !full)
            continue;
        both = box_around(box, new);
        if (box_size(&both) - box_size(box) - box_size(new) > MAX_WASTE && !full)
            continue;
        *box = both;
        return;
    }
    g_array_append_val(boxes, *new);
}

/* Which tiles of a strip look different; false: none. Each row is gone through once. */
static bool mark_tiles(const struct front *front, const struct pixel_view *view,
                       const draw_rect *strip)
{
    unsigned count = (strip->x2 - strip->x1 + TILE_WIDTH - 1) / TILE_WIDTH, marked = 0;

    memset(front->tiles, 0, count * sizeof(front->tiles[0]));
    for (int y = strip->y1; y < strip->y2 && marked < count; y++) {
        if (front->pixel == 4) {
            marked += mark_different_tiles(front_at(front, strip->x1, y),
                                           pixel_view_at(view, strip->x1, y, front->pixel),
                                           strip->x2 - strip->x1, seen_bits(front), front->tiles);
            continue;
        }
        for (unsigned i = 0; i < count; i++) {
            int x = strip->x1 + i * TILE_WIDTH;

            if (!front->tiles[i] && differs_at(front, view, x, y, MIN(TILE_WIDTH, strip->x2 - x))) {
                front->tiles[i] = true;
                marked++;
            }
        }
    }
    return marked > 0;
}

/* What looks different in a strip that is not higher than a tile. */
static void compare_strip(const struct front *front, const struct pixel_view *view,
                          const draw_rect *strip, GArray *changes, unsigned first)
{
    draw_rect run = {0, strip->y1, 0, strip->y2};

    if (!mark_tiles(front, view, strip))
        return;
    for (int x = strip->x1, i = 0; x < strip->x2; x += TILE_WIDTH, i++) {
        if (!front->tiles[i])
            continue;
        if (run.x2 > 0 && x - run.x2 > 2 * TILE_WIDTH) {
            add_run(changes, first, &run);
            run.x2 = 0;
        }
        if (run.x2 == 0)
            run.x1 = x;
        run.x2 = MIN(x + TILE_WIDTH, strip->x2);
    }
    add_run(changes, first, &run);
}

/* Boxes that grew to the same place become one. */
static void join_overlapping(GArray *boxes, unsigned first)
{
    for (unsigned i = first; i < boxes->len; i++) {
        for (unsigned j = i + 1; j < boxes->len;) {
            draw_rect *a = &g_array_index(boxes, draw_rect, i);
            const draw_rect *b = &g_array_index(boxes, draw_rect, j);

            if (!box_touches(a, b)) {
                j++;
                continue;
            }
            *a = box_around(a, b);
            g_array_remove_index_fast(boxes, j);
            j = i + 1; /* it may reach others now */
        }
    }
}

void front_compare(const struct front *front, const struct pixel_view *view, const draw_rect *box,
                   GArray *changes)
{
    unsigned first = changes->len;

    for (int y = box->y1; y < box->y2; y += TILE_HEIGHT) {
        draw_rect strip = {box->x1, y, box->x2, MIN(y + TILE_HEIGHT, box->y2)};

        compare_strip(front, view, &strip, changes, first);
    }
    join_overlapping(changes, first);
    for (unsigned i = first; i < changes->len;) {
        if (shrink(front, view, &g_array_index(changes, draw_rect, i)))
            i++;
        else
            g_array_remove_index_fast(changes, i);
    }
}
