/*
 * Pictures so large that several threads encode them, through a real client
 * (libspice-client-glib): it shows what was drawn.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/core_loop.h"
#include "tests/support/gtk_client.h"
#include "tests/support/made_pictures.h"
#include "tests/support/qxl_host.h"

#include <spice-statistics.h>
#include <spice/enums.h>

enum { WIDTH = 900, HEIGHT = 620, PICTURES = 3, MEMORY = 16 << 20 };

struct fixture {
    SpiceServer *server;
    struct qxl_host *host;
    const uint32_t *primary;
    struct gtk_client screen;
};

static void set_up(struct fixture *fixture, gconstpointer compression)
{
    *fixture = (struct fixture){.server = spice_server_new()};
    spice_server_set_noauth(fixture->server);
    spice_server_set_streaming_video(fixture->server, SPICE_STREAM_VIDEO_OFF);
    spice_server_set_image_compression(fixture->server, GPOINTER_TO_UINT(compression));
    spice_server_set_jpeg_compression(fixture->server, SPICE_WAN_COMPRESSION_NEVER);
    g_assert_cmpint(spice_server_init(fixture->server, core_loop_interface()), ==, 0);
    fixture->host = qxl_host_create(fixture->server, 0, MEMORY);
    spice_server_vm_start(fixture->server);
    fixture->primary =
        qxl_host_create_primary(fixture->host, WIDTH, HEIGHT, SPICE_SURFACE_FMT_32_xRGB, 0);
    gtk_client_attach(&fixture->screen, fixture->server, true);
}

static void tear_down(struct fixture *fixture, gconstpointer compression)
{
    (void)compression;
    gtk_client_detach(&fixture->screen);
    spice_qxl_destroy_surfaces(&fixture->host->qxl);
    spice_server_vm_stop(fixture->server);
    qxl_host_destroy(fixture->host);
    spice_server_destroy(fixture->server);
}

static bool is_shown(void *opaque)
{
    const struct fixture *fixture = opaque;
    const struct gtk_client *screen = &fixture->screen;

    for (int y = 0; y < HEIGHT; y++) {
        const uint32_t *shown = (const uint32_t *)(screen->pixels + y * screen->stride);

        for (int x = 0; x < WIDTH; x++) {
            if ((shown[x] ^ fixture->primary[y * WIDTH + x]) << 8 != 0)
                return false;
        }
    }
    return true;
}

/* All of the screen but some rows and columns. */
static void draw(struct fixture *fixture, unsigned number)
{
    int left = (int)number * 7, top = (int)number * 5, x = MIN(left, 3), y = MIN(top, 2);
    QXLDrawable drawable = qxl_host_drawable(QXL_DRAW_COPY, 0, left, top, WIDTH, HEIGHT);
    g_autofree uint32_t *pixels = g_new(uint32_t, WIDTH * HEIGHT);

    made_picture(pixels, WIDTH, HEIGHT, MADE_PHOTO, number + 1);
    drawable.u.copy.src_bitmap =
        qxl_host_bitmap(fixture->host, SPICE_BITMAP_FMT_32BIT, WIDTH, HEIGHT, WIDTH * 4, 0, pixels);
    drawable.u.copy.src_area =
        (QXLRect){.left = x, .top = y, .right = x + WIDTH - left, .bottom = y + HEIGHT - top};
    drawable.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    qxl_host_push_drawable(fixture->host, &drawable);
}

static uint64_t count_images(const struct fixture *fixture)
{
    SpiceDisplayStatistics one;
    uint64_t images = 0;

    g_assert_cmpint(spice_server_get_display_statistics(fixture->server, &one, 1), ==, 1);
    for (unsigned i = 0; i < one.codec_count; i++)
        images += one.codecs[i].images;
    return images;
}

static void test_pictures(struct fixture *fixture, gconstpointer compression)
{
    uint64_t before = count_images(fixture);

    (void)compression;
    for (unsigned i = 0; i < PICTURES; i++) {
        draw(fixture, i);
        qxl_host_update(fixture->host, 0, WIDTH, HEIGHT);
        g_assert_true(core_loop_run_until(is_shown, fixture, 30));
    }
    g_assert_cmpuint(count_images(fixture) - before, >=,
                     g_get_num_processors() > 1 ? 2 * PICTURES : PICTURES);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        SpiceImageCompression compression;
    } modes[] = {
        {"/client/large-pictures/auto-glz", SPICE_IMAGE_COMPRESSION_AUTO_GLZ},
        {"/client/large-pictures/lz4", SPICE_IMAGE_COMPRESSION_LZ4},
    };

    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    for (size_t i = 0; i < G_N_ELEMENTS(modes); i++)
        g_test_add(modes[i].path, struct fixture, GUINT_TO_POINTER(modes[i].compression), set_up,
                   test_pictures, tear_down);
    return g_test_run();
}
