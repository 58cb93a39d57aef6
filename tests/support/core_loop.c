/*
 * The SPICE core interface on GLib's default main context. With CORE_LOOP_HURRY=N in the
 * environment its clock runs N times as fast for the server's timers, so that tests of waits are
 * short.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/core_loop.h"

#include <glib-unix.h>
#include <stdlib.h>

struct SpiceTimer {
    SpiceTimerFunc func;
    void *opaque;
    guint source; /* 0: not armed */
};

struct SpiceWatch {
    int fd;
    SpiceWatchFunc func;
    void *opaque;
    guint source; /* 0: no events wanted */
};

static SpiceTimer *timer_add(SpiceTimerFunc func, void *opaque)
{
    SpiceTimer *timer = g_new0(SpiceTimer, 1);
    timer->func = func;
    timer->opaque = opaque;
    return timer;
}

static void timer_cancel(SpiceTimer *timer)
{
    if (timer->source)
        g_source_remove(timer->source);
    timer->source = 0;
}

static gboolean timer_fire(gpointer data)
{
    SpiceTimer *timer = data;

    timer->source = 0;
    timer->func(timer->opaque);
    return G_SOURCE_REMOVE;
}

static void timer_start(SpiceTimer *timer, uint32_t ms)
{
    const char *hurry = g_getenv("CORE_LOOP_HURRY");

    timer_cancel(timer);
    timer->source =
        g_timeout_add(ms / (hurry != NULL ? MAX((guint)atoi(hurry), 1) : 1), timer_fire, timer);
}

static void timer_remove(SpiceTimer *timer)
{
    timer_cancel(timer);
    g_free(timer);
}

static gboolean watch_fire(gint fd, GIOCondition condition, gpointer data)
{
    SpiceWatch *watch = data;
    int events = 0;

    if (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR))
        events |= SPICE_WATCH_EVENT_READ;
    if (condition & G_IO_OUT)
        events |= SPICE_WATCH_EVENT_WRITE;
    watch->func(fd, events, watch->opaque);
    return G_SOURCE_CONTINUE;
}

static void watch_update_mask(SpiceWatch *watch, int events)
{
    GIOCondition condition = 0;

    if (watch->source)
        g_source_remove(watch->source);
    watch->source = 0;
    if (events & SPICE_WATCH_EVENT_READ)
        condition |= G_IO_IN;
    if (events & SPICE_WATCH_EVENT_WRITE)
        condition |= G_IO_OUT;
    if (condition)
        watch->source = g_unix_fd_add(watch->fd, condition, watch_fire, watch);
}

static SpiceWatch *watch_add(int fd, int events, SpiceWatchFunc func, void *opaque)
{
    SpiceWatch *watch = g_new0(SpiceWatch, 1);

    watch->fd = fd;
    watch->func = func;
    watch->opaque = opaque;
    watch_update_mask(watch, events);
    return watch;
}

static void watch_remove(SpiceWatch *watch)
{
    watch_update_mask(watch, 0);
    g_free(watch);
}

SpiceCoreInterface *core_loop_interface(void)
{
    static SpiceCoreInterface core = {
        .base = {SPICE_INTERFACE_CORE, "test loop", SPICE_INTERFACE_CORE_MAJOR,
                 SPICE_INTERFACE_CORE_MINOR},
        .timer_add = timer_add,
        .timer_start = timer_start,
        .timer_cancel = timer_cancel,
        .timer_remove = timer_remove,
        .watch_add = watch_add,
        .watch_update_mask = watch_update_mask,
        .watch_remove = watch_remove,
    };
    return &core;
}

bool core_loop_run_until(bool (*condition)(void *opaque), void *opaque, unsigned seconds)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;

    while (!condition(opaque)) {
        if (g_get_monotonic_time() > deadline)
            return false;
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(200);
    }
    return true;
}
