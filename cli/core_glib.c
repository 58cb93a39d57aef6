/*
 * Timers and watches are one GSource each, made once and re-armed without allocation: a server
 * changes their state for nearly every message.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/core_glib.h"

#include <glib.h>

struct SpiceTimer {
    GSource source;
    SpiceTimerFunc func;
    void *opaque;
};

struct SpiceWatch {
    GSource source;
    int fd;
    int mask;     /* SPICE_WATCH_EVENT_* */
    gpointer tag; /* NULL while mask is 0 */
    SpiceWatchFunc func;
    void *opaque;
};

static gboolean timer_dispatch(GSource *source, GSourceFunc func, gpointer data)
{
    struct SpiceTimer *timer = (struct SpiceTimer *)source;

    (void)func;
    (void)data;
    g_source_set_ready_time(source, -1);
    timer->func(timer->opaque);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs timer_functions = {.dispatch = timer_dispatch};

static SpiceTimer *timer_add(SpiceTimerFunc func, void *opaque)
{
    GSource *source = g_source_new(&timer_functions, sizeof(struct SpiceTimer));
    struct SpiceTimer *timer = (struct SpiceTimer *)source;

    timer->func = func;
    timer->opaque = opaque;
    g_source_attach(source, NULL);
    return timer;
}

static void timer_start(SpiceTimer *timer, uint32_t ms)
{
    g_source_set_ready_time(&timer->source, g_get_monotonic_time() + (gint64)ms * 1000);
}

static void timer_cancel(SpiceTimer *timer)
{
    g_source_set_ready_time(&timer->source, -1);
}

static void timer_remove(SpiceTimer *timer)
{
    g_source_destroy(&timer->source);
    g_source_unref(&timer->source);
}

static GIOCondition condition_of(int mask)
{
    return (mask & SPICE_WATCH_EVENT_READ ? G_IO_IN : 0) |
           (mask & SPICE_WATCH_EVENT_WRITE ? G_IO_OUT : 0);
}

/* What FUNC is to be told: an error or hang-up makes both directions ready, as poll() has it. */
static int watch_events(struct SpiceWatch *watch)
{
    GIOCondition ready = watch->tag ? g_source_query_unix_fd(&watch->source, watch->tag) : 0;
    int events = 0;

    if (ready & (G_IO_IN | G_IO_HUP | G_IO_ERR))
        events |= SPICE_WATCH_EVENT_READ;
    if (ready & (G_IO_OUT | G_IO_HUP | G_IO_ERR))
        events |= SPICE_WATCH_EVENT_WRITE;
    return events & watch->mask;
}

static gboolean watch_check(GSource *source)
{
    return watch_events((struct SpiceWatch *)source) != 0;
}

static gboolean watch_dispatch(GSource *source, GSourceFunc func, gpointer data)
{
    struct SpiceWatch *watch = (struct SpiceWatch *)source;
    int events = watch_events(watch);

    (void)func;
    (void)data;
    if (events)
        watch->func(watch->fd, events, watch->opaque);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs watch_functions = {.check = watch_check, .dispatch = watch_dispatch};

static void watch_update_mask(SpiceWatch *watch, int mask)
{
    if (mask == watch->mask)
        return;
    watch->mask = mask;
    /* Without any direction the descriptor leaves the poll set: a hang-up would wake it for ever.
     */
    if (!mask) {
        g_source_remove_unix_fd(&watch->source, watch->tag);
        watch->tag = NULL;
    } else if (watch->tag) {
        g_source_modify_unix_fd(&watch->source, watch->tag, condition_of(mask));
    } else {
        watch->tag = g_source_add_unix_fd(&watch->source, watch->fd, condition_of(mask));
    }
}

static SpiceWatch *watch_add(int fd, int mask, SpiceWatchFunc func, void *opaque)
{
    GSource *source = g_source_new(&watch_functions, sizeof(struct SpiceWatch));
    struct SpiceWatch *watch = (struct SpiceWatch *)source;

    watch->fd = fd;
    watch->func = func;
    watch->opaque = opaque;
    watch_update_mask(watch, mask);
    g_source_attach(source, NULL);
    return watch;
}

static void watch_remove(SpiceWatch *watch)
{
    g_source_destroy(&watch->source);
    g_source_unref(&watch->source);
}

SpiceCoreInterface core_glib_interface(void (*channel_event)(int event,
                                                             SpiceChannelEventInfo *info))
{
    return (SpiceCoreInterface){
        .base =
            {
                .type = SPICE_INTERFACE_CORE,
                .description = "GLib main loop",
                .major_version = SPICE_INTERFACE_CORE_MAJOR,
                .minor_version = SPICE_INTERFACE_CORE_MINOR,
            },
        .timer_add = timer_add,
        .timer_start = timer_start,
        .timer_cancel = timer_cancel,
        .timer_remove = timer_remove,
        .watch_add = watch_add,
        .watch_update_mask = watch_update_mask,
        .watch_remove = watch_remove,
        .channel_event = channel_event,
    };
}
