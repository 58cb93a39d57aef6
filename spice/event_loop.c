/*
 * What all event loops have: work posted from other threads.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/event_loop_private.h"

#include <sys/eventfd.h>
#include <unistd.h>

static struct event_loop *create(const struct loop_kind *kind, const SpiceCoreInterface *core)
{
    struct event_loop *loop = g_new0(struct event_loop, 1);

    loop->kind = kind;
    loop->core = core;
    loop->capacity = 16;
    loop->ring = g_new(struct work, loop->capacity);
    pthread_mutex_init(&loop->lock, NULL);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd >= 0 && kind->begin(loop)) {
        return loop;
    }
    g_warning("cannot create an event loop: %s", g_strerror(errno));
    event_loop_destroy(loop);
    return NULL;
}

struct event_loop *event_loop_create_core(const SpiceCoreInterface *core)
{
    return create(&event_loop_core, core);
}

struct event_loop *event_loop_create_own(void)
{
    return create(&event_loop_own, NULL);
}

void event_loop_destroy(struct event_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    while (loop->count > 0) {
        event_loop_run_posted(loop);
    }
    if (loop->wake_fd >= 0) {
        loop->kind->end(loop);
        close(loop->wake_fd);
    }
    pthread_mutex_destroy(&loop->lock);
    g_free(loop->ring);
    g_free(loop);
}

struct loop_watch *loop_watch_create(struct event_loop *loop, int fd, int events, loop_watch_fn fn,
                                     void *opaque)
{
    struct loop_watch *watch = g_new0(struct loop_watch, 1);

    *watch = (struct loop_watch){.loop = loop, .fd = fd, .fn = fn, .opaque = opaque};
    loop_watch_update(watch, events);
    return watch;
}

void loop_watch_update(struct loop_watch *watch, int events)
{
    if (events == watch->events) {
        return;
    }
    watch->loop->kind->watch(watch, events);
    watch->events = events;
}

void loop_watch_destroy(struct loop_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    loop_watch_update(watch, 0);
    g_free(watch);
}

struct loop_timer *loop_timer_create(struct event_loop *loop, void (*fn)(void *opaque),
                                     void *opaque)
{
    struct loop_timer *timer = g_new0(struct loop_timer, 1);

    *timer = (struct loop_timer){.loop = loop, .fn = fn, .opaque = opaque};
    loop->kind->timer_added(timer);
    return timer;
}

void loop_timer_start(struct loop_timer *timer, unsigned milliseconds)
{
    timer->loop->kind->timer_start(timer, milliseconds);
}

void loop_timer_cancel(struct loop_timer *timer)
{
    timer->loop->kind->timer_cancel(timer);
}

void loop_timer_destroy(struct loop_timer *timer)
{
    if (timer == NULL) {
        return;
    }
    timer->loop->kind->timer_removed(timer);
    g_free(timer);
}

static void grow(struct event_loop *loop)
{
    struct work *ring = g_new(struct work, 2 * loop->capacity);

    for (unsigned i = 0; i < loop->count; i++) {
        ring[i] = loop->ring[(loop->first + i) & (loop->capacity - 1)];
    }
    g_free(loop->ring);
    loop->ring = ring;
    loop->first = 0;
    loop->capacity *= 2;
}

/* With the lock held. */
static void wake(struct event_loop *loop)
{
    if (!loop->awake) {
        loop->awake = true;
        /* It can only fail when the counter is full, and then the loop is awake. */
        (void)eventfd_write(loop->wake_fd, 1);
    }
}

void event_loop_post(struct event_loop *loop, void (*fn)(void *opaque), void *opaque)
{
    pthread_mutex_lock(&loop->lock);
    if (loop->count == loop->capacity) {
        grow(loop);
    }
    loop->ring[(loop->first + loop->count++) & (loop->capacity - 1)] = (struct work){fn, opaque};
    wake(loop);
    pthread_mutex_unlock(&loop->lock);
}

void event_loop_run_posted(struct event_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    /* Not what these post in turn: the loop's other sources must get their turn. */
    for (unsigned n = loop->count; n > 0 && loop->count > 0; n--) {
        struct work work = loop->ring[loop->first];

        loop->first = (loop->first + 1) & (loop->capacity - 1);
        loop->count--;
        pthread_mutex_unlock(&loop->lock);
        work.fn(work.opaque);
        pthread_mutex_lock(&loop->lock);
    }
    if (loop->count > 0) {
        wake(loop);
    }
    pthread_mutex_unlock(&loop->lock);
}

struct call {
    void (*fn)(void *opaque);
    void *opaque;
    pthread_mutex_t lock;
    pthread_cond_t done_changed;
    bool done;
};

static void run_call(void *opaque)
{
    struct call *call = opaque;

    call->fn(call->opaque);
    pthread_mutex_lock(&call->lock);
    call->done = true;
    pthread_cond_signal(&call->done_changed);
    pthread_mutex_unlock(&call->lock);
}

void event_loop_call(struct event_loop *loop, void (*fn)(void *opaque), void *opaque)
{
    if (event_loop_is_current(loop)) {
        fn(opaque);
        return;
    }

    struct call call = {.fn = fn,
                        .opaque = opaque,
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .done_changed = PTHREAD_COND_INITIALIZER};

    event_loop_post(loop, run_call, &call);
    pthread_mutex_lock(&call.lock);
    while (!call.done) {
        pthread_cond_wait(&call.done_changed, &call.lock);
    }
    pthread_mutex_unlock(&call.lock);
    pthread_mutex_destroy(&call.lock);
    pthread_cond_destroy(&call.done_changed);
}

bool event_loop_is_current(struct event_loop *loop)
{
    bool is_current;

    pthread_mutex_lock(&loop->lock);
    is_current = loop->has_thread && pthread_equal(loop->thread, pthread_self());
    pthread_mutex_unlock(&loop->lock);
    return is_current;
}
