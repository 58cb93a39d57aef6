/*
 * What a display costs on the wire: a real client (libspice-client-glib) counts the bytes that it
 * is sent, and shows what is in guest memory all the same.
 *
 * Bounds are a fraction of what the commands themselves would cost. SPDX-License-Identifier:
 * LGPL-2.1-or-later
 */
#include "config.h"
#include "tests/support/watched_display.h"

#include <spice-client.h>
#include <spice/enums.h>
#include <string.h>

#define WIDTH  400
#define HEIGHT 300
#define MEMORY (64 * 1024 * 1024)

struct fixture {
    struct watched_display display;
    GRand *rand;
};

static void set_up(struct fixture *fixture, gconstpointer compression)
{
    *fixture = (struct fixture){.rand = g_rand_new_with_seed(7)};
    watched_display_init(&fixture->display, GPOINTER_TO_INT(compression));
    watched_display_open(&fixture->display, WIDTH, HEIGHT, MEMORY);
}

static void tear_down(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    watched_display_close(&fixture->display);
    g_rand_free(fixture->rand);
}

static unsigned long bytes_read(struct fixture *fixture)
{
    GList *channels = spice_session_get_channels(fixture->display.screen.session);
    unsigned long bytes = 0;

    for (GList *l = channels; l != NULL; l = l->next) {
        if (SPICE_IS_DISPLAY_CHANNEL(l->data))
            g_object_get(l->data, "total-read-bytes", &bytes, NULL);
    }
    g_list_free(channels);
    return bytes;
}

static void copy(struct fixture *fixture, uint32_t surface, QXLPHYSICAL image, int left, int top,
                 int width, int height)
{
    QXLDrawable drawable = watched_display_copy(image, left, top, width, height);

    drawable.surface_id = surface;
    qxl_host_push_drawable(fixture->display.host, &drawable);
}

/* The same pixels under ever new names are sent once, whole and in part. */
static void test_what_returns(struct fixture *fixture, gconstpointer data)
{
    static const int sizes[] = {20, 100};

    (void)data;
    for (unsigned s = 0; s < G_N_ELEMENTS(sizes); s++) {
        int side = sizes[s];
        uint32_t *pixels = g_new(uint32_t, 2 * side * side);
        unsigned long first = 0;

        for (int i = 0; i < 2 * side * side; i++)
            pixels[i] = g_rand_int(fixture->rand) & 0xffffff;
        for (int round = 0; round < 10; round++) {
            if (round == 2)
                first = bytes_read(fixture);
            copy(fixture, 0,
                 qxl_host_bitmap(fixture->display.host, SPICE_BITMAP_FMT_32BIT, side, side,
                                 side * 4, 0, pixels + round % 2 * side * side),
                 30, 40, side, side);
            watched_display_show(&fixture->display);
        }
        g_assert_cmpuint(bytes_read(fixture) - first, <, 8 * 200);
        g_free(pixels);
    }
}

/* What is drawn where nobody looks costs nothing, and is there when it is shown. */
static void test_off_screen(struct fixture *fixture, gconstpointer data)
{
    unsigned long before = bytes_read(fixture);

    (void)data;
    qxl_host_create_surface(fixture->display.host, 3, SPICE_SURFACE_FMT_32_xRGB, WIDTH, HEIGHT, 0);
    for (int i = 0; i < 100; i++)
        copy(fixture, 3, qxl_host_picture(fixture->display.host, 50, 50, fixture->rand), i, i, 50,
             50);
    watched_display_show(&fixture->display);
    g_assert_cmpuint(bytes_read(fixture), ==, before);
    copy(fixture, 0, qxl_host_surface_image(fixture->display.host, 3), 0, 0, 100, 100);
    watched_display_show(&fixture->display);
    g_assert_cmpuint(bytes_read(fixture) - before, <, 100 * 100 * 4 + 1000);
    before = bytes_read(fixture);
    for (int i = 0; i < 20; i++) /* it is there already */
        copy(fixture, 0, qxl_host_surface_image(fixture->display.host, 3), 0, 0, 100, 100);
    watched_display_show(&fixture->display);
    g_assert_cmpuint(bytes_read(fixture), ==, before);
    qxl_host_destroy_surface(fixture->display.host, 3);
}

/* Many small commands in one place, one after the other before anybody could look. */
static void test_painted_over(struct fixture *fixture, gconstpointer data)
{
    unsigned long before = bytes_read(fixture);

    (void)data;
    spice_server_vm_stop(fixture->display.server);
    for (int i = 0; i < 300; i++)
        qxl_host_fill(fixture->display.host, 0, 10 + i % 7, 10, 40, 30, g_rand_int(fixture->rand));
    spice_server_vm_start(fixture->display.server);
    watched_display_show(&fixture->display);
    g_assert_cmpuint(bytes_read(fixture) - before, <, 300 * 53 / 4);
}

static void show_page(struct fixture *fixture, const uint32_t *page)
{
    copy(fixture, 0,
         qxl_host_bitmap(fixture->display.host, SPICE_BITMAP_FMT_32BIT, WIDTH, HEIGHT, WIDTH * 4, 0,
                         page),
         0, 0, WIDTH, HEIGHT);
    watched_display_show(&fixture->display);
}

static uint32_t *random_page(struct fixture *fixture)
{
    uint32_t *page = g_new(uint32_t, WIDTH * 2 * HEIGHT);

    for (int i = 0; i < WIDTH * 2 * HEIGHT; i++)
        page[i] = g_rand_int(fixture->rand) & 0xffffff;
    return page;
}

/* A page is scrolled by a guest that only knows whole pictures. */
static void test_scrolling(struct fixture *fixture, gconstpointer data)
{
    uint32_t *page = random_page(fixture);
    unsigned long before = 0;

    (void)data;
    for (int line = 0; line < 10; line++) {
        show_page(fixture, page + line * 10 * WIDTH);
        if (line == 0)
            before = bytes_read(fixture);
    }
    g_assert_cmpuint(bytes_read(fixture) - before, <, 9 * (10 * WIDTH * 4 + 1000));
    g_free(page);
}

/* Where all has been different for long, a few pictures may pass until it is seen. */
static void test_scrolling_after_a_film(struct fixture *fixture, gconstpointer data)
{
    uint32_t *page = random_page(fixture);
    unsigned long before;

    (void)data;
    for (int i = 0; i < 21; i++) {
        for (int x = 0; x < WIDTH * HEIGHT; x++)
            page[WIDTH * HEIGHT + x] = g_rand_int(fixture->rand) & 0xffffff;
        show_page(fixture, page + WIDTH * HEIGHT);
    }
    before = bytes_read(fixture);
    for (int line = 0; line < 20; line++)
        show_page(fixture, page + line * 10 * WIDTH);
    g_assert_cmpuint(bytes_read(fixture) - before, <,
                     4 * (WIDTH * HEIGHT * 4 + 1000) + 16 * (10 * WIDTH * 4 + 1000));
    g_free(page);
}

/* Where an encoder finds nothing, nobody pays for the byte of a pixel that nobody sees. */
static void test_noise(struct fixture *fixture, gconstpointer data)
{
    enum { PAGES = 5 };
    unsigned long before = bytes_read(fixture);

    (void)data;
    for (int i = 0; i < PAGES; i++) {
        uint32_t *page = random_page(fixture);

        for (int x = 0; x < WIDTH * HEIGHT; x++)
            page[x] |= g_rand_int(fixture->rand) << 24;
        show_page(fixture, page);
        g_free(page);
    }
    g_assert_cmpuint(bytes_read(fixture) - before, <, PAGES * (WIDTH * HEIGHT * 3 + 1000));
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct fixture *fixture, gconstpointer data);
    } tests[] = {{"what-returns", test_what_returns},
                 {"off-screen", test_off_screen},
                 {"painted-over", test_painted_over},
                 {"scrolling", test_scrolling},
                 {"scrolling-after-a-film", test_scrolling_after_a_film}};
    static const struct {
        const char *name;
        int compression;
    } modes[] = {{"off", SPICE_IMAGE_COMPRESSION_OFF},
                 {"lz", SPICE_IMAGE_COMPRESSION_LZ},
                 {"auto-glz", SPICE_IMAGE_COMPRESSION_AUTO_GLZ}};

    g_test_init(&argc, &argv, NULL);
    for (unsigned m = 0; m < G_N_ELEMENTS(modes); m++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
            g_autofree char *name = g_strdup_printf("/traffic/%s/%s", modes[m].name, tests[i].name);

            g_test_add(name, struct fixture, GINT_TO_POINTER(modes[m].compression), set_up,
                       tests[i].run, tear_down);
        }
    }
#ifdef HAVE_LZ4
    g_test_add("/traffic/lz4/noise", struct fixture, GINT_TO_POINTER(SPICE_IMAGE_COMPRESSION_LZ4),
               set_up, test_noise, tear_down);
#endif
    return g_test_run();
}
