/*
 * The window's two halves: window.c, the state that any thread leaves under the lock, and
 * window_sdl.c, the thread that shows it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/window.h"

#include <SDL.h>
#include <pthread.h>

struct window_wish {         /* what the window shall show */
    pixman_image_t *picture; /* x8r8g8b8; NULL: nothing is shown */
    int width, height;
    pixman_region32_t damage; /* of the picture, not shown yet */
    draw_rect heads[WINDOW_MAX_HEADS];
    unsigned head_count;
    struct window_pointer pointer; /* its pixels are ours */
    char state[32];
    bool absolute, quit;
    bool layout_changed, shape_changed, pointer_changed, title_changed;
};

struct window_view { /* one head's window */
    SDL_Window *window;
    SDL_Renderer *renderer;
    SDL_Texture *texture; /* as large as the head */
    SDL_Rect area;        /* of the picture */
    bool stale;           /* has to be painted */
};

struct window {
    char *name;
    const struct window_user *user;
    void *opaque;
    pthread_t thread;

    pthread_mutex_t lock;
    pthread_cond_t started;
    struct window_wish wish;
    char *failure; /* to start; NULL: none */
    bool is_started;
    bool woken;          /* an event is on its way */
    uint32_t wake_event; /* its SDL type */

    /* The window's thread. */
    struct window_view views[WINDOW_MAX_HEADS];
    unsigned view_count;
    SDL_Cursor *cursor;
    SDL_Texture *pointer_textures[WINDOW_MAX_HEADS]; /* for positions that are not absolute */
    struct window_pointer pointer;                   /* without pixels */
    bool absolute, grabbed;
    uint32_t buttons;
    int mouse_x, mouse_y; /* in the window that the mouse was in last */
    bool pressed[SDL_NUM_SCANCODES];
};

/* The thread's main function: shows, listens, until the wish is to quit. */
void *window_run(void *window);

/* window_input.c: on the window's thread. False: it was none of the user's doing. */
bool window_handle_input(struct window *window, const SDL_Event *event);
void window_set_grab(struct window *window, SDL_Window *on, bool grab);
void window_update_titles(struct window *window);
