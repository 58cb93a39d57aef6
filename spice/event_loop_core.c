/*
 * The event loop that the host's core interface gives us (server-abi.md section 2.1).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/event_loop_private.h"

#include <sys/eventfd.h>

static void on_wake(int fd, int events G_GNUC_UNUSED, void *opaque)
{
    struct event_loop *loop = opaque;
    eventfd_t ignored;

    pthread_mutex_lock(&loop->lock);
    (void)eventfd_read(fd, &ignored);
    loop->awake = false;
    pthread_mutex_unlock(&loop->lock);
    event_loop_run_posted(loop);
}

static bool begin(struct event_loop *loop)
{
    loop->thread = pthread_self();
    loop->has_thread = true;
    loop->wake_watch =
        loop_watch_create(loop, loop->wake_fd, SPICE_WATCH_EVENT_READ, on_wake, loop);
    return true;
}

static void end(struct event_loop *loop)
{
    loop_watch_destroy(loop->wake_watch);
}

/* Hosts do not take a watch for nothing. */
static void watch(struct loop_watch *watch, int events)
{
    const SpiceCoreInterface *core = watch->loop->core;

    if (watch->events == 0) {
        watch->core = core->watch_add(watch->fd, events, watch->fn, watch->opaque);
    } else if (events == 0) {
        core->watch_remove(watch->core);
    } else {
        core->watch_update_mask(watch->core, events);
    }
}

static void timer_added(struct loop_timer *timer)
{
    timer->core = timer->loop->core->timer_add(timer->fn, timer->opaque);
}

static void timer_start(struct loop_timer *timer, unsigned milliseconds)
{
    timer->loop->core->timer_start(timer->core, milliseconds);
}

static void timer_cancel(struct loop_timer *timer)
{
    timer->loop->core->timer_cancel(timer->core);
}

static void timer_removed(struct loop_timer *timer)
{
    timer->loop->core->timer_remove(timer->core);
}

const struct loop_kind event_loop_core = {
    .begin = begin,
    .end = end,
    .watch = watch,
    .timer_added = timer_added,
    .timer_start = timer_start,
    .timer_cancel = timer_cancel,
    .timer_removed = timer_removed,
};
