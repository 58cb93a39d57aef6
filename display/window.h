/*
 * A window on this machine's desktop: pixels, a pointer shape, keys and mouse; one window for each
 * head of a picture.
 *
 * The window has a thread of its own, which waits for the desktop and sleeps when nothing happens.
 * Functions may be called by any thread and return at once; callbacks come from the window's thread
 * and must not call back.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/draw.h"

#include <glib.h>

#define WINDOW_MAX_HEADS 16

/* Mouse buttons that are down. */
enum { WINDOW_BUTTON_LEFT = 1, WINDOW_BUTTON_RIGHT = 2, WINDOW_BUTTON_MIDDLE = 4 };

/* What the user does. */
struct window_user {
    /* PS/2 set-1 bytes of a key. */
    void (*key)(void *opaque, const uint8_t *bytes, unsigned count);
    /* The mouse has moved by DX, DY pixels and the wheel by DZ notches, negative up. */
    void (*motion)(void *opaque, int dx, int dy, int dz, uint32_t buttons);
    /* With absolute positions: the mouse is at X, Y of the picture. */
    void (*position)(void *opaque, int x, int y, int dz, uint32_t buttons);
    /* The user closes a window. */
    void (*closed)(void *opaque);
};

struct window;

/*
 * Opens a window named NAME. NULL and ERROR: there is no desktop, or this build knows none. SDL has
 * one thread that hears the desktop, so there can be one struct window in a process.
 */
struct window *window_create(const char *name, const struct window_user *user, void *opaque,
                             GError **error);
/*
 * No callback is made after it returns, and nothing is shown; the desktop's own windows go with the
 * process. NULL is allowed.
 */
void window_destroy(struct window *window);

/* A new picture, all black; 0, 0: there is none. */
void window_resize(struct window *window, int width, int height);
/*
 * The picture's pixels inside RECTS are those of FROM, which is as large and of 16 or 32 bits; they
 * are copied.
 */
struct canvas;
void window_show(struct window *window, const struct canvas *from, const draw_rect *rects,
                 unsigned count);
/* The parts of the picture that are shown, each in a window. None: all of it, in one. */
void window_set_heads(struct window *window, const draw_rect *heads, unsigned count);

/* Shown by the desktop at the mouse with absolute positions, else drawn at X, Y. */
struct window_pointer {
    bool visible;
    int x, y;          /* of the hot spot, on the picture */
    int width, height; /* 0: no shape */
    int hot_x, hot_y;
    const uint32_t *argb; /* alpha not multiplied in; copied */
};
void window_set_pointer(struct window *window, const struct window_pointer *pointer);
void window_set_absolute(struct window *window, bool absolute);
/* Shown in the title: "running". */
void window_set_state(struct window *window, const char *state);
