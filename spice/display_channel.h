/*
 * The display channel: what each client has been sent of the surfaces, and what it still needs.
 *
 * A client that keeps up is sent the guest's commands, in order, out of a queue. One that does not,
 * or cannot execute a command, is never waited for: its queue is folded into *damage*, regions of
 * surfaces, and while there is any, further drawing only adds to it. Damage is sent as the pixels
 * of that moment. When none is left, commands follow again.
 *
 * Commands are fetched no faster than a client takes them as long as it takes them fast; so a
 * client that keeps up sees each of them. One that does not drain its queue soon enough is slow,
 * and for a while nobody waits for it.
 *
 * The worker's thread. Facts: spice-wire.md section 4. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/channel.h"
#include "spice/display_encode.h"
#include "spice/display_gl.h"
#include "spice/display_statistics.h"
#include "spice/parse.h"
#include "spice/video.h"

/* What the environment can switch off, for comparisons and in search of faults. */
enum display_switch {
    DISPLAY_NO_REFINEMENT = 1 << 0, /* pictures are not cut down to what is new */
    DISPLAY_NO_MOVES = 1 << 1,      /* nor looked through for what has moved */
    DISPLAY_NO_IMAGE_CACHE = 1 << 2,
    DISPLAY_NO_THREADS = 1 << 3, /* one thread encodes all pictures */
};

struct display {
    struct channel channel;
    struct surfaces *surfaces; /* the worker's */
    struct display_encoder encoder;
    struct display_gl gl; /* the worker's init and finish */
    struct video video;
    bool machine_runs;             /* else arriving clients wait */
    unsigned switches;             /* enum display_switch */
    struct loop_timer *pace_timer; /* pictures that wait are sent when it fires */
    bool pace_timer_runs;
    bool passed_on;      /* a command has been since clients were last woken, */
    int64_t pictured_at; /* and a picture then, monotonic us */
    GArray *changes;     /* of draw_rect; room for what is compared */
    unsigned unmoved;    /* pictures in a row in which nothing had moved */
    struct command_count count;
    struct monitors_config monitors;       /* count is 0: nothing to announce */
    void (*clients_changed)(void *opaque); /* one is ready, or has left */
    void (*has_room)(void *opaque);        /* display_must_wait() may have changed its mind */
    void *opaque;
};

/* Registering the channel is up to the caller. SURFACES must outlive it. */
void display_init(struct display *display, SpiceServer *server, int id, struct event_loop *loop,
                  struct surfaces *surfaces, void (*clients_changed)(void *opaque),
                  void (*has_room)(void *opaque), void *opaque);
void display_finish(struct display *display);

/*
 * Is a client to be waited for before more is drawn? For *WAIT_MS at most; has_room() may come
 * earlier. The quickest sets the pace.
 */
bool display_must_wait(struct display *display, unsigned *wait_ms);

/* display_gather.c */
/* DRAWABLE is about to be drawn on SURFACE. */
void display_prepare(struct display *display, const struct drawable *drawable,
                     struct surface *surface);
/* DRAWABLE has just been drawn on SURFACE, or been put off, and changed REGION, as VIEW has it. */
void display_draw(struct display *display, struct drawable *drawable, struct surface *surface,
                  const pixman_region32_t *region, const struct pixel_view *view);
bool display_has_gathered(const struct display *display);
/* All that has been drawn is on its way to the clients. */
void display_flush(struct display *display);

/* Clients are sent DRAWABLE, which leads to what SURFACE's front shows. */
void display_queue(struct display *display, struct drawable *drawable,
                   const struct surface *surface);
void display_surface_created(struct display *display, struct surface *surface);
/* To be called before SURFACE is destroyed. */
void display_surface_destroyed(struct display *display, const struct surface *surface);
/* The machine begins to run, with what it brings: clients may bring the same. */
void display_machine_runs(struct display *display);
/* It has stopped: films are over. */
void display_machine_stops(struct display *display);
/* display->monitors has changed. */
void display_monitors_changed(struct display *display);

/* No command that the guest waits for is held any more: queues become damage. */
void display_fold(struct display *display);
/* The same of clients that lag behind the quickest. */
void display_fold_laggards(struct display *display);
/* Sends what can be sent now. */
void display_wake(struct display *display);
/*
 * The same, in a moment if there is nothing but what is gathered and pictures were sent a moment
 * ago: more may come for the same place.
 */
void display_wake_paced(struct display *display);

/* Of each connected client, in any order, to the end of STATISTICS (of SpiceDisplayStatistics). */
void display_add_statistics(const struct display *display, GArray *statistics);

/* Is anybody connected, ready or not? */
bool display_has_clients(const struct display *display);
/* How many clients are ready, and which of CAPABILITIES all of them have. */
unsigned display_clients(const struct display *display, uint32_t *capabilities);
