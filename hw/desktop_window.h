/*
 * The windows of load "desktop": what is in them, drawn anew whenever they are uncovered, as
 * programs without a compositor do.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/soft_paint.h"

#include <stdbool.h>
#include <stdint.h>

#define WINDOW_MAX_WIDTH  560
#define WINDOW_MAX_HEIGHT 380
#define WINDOW_MIN_WIDTH  140
#define WINDOW_MIN_HEIGHT 90

enum window_kind {
    WINDOW_TERMINAL,
    WINDOW_EDITOR,
    WINDOW_PHOTO,
    WINDOW_CHART,
    WINDOW_DIALOG,
    WINDOW_KINDS,
};

/* Part of the load's state: in guest memory. */
struct window {
    int32_t x, y, width, height;
    uint32_t kind;
    uint32_t seed;
    uint32_t progress;     /* lines written, samples taken, per cent done */
    uint32_t column;       /* editor: characters of the line being typed */
    uint32_t caret;        /* editor: it is shown */
    uint32_t picture;      /* photo: the surface that holds it; 0: none */
    uint32_t next_picture; /* photo: the one that fades in; 0: none */
};

struct soft_rect window_rect(const struct window *window);
const char *window_title(const struct window *window);
/* Draws all of it; TARGET's clip is what of it is visible. */
void window_draw(const struct soft_target *target, const struct window *window, bool active);
/* One frame of activity in a window that nothing covers. */
void window_step(const struct soft_target *target, struct window *window);
/* Ends what window_step() has begun. */
void window_settle(const struct soft_target *target, struct window *window);
/* Makes a picture for a photo window. 0: no room. */
uint32_t window_make_picture(struct soft_frame *frame, const struct window *window, uint32_t seed);
void window_forget_pictures(struct soft_frame *frame, struct window *window);
