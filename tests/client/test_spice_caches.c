/*
 * Clients that keep pictures, and clients that do not, of the same display: each is sent what it
 * needs.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/core_loop.h"
#include "tests/support/gtk_client.h"
#include "tests/support/image_reader.h"
#include "tests/support/made_pictures.h"
#include "tests/support/qxl_host.h"

#include <spice-statistics.h>
#include <spice/enums.h>

enum { SIDE = 240, VARIANTS = 4, ROUNDS = 5, MEMORY = 64 << 20 };
#define PICTURE_BYTES ((uint64_t)SIDE * SIDE * 3) /* what is not compressed is packed */

struct fixture {
    SpiceServer *server;
    struct qxl_host *host;
    const uint32_t *primary;
    struct gtk_client screen;
};

static bool is_shown(void *opaque)
{
    const struct fixture *fixture = opaque;
    const struct gtk_client *screen = &fixture->screen;

    for (int y = 0; y < SIDE; y++) {
        const uint32_t *shown = (const uint32_t *)(screen->pixels + y * screen->stride);

        for (int x = 0; x < SIDE; x++) {
            if ((shown[x] ^ fixture->primary[y * SIDE + x]) << 8 != 0)
                return false;
        }
    }
    return true;
}

/* The guest calls it something else each time. */
static void draw(struct fixture *fixture, uint32_t variant)
{
    QXLDrawable drawable = qxl_host_drawable(QXL_DRAW_COPY, 0, 0, 0, SIDE, SIDE);
    g_autofree uint32_t *pixels = g_new(uint32_t, SIDE * SIDE);

    made_picture(pixels, SIDE, SIDE, MADE_NOISE, variant + 1);
    drawable.u.copy.src_bitmap =
        qxl_host_bitmap(fixture->host, SPICE_BITMAP_FMT_32BIT, SIDE, SIDE, SIDE * 4, 0, pixels);
    drawable.u.copy.src_area = (QXLRect){.right = SIDE, .bottom = SIDE};
    drawable.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    qxl_host_push_drawable(fixture->host, &drawable);
}

/* Bytes that the client with the fewest, or the most, was sent. */
struct bytes {
    uint64_t fewest, most;
};

static bool nothing_waits(void *opaque)
{
    struct fixture *fixture = opaque;
    SpiceDisplayStatistics all[2];

    return spice_server_get_display_statistics(fixture->server, all, 2) == 2 &&
           all[0].queue_length == 0 && all[1].queue_length == 0;
}

static struct bytes count_bytes(struct fixture *fixture)
{
    SpiceDisplayStatistics all[2];

    g_assert_cmpint(spice_server_get_display_statistics(fixture->server, all, 2), ==, 2);
    return (struct bytes){MIN(all[0].bytes, all[1].bytes), MAX(all[0].bytes, all[1].bytes)};
}

static void test_sizes(void)
{
    struct fixture fixture = {.server = spice_server_new()};
    struct image_reader *reader;
    struct bytes bytes;

    spice_server_set_noauth(fixture.server);
    spice_server_set_streaming_video(fixture.server, SPICE_STREAM_VIDEO_OFF);
    spice_server_set_image_compression(fixture.server, SPICE_IMAGE_COMPRESSION_OFF);
    g_assert_cmpint(spice_server_init(fixture.server, core_loop_interface()), ==, 0);
    fixture.host = qxl_host_create(fixture.server, 0, MEMORY);
    spice_server_vm_start(fixture.server);
    fixture.primary =
        qxl_host_create_primary(fixture.host, SIDE, SIDE, SPICE_SURFACE_FMT_32_xRGB, 0);
    gtk_client_attach(&fixture.screen, fixture.server, true);
    reader = image_reader_connect(server_library_linked(), fixture.server);

    for (unsigned i = 0; i < ROUNDS * VARIANTS; i++) {
        draw(&fixture, i % VARIANTS);
        qxl_host_update(fixture.host, 0, SIDE, SIDE);
        g_assert_true(core_loop_run_until(is_shown, &fixture, 20));
        g_assert_true(core_loop_run_until(nothing_waits, &fixture, 20));
    }
    bytes = count_bytes(&fixture);
    g_assert_cmpuint(bytes.fewest, >=, VARIANTS * PICTURE_BYTES);
    g_assert_cmpuint(bytes.fewest, <, (VARIANTS + 2) * PICTURE_BYTES);
    g_assert_cmpuint(bytes.most, >=, ROUNDS * VARIANTS * PICTURE_BYTES);

    image_reader_disconnect(reader);
    gtk_client_detach(&fixture.screen);
    spice_server_vm_stop(fixture.server);
    spice_qxl_destroy_surfaces(&fixture.host->qxl);
    qxl_host_destroy(fixture.host);
    spice_server_destroy(fixture.server);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_setenv("SPICE_DEBUG_ALLOW_MC", "1", TRUE);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    g_test_add_func("/client/caches/sizes", test_sizes);
    return g_test_run();
}
