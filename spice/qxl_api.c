/*
 * The spice_qxl_* functions: every one is a request to the instance's worker, made in order, either
 * waited for or answered with async_complete (server-abi.md section 1.7.5).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/worker.h"

#include <string.h>

struct request {
    struct display_worker *worker;
    void (*fn)(struct request *request);
    bool is_async; /* COOKIE is to be completed */
    uint64_t cookie;
    union {
        uint32_t surface_id;
        QXLDevMemSlot memslot;
        struct {
            uint32_t group, id;
        } del_memslot;
        struct {
            uint32_t surface_id;
            QXLDevSurfaceCreate surface;
        } create;
        struct {
            uint32_t surface_id;
            bool clear;
            QXLRect *dirty; /* not for async requests */
            uint32_t num_dirty;
        } update;
        struct {
            QXLPHYSICAL address;
            uint32_t group;
        } monitors;
        struct {
            QXLCommandExt *commands;
            uint32_t count;
        } loadvm;
        unsigned max_heads;
    };
};

static void run_call(void *opaque)
{
    struct request *request = opaque;

    request->fn(request);
}

static void run_posted(void *opaque)
{
    struct request *request = opaque;
    struct display_worker *worker = request->worker;

    request->fn(request);
    if (request->is_async && worker->interface->async_complete != NULL)
        worker->interface->async_complete(worker->qxl, request->cookie);
    g_free(request);
}

/* Waits until FN has been done. */
static void call(QXLInstance *qxl, void (*fn)(struct request *request), struct request *request)
{
    request->worker = worker_of(qxl);
    request->fn = fn;
    if (request->worker != NULL)
        event_loop_call(request->worker->loop, run_call, request);
}

/* Returns at once; REQUEST is copied. */
static void post(QXLInstance *qxl, void (*fn)(struct request *request),
                 const struct request *request)
{
    struct display_worker *worker = worker_of(qxl);
    struct request *copy;

    if (worker == NULL)
        return;
    copy = g_memdup2(request, sizeof(*request));
    copy->worker = worker;
    copy->fn = fn;
    event_loop_post(worker->loop, run_posted, copy);
}

/* The same, and COOKIE is completed afterwards. */
static void post_async(QXLInstance *qxl, void (*fn)(struct request *request),
                       struct request *request, uint64_t cookie)
{
    request->is_async = true;
    request->cookie = cookie;
    post(qxl, fn, request);
}

/* ---- Rings ---- */

static void wakeup(void *opaque)
{
    struct display_worker *worker = opaque;

    worker_let_commands_gather(worker);
    g_atomic_int_set(&worker->wakeup_pending, 0);
    worker_service_rings(worker);
}

void spice_qxl_wakeup(QXLInstance *qxl)
{
    struct display_worker *worker = worker_of(qxl);

    if (worker != NULL && g_atomic_int_compare_and_exchange(&worker->wakeup_pending, 0, 1))
        event_loop_post(worker->loop, wakeup, worker);
}

static void out_of_memory(void *opaque)
{
    struct display_worker *worker = opaque;

    worker_out_of_memory(worker);
    g_atomic_int_set(&worker->oom_pending, 0);
}

void spice_qxl_oom(QXLInstance *qxl)
{
    struct display_worker *worker = worker_of(qxl);

    if (worker != NULL && g_atomic_int_compare_and_exchange(&worker->oom_pending, 0, 1))
        event_loop_post(worker->loop, out_of_memory, worker);
}

void spice_qxl_start(QXLInstance *qxl)
{
    display_worker_start(qxl);
}

void spice_qxl_stop(QXLInstance *qxl)
{
    display_worker_stop(qxl);
}

static void loadvm(struct request *request)
{
    for (uint32_t i = 0; i < request->loadvm.count; i++)
        worker_execute_saved(request->worker, &request->loadvm.commands[i]);
    worker_wake_clients(request->worker);
}

void spice_qxl_loadvm_commands(QXLInstance *qxl, QXLCommandExt *commands, uint32_t count)
{
    call(qxl, loadvm, &(struct request){.loadvm = {.commands = commands, .count = count}});
}

/* ---- Memory slots ---- */

static void add_memslot(struct request *request)
{
    const char *wrong = memslots_add(&request->worker->memslots, &request->memslot);

    if (wrong != NULL)
        worker_refuse(request->worker, "a memory slot was not added", wrong);
}

void spice_qxl_add_memslot(QXLInstance *qxl, QXLDevMemSlot *slot)
{
    call(qxl, add_memslot, &(struct request){.memslot = *slot});
}

void spice_qxl_add_memslot_async(QXLInstance *qxl, QXLDevMemSlot *slot, uint64_t cookie)
{
    post_async(qxl, add_memslot, &(struct request){.memslot = *slot}, cookie);
}

/* What clients have not been sent may lie in the slot's memory. */
static void del_memslot(struct request *request)
{
    const char *wrong;

    worker_release_commands(request->worker);
    wrong = memslots_remove(&request->worker->memslots, request->del_memslot.group,
                            request->del_memslot.id);
    if (wrong != NULL)
        worker_refuse(request->worker, "a memory slot was not removed", wrong);
}

void spice_qxl_del_memslot(QXLInstance *qxl, uint32_t group, uint32_t id)
{
    post(qxl, del_memslot, &(struct request){.del_memslot = {.group = group, .id = id}});
}

static void reset_memslots(struct request *request)
{
    worker_release_commands(request->worker);
    memslots_clear(&request->worker->memslots);
}

void spice_qxl_reset_memslots(QXLInstance *qxl)
{
    post(qxl, reset_memslots, &(struct request){0});
}

/* ---- Surfaces ---- */

static void create_primary(struct request *request)
{
    worker_create_primary(request->worker, request->create.surface_id, &request->create.surface);
}

void spice_qxl_create_primary_surface(QXLInstance *qxl, uint32_t surface_id,
                                      QXLDevSurfaceCreate *surface)
{
    call(qxl, create_primary,
         &(struct request){.create = {.surface_id = surface_id, .surface = *surface}});
}

void spice_qxl_create_primary_surface_async(QXLInstance *qxl, uint32_t surface_id,
                                            QXLDevSurfaceCreate *surface, uint64_t cookie)
{
    post_async(qxl, create_primary,
               &(struct request){.create = {.surface_id = surface_id, .surface = *surface}},
               cookie);
}

static void destroy_primary(struct request *request)
{
    worker_destroy_primary(request->worker, request->surface_id);
}

void spice_qxl_destroy_primary_surface(QXLInstance *qxl, uint32_t surface_id)
{
    call(qxl, destroy_primary, &(struct request){.surface_id = surface_id});
}

void spice_qxl_destroy_primary_surface_async(QXLInstance *qxl, uint32_t surface_id, uint64_t cookie)
{
    post_async(qxl, destroy_primary, &(struct request){.surface_id = surface_id}, cookie);
}

static void settle_surface(struct request *request)
{
    worker_settle_surface(request->worker, request->surface_id);
}

void spice_qxl_destroy_surface_wait(QXLInstance *qxl, uint32_t surface_id)
{
    call(qxl, settle_surface, &(struct request){.surface_id = surface_id});
}

void spice_qxl_destroy_surface_async(QXLInstance *qxl, uint32_t surface_id, uint64_t cookie)
{
    post_async(qxl, settle_surface, &(struct request){.surface_id = surface_id}, cookie);
}

static void destroy_surfaces(struct request *request)
{
    worker_destroy_surfaces(request->worker);
}

void spice_qxl_destroy_surfaces(QXLInstance *qxl)
{
    call(qxl, destroy_surfaces, &(struct request){0});
}

void spice_qxl_destroy_surfaces_async(QXLInstance *qxl, uint64_t cookie)
{
    post_async(qxl, destroy_surfaces, &(struct request){0}, cookie);
}

static void flush_surfaces(struct request *request)
{
    worker_flush_surfaces(request->worker);
}

void spice_qxl_flush_surfaces_async(QXLInstance *qxl, uint64_t cookie)
{
    post_async(qxl, flush_surfaces, &(struct request){0}, cookie);
}

/* If there are more rectangles than places, the last one covers the rest: none must get lost. */
static void fill_dirty(QXLRect *dirty, uint32_t places, const QXLRect *rects, uint32_t count)
{
    uint32_t filled = MIN(places, count);

    if (filled > 0)
        memcpy(dirty, rects, filled * sizeof(*dirty));
    memset(dirty + filled, 0, (places - filled) * sizeof(*dirty));
    for (uint32_t i = filled; i < count; i++) {
        QXLRect *last = &dirty[places - 1];

        last->top = MIN(last->top, rects[i].top);
        last->left = MIN(last->left, rects[i].left);
        last->bottom = MAX(last->bottom, rects[i].bottom);
        last->right = MAX(last->right, rects[i].right);
    }
}

static void update_area(struct request *request)
{
    QXLRect *rects;
    unsigned count;

    worker_update_area(request->worker, request->update.surface_id, request->update.clear, &rects,
                       &count);
    if (request->update.num_dirty > 0 && request->update.dirty != NULL)
        fill_dirty(request->update.dirty, request->update.num_dirty, rects, count);
    g_free(rects);
}

void spice_qxl_update_area(QXLInstance *qxl, uint32_t surface_id, QXLRect *area, QXLRect *dirty,
                           uint32_t num_dirty, uint32_t clear_dirty)
{
    (void)area; /* everything is always drawn */
    call(qxl, update_area,
         &(struct request){.update = {.surface_id = surface_id,
                                      .clear = clear_dirty != 0,
                                      .dirty = dirty,
                                      .num_dirty = num_dirty}});
}

static void update_area_async(struct request *request)
{
    struct display_worker *worker = request->worker;
    QXLRect *rects;
    unsigned count;

    worker_update_area(worker, request->update.surface_id, request->update.clear, &rects, &count);
    if (worker->interface->update_area_complete != NULL)
        worker->interface->update_area_complete(worker->qxl, request->update.surface_id, rects,
                                                count);
    g_free(rects);
}

void spice_qxl_update_area_async(QXLInstance *qxl, uint32_t surface_id, QXLRect *area,
                                 uint32_t clear_dirty, uint64_t cookie)
{
    (void)area;
    post_async(qxl, update_area_async,
               &(struct request){.update = {.surface_id = surface_id, .clear = clear_dirty != 0}},
               cookie);
}

/* ---- Cursor and caches ---- */

static void reset_cursor(struct request *request)
{
    cursor_reset(&request->worker->cursor);
}

void spice_qxl_reset_cursor(QXLInstance *qxl)
{
    call(qxl, reset_cursor, &(struct request){0});
}

static void reset_image_cache(struct request *request)
{
    (void)request; /* no decoded images are kept */
}

void spice_qxl_reset_image_cache(QXLInstance *qxl)
{
    call(qxl, reset_image_cache, &(struct request){0});
}

/* ---- Monitors ---- */

static void set_monitors(struct request *request)
{
    worker_set_monitors(request->worker, request->monitors.address, request->monitors.group);
}

void spice_qxl_monitors_config_async(QXLInstance *qxl, QXLPHYSICAL monitors_config, int group_id,
                                     uint64_t cookie)
{
    post_async(qxl, set_monitors,
               &(struct request){.monitors = {.address = monitors_config, .group = group_id}},
               cookie);
}

static void driver_unload(struct request *request)
{
    request->worker->driver_sends_monitors = false;
}

void spice_qxl_driver_unload(QXLInstance *qxl)
{
    post(qxl, driver_unload, &(struct request){0});
}

static void set_max_heads(struct request *request)
{
    if (server_has_features(request->worker->server, SPICE_SERVER_FEATURE_MULTIMONITOR))
        request->worker->max_heads = request->max_heads;
}

void spice_qxl_set_max_monitors(QXLInstance *qxl, unsigned int max_monitors)
{
    post(qxl, set_max_heads, &(struct request){.max_heads = MAX(max_monitors, 1)});
}

void spice_qxl_set_device_info(QXLInstance *qxl, const char *device_address,
                               uint32_t device_display_id_start, uint32_t device_display_id_count)
{
    struct display_worker *worker = worker_of(qxl);

    if (worker == NULL)
        return;
    if (device_address == NULL || strlen(device_address) >= 256) {
        g_log(WORKER_LOG_DOMAIN, G_LOG_LEVEL_WARNING,
              "display %d: the device address is missing or has 256 bytes or more; ignored",
              qxl->id);
        return;
    }
    server_set_device_info(worker->server, qxl->id, device_address, device_display_id_start,
                           CLAMP(device_display_id_count, 1, PARSE_MAX_HEADS));
    /* QEMU says 0 when it knows no limit. */
    if (device_display_id_count > 0)
        spice_qxl_set_max_monitors(qxl, device_display_id_count);
}
