/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifdef HAVE_SDL

#include "display/window_private.h"

#include "display/canvas.h"

#include <gio/gio.h>
#include <spice/enums.h>
#include <string.h>

/* Locked. */
static void wake(struct window *window)
{
    SDL_Event event = {.type = window->wake_event};

    if (!window->woken)
        window->woken = SDL_PushEvent(&event) == 1;
}

struct window *window_create(const char *name, const struct window_user *user, void *opaque,
                             GError **error)
{
    struct window *window = g_new0(struct window, 1);

    window->name = g_strdup(name);
    window->user = user;
    window->opaque = opaque;
    pthread_mutex_init(&window->lock, NULL);
    pthread_cond_init(&window->started, NULL);
    pixman_region32_init(&window->wish.damage);
    window->wish.layout_changed = window->wish.title_changed = true;
    pthread_create(&window->thread, NULL, window_run, window);
    pthread_mutex_lock(&window->lock);
    while (!window->is_started)
        pthread_cond_wait(&window->started, &window->lock);
    bool failed = window->failure != NULL;
    pthread_mutex_unlock(&window->lock);
    if (failed) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "there is no desktop to show it on: %s",
                    window->failure);
        window_destroy(window);
        return NULL;
    }
    return window;
}

void window_destroy(struct window *window)
{
    if (!window)
        return;
    pthread_mutex_lock(&window->lock);
    window->wish.quit = true;
    if (!window->failure)
        wake(window);
    pthread_mutex_unlock(&window->lock);
    pthread_join(window->thread, NULL);
    if (window->wish.picture)
        pixman_image_unref(window->wish.picture);
    pixman_region32_fini(&window->wish.damage);
    g_free((void *)window->wish.pointer.argb);
    pthread_cond_destroy(&window->started);
    pthread_mutex_destroy(&window->lock);
    g_free(window->failure);
    g_free(window->name);
    g_free(window);
}

void window_resize(struct window *window, int width, int height)
{
    struct window_wish *wish = &window->wish;

    pthread_mutex_lock(&window->lock);
    if (wish->picture)
        pixman_image_unref(wish->picture);
    /* No memory: as if nothing were shown. */
    wish->picture = width > 0 && height > 0
                        ? pixman_image_create_bits(PIXMAN_x8r8g8b8, width, height, NULL, 0)
                        : NULL;
    wish->width = wish->picture ? width : 0;
    wish->height = wish->picture ? height : 0;
    pixman_region32_clear(&wish->damage);
    wish->layout_changed = true;
    wake(window);
    pthread_mutex_unlock(&window->lock);
}

static pixman_format_code_t format_of(const struct canvas *canvas)
{
    switch (canvas_format(canvas)) {
    case SPICE_SURFACE_FMT_16_555:
        return PIXMAN_x1r5g5b5;
    case SPICE_SURFACE_FMT_16_565:
        return PIXMAN_r5g6b5;
    case SPICE_SURFACE_FMT_32_xRGB:
    case SPICE_SURFACE_FMT_32_ARGB:
        return PIXMAN_x8r8g8b8;
    default:
        return 0;
    }
}

void window_show(struct window *window, const struct canvas *from, const draw_rect *rects,
                 unsigned count)
{
    struct window_wish *wish = &window->wish;
    pixman_format_code_t format = format_of(from);

    if (!format)
        return;
    /* The row at the top, then down or up from it. */
    pixman_image_t *image = pixman_image_create_bits_no_clear(
        format, canvas_width(from), canvas_height(from), (uint32_t *)(void *)canvas_row(from, 0),
        canvas_stride(from));
    pthread_mutex_lock(&window->lock);
    if (wish->picture && wish->width == canvas_width(from) && wish->height == canvas_height(from)) {
        for (unsigned i = 0; i < count; i++) {
            const draw_rect *rect = &rects[i];
            if (rect->x1 < 0 || rect->y1 < 0 || rect->x2 > wish->width || rect->y2 > wish->height ||
                rect->x1 >= rect->x2 || rect->y1 >= rect->y2)
                continue;
            unsigned width = (unsigned)(rect->x2 - rect->x1);
            unsigned height = (unsigned)(rect->y2 - rect->y1);
            pixman_image_composite32(PIXMAN_OP_SRC, image, NULL, wish->picture, rect->x1, rect->y1,
                                     0, 0, rect->x1, rect->y1, (int)width, (int)height);
            pixman_region32_union_rect(&wish->damage, &wish->damage, rect->x1, rect->y1, width,
                                       height);
        }
        wake(window);
    }
    pthread_mutex_unlock(&window->lock);
    pixman_image_unref(image);
}

void window_set_heads(struct window *window, const draw_rect *heads, unsigned count)
{
    struct window_wish *wish = &window->wish;

    count = MIN(count, WINDOW_MAX_HEADS);
    pthread_mutex_lock(&window->lock);
    if (count)
        memcpy(wish->heads, heads, count * sizeof(*heads));
    wish->head_count = count;
    wish->layout_changed = true;
    wake(window);
    pthread_mutex_unlock(&window->lock);
}

void window_set_pointer(struct window *window, const struct window_pointer *pointer)
{
    struct window_wish *wish = &window->wish;
    size_t size = 4 * (size_t)pointer->width * (size_t)pointer->height;

    pthread_mutex_lock(&window->lock);
    const struct window_pointer *old = &wish->pointer;
    bool same = old->width == pointer->width && old->height == pointer->height &&
                old->hot_x == pointer->hot_x && old->hot_y == pointer->hot_y &&
                (!size || !memcmp(old->argb, pointer->argb, size));
    const uint32_t *argb = same ? old->argb : g_memdup2(pointer->argb, size);
    if (!same) {
        g_free((void *)old->argb);
        wish->shape_changed = true;
    }
    wish->pointer = *pointer;
    wish->pointer.argb = argb;
    wish->pointer_changed = true;
    wake(window);
    pthread_mutex_unlock(&window->lock);
}

void window_set_absolute(struct window *window, bool absolute)
{
    pthread_mutex_lock(&window->lock);
    window->wish.absolute = absolute;
    window->wish.pointer_changed = true;
    wake(window);
    pthread_mutex_unlock(&window->lock);
}

void window_set_state(struct window *window, const char *state)
{
    pthread_mutex_lock(&window->lock);
    g_strlcpy(window->wish.state, state, sizeof(window->wish.state));
    window->wish.title_changed = true;
    wake(window);
    pthread_mutex_unlock(&window->lock);
}

#endif
