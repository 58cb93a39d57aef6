/*
 * The window of a build without SDL2: there is none.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef HAVE_SDL

#include "display/window.h"

#include <gio/gio.h>

struct window *window_create(const char *name, const struct window_user *user, void *opaque,
                             GError **error)
{
    (void)name;
    (void)user;
    (void)opaque;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                "this program was built without SDL2 (Debian package: libsdl2-dev)");
    return NULL;
}

void window_destroy(struct window *window)
{
    (void)window;
}

void window_resize(struct window *window, int width, int height)
{
    (void)window;
    (void)width;
    (void)height;
}

void window_show(struct window *window, const struct canvas *from, const draw_rect *rects,
                 unsigned count)
{
    (void)window;
    (void)from;
    (void)rects;
    (void)count;
}

void window_set_heads(struct window *window, const draw_rect *heads, unsigned count)
{
    (void)window;
    (void)heads;
    (void)count;
}

void window_set_pointer(struct window *window, const struct window_pointer *pointer)
{
    (void)window;
    (void)pointer;
}

void window_set_absolute(struct window *window, bool absolute)
{
    (void)window;
    (void)absolute;
}

void window_set_state(struct window *window, const char *state)
{
    (void)window;
    (void)state;
}

#endif
