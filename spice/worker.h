/*
 * The worker behind one QXL instance: its thread, what that thread does, and what it is asked for.
 *
 * All state belongs to the worker's thread; others post to its loop. For worker*.c and qxl_api.c.
 *
 * Facts: server-abi.md section 4. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/cursor_channel.h"
#include "spice/display_channel.h"
#include "spice/draw_batch.h"
#include "spice/memslot.h"
#include "spice/record.h"
#include "spice/server.h"
#include "spice/surface.h"

#define WORKER_LOG_DOMAIN "Spice"

/* One of the card's two rings, as it is asked for commands. */
struct worker_ring {
    int (*get)(QXLInstance *qxl, QXLCommandExt *command);
    int (*request_notification)(QXLInstance *qxl);
    bool armed; /* the guest notifies us of the next command */
};

struct display_worker {
    SpiceServer *server;
    QXLInstance *qxl;
    QXLInterface *interface;

    GThread *thread;
    struct event_loop *loop;
    gint wakeup_pending, oom_pending; /* atomic; the message is on its way */
    gint gl_scanout;                  /* atomic; the host's OpenGL draws the picture */

    /* From here on the worker's thread. */
    bool finished;
    bool running;
    struct worker_ring command_ring, cursor_ring;
    struct loop_timer *ring_timer;
    int64_t serviced_at;    /* when the rings were last found empty, monotonic us */
    unsigned quick_wakeups; /* in a row, soon after that */

    struct recorder *recorder; /* the server's; NULL: nothing is recorded */
    struct memslots memslots;
    struct surfaces surfaces;
    struct draw_batch batch;  /* empty but while the command ring is being read */
    struct releases releases; /* held while commands are executed */
    struct display display;
    struct cursor cursor;

    unsigned max_heads;
    bool driver_sends_monitors; /* so nothing is announced in its place */
    GHashTable *refusals;       /* static text -> how often, as pointer */
};

/* NULL, with a warning, for an instance that has no worker. */
struct display_worker *worker_of(QXLInstance *qxl);

/* WHAT was not done because of WHY, both static; counted, and logged ever less often. */
void worker_refuse(struct display_worker *worker, const char *what, const char *why);

/* worker_rings.c */
/* Takes what is in the rings, for a while, and sees to it that the rest is taken too. */
void worker_service_rings(struct display_worker *worker);
/* The guest has just woken us: waits for an instant when it does so all the time. */
void worker_let_commands_gather(struct display_worker *worker);
/* All that is in them now (nothing while stopped). */
void worker_drain_cursor_ring(struct display_worker *worker);
void worker_drain_command_ring(struct display_worker *worker);

/* worker_commands.c */
/* Drawing is put off until worker_draw_batch(). */
void worker_execute(struct display_worker *worker, const QXLCommandExt *command);
void worker_draw_batch(struct display_worker *worker);
void worker_execute_cursor(struct display_worker *worker, const QXLCommandExt *command);
/* A command that describes the state before a migration: SURFACE CREATE keeps its data. */
void worker_execute_saved(struct display_worker *worker, const QXLCommandExt *command);
void worker_destroy_surface(struct display_worker *worker, struct surface *surface);

/* worker_state.c: requests of the host, on the worker's thread. */
void worker_start(struct display_worker *worker);
void worker_stop(struct display_worker *worker);
/* Nothing of what the guest waits for is held for the sake of a client any more. */
void worker_release_commands(struct display_worker *worker);
void worker_out_of_memory(struct display_worker *worker);
void worker_create_primary(struct display_worker *worker, uint32_t surface_id,
                           const QXLDevSurfaceCreate *create);
void worker_destroy_primary(struct display_worker *worker, uint32_t surface_id);
void worker_destroy_surfaces(struct display_worker *worker);
void worker_settle_surface(struct display_worker *worker, uint32_t surface_id);
void worker_flush_surfaces(struct display_worker *worker);
/* *RECTS is to be freed; NULL: no such surface, *COUNT is 0. Half open, not overlapping. */
void worker_update_area(struct display_worker *worker, uint32_t surface_id, bool clear,
                        QXLRect **rects, unsigned *count);
void worker_set_monitors(struct display_worker *worker, QXLPHYSICAL address, uint32_t group);
void worker_update_capabilities(struct display_worker *worker);
/* Clients get what has changed for them. */
void worker_wake_clients(struct display_worker *worker);
