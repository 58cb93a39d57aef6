/*
 * What a display costs on the wire: a real client (libspice-client-glib) counts the bytes that it
 * is sent, and shows what is in guest memory all the same.
 *
 * Bounds are a fraction of what the commands themselves would cost. SPDX-License-Identifier:
 * LGPL-2.1-or-later
 */
#include "tests/support/core_loop.h"
#include "tests/support/gtk_client.h"
#include "tests/support/qxl_host.h"

#include <spice-client.h>
#include <spice/enums.h>
#include <string.h>

#define WIDTH  400
#define HEIGHT 300
#define MEMORY (64 * 1024 * 1024)

struct fixture {
    SpiceServer *server;
    struct qxl_host *host;
    uint8_t *primary;
    struct gtk_client screen;
    GRand *rand;
};

static void set_up(struct fixture *fixture, gconstpointer compression)
{
    *fixture = (struct fixture){.rand = g_rand_new_with_seed(7)};
    fixture->server = spice_server_new();
    spice_server_set_noauth(fixture->server);
    spice_server_set_streaming_video(fixture->server, SPICE_STREAM_VIDEO_OFF);
    spice_server_set_image_compression(fixture->server, GPOINTER_TO_INT(compression));
    g_assert_cmpint(spice_server_init(fixture->server, core_loop_interface()), ==, 0);
    fixture->host = qxl_host_create(fixture->server, 0, MEMORY);
    spice_server_vm_start(fixture->server);
    fixture->primary =
        qxl_host_create_primary(fixture->host, WIDTH, HEIGHT, SPICE_SURFACE_FMT_32_xRGB, 0);
    gtk_client_attach(&fixture->screen, fixture->server, true);
}

static void tear_down(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    gtk_client_detach(&fixture->screen);
    spice_server_vm_stop(fixture->server);
    qxl_host_destroy(fixture->host);
    spice_server_destroy(fixture->server);
    g_rand_free(fixture->rand);
}

static bool is_same(void *opaque)
{
    const struct fixture *fixture = opaque;

    for (int y = 0; y < HEIGHT; y++) {
        const uint32_t *shown =
            (const uint32_t *)(fixture->screen.pixels + y * fixture->screen.stride);
        const uint32_t *drawn = (const uint32_t *)fixture->primary + y * WIDTH;

        for (int x = 0; x < WIDTH; x++) {
            if ((shown[x] ^ drawn[x]) & 0xffffff)
                return false;
        }
    }
    return true;
}

static unsigned long bytes_read(struct fixture *fixture)
{
    GList *channels = spice_session_get_channels(fixture->screen.session);
    unsigned long bytes = 0;

    for (GList *l = channels; l != NULL; l = l->next) {
        if (SPICE_IS_DISPLAY_CHANNEL(l->data))
            g_object_get(l->data, "total-read-bytes", &bytes, NULL);
    }
    g_list_free(channels);
    return bytes;
}

/* Until the client shows it all. */
static void show(struct fixture *fixture)
{
    qxl_host_update(fixture->host, 0, WIDTH, HEIGHT);
    g_assert_true(core_loop_run_until(is_same, fixture, 20));
}

static void copy(struct fixture *fixture, uint32_t surface, QXLPHYSICAL image, int left, int top,
                 int width, int height)
{
    QXLDrawable drawable =
        qxl_host_drawable(QXL_DRAW_COPY, surface, left, top, left + width, top + height);

    drawable.u.copy.src_bitmap = image;
    drawable.u.copy.src_area = (QXLRect){.right = width, .bottom = height};
    drawable.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    drawable.u.copy.scale_mode = SPICE_IMAGE_SCALE_MODE_NEAREST;
    qxl_host_push_drawable(fixture->host, &drawable);
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
                 qxl_host_bitmap(fixture->host, SPICE_BITMAP_FMT_32BIT, side, side, side * 4, 0,
                                 pixels + round % 2 * side * side),
                 30, 40, side, side);
            show(fixture);
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
    qxl_host_create_surface(fixture->host, 3, SPICE_SURFACE_FMT_32_xRGB, WIDTH, HEIGHT, 0);
    for (int i = 0; i < 100; i++)
        copy(fixture, 3, qxl_host_picture(fixture->host, 50, 50, fixture->rand), i, i, 50, 50);
    show(fixture);
    g_assert_cmpuint(bytes_read(fixture), ==, before);
    copy(fixture, 0, qxl_host_surface_image(fixture->host, 3), 0, 0, 100, 100);
    show(fixture);
    g_assert_cmpuint(bytes_read(fixture) - before, <, 100 * 100 * 4 + 1000);
    before = bytes_read(fixture);
    for (int i = 0; i < 20; i++) /* it is there already */
        copy(fixture, 0, qxl_host_surface_image(fixture->host, 3), 0, 0, 100, 100);
    show(fixture);
    g_assert_cmpuint(bytes_read(fixture), ==, before);
    qxl_host_destroy_surface(fixture->host, 3);
}

/* Many small commands in one place, one after the other before anybody could look. */
static void test_painted_over(struct fixture *fixture, gconstpointer data)
{
    unsigned long before = bytes_read(fixture);

    (void)data;
    spice_server_vm_stop(fixture->server);
    for (int i = 0; i < 300; i++)
        qxl_host_fill(fixture->host, 0, 10 + i % 7, 10, 40, 30, g_rand_int(fixture->rand));
    spice_server_vm_start(fixture->server);
    show(fixture);
    g_assert_cmpuint(bytes_read(fixture) - before, <, 300 * 53 / 4);
}

/* A page is scrolled by a guest that only knows whole pictures. */
static void test_scrolling(struct fixture *fixture, gconstpointer data)
{
    uint32_t *page = g_new(uint32_t, WIDTH * 2 * HEIGHT);
    unsigned long before = 0;

    (void)data;
    for (int i = 0; i < WIDTH * 2 * HEIGHT; i++)
        page[i] = g_rand_int(fixture->rand) & 0xffffff;
    for (int line = 0; line < 10; line++) {
        copy(fixture, 0,
             qxl_host_bitmap(fixture->host, SPICE_BITMAP_FMT_32BIT, WIDTH, HEIGHT, WIDTH * 4, 0,
                             page + line * 10 * WIDTH),
             0, 0, WIDTH, HEIGHT);
        show(fixture);
        if (line == 0)
            before = bytes_read(fixture);
    }
    g_assert_cmpuint(bytes_read(fixture) - before, <, 9 * (10 * WIDTH * 4 + 1000));
    g_free(page);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct fixture *fixture, gconstpointer data);
    } tests[] = {{"what-returns", test_what_returns},
                 {"off-screen", test_off_screen},
                 {"painted-over", test_painted_over},
                 {"scrolling", test_scrolling}};
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
    return g_test_run();
}
