/*
 * What the host asks of a worker (server-abi.md sections 4.5 to 4.8), on the worker's thread.
 *
 * Everything is drawn when it is fetched, or when it is asked for, and no client is ever waited
 * for, so none of this blocks.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/mouse_mode.h"
#include "spice/worker.h"

#include <spice/protocol.h>
#include <string.h>

void worker_wake_clients(struct display_worker *worker)
{
    cursor_wake(&worker->cursor);
    display_wake(&worker->display);
}

void worker_update_capabilities(struct display_worker *worker)
{
    const QXLInterface *interface = worker->interface;
    const uint32_t passed_on =
        1u << SPICE_DISPLAY_CAP_SIZED_STREAM | 1u << SPICE_DISPLAY_CAP_MONITORS_CONFIG |
        1u << SPICE_DISPLAY_CAP_COMPOSITE | 1u << SPICE_DISPLAY_CAP_A8_SURFACE;
    uint8_t bytes[SPICE_CAPABILITIES_SIZE] = {0};
    uint32_t capabilities;
    unsigned clients;

    if (!worker->running || interface->base.minor_version < 2 ||
        interface->set_client_capabilities == NULL)
        return;
    clients = display_clients(&worker->display, &capabilities);
    bytes[0] = capabilities & passed_on;
    interface->set_client_capabilities(worker->qxl, clients > 0, bytes);
}

void worker_start(struct display_worker *worker)
{
    if (worker->running)
        return;
    worker->running = true;
    worker->command_ring.armed = worker->cursor_ring.armed = false;
    cursor_machine_runs(&worker->cursor);
    display_machine_runs(&worker->display);
    worker_update_capabilities(worker);
    loop_timer_start(worker->ring_timer, 0);
}

void worker_stop(struct display_worker *worker)
{
    worker->running = worker->cursor.machine_runs = false;
    display_machine_stops(&worker->display);
    loop_timer_cancel(worker->ring_timer);
    worker_release_commands(worker);
}

/* On others nothing is put off. */
static void settle_primary(struct display_worker *worker)
{
    struct surface *primary = surfaces_find(&worker->surfaces, 0);

    if (primary != NULL)
        surface_settle(primary, NULL);
}

void worker_release_commands(struct display_worker *worker)
{
    settle_primary(worker);
    display_fold(&worker->display);
    worker_wake_clients(worker);
}

void worker_out_of_memory(struct display_worker *worker)
{
    const QXLInterface *interface = worker->interface;

    if (!worker->running)
        return;
    worker_drain_command_ring(worker);
    settle_primary(worker);
    worker_wake_clients(worker);
    display_fold_laggards(&worker->display);
    if (interface->flush_resources(worker->qxl))
        return;
    worker_release_commands(worker);
    interface->flush_resources(worker->qxl);
}

/* The picture as one head, until the driver says better. */
static void set_default_monitors(struct display_worker *worker, const struct surface *primary)
{
    struct monitors_config *monitors = &worker->display.monitors;

    monitors->count = worker->driver_sends_monitors ? 0 : 1;
    monitors->max_allowed = MAX(monitors->max_allowed, 1);
    monitors->heads[0] = (QXLHead){.width = primary->width, .height = primary->height};
}

void worker_create_primary(struct display_worker *worker, uint32_t surface_id,
                           const QXLDevSurfaceCreate *create)
{
    const char *what = "the primary surface was not created", *wrong;
    const struct guest_resource nothing = {0};
    struct surface *surface = surfaces_find(&worker->surfaces, 0);
    void *pixels;

    if (surface_id != 0) {
        worker_refuse(worker, what, "its id is not 0");
        return;
    }
    if (surface != NULL) {
        worker_refuse(worker, "the primary surface was replaced", "there was one already");
        worker_destroy_surface(worker, surface);
    }
    pixels =
        parse_surface_memory(&worker->memslots, create->group_id, create->width, create->height,
                             create->stride, create->format, create->mem, &wrong);
    if (pixels != NULL && worker->recorder != NULL)
        recorder_create_primary(worker->recorder, create, pixels);
    surface = pixels == NULL
                  ? NULL
                  : surface_create(&worker->surfaces, 0, create->width, create->height,
                                   create->stride, create->format, pixels,
                                   create->flags & QXL_SURF_FLAG_KEEP_DATA, &nothing, &wrong);
    if (surface == NULL) {
        worker_refuse(worker, what, wrong);
        server_set_display(worker->server, worker->qxl->id, 0, 0, false);
        return;
    }
    set_default_monitors(worker, surface);
    display_surface_created(&worker->display, surface);
    server_set_display(worker->server, worker->qxl->id, surface->width, surface->height,
                       create->mouse_mode != 0);
    worker_wake_clients(worker);
}

void worker_destroy_primary(struct display_worker *worker, uint32_t surface_id)
{
    struct surface *surface = surfaces_find(&worker->surfaces, 0);

    worker_drain_cursor_ring(worker);
    worker_drain_command_ring(worker);
    worker_release_commands(worker);
    if (surface_id != 0 || surface == NULL) {
        worker_refuse(worker, "the primary surface was not destroyed", "there is none");
    } else {
        if (worker->recorder != NULL)
            recorder_destroy_primary(worker->recorder);
        worker_destroy_surface(worker, surface);
    }
    cursor_reset(&worker->cursor);
    server_set_display(worker->server, worker->qxl->id, 0, 0, false);
    worker_wake_clients(worker);
}

void worker_destroy_surfaces(struct display_worker *worker)
{
    bool primary;

    worker_drain_cursor_ring(worker);
    worker_drain_command_ring(worker);
    worker_release_commands(worker);
    if (worker->recorder != NULL)
        recorder_destroy_surfaces(worker->recorder);
    primary = surfaces_find(&worker->surfaces, 0) != NULL;
    for (uint32_t id = 0; id < worker->surfaces.count; id++) {
        struct surface *surface = surfaces_find(&worker->surfaces, id);

        if (surface != NULL)
            worker_destroy_surface(worker, surface);
    }
    cursor_reset(&worker->cursor);
    if (primary)
        server_set_display(worker->server, worker->qxl->id, 0, 0, false);
    worker_wake_clients(worker);
}

void worker_settle_surface(struct display_worker *worker, uint32_t surface_id)
{
    if (surfaces_find(&worker->surfaces, surface_id) == NULL)
        worker_refuse(worker, "a surface was not settled", "it does not exist");
    worker_flush_surfaces(worker);
}

void worker_flush_surfaces(struct display_worker *worker)
{
    worker_drain_cursor_ring(worker);
    worker_drain_command_ring(worker);
    worker_release_commands(worker);
}

void worker_update_area(struct display_worker *worker, uint32_t surface_id, bool clear,
                        QXLRect **rects, unsigned *count)
{
    struct surface *surface;
    const pixman_box32_t *boxes;
    int n;

    worker_drain_command_ring(worker); /* what came is on its way to the clients soon */
    *rects = NULL;
    *count = 0;
    surface = surfaces_find(&worker->surfaces, surface_id);
    if (surface == NULL) {
        worker_refuse(worker, "an area was not updated", "its surface does not exist");
        return;
    }
    surface_settle(surface, NULL);
    boxes = pixman_region32_rectangles(&surface->dirty, &n);
    *rects = g_new(QXLRect, MAX(n, 1));
    *count = n;
    for (int i = 0; i < n; i++)
        (*rects)[i] = (QXLRect){
            .top = boxes[i].y1, .left = boxes[i].x1, .bottom = boxes[i].y2, .right = boxes[i].x2};
    if (clear)
        pixman_region32_clear(&surface->dirty);
}

void worker_set_monitors(struct display_worker *worker, QXLPHYSICAL address, uint32_t group)
{
    struct monitors_config config = {0};
    const char *wrong =
        parse_monitors_config(&worker->memslots, group, address, worker->max_heads, &config);

    if (wrong != NULL) {
        worker_refuse(worker, "a monitors configuration was ignored", wrong);
        return;
    }
    worker->driver_sends_monitors = true;
    worker->display.monitors = config;
    display_monitors_changed(&worker->display);
    display_wake(&worker->display);
}
