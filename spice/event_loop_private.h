/*
 * Event loops from the inside: for event_loop.c (what is posted), and one file for each kind.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/event_loop.h"

#include <pthread.h>

struct work {
    void (*fn)(void *opaque);
    void *opaque;
};

/* What a kind of loop does. On the loop's thread, but for begin(). */
struct loop_kind {
    /* Sees to it that what is written to WAKE_FD ends the loop's waiting. False: it cannot. */
    bool (*begin)(struct event_loop *loop);
    void (*end)(struct event_loop *loop);
    /* watch->events become EVENTS, which are others; 0: FD is left alone. */
    void (*watch)(struct loop_watch *watch, int events);
    void (*timer_added)(struct loop_timer *timer);
    void (*timer_start)(struct loop_timer *timer, unsigned milliseconds);
    void (*timer_cancel)(struct loop_timer *timer);
    void (*timer_removed)(struct loop_timer *timer);
};

extern const struct loop_kind event_loop_core; /* event_loop_core.c */
extern const struct loop_kind event_loop_own;  /* event_loop_own.c */

/*
 * Work from other threads waits in a ring; an eventfd that the loop watches says that there is
 * some. The locks are pthread's and not GLib's because race detectors see those.
 */
struct event_loop {
    const struct loop_kind *kind;
    const SpiceCoreInterface *core; /* the host's, or NULL */
    int wake_fd;

    pthread_mutex_t lock;
    bool has_thread;
    pthread_t thread; /* if it has one */
    struct work *ring;
    unsigned first, count, capacity; /* capacity is a power of two */
    bool awake;                      /* it will look into the ring without being told */

    union { /* of the kind */
        struct loop_watch *wake_watch;
        struct poller *poller;
    };
};

struct loop_watch {
    struct event_loop *loop;
    int fd;
    int events;
    loop_watch_fn fn;
    void *opaque;
    SpiceWatch *core;
};

struct loop_timer {
    struct event_loop *loop;
    void (*fn)(void *opaque);
    void *opaque;
    union { /* of the kind */
        SpiceTimer *core;
        struct {
            int64_t due; /* monotonic us; NEVER: it is not armed */
            GList link;  /* among those that are */
        };
    };
};
