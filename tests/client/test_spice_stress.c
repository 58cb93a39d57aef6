/*
 * Clients that come and go on all channels, while a host does what QEMU does, in the threads in
 * which QEMU does it: its main loop stops and starts the machine, resets it, loads a state, plugs
 * devices and migrates; virtual processors call the card and ring devices; a guest draws all the
 * time. As in QEMU one big lock lies on the main loop, but for its poll(), and on what processors
 * do.
 *
 * Each kind of call is made some times at least, in an order that --seed repeats. What shows that
 * all is well: no sanitizer complains, every command is released once, every asynchronous call
 * completes, every connection is said to have ended, and a client that comes afterwards shows what
 * is in guest memory.
 *
 * STRESS_SECONDS=N makes it longer. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/core_loop.h"
#include "tests/support/gtk_client.h"
#include "tests/support/qxl_host.h"
#include "tests/support/storm.h"

#include <spice/protocol.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

enum { MEMORY = 16 * 1024 * 1024, CYCLES = 3 /* of all calls, at least */, LIMIT_SECONDS = 100 };

static pthread_mutex_t big_lock = PTHREAD_MUTEX_INITIALIZER;

static gint poll_unlocked(GPollFD *fds, guint count, gint timeout)
{
    gint result;

    pthread_mutex_unlock(&big_lock);
    result = g_poll(fds, count, timeout);
    pthread_mutex_lock(&big_lock);
    return result;
}

/* ---- Who makes the calls ---- */

/* The N calls in an order of its own in each cycle. */
static storm_call *next_call(storm_call **order, storm_call *const *calls, unsigned n,
                             unsigned made, GRand *rand)
{
    unsigned at = made % n, other;
    storm_call *chosen;

    if (at == 0)
        memcpy(order, calls, n * sizeof(*calls));
    other = (unsigned)g_rand_int_range(rand, (int)at, (int)n);
    chosen = order[other];
    order[other] = order[at];
    return order[at] = chosen;
}

static bool completes_in_time(struct storm *storm)
{
    struct qxl_host *host = storm->host;
    bool in_time;

    pthread_mutex_lock(&host->lock);
    in_time = storm->submitted + storm->gl_drawn - host->completions->len < 50;
    pthread_mutex_unlock(&host->lock);
    return in_time;
}

static void *run_processor(void *opaque)
{
    const struct runner *runner = opaque;
    struct storm *storm = runner->storm;
    GRand *rand = g_rand_new_with_seed(runner->seed);
    storm_call *order[STORM_PROCESSOR_CALLS];
    unsigned made = 0;

    pthread_mutex_lock(&big_lock);
    while (!g_atomic_int_get(&storm->ends) || made < CYCLES * STORM_PROCESSOR_CALLS) {
        if (g_atomic_int_get(&storm->ends) && !storm->runs)
            storm_stop_or_start(storm, rand);
        if (storm->runs && g_atomic_int_get(&storm->full))
            storm_reset_card(storm);
        else if (storm->runs && completes_in_time(storm))
            next_call(order, storm_processor_calls, G_N_ELEMENTS(order), made++, rand)(storm, rand);
        pthread_mutex_unlock(&big_lock);
        g_usleep((gulong)g_rand_int_range(rand, 100, 3000));
        pthread_mutex_lock(&big_lock);
    }
    pthread_mutex_unlock(&big_lock);
    g_rand_free(rand);
    return NULL;
}

/* The guest's driver draws without any lock of the host's. */
static void *run_guest(void *opaque)
{
    const struct runner *runner = opaque;
    struct storm *storm = runner->storm;
    GRand *rand = g_rand_new_with_seed(runner->seed);

    while (!g_atomic_int_get(&storm->ends)) {
        if (!g_atomic_int_get(&storm->full) && storm_begin_placing(storm, 1024 * 1024)) {
            for (int i = 0; i < 20; i++)
                storm_draw(storm->host, rand);
            spice_qxl_wakeup(&storm->host->qxl);
            pthread_mutex_unlock(&storm->ram);
        }
        g_usleep(3000);
    }
    g_rand_free(rand);
    return NULL;
}

/* ---- The storm ---- */

/* What the server says of its connections; under the big lock. */
static struct {
    int connected; /* and not yet disconnected */
    unsigned initialized[16];
    unsigned encrypted; /* of these */
} channels;

static void channel_event(int event, SpiceChannelEventInfo *info)
{
    if (event == SPICE_CHANNEL_EVENT_CONNECTED)
        channels.connected++;
    else if (event == SPICE_CHANNEL_EVENT_DISCONNECTED)
        channels.connected--;
    else if ((unsigned)info->type < G_N_ELEMENTS(channels.initialized))
        channels.initialized[info->type]++;
    if (event == SPICE_CHANNEL_EVENT_INITIALIZED && info->flags & SPICE_CHANNEL_EVENT_FLAG_TLS)
        channels.encrypted++;
}

/* Clients have come in all ways and been on all kinds of channels. */
static bool all_were_used(const struct storm *storm)
{
    static const int types[] = {
        SPICE_CHANNEL_MAIN,     SPICE_CHANNEL_DISPLAY,  SPICE_CHANNEL_INPUTS, SPICE_CHANNEL_CURSOR,
        SPICE_CHANNEL_PLAYBACK, SPICE_CHANNEL_RECORD,   SPICE_CHANNEL_PORT,   SPICE_CHANNEL_WEBDAV,
        SPICE_CHANNEL_USBREDIR, SPICE_CHANNEL_SMARTCARD};

    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (channels.initialized[types[i]] == 0)
            return false;
    }
    return channels.encrypted > 0 && storm->handed_over > 0;
}

static void set_up(struct storm *storm, gconstpointer several)
{
    *storm = (struct storm){
        .devices = {
            {.subtype = "vdagent", .says = &storm_agent_says},
            {.subtype = "port", .name = "org.test.0", .says = &storm_agent_says},
            {.subtype = "port", .name = "org.test.1", .says = &storm_agent_says},
            {.subtype = "port", .name = "org.spice-space.webdav.0"},
            {.subtype = "port", .name = "org.spice-space.stream.0", .says = &storm_film_says},
            {.subtype = "usbredir"},
            {.subtype = "smartcard", .says = &storm_card_says},
            {.subtype = "smartcard"}}};
    storm->core = *core_loop_interface();
    storm->core.channel_event = channel_event;
    memset(&channels, 0, sizeof(channels));
    if (several != NULL)
        g_setenv("SPICE_DEBUG_ALLOW_MC", "1", TRUE);
    else
        g_unsetenv("SPICE_DEBUG_ALLOW_MC");
    pthread_mutex_lock(&big_lock);
    pthread_mutex_init(&storm->ram, NULL);
    g_main_context_set_poll_func(NULL, poll_unlocked);
    storm_open_servers(storm);
    storm_add_inputs(storm);
    storm->host = qxl_host_create(storm->server, 0, MEMORY);
    storm->mark = storm->host->used;
    storm_reset_card(storm);
    spice_server_vm_start(storm->server);
    storm->runs = true;
}

static void start_clients(struct storm *storm)
{
    g_autofree char *path = g_test_build_filename(G_TEST_BUILT, "stress_client", NULL);
    g_autofree char *port = g_strdup_printf("%u", storm->port);
    g_autofree char *tls_port = g_strdup_printf("%u", storm->tls_port);
    char **environment = g_environ_unsetenv(g_get_environ(), "G_DEBUG");
    GSpawnFlags flags = G_SPAWN_DO_NOT_REAP_CHILD;

    /* They are no subject of this test; spice-gtk has races of its own. */
    environment =
        g_environ_setenv(environment, "TSAN_OPTIONS", "report_bugs=0:handle_segv=0", TRUE);
    environment =
        g_environ_setenv(environment, "ASAN_OPTIONS", "detect_leaks=0:handle_segv=0", TRUE);
    if (g_getenv("STRESS_VERBOSE") == NULL)
        flags |= G_SPAWN_STDERR_TO_DEV_NULL;
    for (int i = 0; i < STORM_CLIENTS; i++) {
        g_autofree char *seed = g_strdup_printf("%d", g_test_rand_int() & 0x7fffffff);
        char *arguments[] = {path, port, tls_port, storm->folder, seed, NULL};
        struct client *client = &storm->clients[i];
        GError *error = NULL;

        g_spawn_async_with_pipes(NULL, arguments, environment, flags, NULL, NULL, &client->pid,
                                 &client->input, NULL, NULL, &error);
        g_assert_no_error(error);
    }
    g_strfreev(environment);
}

static void end_clients(struct storm *storm)
{
    for (int i = 0; i < STORM_CLIENTS; i++) {
        int status;

        close(storm->clients[i].input);
        g_assert_cmpint(waitpid(storm->clients[i].pid, &status, 0), ==, storm->clients[i].pid);
        g_assert_cmpint(status, ==, 0);
    }
}

static gboolean tick(gpointer opaque G_GNUC_UNUSED)
{
    return G_SOURCE_CONTINUE;
}

static bool shows_guest_memory(void *opaque)
{
    struct {
        struct storm *storm;
        struct gtk_client screen;
    } *last = opaque;

    if (last->screen.pixels == NULL || last->screen.width != STORM_WIDTH)
        return false;
    for (int y = 0; y < STORM_HEIGHT; y++) {
        const uint32_t *shown = (const uint32_t *)(last->screen.pixels + y * last->screen.stride);
        const uint32_t *drawn = (const uint32_t *)last->storm->primary + y * STORM_WIDTH;

        for (int x = 0; x < STORM_WIDTH; x++) {
            if ((shown[x] ^ drawn[x]) & 0xffffff)
                return false;
        }
    }
    return true;
}

/* A client that comes now finds a server in order. */
static void check_after(struct storm *storm, GRand *rand)
{
    struct {
        struct storm *storm;
        struct gtk_client screen;
    } last = {.storm = storm};

    /* The client looks at one display: no second card's, and no film's. */
    g_clear_pointer(&storm->second, qxl_host_destroy);
    storm_unplug_devices(storm);
    storm_throw_out(storm, rand);
    storm_hide_gl(storm, rand);
    spice_server_set_streaming_video(storm->server, SPICE_STREAM_VIDEO_OFF);
    storm_reset_card(storm);
    gtk_client_attach(&last.screen, storm->server, false);
    for (int i = 0; i < 100; i++) {
        storm_draw(storm->host, rand);
    }
    qxl_host_update(storm->host, 0, STORM_WIDTH, STORM_HEIGHT);
    if (!core_loop_run_until(shows_guest_memory, &last, 20)) {
        g_test_message("the last client has %s picture of %d x %d", last.screen.pixels ? "a" : "no",
                       last.screen.width, last.screen.height);
        g_test_fail();
    }
    gtk_client_detach(&last.screen);
}

/* All that was asked for has been done, in the order in which it was asked for. */
static void check_completions(struct storm *storm)
{
    const unsigned count = (unsigned)(storm->submitted + storm->gl_drawn);
    uint64_t next = 1, next_gl = STORM_GL_COOKIES;

    g_assert_true(qxl_host_wait_completions(storm->host, count));
    g_assert_cmpuint(storm->host->completions->len, ==, count);
    for (unsigned i = 0; i < count; i++) {
        uint64_t cookie = g_array_index(storm->host->completions, uint64_t, i);

        g_assert_cmpuint(cookie, ==, cookie < STORM_GL_COOKIES ? next++ : next_gl++);
    }
}

static void start(struct storm *storm, struct runner *runner, void *(*run)(void *opaque))
{
    runner->storm = storm;
    runner->seed = (guint32)g_test_rand_int();
    g_assert_cmpint(pthread_create(&runner->thread, NULL, run, runner), ==, 0);
}

static void test_storm(struct storm *storm, gconstpointer several G_GNUC_UNUSED)
{
    const char *longer = g_getenv("STRESS_SECONDS");
    const gint64 begin = g_get_monotonic_time();
    const gint64 end = begin + (longer != NULL ? atoi(longer) : 2) * G_USEC_PER_SEC;
    GRand *rand = g_rand_new_with_seed((guint32)g_test_rand_int());
    guint clock = g_timeout_add(3, tick, NULL);
    storm_call *order[STORM_MAIN_CALLS];
    unsigned made = 0;

    start_clients(storm);
    start(storm, &storm->guest, run_guest);
    for (int i = 0; i < STORM_PROCESSORS; i++)
        start(storm, &storm->processors[i], run_processor);
    while (g_get_monotonic_time() < end || made < CYCLES * STORM_MAIN_CALLS ||
           !all_were_used(storm)) {
        g_assert_cmpint(g_get_monotonic_time(), <, begin + LIMIT_SECONDS * G_USEC_PER_SEC);
        g_main_context_iteration(NULL, TRUE);
        if (made < (g_get_monotonic_time() - begin) / 8000)
            next_call(order, storm_main_calls, G_N_ELEMENTS(order), made++, rand)(storm, rand);
    }
    g_atomic_int_set(&storm->ends, true);
    pthread_mutex_unlock(&big_lock);
    pthread_join(storm->guest.thread, NULL);
    for (int i = 0; i < STORM_PROCESSORS; i++)
        pthread_join(storm->processors[i].thread, NULL);
    pthread_mutex_lock(&big_lock);
    g_test_message("%u calls of the main loop, %" G_GUINT64_FORMAT
                   " asynchronous ones, %u commands, "
                   "%" G_GUINT64_FORMAT " drawings of OpenGL",
                   made, storm->submitted, storm->host->pushed, storm->gl_drawn);
    g_test_message("%u channels with TLS, %u on the unix socket", channels.encrypted,
                   storm->handed_over);
    for (size_t i = 0; i < G_N_ELEMENTS(channels.initialized); i++) {
        if (channels.initialized[i] > 0)
            g_test_message("%u channels of type %zu", channels.initialized[i], i);
    }
    while (storm->migration != AT_HOME)
        storm_migrate_step(storm, rand);
    if (!storm->runs)
        storm_stop_or_start(storm, rand);
    end_clients(storm);
    g_source_remove(clock);
    check_after(storm, rand);
    check_completions(storm);
    g_rand_free(rand);
}

static void tear_down(struct storm *storm, gconstpointer several G_GNUC_UNUSED)
{
    storm_unplug_devices(storm);
    spice_server_vm_stop(storm->server);
    g_clear_pointer(&storm->second, qxl_host_destroy);
    qxl_host_destroy(storm->host);
    storm_close_servers(storm);
    g_assert_cmpint(channels.connected, ==, 0);
    pthread_mutex_destroy(&storm->ram);
    g_main_context_set_poll_func(NULL, NULL);
    pthread_mutex_unlock(&big_lock);
}

static void ignore(const char *domain, GLogLevelFlags level, const char *text, gpointer opaque)
{
    (void)opaque;
    if (level & G_LOG_LEVEL_WARNING && g_getenv("STRESS_VERBOSE") == NULL)
        return; /* of clients that vanish and commands that come too late */
    g_log_default_handler(domain, level, text, NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    g_log_set_default_handler(ignore, NULL);
    g_test_add("/stress/one-client-at-a-time", struct storm, NULL, set_up, test_storm, tear_down);
    g_test_add("/stress/several-clients", struct storm, GINT_TO_POINTER(1), set_up, test_storm,
               tear_down);
    return g_test_run();
}
