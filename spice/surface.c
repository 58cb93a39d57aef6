/*
 * Surfaces. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/surface.h"

#include <glib.h>
#include <spice/protocol.h>

/* More separate rectangles of changes than that are not worth their bookkeeping. */
#define MAX_DIRTY_RECTS 256

void surfaces_init(struct surfaces *surfaces, unsigned count)
{
    surfaces->count = count;
    surfaces->table = g_new0(struct surface *, count);
    surfaces->next_serial = 1;
}

void surfaces_finish(struct surfaces *surfaces)
{
    g_free(surfaces->table);
    surfaces->table = NULL;
}

struct surface *surfaces_find(const struct surfaces *surfaces, uint32_t id)
{
    return id < surfaces->count ? surfaces->table[id] : NULL;
}

struct canvas *surfaces_find_canvas(void *surfaces, uint32_t id)
{
    struct surface *surface = surfaces_find(surfaces, id);

    return surface == NULL ? NULL : surface->canvas;
}

void surface_clear(struct surface *surface)
{
    canvas_clear(surface->canvas);
    surface->blank = true;
    pixman_region32_union_rect(&surface->dirty, &surface->dirty, 0, 0, surface->width,
                               surface->height);
}

struct surface *surface_create(struct surfaces *surfaces, uint32_t id, uint32_t width,
                               uint32_t height, int32_t stride, uint32_t format, void *pixels,
                               bool keep, const struct guest_resource *resource, const char **wrong)
{
    struct canvas *canvas;
    struct surface *surface;

    *wrong = NULL;
    if (id >= surfaces->count)
        *wrong = "the surface's id is too large";
    else if (surfaces->table[id] != NULL)
        *wrong = "there is a surface with that id already";
    if (*wrong != NULL)
        return NULL;
    canvas = canvas_create(width, height, stride, format, pixels);
    if (canvas == NULL) {
        *wrong = "the surface's format, size or stride cannot be drawn on";
        return NULL;
    }

    surface = g_new(struct surface, 1);
    *surface = (struct surface){
        .id = id,
        .serial = surfaces->next_serial++,
        .width = width,
        .height = height,
        .format = format,
        .canvas = canvas,
        .create = *resource,
    };
    pixman_region32_init(&surface->dirty);
    front_init(&surface->front, width, height, format);
    if (!keep)
        surface_clear(surface);
    surfaces->table[id] = surface;
    return surface;
}

void surface_destroy(struct surfaces *surfaces, struct surface *surface)
{
    put_off_drop(&surface->put_off, NULL);
    surfaces->table[surface->id] = NULL;
    canvas_destroy(surface->canvas);
    pixman_region32_fini(&surface->dirty);
    front_finish(&surface->front);
    guest_resource_release(&surface->create);
    g_free(surface);
}

static void add_dirty(struct surface *surface, const pixman_region32_t *dirty)
{
    pixman_region32_union(&surface->dirty, &surface->dirty, (pixman_region32_t *)dirty);
    if (pixman_region32_n_rects(&surface->dirty) > MAX_DIRTY_RECTS)
        pixman_region32_reset(&surface->dirty, pixman_region32_extents(&surface->dirty));
}

/* Draws what DRAW reads or, in part, leaves as it is. */
static void settle_for(struct surfaces *surfaces, struct surface *surface, const struct draw *draw)
{
    for (size_t i = 0; i < G_N_ELEMENTS(draw->sources); i++) {
        struct surface *source =
            draw->sources[i] == -1 ? NULL : surfaces_find(surfaces, draw->sources[i]);

        if (source != NULL)
            surface_settle(source, NULL);
    }
    /* These look at, or touch, more than their box. */
    surface_settle(surface,
                   draw->type == QXL_COPY_BITS || draw->type == QXL_DRAW_TEXT ? NULL : &draw->box);
}

/*
 * Does DRAW copy another surface? Most of that is there already, when programs paint a window in a
 * surface and show all of it for every letter. What is copied onto itself a guest may have painted
 * without us.
 */
static bool shows_surface(const struct surface *surface, const struct draw *draw)
{
    return draw->type == QXL_DRAW_COPY && draw->sources[0] != -1 &&
           draw->sources[0] != (int32_t)surface->id;
}

const char *surface_draw(struct surfaces *surfaces, struct surface *surface,
                         const struct draw *draw, pixman_region32_t *dirty)
{
    struct canvas_rows changed;
    const char *refused;

    canvas_draw_region(draw, surface->width, surface->height, dirty);
    if (!pixman_region32_not_empty(dirty))
        return NULL;
    settle_for(surfaces, surface, draw);
    refused = canvas_draw_rows(surface->canvas, draw, surfaces_find_canvas, surfaces, &changed);
    if (refused != NULL)
        return refused;
    add_dirty(surface, dirty);
    if (shows_surface(surface, draw))
        pixman_region32_intersect_rect(dirty, dirty, 0, changed.first, surface->width,
                                       changed.end - changed.first);
    return NULL;
}

bool surface_put_off(struct surface *surface, struct drawable *drawable, struct pixel_view *view,
                     pixman_region32_t *dirty)
{
    /* Off-screen surfaces are drawn on to be read. */
    if (surface->id != 0 || box_size(&drawable->draw.box) < PUT_OFF_MIN_PIXELS ||
        drawable->data_size > PUT_OFF_MAX_BYTES ||
        !draw_view(&drawable->draw, surface->canvas, view))
        return false;
    put_off_drop(&surface->put_off, &drawable->draw.box);
    if (!put_off_has_room(&surface->put_off, drawable->data_size))
        surface_settle(surface, NULL);
    put_off_add(&surface->put_off, drawable);
    canvas_draw_region(&drawable->draw, surface->width, surface->height, dirty);
    add_dirty(surface, dirty);
    return true;
}

void surface_settle(struct surface *surface, const draw_rect *box)
{
    struct drawable *late[PUT_OFF_MAX];
    unsigned count;

    if (surface->put_off.count == 0)
        return;
    count = put_off_take(&surface->put_off, box, late);
    for (unsigned i = 0; i < count; i++)
        canvas_draw(surface->canvas, &late[i]->draw, NULL, NULL); /* not refused, see draw_view() */
    for (unsigned i = 0; i < count; i++)
        drawable_unref(late[i]);
}

void surface_open_front(struct surface *surface)
{
    const struct pixel_view view = canvas_view(surface->canvas);

    surface_settle(surface, NULL);
    front_open(&surface->front, &view);
}
