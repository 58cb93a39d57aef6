/*
 * A server with one display, and a real client in the same thread that shows it. For tests/client/.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "tests/support/core_loop.h"
#include "tests/support/gtk_client.h"
#include "tests/support/qxl_host.h"

struct watched_display {
    SpiceServer *server;
    struct qxl_host *host;
    uint32_t *primary; /* its pixels in guest memory, xRGB, rows without gaps */
    int width, height;
    struct gtk_client screen; /* comes over TCP, where pictures are compressed */
};

/* A server that anybody may connect to, without films; the test says what else it wants of it. */
void watched_display_init(struct watched_display *display, SpiceImageCompression compression);
/* Begins, with a primary surface of that size in MEMORY bytes of guest memory. */
void watched_display_open(struct watched_display *display, int width, int height, size_t memory);
void watched_display_create_primary(struct watched_display *display);
void watched_display_close(struct watched_display *display);

/* How alike what the client shows in AREA (NULL: all) is to what was drawn, dB; INFINITY: the same.
 */
double watched_display_psnr(const struct watched_display *display, const QXLRect *area);
/* A condition for core_loop_run_until(), of a watched_display: does it show what was drawn? */
bool watched_display_is_exact(void *display);
/* Waits for what was pushed to be drawn, and to be shown. */
void watched_display_show(struct watched_display *display);

/* A copy of all of IMAGE, SIZE large, to a place of the primary surface; to be pushed. */
QXLDrawable watched_display_copy(QXLPHYSICAL image, int left, int top, int width, int height);
