/*
 * What nobody gets to see is neither drawn nor sent: a real client (libspice-client-glib) shows
 * what was drawn, and the server counts what that took.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/made_pictures.h"
#include "tests/support/watched_display.h"

#include <spice-statistics.h>
#include <spice/enums.h>

enum { WIDTH = 400, HEIGHT = 300, SIDE = 200, PICTURES = 40, MEMORY = 64 << 20 };
#define PICTURE_BYTES (SIDE * SIDE * 4)

struct fixture {
    struct watched_display display;
    SpiceDisplayStatistics before;
};

static SpiceDisplayStatistics statistics_of(const struct fixture *fixture)
{
    SpiceDisplayStatistics one;

    g_assert_cmpint(spice_server_get_display_statistics(fixture->display.server, &one, 1), ==, 1);
    return one;
}

/* A stopped machine, so that what it draws next is found in the ring together. */
static void set_up(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    watched_display_init(&fixture->display, SPICE_IMAGE_COMPRESSION_OFF);
    watched_display_open(&fixture->display, WIDTH, HEIGHT, MEMORY);
    watched_display_show(&fixture->display);
    spice_server_vm_stop(fixture->display.server);
    fixture->before = statistics_of(fixture);
}

static void tear_down(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    watched_display_close(&fixture->display);
}

static QXLDrawable picture(struct fixture *fixture, int left, int top, uint32_t seed)
{
    QXLPHYSICAL image;
    g_autofree uint32_t *pixels = g_new(uint32_t, SIDE * SIDE);

    made_picture(pixels, SIDE, SIDE, MADE_NOISE, seed);
    image = qxl_host_bitmap(fixture->display.host, SPICE_BITMAP_FMT_32BIT, SIDE, SIDE, SIDE * 4, 0,
                            pixels);
    return watched_display_copy(image, left, top, SIDE, SIDE);
}

static void draw_picture(struct fixture *fixture, int left, int top, uint32_t seed)
{
    QXLDrawable drawable = picture(fixture, left, top, seed);

    qxl_host_push_drawable(fixture->display.host, &drawable);
}

/* What was pushed so far is drawn and shown; returns what that took. */
static SpiceDisplayStatistics show(struct fixture *fixture)
{
    SpiceDisplayStatistics after;

    spice_server_vm_start(fixture->display.server);
    watched_display_show(&fixture->display);
    after = statistics_of(fixture);
    after.commands -= fixture->before.commands;
    after.hidden -= fixture->before.hidden;
    after.bytes -= fixture->before.bytes;
    return after;
}

static void test_covered(struct fixture *fixture, gconstpointer data)
{
    SpiceDisplayStatistics took;

    (void)data;
    for (uint32_t i = 0; i < PICTURES; i++)
        draw_picture(fixture, 50, 60, i + 1);
    took = show(fixture);
    g_assert_cmpuint(took.commands, ==, PICTURES);
    g_assert_cmpuint(took.hidden, ==, PICTURES - 1);
    g_assert_cmpuint(took.bytes, >, PICTURE_BYTES / 2);
    g_assert_cmpuint(took.bytes, <, 2 * PICTURE_BYTES);
}

/* What several commands hide only together is drawn; they themselves are hidden by the next ones.
 */
static void test_covered_together(struct fixture *fixture, gconstpointer data)
{
    SpiceDisplayStatistics took;

    (void)data;
    for (uint32_t i = 0; i < PICTURES; i++) {
        draw_picture(fixture, 50, 60, i + 1);
        qxl_host_fill(fixture->display.host, 0, 40, 50, 150, 270, i * 3);
        qxl_host_fill(fixture->display.host, 0, 150, 50, 260, 270, i * 5);
    }
    took = show(fixture);
    g_assert_cmpuint(took.commands, ==, 3 * PICTURES);
    g_assert_cmpuint(took.hidden, >=, 2 * (PICTURES - 1));
}

/* Neither what shows through a clip, nor what is combined with it, hides anything. */
static void test_seen_through(struct fixture *fixture, gconstpointer data)
{
    const QXLRect rects[] = {{.top = 60, .left = 50, .bottom = 150, .right = 250},
                             {.top = 170, .left = 50, .bottom = 260, .right = 250}};
    uint32_t words[(sizeof(QXLClipRects) + sizeof(rects)) / 4];
    QXLClipRects *clip = (QXLClipRects *)words;
    QXLDrawable clipped, combined;
    SpiceDisplayStatistics took;

    (void)data;
    *clip = (QXLClipRects){.num_rects = G_N_ELEMENTS(rects), .chunk.data_size = sizeof(rects)};
    memcpy(clip->chunk.data, rects, sizeof(rects));
    draw_picture(fixture, 50, 60, 1);
    clipped = picture(fixture, 50, 60, 2);
    clipped.clip.type = SPICE_CLIP_TYPE_RECTS;
    clipped.clip.data = qxl_host_place(fixture->display.host, clip, sizeof(*clip) + sizeof(rects));
    qxl_host_push_drawable(fixture->display.host, &clipped);
    combined = picture(fixture, 50, 60, 3);
    combined.u.copy.rop_descriptor = SPICE_ROPD_OP_XOR;
    qxl_host_push_drawable(fixture->display.host, &combined);
    took = show(fixture);
    g_assert_cmpuint(took.commands, ==, 3);
    g_assert_cmpuint(took.hidden, ==, 0);
}

/* A surface that is destroyed before anybody has looked at it costs nothing. */
static void test_off_screen(struct fixture *fixture, gconstpointer data)
{
    SpiceDisplayStatistics took;

    (void)data;
    for (uint32_t i = 0; i < PICTURES; i++) {
        QXLDrawable drawable = picture(fixture, 0, 0, i + 1);

        qxl_host_create_surface(fixture->display.host, 1, SPICE_SURFACE_FMT_32_xRGB, SIDE, SIDE, 0);
        drawable.surface_id = 1;
        qxl_host_push_drawable(fixture->display.host, &drawable);
        qxl_host_destroy_surface(fixture->display.host, 1);
    }
    draw_picture(fixture, 10, 20, 99);
    took = show(fixture);
    g_assert_cmpuint(took.bytes, >, PICTURE_BYTES / 2);
    g_assert_cmpuint(took.bytes, <, 2 * PICTURE_BYTES);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test)(struct fixture *fixture, gconstpointer data);
    } tests[] = {
        {"/client/hidden/covered", test_covered},
        {"/client/hidden/covered-together", test_covered_together},
        {"/client/hidden/seen-through", test_seen_through},
        {"/client/hidden/off-screen", test_off_screen},
    };

    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, struct fixture, NULL, set_up, tests[i].test, tear_down);
    return g_test_run();
}
