/*
 * The host's calls about pictures that its OpenGL has drawn, server-abi.md section 5.9.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/mouse_mode.h"
#include "spice/worker.h"

#include <spice/protocol.h>
#include <unistd.h>

struct gl_call {
    struct display_worker *worker;
    struct gl_picture picture;
    struct gl_area area;
    uint64_t cookie;
};

static void set_picture(void *opaque)
{
    struct gl_call *call = opaque;

    display_gl_set_picture(&call->worker->display.gl, &call->picture);
    g_free(call);
}

void spice_qxl_gl_scanout(QXLInstance *qxl, int fd, uint32_t width, uint32_t height,
                          uint32_t stride, uint32_t format, int y_0_top)
{
    struct display_worker *worker = worker_of(qxl);
    struct gl_call *call;

    /* A picture without a format cannot be told from none, spice-wire.md section 4.15. */
    if (fd >= 0 && (worker == NULL || format == 0 || width == 0 || height == 0)) {
        close(fd);
        fd = -1;
    }
    if (worker == NULL || (fd < 0 && !g_atomic_int_get(&worker->gl_scanout))) {
        return;
    }
    g_atomic_int_set(&worker->gl_scanout, fd >= 0);
    call = g_new0(struct gl_call, 1);
    call->worker = worker;
    call->picture = (struct gl_picture){fd,     width,  height,
                                        stride, format, y_0_top ? SPICE_GL_SCANOUT_FLAGS_Y0TOP : 0};
    event_loop_post(worker->loop, set_picture, call);
    server_set_display(worker->server, qxl->id, fd >= 0 ? (int)width : 0, fd >= 0 ? (int)height : 0,
                       fd >= 0);
}

static void draw(void *opaque)
{
    struct gl_call *call = opaque;

    display_gl_draw(&call->worker->display.gl, &call->area, call->cookie);
    g_free(call);
}

void spice_qxl_gl_draw_async(QXLInstance *qxl, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
                             uint64_t cookie)
{
    struct display_worker *worker = worker_of(qxl);
    struct gl_call *call;

    if (worker == NULL) {
        return;
    }
    if (!g_atomic_int_get(&worker->gl_scanout)) {
        g_warning("display %d: drawing by OpenGL without a picture to draw", qxl->id);
        if (worker->interface->async_complete != NULL) {
            worker->interface->async_complete(qxl, cookie);
        }
        return;
    }
    call = g_new0(struct gl_call, 1);
    call->worker = worker;
    call->area = (struct gl_area){x, y, w, h};
    call->cookie = cookie;
    event_loop_post(worker->loop, draw, call);
}
