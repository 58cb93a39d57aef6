/*
 * What it costs a SPICE server to draw a recorded session, without any client.
 *
 *     render_trace LIBRARY TRACE.rec [EVERY]
 *
 * Plays TRACE, an unpacked recording, to the libspice-server.so.1 in the file LIBRARY and prints
 * the processor seconds of its worker's thread and the number of commands. In the end all surfaces
 * are asked for (UPDATE_AREA), with EVERY also the primary one after each so many commands. The
 * worker is woken for hundreds of commands at a time, so that sleeping and waking, which depend on
 * the guest's speed, are not in it; nor are reading the recording and freeing its commands.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/core_loop.h"
#include "tests/support/server_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCH    500
#define TICK_US  4000
#define SURFACES 1024

struct replay_functions {
    SpiceReplay *(*create)(FILE *file, int surfaces);
    QXLCommandExt *(*next)(SpiceReplay *replay, QXLInstance *qxl);
    void (*free_command)(SpiceReplay *replay, QXLCommandExt *command);
    void (*destroy)(SpiceReplay *replay);
};

static struct {
    QXLInstance qxl;
    struct server_library library;
    struct replay_functions replay;
    SpiceReplay *player;

    pthread_mutex_t lock;
    pthread_cond_t taken;
    GQueue commands[2]; /* drawing and cursor; of QXLCommandExt, the player's */
    GPtrArray *released;
    pthread_t worker;
    bool worker_known;
    bool ended;

    QXLRect surfaces[SURFACES]; /* right 0: there is none */
} host;

static void get_init_info(QXLInstance *qxl, QXLDevInitInfo *info)
{
    (void)qxl;
    *info = (QXLDevInitInfo){.num_memslots_groups = 1,
                             .num_memslots = 1,
                             .memslot_gen_bits = 8,
                             .memslot_id_bits = 8,
                             .n_surfaces = SURFACES};
}

static bool all_taken(void)
{
    return g_queue_is_empty(&host.commands[0]) && g_queue_is_empty(&host.commands[1]);
}

static int take(unsigned queue, QXLCommandExt *out)
{
    pthread_mutex_lock(&host.lock);
    if (!host.worker_known) {
        host.worker = pthread_self();
        host.worker_known = true;
    }
    QXLCommandExt *command = g_queue_pop_head(&host.commands[queue]);
    if (all_taken())
        pthread_cond_signal(&host.taken);
    pthread_mutex_unlock(&host.lock);
    if (command == NULL)
        return 0;
    *out = *command;
    return 1;
}

static int get_command(QXLInstance *qxl, QXLCommandExt *out)
{
    (void)qxl;
    return take(0, out);
}

static int get_cursor_command(QXLInstance *qxl, QXLCommandExt *out)
{
    (void)qxl;
    return take(1, out);
}

static int yes(QXLInstance *qxl)
{
    (void)qxl;
    return 1;
}

static int no(QXLInstance *qxl)
{
    (void)qxl;
    return 0;
}

static void release_resource(QXLInstance *qxl, QXLReleaseInfoExt released)
{
    (void)qxl;
    pthread_mutex_lock(&host.lock);
    g_ptr_array_add(host.released, (void *)(uintptr_t)released.info->id);
    pthread_mutex_unlock(&host.lock);
}

static void ignore_level(QXLInstance *qxl, int level)
{
    (void)qxl;
    (void)level;
}

static void ignore_cookie(QXLInstance *qxl, uint64_t cookie)
{
    (void)qxl;
    (void)cookie;
}

static void ignore_number(QXLInstance *qxl, uint32_t number)
{
    (void)qxl;
    (void)number;
}

static void ignore_update(QXLInstance *qxl, uint32_t surface, struct QXLRect *rects, uint32_t count)
{
    (void)qxl;
    (void)surface;
    (void)rects;
    (void)count;
}

static void ignore(QXLInstance *qxl)
{
    (void)qxl;
}

static const QXLInterface interface = {
    .base = {.type = SPICE_INTERFACE_QXL,
             .description = "recording",
             .major_version = SPICE_INTERFACE_QXL_MAJOR,
             .minor_version = SPICE_INTERFACE_QXL_MINOR},
    .attached_worker = ignore,
    .set_compression_level = ignore_level,
    .get_init_info = get_init_info,
    .get_command = get_command,
    .req_cmd_notification = yes,
    .release_resource = release_resource,
    .get_cursor_command = get_cursor_command,
    .req_cursor_notification = yes,
    .notify_update = ignore_number,
    .flush_resources = no,
    .async_complete = ignore_cookie,
    .update_area_complete = ignore_update,
};

static void *find(const char *name)
{
    void *found = dlsym(host.library.handle, name);

    if (found == NULL)
        g_error("the library has no %s", name);
    return found;
}

static void free_released(void)
{
    pthread_mutex_lock(&host.lock);
    GPtrArray *released = host.released;
    host.released = g_ptr_array_new();
    pthread_mutex_unlock(&host.lock);
    for (unsigned i = 0; i < released->len; i++)
        host.replay.free_command(host.player, released->pdata[i]);
    g_ptr_array_unref(released);
}

/* Everything that was pushed is taken. */
static void drain(void)
{
    host.library.spice_qxl_wakeup(&host.qxl);
    pthread_mutex_lock(&host.lock);
    while (!all_taken())
        pthread_cond_wait(&host.taken, &host.lock);
    pthread_mutex_unlock(&host.lock);
}

/* The player may wait in the midst of a command until a surface's destruction was released. */
static void *tick(void *opaque)
{
    (void)opaque;
    pthread_mutex_lock(&host.lock);
    while (!host.ended) {
        bool wake = !all_taken();

        pthread_mutex_unlock(&host.lock);
        if (wake)
            host.library.spice_qxl_wakeup(&host.qxl);
        free_released();
        g_usleep(TICK_US);
        pthread_mutex_lock(&host.lock);
    }
    pthread_mutex_unlock(&host.lock);
    return NULL;
}

static void note_surface(const QXLSurfaceCmd *surface)
{
    if (surface->surface_id >= SURFACES)
        return;
    host.surfaces[surface->surface_id] = (QXLRect){0};
    if (surface->type == QXL_SURFACE_CMD_CREATE)
        host.surfaces[surface->surface_id] = (QXLRect){.right = surface->u.surface_create.width,
                                                       .bottom = surface->u.surface_create.height};
}

static void update(uint32_t id, QXLRect area)
{
    drain();
    host.library.spice_qxl_update_area(&host.qxl, id, &area, NULL, 0, 0);
}

/* All of the primary surface, whose size only the recording knows: as much as there is. */
static void update_primary(void)
{
    update(0, (QXLRect){.right = 1 << 14, .bottom = 1 << 14});
}

static unsigned play(unsigned every)
{
    unsigned count = 0;
    QXLCommandExt *command;

    while ((command = host.replay.next(host.player, &host.qxl)) != NULL) {
        unsigned queue = command->cmd.type == QXL_CMD_CURSOR;

        if (command->cmd.type == QXL_CMD_SURFACE)
            note_surface((const QXLSurfaceCmd *)(uintptr_t)command->cmd.data);
        pthread_mutex_lock(&host.lock);
        g_queue_push_tail(&host.commands[queue], command);
        pthread_mutex_unlock(&host.lock);
        if (++count % BATCH == 0)
            drain();
        if (every != 0 && count % every == 0)
            update_primary();
    }
    update_primary();
    for (uint32_t id = 1; id < SURFACES; id++) {
        if (host.surfaces[id].right != 0)
            update(id, host.surfaces[id]);
    }
    return count;
}

static double worker_seconds(void)
{
    clockid_t clock;
    struct timespec time;

    if (!host.worker_known || pthread_getcpuclockid(host.worker, &clock) != 0 ||
        clock_gettime(clock, &time) != 0)
        return 0;
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static QXLDevMemSlot everything = {.virt_end = UINTPTR_MAX};
    SpiceServer *server;
    FILE *file;
    pthread_t ticker;
    unsigned count;

    if (argc < 3 || argc > 4 || (file = fopen(argv[2], "r")) == NULL) {
        fprintf(stderr, "usage: %s LIBRARY TRACE.rec [EVERY]\n", argv[0]);
        return 2;
    }
    if (!server_library_open(&host.library, argv[1]))
        return 1;
    host.replay =
        (struct replay_functions){find("spice_replay_new"), find("spice_replay_next_cmd"),
                                  find("spice_replay_free_cmd"), find("spice_replay_free")};
    pthread_mutex_init(&host.lock, NULL);
    pthread_cond_init(&host.taken, NULL);
    host.released = g_ptr_array_new();
    host.qxl.base.sif = &interface.base;

    server = host.library.spice_server_new();
    host.library.spice_server_set_noauth(server);
    if (host.library.spice_server_init(server, core_loop_interface()) != 0 ||
        host.library.spice_server_add_interface(server, &host.qxl.base) != 0) {
        fprintf(stderr, "%s: the server does not start\n", argv[1]);
        return 1;
    }
    host.library.spice_qxl_add_memslot(&host.qxl, &everything);
    host.library.spice_server_vm_start(server);
    host.player = host.replay.create(file, SURFACES);
    if (pthread_create(&ticker, NULL, tick, NULL) != 0)
        return 1;
    count = play(argc == 4 ? atoi(argv[3]) : 0);
    printf("%.4f %u\n", worker_seconds(), count);
    pthread_mutex_lock(&host.lock);
    host.ended = true;
    pthread_mutex_unlock(&host.lock);
    pthread_join(ticker, NULL);

    host.library.spice_qxl_destroy_surfaces(&host.qxl);
    host.library.spice_server_vm_stop(server);
    host.library.spice_server_remove_interface(&host.qxl.base);
    free_released();
    host.library.spice_server_destroy(server);
    host.replay.destroy(host.player);
    return 0;
}
