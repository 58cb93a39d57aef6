/*
 * Both kinds of event loop behave alike: the host's core interface and our own.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/event_loop.h"
#include "tests/support/core_loop.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    struct event_loop *loop;
    bool is_core;
};

static void set_up(struct fixture *f, gconstpointer is_core)
{
    f->is_core = is_core != NULL;
    f->loop = f->is_core ? event_loop_create_core(core_loop_interface()) : event_loop_create_own();
}

static void tear_down(struct fixture *f, gconstpointer is_core G_GNUC_UNUSED)
{
    event_loop_destroy(f->loop);
}

/* What there is to do now. */
static void iterate(struct fixture *f)
{
    if (f->is_core) {
        g_main_context_iteration(NULL, FALSE);
    } else {
        event_loop_iterate(f->loop, false);
    }
}

/* Until *FLAG is set, or 10 s have passed. */
static void run_until(struct fixture *f, const int *flag)
{
    gint64 deadline = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;

    while (!*flag && g_get_monotonic_time() < deadline) {
        iterate(f);
        g_usleep(100);
    }
    g_assert_true(*flag);
}

#define POSTS 2000

struct posts {
    struct event_loop *loop;
    int ran, out_of_order, done, calls_on_time;
};

struct numbered {
    struct posts *posts;
    int number;
};

static void run_numbered(void *opaque)
{
    struct numbered *item = opaque;

    item->posts->out_of_order += item->number != item->posts->ran;
    item->posts->ran++;
    g_free(item);
}

static void set_done(void *opaque)
{
    ((struct posts *)opaque)->done = 1;
}

static void post_numbered(struct posts *posts, int number)
{
    struct numbered *item = g_new(struct numbered, 1);

    *item = (struct numbered){posts, number};
    event_loop_post(posts->loop, run_numbered, item);
}

struct waiting {
    struct posts *posts;
    int ran_before;
};

static void look(void *opaque)
{
    struct waiting *waiting = opaque;

    waiting->ran_before = waiting->posts->ran;
}

static void *post_from_thread(void *opaque)
{
    struct posts *posts = opaque;

    for (int i = 0; i < POSTS; i++) {
        post_numbered(posts, i);
        if (i % 500 == 499) {
            struct waiting waiting = {posts, -1};

            event_loop_call(posts->loop, look, &waiting);
            posts->calls_on_time += waiting.ran_before == i + 1;
        }
    }
    event_loop_post(posts->loop, set_done, posts);
    return NULL;
}

/* Posts and calls of another thread run here, in order. */
static void test_order(struct fixture *f, gconstpointer is_core G_GNUC_UNUSED)
{
    struct posts posts = {.loop = f->loop};
    pthread_t thread;

    pthread_create(&thread, NULL, post_from_thread, &posts);
    run_until(f, &posts.done);
    pthread_join(thread, NULL);
    g_assert_cmpint(posts.ran, ==, POSTS);
    g_assert_cmpint(posts.out_of_order, ==, 0);
    g_assert_cmpint(posts.calls_on_time, ==, POSTS / 500);
}

/* What is posted last still runs when the loop is destroyed, even what that posts. */
static void post_another(void *opaque)
{
    struct posts *posts = opaque;

    posts->ran++;
    event_loop_post(posts->loop, set_done, posts);
}

static void test_last_posts(struct fixture *f, gconstpointer is_core)
{
    struct posts posts = {.loop = f->loop};

    event_loop_post(f->loop, post_another, &posts);
    event_loop_destroy(f->loop);
    g_assert_cmpint(posts.ran, ==, 1);
    g_assert_cmpint(posts.done, ==, 1);
    set_up(f, is_core);
}

/* Only the posts of before: a post that posts itself does not keep the loop to itself. */
static void test_run_posted(struct fixture *f, gconstpointer is_core G_GNUC_UNUSED)
{
    struct posts posts = {.loop = f->loop};

    event_loop_post(f->loop, post_another, &posts);
    event_loop_run_posted(f->loop);
    g_assert_cmpint(posts.ran, ==, 1);
    g_assert_cmpint(posts.done, ==, 0);
    run_until(f, &posts.done);
}

struct pipe_test {
    struct loop_watch *watch;
    int fds[2];
    int events, calls, destroyed;
};

static void on_pipe(int fd, int events, void *opaque)
{
    struct pipe_test *test = opaque;
    char byte;

    g_assert_cmpint(fd, ==, test->fds[0]);
    test->events = events;
    test->calls++;
    if (read(fd, &byte, 1) == 1 && byte == 'x') {
        loop_watch_destroy(test->watch);
        test->destroyed = 1;
    }
}

static void test_watch(struct fixture *f, gconstpointer is_core G_GNUC_UNUSED)
{
    struct pipe_test test = {0};

    g_assert_cmpint(pipe(test.fds), ==, 0);
    test.watch = loop_watch_create(f->loop, test.fds[0], SPICE_WATCH_EVENT_READ, on_pipe, &test);
    g_assert_cmpint(write(test.fds[1], "a", 1), ==, 1);
    run_until(f, &test.calls);
    g_assert_cmpint(test.events, ==, SPICE_WATCH_EVENT_READ);

    /* Not watched: nothing comes, and later it does. */
    loop_watch_update(test.watch, 0);
    g_assert_cmpint(write(test.fds[1], "x", 1), ==, 1);
    for (int i = 0; i < 20; i++) {
        iterate(f);
    }
    g_assert_cmpint(test.calls, ==, 1);
    loop_watch_update(test.watch, SPICE_WATCH_EVENT_READ);
    run_until(f, &test.destroyed);
    close(test.fds[0]);
    close(test.fds[1]);
}

struct timer_test {
    struct loop_timer *timer;
    int fired;
};

static void on_timer(void *opaque)
{
    struct timer_test *test = opaque;

    test->fired = 1;
    loop_timer_destroy(test->timer);
}

static void never(void *opaque)
{
    ((struct timer_test *)opaque)->fired = 1;
}

static void test_timer(struct fixture *f, gconstpointer is_core G_GNUC_UNUSED)
{
    struct timer_test test = {0}, cancelled = {0};

    cancelled.timer = loop_timer_create(f->loop, never, &cancelled);
    loop_timer_start(cancelled.timer, 1);
    loop_timer_cancel(cancelled.timer);
    test.timer = loop_timer_create(f->loop, on_timer, &test);
    loop_timer_start(test.timer, 60000);
    loop_timer_start(test.timer, 5);
    run_until(f, &test.fired);
    g_assert_cmpint(cancelled.fired, ==, 0);
    loop_timer_destroy(cancelled.timer);
}

/* Each of two sockets that are ready does away with the other, which then must not be called. */
struct rival {
    struct loop_watch *watch;
    struct rival *other;
    int calls;
};

static void defeat(int fd G_GNUC_UNUSED, int events G_GNUC_UNUSED, void *opaque)
{
    struct rival *rival = opaque;

    rival->calls++;
    loop_watch_destroy(rival->other->watch);
    rival->other->watch = NULL;
    loop_watch_update(rival->watch, 0);
}

static void test_rivals(struct fixture *f, gconstpointer is_core G_GNUC_UNUSED)
{
    int fds[2][2];
    struct rival rivals[2] = {{.other = &rivals[1]}, {.other = &rivals[0]}};

    for (int i = 0; i < 2; i++) {
        g_assert_cmpint(pipe(fds[i]), ==, 0);
        rivals[i].watch =
            loop_watch_create(f->loop, fds[i][0], SPICE_WATCH_EVENT_READ, defeat, &rivals[i]);
        g_assert_cmpint(write(fds[i][1], "a", 1), ==, 1);
    }
    for (int i = 0; i < 20; i++) {
        iterate(f);
    }
    g_assert_cmpint(rivals[0].calls + rivals[1].calls, ==, 1);
    for (int i = 0; i < 2; i++) {
        loop_watch_destroy(rivals[i].watch);
        close(fds[i][0]);
        close(fds[i][1]);
    }
}

/* The other end has gone: told to whoever watches for anything. */
static void note(int fd G_GNUC_UNUSED, int events, void *opaque)
{
    *(int *)opaque = events;
}

static void test_closed(struct fixture *f, gconstpointer is_core G_GNUC_UNUSED)
{
    static const int watched[] = {SPICE_WATCH_EVENT_READ, SPICE_WATCH_EVENT_WRITE};

    for (size_t i = 0; i < G_N_ELEMENTS(watched); i++) {
        int fds[2], events = 0;
        struct loop_watch *watch;

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
        close(fds[1]);
        watch = loop_watch_create(f->loop, fds[0], watched[i], note, &events);
        run_until(f, &events);
        g_assert_cmpint(events & watched[i], !=, 0);
        loop_watch_destroy(watch);
        close(fds[0]);
    }
}

/* A loop that waits for ever is woken by each post, and by its timers. */
struct waiting_loop {
    struct event_loop *loop;
    struct loop_timer *timer;
    bool over; /* the thread's */
    gint ran;
};

static void *wait_for_work(void *opaque)
{
    struct waiting_loop *waiting = opaque;

    while (!waiting->over) {
        event_loop_iterate(waiting->loop, true);
    }
    return NULL;
}

static void count(void *opaque)
{
    g_atomic_int_inc(&((struct waiting_loop *)opaque)->ran);
}

static void count_later(void *opaque)
{
    loop_timer_start(((struct waiting_loop *)opaque)->timer, 2);
}

static void end_waiting(void *opaque)
{
    struct waiting_loop *waiting = opaque;

    loop_timer_destroy(waiting->timer);
    waiting->over = true;
}

static void test_waiting(void)
{
    struct waiting_loop waiting = {.loop = event_loop_create_own()};
    gint64 deadline = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    pthread_t thread;

    waiting.timer = loop_timer_create(waiting.loop, count, &waiting);
    pthread_create(&thread, NULL, wait_for_work, &waiting);
    for (int i = 0; i < 300; i++) {
        event_loop_post(waiting.loop, i % 100 == 99 ? count_later : count, &waiting);
        while (g_atomic_int_get(&waiting.ran) <= i && g_get_monotonic_time() < deadline) {
            g_usleep(i % 3 * 50); /* now it sleeps, and now it does not yet */
        }
        g_assert_cmpint(g_atomic_int_get(&waiting.ran), ==, i + 1);
    }
    event_loop_call(waiting.loop, end_waiting, &waiting);
    pthread_join(thread, NULL);
    event_loop_destroy(waiting.loop);
}

static void add(const char *name, void (*test)(struct fixture *f, gconstpointer is_core))
{
    for (int is_core = 0; is_core < 2; is_core++) {
        g_autofree char *path = g_strconcat("/event-loop/", is_core ? "core/" : "own/", name, NULL);

        g_test_add(path, struct fixture, GINT_TO_POINTER(is_core), set_up, test, tear_down);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("order", test_order);
    add("last-posts", test_last_posts);
    add("run-posted", test_run_posted);
    add("watch", test_watch);
    add("rivals", test_rivals);
    add("closed", test_closed);
    add("timer", test_timer);
    g_test_add_func("/event-loop/own/waiting", test_waiting);
    return g_test_run();
}
