/*
 * Pictures so large that several threads encode them, through a real client
 * (libspice-client-glib): it shows what was drawn.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/made_pictures.h"
#include "tests/support/watched_display.h"

#include <spice-statistics.h>
#include <spice/enums.h>

enum { WIDTH = 900, HEIGHT = 620, PICTURES = 3, MEMORY = 16 << 20 };

static void set_up(struct watched_display *display, gconstpointer compression)
{
    watched_display_init(display, GPOINTER_TO_UINT(compression));
    spice_server_set_jpeg_compression(display->server, SPICE_WAN_COMPRESSION_NEVER);
    watched_display_open(display, WIDTH, HEIGHT, MEMORY);
}

static void tear_down(struct watched_display *display, gconstpointer compression)
{
    (void)compression;
    watched_display_close(display);
}

/* All of the screen but some rows and columns. */
static void draw(struct watched_display *display, unsigned number)
{
    int left = (int)number * 7, top = (int)number * 5, x = MIN(left, 3), y = MIN(top, 2);
    QXLDrawable drawable;
    QXLPHYSICAL image;
    g_autofree uint32_t *pixels = g_new(uint32_t, WIDTH * HEIGHT);

    made_picture(pixels, WIDTH, HEIGHT, MADE_PHOTO, number + 1);
    image =
        qxl_host_bitmap(display->host, SPICE_BITMAP_FMT_32BIT, WIDTH, HEIGHT, WIDTH * 4, 0, pixels);
    drawable = watched_display_copy(image, left, top, WIDTH - left, HEIGHT - top);
    drawable.u.copy.src_area =
        (QXLRect){.left = x, .top = y, .right = x + WIDTH - left, .bottom = y + HEIGHT - top};
    qxl_host_push_drawable(display->host, &drawable);
}

static uint64_t count_images(const struct watched_display *display)
{
    SpiceDisplayStatistics one;
    uint64_t images = 0;

    g_assert_cmpint(spice_server_get_display_statistics(display->server, &one, 1), ==, 1);
    for (unsigned i = 0; i < one.codec_count; i++)
        images += one.codecs[i].images;
    return images;
}

static void test_pictures(struct watched_display *display, gconstpointer compression)
{
    uint64_t before = count_images(display);

    (void)compression;
    for (unsigned i = 0; i < PICTURES; i++) {
        draw(display, i);
        watched_display_show(display);
    }
    g_assert_cmpuint(count_images(display) - before, >=,
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
        g_test_add(modes[i].path, struct watched_display, GUINT_TO_POINTER(modes[i].compression),
                   set_up, test_pictures, tear_down);
    return g_test_run();
}
