/*
 * A thread's event loop: watches, timers, and work posted from other threads.
 *
 * Two kinds behind one interface: the host's core interface (the IO thread: listening, linking,
 * main and inputs channels) and one of our own (each display worker's thread). Everything runs on
 * the loop's thread; only the post and call functions may be used from others.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <spice.h>
#include <stdbool.h>

struct event_loop;
struct loop_watch;
struct loop_timer;

/* Both return NULL, with a warning, when there are no descriptors left. */
/* CORE must outlive the loop (server-abi.md section 2.1). On the IO thread. */
struct event_loop *event_loop_create_core(const SpiceCoreInterface *core);
/* For the thread that iterates it from now on; until it does, watches and timers are any thread's.
 */
struct event_loop *event_loop_create_own(void);
/* Of our own kind only: runs what there is to do; if MAY_WAIT, waits until there is something. */
void event_loop_iterate(struct event_loop *loop, bool may_wait);
/* Work that is still posted is run first. All watches and timers must be gone. */
void event_loop_destroy(struct event_loop *loop);

/* EVENTS: SPICE_WATCH_EVENT_READ | SPICE_WATCH_EVENT_WRITE; level triggered; one watch per fd. */
typedef void (*loop_watch_fn)(int fd, int events, void *opaque);
struct loop_watch *loop_watch_create(struct event_loop *loop, int fd, int events, loop_watch_fn fn,
                                     void *opaque);
void loop_watch_update(struct loop_watch *watch, int events);
/* Also from inside its own callback; NULL is allowed. */
void loop_watch_destroy(struct loop_watch *watch);

/* One shot; starting an armed timer moves its deadline. */
struct loop_timer *loop_timer_create(struct event_loop *loop, void (*fn)(void *opaque),
                                     void *opaque);
void loop_timer_start(struct loop_timer *timer, unsigned milliseconds);
void loop_timer_cancel(struct loop_timer *timer);
void loop_timer_destroy(struct loop_timer *timer);

/* Any thread: FN(OPAQUE) runs on the loop's thread; posts and calls keep their order. */
void event_loop_post(struct event_loop *loop, void (*fn)(void *opaque), void *opaque);
/* Any thread but the loop's (there it runs at once): the same, and waits until FN has returned. */
void event_loop_call(struct event_loop *loop, void (*fn)(void *opaque), void *opaque);
/* The loop's thread: runs what is posted now. */
void event_loop_run_posted(struct event_loop *loop);
/* Is this the loop's thread? The core loop takes the thread of its creation for it. */
bool event_loop_is_current(struct event_loop *loop);
