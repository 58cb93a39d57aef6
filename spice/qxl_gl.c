/*
 * Pictures that the host's OpenGL has drawn, server-abi.md section 5.9. They are for clients that
 * share our graphics card; since none is served such pictures here, every drawing is done as soon
 * as it is announced, and the host never waits.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/worker.h"

#include <unistd.h>

void spice_qxl_gl_scanout(QXLInstance *qxl, int fd, uint32_t width, uint32_t height,
                          uint32_t stride G_GNUC_UNUSED, uint32_t format G_GNUC_UNUSED,
                          int y_0_top G_GNUC_UNUSED)
{
    struct display_worker *worker = worker_of(qxl);

    if (fd >= 0) {
        close(fd); /* ours, and nobody to hand it to */
    }
    if (worker == NULL || (fd < 0 && !g_atomic_int_get(&worker->gl_scanout))) {
        return;
    }
    if (fd >= 0 && !g_atomic_int_get(&worker->gl_scanout)) {
        g_message("display %d is drawn by OpenGL: clients do not see it", qxl->id);
    }
    g_atomic_int_set(&worker->gl_scanout, fd >= 0);
    server_set_display(worker->server, qxl->id, fd >= 0 ? (int)width : 0, fd >= 0 ? (int)height : 0,
                       fd >= 0);
}

struct drawing {
    struct display_worker *worker;
    uint64_t cookie;
};

static void complete(void *opaque)
{
    struct drawing *drawing = opaque;
    struct display_worker *worker = drawing->worker;

    if (worker->interface->async_complete != NULL) {
        worker->interface->async_complete(worker->qxl, drawing->cookie);
    }
    g_free(drawing);
}

void spice_qxl_gl_draw_async(QXLInstance *qxl, uint32_t x G_GNUC_UNUSED, uint32_t y G_GNUC_UNUSED,
                             uint32_t w G_GNUC_UNUSED, uint32_t h G_GNUC_UNUSED, uint64_t cookie)
{
    struct display_worker *worker = worker_of(qxl);
    struct drawing *drawing;

    if (worker == NULL) {
        return;
    }
    drawing = g_new(struct drawing, 1);
    *drawing = (struct drawing){worker, cookie};
    if (g_atomic_int_get(&worker->gl_scanout)) {
        event_loop_post(worker->loop, complete, drawing);
    } else {
        g_warning("display %d: drawing by OpenGL without a picture to draw", qxl->id);
        complete(drawing);
    }
}
