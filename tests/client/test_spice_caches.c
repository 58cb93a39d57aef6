/*
 * Clients that keep pictures, and clients that do not, of the same display: each is sent what it
 * needs.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/image_reader.h"
#include "tests/support/made_pictures.h"
#include "tests/support/watched_display.h"

#include <spice-statistics.h>
#include <spice/enums.h>

enum { SIDE = 240, VARIANTS = 4, ROUNDS = 5, MEMORY = 64 << 20 };
#define PICTURE_BYTES ((uint64_t)SIDE * SIDE * 3) /* what is not compressed is packed */

/* The guest calls it something else each time. */
static void draw(struct watched_display *display, uint32_t variant)
{
    QXLDrawable drawable;
    QXLPHYSICAL image;
    g_autofree uint32_t *pixels = g_new(uint32_t, SIDE * SIDE);

    made_picture(pixels, SIDE, SIDE, MADE_NOISE, variant + 1);
    image = qxl_host_bitmap(display->host, SPICE_BITMAP_FMT_32BIT, SIDE, SIDE, SIDE * 4, 0, pixels);
    drawable = watched_display_copy(image, 0, 0, SIDE, SIDE);
    qxl_host_push_drawable(display->host, &drawable);
}

/* Bytes that the client with the fewest, or the most, was sent. */
struct bytes {
    uint64_t fewest, most;
};

static bool nothing_waits(void *opaque)
{
    struct watched_display *display = opaque;
    SpiceDisplayStatistics all[2];

    return spice_server_get_display_statistics(display->server, all, 2) == 2 &&
           all[0].queue_length == 0 && all[1].queue_length == 0;
}

static struct bytes count_bytes(struct watched_display *display)
{
    SpiceDisplayStatistics all[2];

    g_assert_cmpint(spice_server_get_display_statistics(display->server, all, 2), ==, 2);
    return (struct bytes){MIN(all[0].bytes, all[1].bytes), MAX(all[0].bytes, all[1].bytes)};
}

static void test_sizes(void)
{
    struct watched_display display;
    struct image_reader *reader;
    struct bytes bytes;

    watched_display_init(&display, SPICE_IMAGE_COMPRESSION_OFF);
    watched_display_open(&display, SIDE, SIDE, MEMORY);
    reader = image_reader_connect(server_library_linked(), display.server);

    for (unsigned i = 0; i < ROUNDS * VARIANTS; i++) {
        draw(&display, i % VARIANTS);
        watched_display_show(&display);
        g_assert_true(core_loop_run_until(nothing_waits, &display, 20));
    }
    bytes = count_bytes(&display);
    g_assert_cmpuint(bytes.fewest, >=, VARIANTS * PICTURE_BYTES);
    g_assert_cmpuint(bytes.fewest, <, (VARIANTS + 2) * PICTURE_BYTES);
    g_assert_cmpuint(bytes.most, >=, ROUNDS * VARIANTS * PICTURE_BYTES);

    image_reader_disconnect(reader);
    watched_display_close(&display);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_setenv("SPICE_DEBUG_ALLOW_MC", "1", TRUE);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    g_test_add_func("/client/caches/sizes", test_sizes);
    return g_test_run();
}
