/*
 * The worker's thread: its beginning, its end, and what the server asks of it.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/worker.h"

#include <pthread.h>
#include <signal.h>
#include <spice/macros.h>
#include <spice/protocol.h>

#define MAX_SURFACES 1024 /* server-abi.md section 5.1 */

struct display_worker *worker_of(QXLInstance *qxl)
{
    if (qxl->st == NULL)
        g_log(WORKER_LOG_DOMAIN, G_LOG_LEVEL_WARNING,
              "display %d is not part of a server; the call is ignored", qxl->id);
    return (struct display_worker *)qxl->st;
}

static bool is_power_of_ten(unsigned n)
{
    while (n % 10 == 0 && n > 0)
        n /= 10;
    return n == 1;
}

void worker_refuse(struct display_worker *worker, const char *what, const char *why)
{
    unsigned count = GPOINTER_TO_UINT(g_hash_table_lookup(worker->refusals, why)) + 1;

    g_hash_table_insert(worker->refusals, (gpointer)why, GUINT_TO_POINTER(count));
    if (!is_power_of_ten(count))
        return;
    if (count == 1)
        g_log(WORKER_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "display %d: %s: %s", worker->qxl->id, what,
              why);
    else
        g_log(WORKER_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "display %d: %s: %s (%u times)",
              worker->qxl->id, what, why, count);
}

static void clients_changed(void *opaque)
{
    worker_update_capabilities(opaque);
}

static void has_room(void *opaque)
{
    struct display_worker *worker = opaque;

    if (worker->running)
        loop_timer_start(worker->ring_timer, 0);
}

static void gl_done(void *opaque, uint64_t cookie)
{
    struct display_worker *worker = opaque;

    if (worker->interface->async_complete != NULL)
        worker->interface->async_complete(worker->qxl, cookie);
}

static void ring_timer_expired(void *opaque)
{
    worker_service_rings(opaque);
}

static void *run(void *opaque)
{
    struct display_worker *worker = opaque;

    while (!worker->finished)
        event_loop_iterate(worker->loop, true);
    return NULL;
}

/* Signals are for the host's threads, except those that tell of our own faults. */
static void start_thread(struct display_worker *worker)
{
    sigset_t blocked, before;

    sigfillset(&blocked);
    sigdelset(&blocked, SIGILL);
    sigdelset(&blocked, SIGFPE);
    sigdelset(&blocked, SIGSEGV);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    worker->thread = g_thread_new("SPICE Worker", run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* On the worker's thread, as its last deed. */
static void finish(void *opaque)
{
    struct display_worker *worker = opaque;

    worker->running = false;
    display_gl_finish(&worker->display.gl);
    display_finish(&worker->display);
    for (uint32_t id = 0; id < worker->surfaces.count; id++) {
        struct surface *surface = surfaces_find(&worker->surfaces, id);

        if (surface != NULL)
            surface_destroy(&worker->surfaces, surface);
    }
    surfaces_finish(&worker->surfaces);
    cursor_finish(&worker->cursor);
    loop_timer_destroy(worker->ring_timer);
    worker->finished = true;
}

bool display_worker_attach(SpiceServer *server, QXLInstance *qxl)
{
    QXLInterface *interface = SPICE_CONTAINEROF(qxl->base.sif, QXLInterface, base);
    struct display_worker *worker;
    QXLDevInitInfo info = {0};
    struct memslots memslots;
    struct event_loop *loop;
    const char *wrong;

    interface->get_init_info(qxl, &info);
    wrong = memslots_init(&memslots, &info);
    if (wrong != NULL) {
        g_log(WORKER_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "display %d is refused: %s", qxl->id, wrong);
        return false;
    }
    loop = event_loop_create_own();
    if (loop == NULL) {
        memslots_finish(&memslots);
        return false;
    }

    worker = g_new0(struct display_worker, 1);
    worker->server = server;
    worker->qxl = qxl;
    worker->interface = interface;
    worker->recorder = server_recorder(server);
    worker->memslots = memslots;
    worker->releases.qxl = qxl;
    worker->max_heads =
        server_has_features(server, SPICE_SERVER_FEATURE_MULTIMONITOR) ? PARSE_MAX_HEADS : 1;
    worker->refusals = g_hash_table_new(NULL, NULL);
    worker->command_ring.get = interface->get_command;
    worker->command_ring.request_notification = interface->req_cmd_notification;
    worker->cursor_ring.get = interface->get_cursor_command;
    worker->cursor_ring.request_notification = interface->req_cursor_notification;
    worker->loop = loop;
    worker->ring_timer = loop_timer_create(worker->loop, ring_timer_expired, worker);
    surfaces_init(&worker->surfaces, CLAMP(info.n_surfaces, 1, MAX_SURFACES));
    display_init(&worker->display, server, qxl->id, worker->loop, &worker->surfaces,
                 clients_changed, has_room, worker);
    display_gl_init(&worker->display.gl, &worker->display, gl_done, worker);
    cursor_init(&worker->cursor, server, qxl->id, worker->loop);
    start_thread(worker);

    qxl->st = (QXLState *)worker;
    server_add_channel(server, &worker->display.channel);
    server_add_channel(server, &worker->cursor.channel);
    /* Old hosts expect a worker as second argument and pass it back; the instance serves. */
    if (interface->attache_worker != NULL)
        interface->attache_worker(qxl, (QXLWorker *)qxl);
    display_worker_settings_changed(qxl);
    return true;
}

SpiceServer *display_worker_server(QXLInstance *qxl)
{
    return worker_of(qxl)->server;
}

void display_worker_detach(QXLInstance *qxl)
{
    struct display_worker *worker = worker_of(qxl);

    if (worker == NULL)
        return;
    server_remove_channel(worker->server, &worker->display.channel);
    server_remove_channel(worker->server, &worker->cursor.channel);
    event_loop_call(worker->loop, finish, worker);
    g_thread_join(worker->thread);
    qxl->st = NULL;
    event_loop_destroy(worker->loop);
    memslots_finish(&worker->memslots);
    g_hash_table_destroy(worker->refusals);
    g_free(worker);
}

static void start(void *opaque)
{
    worker_start(opaque);
}

static void stop(void *opaque)
{
    worker_stop(opaque);
}

void display_worker_start(QXLInstance *qxl)
{
    struct display_worker *worker = worker_of(qxl);

    if (worker != NULL)
        event_loop_post(worker->loop, start, worker);
}

void display_worker_stop(QXLInstance *qxl)
{
    struct display_worker *worker = worker_of(qxl);

    if (worker != NULL)
        event_loop_call(worker->loop, stop, worker);
}

void display_worker_settings_changed(QXLInstance *qxl)
{
    const QXLInterface *interface = SPICE_CONTAINEROF(qxl->base.sif, QXLInterface, base);
    SpiceServer *server = display_worker_server(qxl);

    /* Clients that come from now on start with the new compression; the guest is told whether it
     * may send pictures that it has compressed itself. */
    if (interface->set_compression_level != NULL)
        interface->set_compression_level(
            qxl, server_streaming_video(server) == SPICE_STREAM_VIDEO_OFF &&
                     server_image_compression(server) == SPICE_IMAGE_COMPRESSION_QUIC);
}

static void enter_client_mode(void *opaque)
{
    struct display_worker *worker = opaque;

    cursor_set_mouse_mode(&worker->cursor, true);
}

static void enter_server_mode(void *opaque)
{
    struct display_worker *worker = opaque;

    cursor_set_mouse_mode(&worker->cursor, false);
}

void display_worker_set_mouse_mode(QXLInstance *qxl, bool client_mode)
{
    struct display_worker *worker = worker_of(qxl);

    if (worker != NULL)
        event_loop_post(worker->loop, client_mode ? enter_client_mode : enter_server_mode, worker);
}
