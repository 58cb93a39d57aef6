/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/replay_host.h"

#include "cli/options.h"

#include <pthread.h>
#include <spice/macros.h>
#include <stdlib.h>

#define MAX_PENDING 256 /* commands */

/* A queue of commands as the server sees a ring. */
struct feed {
    GQueue commands; /* of QXLCommandExt */
    bool asleep;     /* the server wants a wakeup */
};

/*
 * The primary surface lies where only the replay library knows. So it is copied, by a command, to a
 * surface of ours.
 */
struct picture {
    QXLSurfaceCmd create, destroy;
    QXLDrawable copy;
    QXLImage image;
    struct canvas *canvas;
    uint8_t *pixels;
};

struct replay_host {
    QXLInstance qxl; /* base.sif is the interface; the first member */
    SpiceServer *server;
    void (*release)(void *opaque, uint64_t id);
    void *opaque;
    GPtrArray *pictures;             /* the server may hold their commands until the end */
    bool used[REPLAY_HOST_SURFACES]; /* by id: the recording's surfaces; the pushing thread's */

    pthread_mutex_t lock;
    pthread_cond_t taken;
    struct feed draws, cursors;
    bool abandoned;
};

static struct replay_host *host_of(QXLInstance *qxl)
{
    return SPICE_CONTAINEROF(qxl, struct replay_host, qxl);
}

static void get_init_info(QXLInstance *qxl, QXLDevInitInfo *info)
{
    (void)qxl;
    *info = (QXLDevInitInfo){
        .num_memslots_groups = 1,
        .num_memslots = 1,
        .memslot_gen_bits = 8,
        .memslot_id_bits = 8,
        .n_surfaces = REPLAY_HOST_SURFACES,
    };
}

static int take(struct replay_host *host, struct feed *feed, QXLCommandExt *out)
{
    pthread_mutex_lock(&host->lock);
    QXLCommandExt *command = g_queue_pop_head(&feed->commands);
    if (command)
        pthread_cond_signal(&host->taken);
    pthread_mutex_unlock(&host->lock);
    if (!command)
        return 0;
    *out = *command;
    g_free(command);
    return 1;
}

static int sleep_on(struct replay_host *host, struct feed *feed)
{
    pthread_mutex_lock(&host->lock);
    bool empty = feed->asleep = g_queue_is_empty(&feed->commands);
    pthread_mutex_unlock(&host->lock);
    return empty;
}

static int get_command(QXLInstance *qxl, QXLCommandExt *out)
{
    return take(host_of(qxl), &host_of(qxl)->draws, out);
}

static int req_cmd_notification(QXLInstance *qxl)
{
    return sleep_on(host_of(qxl), &host_of(qxl)->draws);
}

static int get_cursor_command(QXLInstance *qxl, QXLCommandExt *out)
{
    return take(host_of(qxl), &host_of(qxl)->cursors, out);
}

static int req_cursor_notification(QXLInstance *qxl)
{
    return sleep_on(host_of(qxl), &host_of(qxl)->cursors);
}

static void release_resource(QXLInstance *qxl, QXLReleaseInfoExt released)
{
    struct replay_host *host = host_of(qxl);

    if (released.info && released.info->id)
        host->release(host->opaque, released.info->id);
}

static void attached_worker(QXLInstance *qxl)
{
    (void)qxl;
}

static void set_compression_level(QXLInstance *qxl, int level)
{
    (void)qxl;
    (void)level;
}

static void notify_update(QXLInstance *qxl, uint32_t update_id)
{
    (void)qxl;
    (void)update_id;
}

static int flush_resources(QXLInstance *qxl)
{
    (void)qxl;
    return 0;
}

static void async_complete(QXLInstance *qxl, uint64_t cookie)
{
    (void)qxl;
    (void)cookie;
}

static void update_area_complete(QXLInstance *qxl, uint32_t surface_id, QXLRect *rects,
                                 uint32_t count)
{
    (void)qxl;
    (void)surface_id;
    (void)rects;
    (void)count;
}

static void set_client_capabilities(QXLInstance *qxl, uint8_t present,
                                    uint8_t caps[SPICE_CAPABILITIES_SIZE])
{
    (void)qxl;
    (void)present;
    (void)caps;
}

static int client_monitors_config(QXLInstance *qxl, VDAgentMonitorsConfig *config)
{
    (void)qxl;
    (void)config;
    return 0; /* a recording does not change its size */
}

static const QXLInterface interface = {
    .base = {SPICE_INTERFACE_QXL, "replay", SPICE_INTERFACE_QXL_MAJOR, SPICE_INTERFACE_QXL_MINOR},
    .attached_worker = attached_worker,
    .set_compression_level = set_compression_level,
    .get_init_info = get_init_info,
    .get_command = get_command,
    .req_cmd_notification = req_cmd_notification,
    .release_resource = release_resource,
    .get_cursor_command = get_cursor_command,
    .req_cursor_notification = req_cursor_notification,
    .notify_update = notify_update,
    .flush_resources = flush_resources,
    .async_complete = async_complete,
    .update_area_complete = update_area_complete,
    .set_client_capabilities = set_client_capabilities,
    .client_monitors_config = client_monitors_config,
};

static void picture_free(void *data)
{
    struct picture *picture = data;

    canvas_destroy(picture->canvas);
    g_free(picture->pixels);
    g_free(picture);
}

struct replay_host *replay_host_create(SpiceServer *server,
                                       void (*release)(void *opaque, uint64_t id), void *opaque,
                                       GError **error)
{
    struct replay_host *host = g_new0(struct replay_host, 1);
    QXLDevMemSlot everything = {.virt_start = 0, .virt_end = UINTPTR_MAX};

    host->qxl.base.sif = &interface.base;
    host->server = server;
    host->release = release;
    host->opaque = opaque;
    host->pictures = g_ptr_array_new_with_free_func(picture_free);
    pthread_mutex_init(&host->lock, NULL);
    pthread_cond_init(&host->taken, NULL);
    if (spice_server_add_interface(server, &host->qxl.base)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED, "the SPICE server takes no display");
        host->server = NULL;
        replay_host_destroy(host);
        return NULL;
    }
    spice_qxl_add_memslot(&host->qxl, &everything);
    spice_server_vm_start(server);
    return host;
}

void replay_host_destroy(struct replay_host *host)
{
    if (!host)
        return;
    if (host->server) {
        spice_server_vm_stop(host->server);
        spice_server_remove_interface(&host->qxl.base);
    }
    g_ptr_array_unref(host->pictures);
    g_queue_clear_full(&host->draws.commands, g_free);
    g_queue_clear_full(&host->cursors.commands, g_free);
    pthread_cond_destroy(&host->taken);
    pthread_mutex_destroy(&host->lock);
    g_free(host);
}

QXLInstance *replay_host_instance(struct replay_host *host)
{
    return &host->qxl;
}

static void note_surface(struct replay_host *host, const QXLCommandExt *command)
{
    const QXLSurfaceCmd *surface = (const QXLSurfaceCmd *)(uintptr_t)command->cmd.data;

    if (command->cmd.type == QXL_CMD_SURFACE && surface->surface_id < REPLAY_HOST_SURFACES)
        host->used[surface->surface_id] = surface->type == QXL_SURFACE_CMD_CREATE;
}

/* An id for a surface of ours, 0 if all are taken. */
static uint32_t free_surface(const struct replay_host *host)
{
    uint32_t id = REPLAY_HOST_SURFACES - 1;

    while (id && host->used[id])
        id--;
    return id;
}

void replay_host_push(struct replay_host *host, const QXLCommandExt *command)
{
    struct feed *feed = command->cmd.type == QXL_CMD_CURSOR ? &host->cursors : &host->draws;
    uint64_t id = ((QXLReleaseInfo *)(uintptr_t)command->cmd.data)->id;
    bool wake = false;

    note_surface(host, command);
    pthread_mutex_lock(&host->lock);
    while (!host->abandoned && feed->commands.length >= MAX_PENDING) {
        /* It may be about to look again some milliseconds later. */
        spice_qxl_wakeup(&host->qxl);
        pthread_cond_wait(&host->taken, &host->lock);
    }
    if (!host->abandoned) {
        g_queue_push_tail(&feed->commands, g_memdup2(command, sizeof(*command)));
        wake = feed->asleep;
        feed->asleep = false;
    }
    bool dropped = host->abandoned;
    pthread_mutex_unlock(&host->lock);
    if (wake)
        spice_qxl_wakeup(&host->qxl);
    if (dropped && id)
        host->release(host->opaque, id);
}

void replay_host_abandon(struct replay_host *host)
{
    pthread_mutex_lock(&host->lock);
    host->abandoned = true;
    pthread_cond_broadcast(&host->taken);
    pthread_mutex_unlock(&host->lock);
}

static void push_own(struct replay_host *host, uint32_t type, const void *structure)
{
    replay_host_push(host, &(QXLCommandExt){.cmd = {.data = (uintptr_t)structure, .type = type}});
}

struct canvas *replay_host_picture(struct replay_host *host, uint32_t width, uint32_t height,
                                   uint32_t format)
{
    unsigned bits = surface_format_bits(format);
    uint64_t stride = ((uint64_t)width * bits + 31) / 32 * 4;
    QXLRect all = {.right = (int32_t)width, .bottom = (int32_t)height};
    uint32_t id = free_surface(host);

    if (!id || !bits || !width || !height || stride * height > INT32_MAX)
        return NULL;
    struct picture *picture = g_new0(struct picture, 1);
    g_ptr_array_add(host->pictures, picture);
    picture->pixels = g_malloc0(stride * height);
    picture->canvas = canvas_create((int)width, (int)height, (int)stride, format, picture->pixels);
    picture->create = (QXLSurfaceCmd){
        .surface_id = id,
        .type = QXL_SURFACE_CMD_CREATE,
        .u.surface_create = {.format = format,
                             .width = width,
                             .height = height,
                             .stride = (int32_t)stride,
                             .data = (uintptr_t)picture->pixels},
    };
    picture->destroy = (QXLSurfaceCmd){.surface_id = id, .type = QXL_SURFACE_CMD_DESTROY};
    picture->image.descriptor =
        (QXLImageDescriptor){.type = SPICE_IMAGE_TYPE_SURFACE, .width = width, .height = height};
    picture->copy = (QXLDrawable){
        .surface_id = id,
        .effect = QXL_EFFECT_OPAQUE,
        .type = QXL_DRAW_COPY,
        .bbox = all,
        .clip = {.type = SPICE_CLIP_TYPE_NONE},
        .surfaces_dest = {0, -1, -1},
        .surfaces_rects = {all},
        .u.copy = {.src_bitmap = (uintptr_t)&picture->image,
                   .src_area = all,
                   .rop_descriptor = SPICE_ROPD_OP_PUT},
    };
    push_own(host, QXL_CMD_SURFACE, &picture->create);
    push_own(host, QXL_CMD_DRAW, &picture->copy);
    spice_qxl_update_area(&host->qxl, id, &all, NULL, 0, 0);
    push_own(host, QXL_CMD_SURFACE, &picture->destroy);
    return picture->canvas;
}
