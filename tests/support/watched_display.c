/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/watched_display.h"

#include <math.h>
#include <spice/enums.h>

#define SHOWN_WITHIN_SECONDS 30

void watched_display_init(struct watched_display *display, SpiceImageCompression compression)
{
    *display = (struct watched_display){.server = spice_server_new()};
    spice_server_set_noauth(display->server);
    spice_server_set_streaming_video(display->server, SPICE_STREAM_VIDEO_OFF);
    spice_server_set_image_compression(display->server, compression);
}

void watched_display_create_primary(struct watched_display *display)
{
    display->primary = qxl_host_create_primary(display->host, display->width, display->height,
                                               SPICE_SURFACE_FMT_32_xRGB, 0);
}

void watched_display_open(struct watched_display *display, int width, int height, size_t memory)
{
    display->width = width;
    display->height = height;
    g_assert_cmpint(spice_server_init(display->server, core_loop_interface()), ==, 0);
    display->host = qxl_host_create(display->server, 0, memory);
    spice_server_vm_start(display->server);
    watched_display_create_primary(display);
    gtk_client_attach(&display->screen, display->server, true);
}

void watched_display_close(struct watched_display *display)
{
    gtk_client_detach(&display->screen);
    spice_qxl_destroy_surfaces(&display->host->qxl);
    spice_server_vm_stop(display->server);
    qxl_host_destroy(display->host);
    spice_server_destroy(display->server);
}

static uint64_t square_error(uint32_t a, uint32_t b)
{
    uint64_t sum = 0;

    for (unsigned shift = 0; shift < 24; shift += 8) {
        int difference = (int)(a >> shift & 255) - (int)(b >> shift & 255);

        sum += (uint64_t)(difference * difference);
    }
    return sum;
}

double watched_display_psnr(const struct watched_display *display, const QXLRect *area)
{
    const struct gtk_client *screen = &display->screen;
    const QXLRect all = {.right = display->width, .bottom = display->height};
    const QXLRect *at = area != NULL ? area : &all;
    double values = 3.0 * (at->right - at->left) * (at->bottom - at->top);
    uint64_t sum = 0;

    if (screen->pixels == NULL || screen->width != display->width ||
        screen->height != display->height)
        return 0;
    for (int y = at->top; y < at->bottom; y++) {
        const uint32_t *shown = (const uint32_t *)(screen->pixels + y * screen->stride);

        for (int x = at->left; x < at->right; x++)
            sum += square_error(shown[x], display->primary[y * display->width + x]);
    }
    return sum == 0 ? INFINITY : 10 * log10(255.0 * 255.0 * values / (double)sum);
}

bool watched_display_is_exact(void *display)
{
    return isinf(watched_display_psnr(display, NULL));
}

void watched_display_show(struct watched_display *display)
{
    qxl_host_update(display->host, 0, display->width, display->height);
    g_assert_true(core_loop_run_until(watched_display_is_exact, display, SHOWN_WITHIN_SECONDS));
}

QXLDrawable watched_display_copy(QXLPHYSICAL image, int left, int top, int width, int height)
{
    QXLDrawable drawable =
        qxl_host_drawable(QXL_DRAW_COPY, 0, left, top, left + width, top + height);

    drawable.u.copy.src_bitmap = image;
    drawable.u.copy.src_area = (QXLRect){.right = width, .bottom = height};
    drawable.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    return drawable;
}
