/*
 * Pictures that the host's OpenGL draws, for clients on this machine: they get the picture's
 * descriptor and are told what has changed. Others see nothing of it.
 *
 * A drawing is done when every such client has shown it, has left, or has had a second for it: the
 * host's OpenGL does not wait longer for anybody.
 *
 * The worker's thread. Facts: spice-wire.md section 4.15, server-abi.md section 5.9.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct display;
struct display_client;

struct gl_picture {
    int fd; /* of the memory; -1: there is no such picture */
    uint32_t width, height, stride, format, flags;
};

struct gl_area {
    uint32_t x, y, width, height;
};

struct display_gl {
    struct display *display;
    struct gl_picture picture;
    GQueue drawings; /* of struct drawing; clients are shown the first one */
    struct loop_timer *timer;
    void (*done)(void *opaque, uint64_t cookie);
    void *opaque;
};

/* Of a client of the display. */
struct gl_client {
    bool picture_pending, draw_pending; /* what it is to be sent */
    struct gl_area area;                /* with the drawing */
    bool busy;                          /* it has not answered the last one */
    bool awaited;                       /* the first drawing waits for it */
};

/* DONE is called once for each drawing. */
void display_gl_init(struct display_gl *gl, struct display *display,
                     void (*done)(void *opaque, uint64_t cookie), void *opaque);
void display_gl_finish(struct display_gl *gl);

/* Takes over the descriptor. */
void display_gl_set_picture(struct display_gl *gl, const struct gl_picture *picture);
void display_gl_draw(struct display_gl *gl, const struct gl_area *area, uint64_t cookie);

/* One client's part. */
void display_gl_client_start(struct display_gl *gl, struct display_client *client);
void display_gl_client_left(struct display_gl *gl, struct display_client *client);
/* False: there was nothing to send. */
bool display_gl_client_produce(struct display_gl *gl, struct display_client *client);
/* GL_DRAW_DONE. False: nothing was drawn. */
bool display_gl_client_done(struct display_gl *gl, struct display_client *client);
