/*
 * The two kinds of event loop: the host's core interface and a GMainContext.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/event_loop.h"

#include <glib-unix.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct work {
    void (*fn)(void *opaque);
    void *opaque;
};

/*
 * Work from other threads waits in a ring; an eventfd that the loop watches says that there is
 * some. The locks are pthread's and not GLib's because race detectors see those.
 */
struct event_loop {
    const SpiceCoreInterface *core; /* or NULL */
    GMainContext *context;          /* or NULL */
    pthread_t thread;               /* of the core loop */

    pthread_mutex_t lock;
    struct work *ring;
    unsigned first, count, capacity; /* capacity is a power of two */
    bool woken;                      /* the eventfd has been written to and not read since */
    int wake_fd;
    struct loop_watch *wake_watch;
};

struct loop_watch {
    struct event_loop *loop;
    int fd;
    int events;
    loop_watch_fn fn;
    void *opaque;
    SpiceWatch *core; /* NULL while EVENTS is 0: hosts do not take that */
    GSource *source;
    GPollFD poll; /* with SOURCE */
};

struct loop_timer {
    struct event_loop *loop;
    void (*fn)(void *opaque);
    void *opaque;
    SpiceTimer *core;
    GSource *source;
    gint64 due; /* monotonic us, with SOURCE; NEVER: it is not armed */
};

#define NEVER (-1)

/*
 * Our sources carry a pointer to what they serve, which its callback may free. All they look at is
 * the loop's thread's, and read anew in each iteration, so changes need not wake it, as GLib's own
 * ways to change a source do with two system calls each.
 */
struct loop_source {
    GSource source;
    void *owner;
};

static int events_from_condition(GIOCondition condition)
{
    int events = 0;

    if (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR)) {
        events |= SPICE_WATCH_EVENT_READ;
    }
    if (condition & (G_IO_OUT | G_IO_ERR)) {
        events |= SPICE_WATCH_EVENT_WRITE;
    }
    return events;
}

static GIOCondition condition_from_events(int events)
{
    return (events & SPICE_WATCH_EVENT_READ ? G_IO_IN : 0) |
           (events & SPICE_WATCH_EVENT_WRITE ? G_IO_OUT : 0);
}

static gboolean check_watch(GSource *source)
{
    const struct loop_watch *watch = ((struct loop_source *)source)->owner;

    return watch->poll.revents != 0;
}

static gboolean dispatch_watch(GSource *source, GSourceFunc callback G_GNUC_UNUSED,
                               gpointer data G_GNUC_UNUSED)
{
    struct loop_watch *watch = ((struct loop_source *)source)->owner;
    int events = events_from_condition(watch->poll.revents) & watch->events;

    if (events != 0) {
        watch->fn(watch->fd, events, watch->opaque);
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs watch_source = {.check = check_watch, .dispatch = dispatch_watch};

static bool is_due(const struct loop_timer *timer)
{
    return timer->due != NEVER && timer->due <= g_source_get_time(timer->source);
}

static gboolean prepare_timer(GSource *source, int *timeout_ms)
{
    const struct loop_timer *timer = ((struct loop_source *)source)->owner;

    if (timer->due == NEVER)
        *timeout_ms = -1;
    else if (is_due(timer))
        *timeout_ms = 0;
    else
        *timeout_ms = MIN((timer->due - g_source_get_time(source) + 999) / 1000, G_MAXINT);
    return *timeout_ms == 0;
}

static gboolean check_timer(GSource *source)
{
    return is_due(((struct loop_source *)source)->owner);
}

static gboolean dispatch_timer(GSource *source, GSourceFunc callback G_GNUC_UNUSED,
                               gpointer data G_GNUC_UNUSED)
{
    struct loop_timer *timer = ((struct loop_source *)source)->owner;

    if (is_due(timer)) { /* still, after the callbacks before this one */
        timer->due = NEVER;
        timer->fn(timer->opaque);
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs timer_source = {
    .prepare = prepare_timer, .check = check_timer, .dispatch = dispatch_timer};

static GSource *create_source(GSourceFuncs *funcs, void *owner)
{
    GSource *source = g_source_new(funcs, sizeof(struct loop_source));

    ((struct loop_source *)source)->owner = owner;
    /* Else GLib takes it off the context for its callback, and puts it back: more wakeups. */
    g_source_set_can_recurse(source, TRUE);
    return source;
}

static void detach_source(GSource *source)
{
    g_source_destroy(source);
    g_source_unref(source);
}

struct loop_watch *loop_watch_create(struct event_loop *loop, int fd, int events, loop_watch_fn fn,
                                     void *opaque)
{
    struct loop_watch *watch = g_new0(struct loop_watch, 1);

    *watch = (struct loop_watch){.loop = loop, .fd = fd, .fn = fn, .opaque = opaque};
    if (loop->context != NULL) {
        watch->source = create_source(&watch_source, watch);
        watch->events = events;
        watch->poll = (GPollFD){.fd = fd, .events = condition_from_events(events)};
        g_source_add_poll(watch->source, &watch->poll);
        g_source_attach(watch->source, loop->context);
    } else {
        loop_watch_update(watch, events);
    }
    return watch;
}

void loop_watch_update(struct loop_watch *watch, int events)
{
    const SpiceCoreInterface *core = watch->loop->core;

    if (events == watch->events) {
        return;
    }
    watch->events = events;
    if (watch->source != NULL) {
        watch->poll.events = condition_from_events(events);
    } else if (watch->core == NULL) {
        watch->core = core->watch_add(watch->fd, events, watch->fn, watch->opaque);
    } else if (events == 0) {
        core->watch_remove(watch->core);
        watch->core = NULL;
    } else {
        core->watch_update_mask(watch->core, events);
    }
}

void loop_watch_destroy(struct loop_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    if (watch->source != NULL) {
        detach_source(watch->source);
    } else if (watch->core != NULL) {
        watch->loop->core->watch_remove(watch->core);
    }
    g_free(watch);
}

struct loop_timer *loop_timer_create(struct event_loop *loop, void (*fn)(void *opaque),
                                     void *opaque)
{
    struct loop_timer *timer = g_new0(struct loop_timer, 1);

    *timer = (struct loop_timer){.loop = loop, .fn = fn, .opaque = opaque, .due = NEVER};
    if (loop->context != NULL) {
        timer->source = create_source(&timer_source, timer);
        g_source_attach(timer->source, loop->context);
    } else {
        timer->core = loop->core->timer_add(fn, opaque);
    }
    return timer;
}

void loop_timer_start(struct loop_timer *timer, unsigned milliseconds)
{
    if (timer->source != NULL) {
        timer->due = g_get_monotonic_time() + (gint64)milliseconds * 1000;
    } else {
        timer->loop->core->timer_start(timer->core, milliseconds);
    }
}

void loop_timer_cancel(struct loop_timer *timer)
{
    if (timer->source != NULL) {
        timer->due = NEVER;
    } else {
        timer->loop->core->timer_cancel(timer->core);
    }
}

void loop_timer_destroy(struct loop_timer *timer)
{
    if (timer == NULL) {
        return;
    }
    if (timer->source != NULL) {
        detach_source(timer->source);
    } else {
        timer->loop->core->timer_remove(timer->core);
    }
    g_free(timer);
}

/* With the lock held. */
static void wake(struct event_loop *loop)
{
    if (!loop->woken) {
        loop->woken = true;
        /* It can only fail when the counter is full, and then the loop is awake. */
        (void)eventfd_write(loop->wake_fd, 1);
    }
}

static void on_wake(int fd, int events G_GNUC_UNUSED, void *opaque)
{
    struct event_loop *loop = opaque;
    eventfd_t ignored;

    pthread_mutex_lock(&loop->lock);
    (void)eventfd_read(fd, &ignored);
    loop->woken = false;
    pthread_mutex_unlock(&loop->lock);
    event_loop_run_posted(loop);
}

static struct event_loop *create(const SpiceCoreInterface *core, GMainContext *context)
{
    struct event_loop *loop = g_new0(struct event_loop, 1);

    loop->core = core;
    loop->context = context != NULL ? g_main_context_ref(context) : NULL;
    loop->thread = pthread_self();
    loop->capacity = 16;
    loop->ring = g_new(struct work, loop->capacity);
    pthread_mutex_init(&loop->lock, NULL);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd >= 0) {
        loop->wake_watch =
            loop_watch_create(loop, loop->wake_fd, SPICE_WATCH_EVENT_READ, on_wake, loop);
        return loop;
    }
    g_warning("cannot create an eventfd: %s", g_strerror(errno));
    event_loop_destroy(loop);
    return NULL;
}

struct event_loop *event_loop_create_core(const SpiceCoreInterface *core)
{
    return create(core, NULL);
}

struct event_loop *event_loop_create_context(GMainContext *context)
{
    return create(NULL, context);
}

void event_loop_destroy(struct event_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    while (loop->count > 0) {
        event_loop_run_posted(loop);
    }
    loop_watch_destroy(loop->wake_watch);
    if (loop->wake_fd >= 0) {
        close(loop->wake_fd);
    }
    if (loop->context != NULL) {
        g_main_context_unref(loop->context);
    }
    pthread_mutex_destroy(&loop->lock);
    g_free(loop->ring);
    g_free(loop);
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

bool event_loop_is_current(const struct event_loop *loop)
{
    return loop->context != NULL ? g_main_context_is_owner(loop->context)
                                 : pthread_equal(loop->thread, pthread_self());
}
