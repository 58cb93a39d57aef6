/*
 * The event loop of a thread of our own: epoll, which does not ask for each socket each time as
 * poll does, and a list of the timers that are armed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/event_loop_private.h"

#include <sys/epoll.h>
#include <unistd.h>

#define MAX_READY 16 /* sockets in a round; the others have the next one */
#define NEVER     INT64_MAX

struct poller {
    int fd;
    struct epoll_event ready[MAX_READY]; /* of this round, whose data is the watch, or NULL */
    int ready_count;
    GQueue armed;     /* of struct loop_timer */
    int64_t next_due; /* none of them is due earlier */
};

static uint32_t epoll_from_events(int events)
{
    return (events & SPICE_WATCH_EVENT_READ ? EPOLLIN : 0) |
           (events & SPICE_WATCH_EVENT_WRITE ? EPOLLOUT : 0);
}

/* Whoever watches for anything learns that the other end is gone, when reading or writing fails. */
static int events_from_epoll(uint32_t ready)
{
    return (ready & (EPOLLIN | EPOLLHUP | EPOLLERR) ? SPICE_WATCH_EVENT_READ : 0) |
           (ready & (EPOLLOUT | EPOLLHUP | EPOLLERR) ? SPICE_WATCH_EVENT_WRITE : 0);
}

static bool begin(struct event_loop *loop)
{
    /* Edge triggered: each write ends a wait, so that the eventfd need not be read. */
    struct epoll_event wake = {.events = EPOLLIN | EPOLLET};
    struct poller *poller = g_new0(struct poller, 1);

    g_queue_init(&poller->armed);
    poller->next_due = NEVER;
    poller->fd = epoll_create1(EPOLL_CLOEXEC);
    loop->poller = poller;
    loop->awake = true; /* but while it waits */
    return poller->fd >= 0 && epoll_ctl(poller->fd, EPOLL_CTL_ADD, loop->wake_fd, &wake) == 0;
}

static void end(struct event_loop *loop)
{
    if (loop->poller->fd >= 0)
        close(loop->poller->fd);
    g_free(loop->poller);
}

/* What is ready in this round is forgotten. */
static void forget(struct poller *poller, const struct loop_watch *watch)
{
    for (int i = 0; i < poller->ready_count; i++) {
        if (poller->ready[i].data.ptr == watch)
            poller->ready[i].data.ptr = NULL;
    }
}

/* A socket that is watched for nothing is left out: epoll would still tell that it was closed. */
static void watch(struct loop_watch *watch, int events)
{
    struct poller *poller = watch->loop->poller;
    struct epoll_event event = {.events = epoll_from_events(events), .data.ptr = watch};
    int what = watch->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

    if (events == 0) {
        forget(poller, watch);
        what = EPOLL_CTL_DEL;
    }
    if (epoll_ctl(poller->fd, what, watch->fd, &event) != 0)
        g_warning("cannot watch descriptor %d: %s", watch->fd, g_strerror(errno));
}

static void timer_added(struct loop_timer *timer)
{
    timer->due = NEVER;
    timer->link.data = timer;
}

static void timer_cancel(struct loop_timer *timer)
{
    if (timer->due == NEVER)
        return;
    timer->due = NEVER;
    g_queue_unlink(&timer->loop->poller->armed, &timer->link);
}

static void timer_start(struct loop_timer *timer, unsigned milliseconds)
{
    struct poller *poller = timer->loop->poller;

    if (timer->due == NEVER)
        g_queue_push_tail_link(&poller->armed, &timer->link);
    timer->due = g_get_monotonic_time() + (int64_t)milliseconds * 1000;
    poller->next_due = MIN(poller->next_due, timer->due);
}

/* How long there is nothing to do but for sockets and other threads. */
static int milliseconds_left(const struct poller *poller)
{
    int64_t us;

    if (poller->next_due == NEVER)
        return -1;
    us = poller->next_due - g_get_monotonic_time();
    return us <= 0 ? 0 : (int)MIN((us + 999) / 1000, G_MAXINT);
}

static struct loop_timer *find_due(const struct poller *poller, int64_t now)
{
    for (GList *l = poller->armed.head; l != NULL; l = l->next) {
        if (((struct loop_timer *)l->data)->due <= now)
            return l->data;
    }
    return NULL;
}

/* Callbacks may do with timers what they like. */
static void run_timers(struct poller *poller)
{
    int64_t now;
    struct loop_timer *timer;

    if (poller->next_due == NEVER)
        return;
    now = g_get_monotonic_time();
    if (now < poller->next_due)
        return;
    while ((timer = find_due(poller, now)) != NULL) {
        timer_cancel(timer);
        timer->fn(timer->opaque);
    }
    poller->next_due = NEVER;
    for (GList *l = poller->armed.head; l != NULL; l = l->next)
        poller->next_due = MIN(poller->next_due, ((struct loop_timer *)l->data)->due);
}

static void run_watches(struct poller *poller)
{
    for (int i = 0; i < poller->ready_count; i++) {
        struct loop_watch *watch = poller->ready[i].data.ptr;
        int events = events_from_epoll(poller->ready[i].events);

        if (watch != NULL && (events & watch->events) != 0)
            watch->fn(watch->fd, events & watch->events, watch->opaque);
    }
    poller->ready_count = 0;
}

void event_loop_iterate(struct event_loop *loop, bool may_wait)
{
    struct poller *poller = loop->poller;
    int ready, wait_ms = may_wait ? milliseconds_left(poller) : 0;

    pthread_mutex_lock(&loop->lock);
    loop->thread = pthread_self();
    loop->has_thread = true;
    if (loop->count > 0)
        wait_ms = 0;
    loop->awake = wait_ms == 0;
    pthread_mutex_unlock(&loop->lock);

    ready = epoll_wait(poller->fd, poller->ready, MAX_READY, wait_ms);
    poller->ready_count = MAX(ready, 0);

    if (wait_ms != 0) {
        pthread_mutex_lock(&loop->lock);
        loop->awake = true;
        pthread_mutex_unlock(&loop->lock);
    }
    run_watches(poller);
    run_timers(poller);
    event_loop_run_posted(loop);
}

const struct loop_kind event_loop_own = {
    .begin = begin,
    .end = end,
    .watch = watch,
    .timer_added = timer_added,
    .timer_start = timer_start,
    .timer_cancel = timer_cancel,
    .timer_removed = timer_cancel,
};
