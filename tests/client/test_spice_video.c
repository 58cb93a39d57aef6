/*
 * A film through a real client (libspice-client-glib): it shows nearly what is drawn while the film
 * runs, and exactly that when it is over; what is drawn over the film stays above it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/made_pictures.h"
#include "tests/support/watched_display.h"

#include <math.h>
#include <spice-statistics.h>
#include <spice/enums.h>
#include <string.h>

enum { WIDTH = 320, HEIGHT = 240, MEMORY = 64 << 20, PSNR = 26, FRAME_MS = 12 };

/* Seconds: on a machine so busy that frames are late, they are held back for up to five. */
enum { PATIENCE = 30 };

/* Where the film is. */
enum { LEFT = 40, TOP = 30, FILM_WIDTH = 200, FILM_HEIGHT = 150, PICTURES = 6 };

struct fixture {
    struct watched_display display;
    QXLPHYSICAL pictures[PICTURES];
    int film_width; /* FILM_WIDTH, or less by one */
    unsigned next;
    QXLRect looked_at; /* where the comparison is made */
};

static void make_pictures(struct fixture *fixture, enum made_picture_kind kind)
{
    for (unsigned i = 0; i < PICTURES; i++) {
        g_autofree uint32_t *pixels = g_new(uint32_t, fixture->film_width * FILM_HEIGHT);

        made_picture(pixels, fixture->film_width, FILM_HEIGHT, kind, i + 1);
        fixture->pictures[i] =
            qxl_host_bitmap(fixture->display.host, SPICE_BITMAP_FMT_32BIT, fixture->film_width,
                            FILM_HEIGHT, fixture->film_width * 4, 0, pixels);
    }
}

static void set_up(struct fixture *fixture, gconstpointer codecs)
{
    SpiceServer *server;

    *fixture = (struct fixture){.looked_at = {0, 0, HEIGHT, WIDTH}};
    watched_display_init(&fixture->display, SPICE_IMAGE_COMPRESSION_AUTO_GLZ);
    server = fixture->display.server;
    spice_server_set_streaming_video(server, SPICE_STREAM_VIDEO_FILTER);
    fixture->film_width = FILM_WIDTH - (codecs != NULL && strchr(codecs, ';') != NULL);
    if (codecs != NULL) {
        g_autofree char *list = strchr(codecs, ':') != NULL
                                    ? g_strdup(codecs)
                                    : g_strdup_printf("gstreamer:%s", (const char *)codecs);

        g_assert_cmpint(spice_server_set_video_codecs(server, list), ==, 0);
    }
    watched_display_open(&fixture->display, WIDTH, HEIGHT, MEMORY);
    make_pictures(fixture, MADE_PHOTO);
}

static void tear_down(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    watched_display_close(&fixture->display);
}

/* How alike the client shows the place that is looked at, dB. */
static double psnr(const struct fixture *fixture)
{
    return watched_display_psnr(&fixture->display, &fixture->looked_at);
}

static bool is_exact(void *opaque)
{
    return isinf(psnr(opaque));
}

static bool is_alike(void *opaque)
{
    return psnr(opaque) > PSNR;
}

static bool is_over(void *opaque)
{
    return g_get_monotonic_time() >= *(int64_t *)opaque;
}

static void run_for(unsigned milliseconds)
{
    int64_t end = g_get_monotonic_time() + milliseconds * 1000;

    core_loop_run_until(is_over, &end, 10);
}

static void draw_frame(struct fixture *fixture)
{
    QXLPHYSICAL picture = fixture->pictures[fixture->next++ % PICTURES];
    QXLDrawable drawable =
        watched_display_copy(picture, LEFT, TOP, fixture->film_width, FILM_HEIGHT);

    qxl_host_push_drawable(fixture->display.host, &drawable);
}

static void play(struct fixture *fixture, unsigned frames)
{
    for (unsigned i = 0; i < frames; i++) {
        draw_frame(fixture);
        run_for(FRAME_MS);
    }
    qxl_host_update(fixture->display.host, 0, WIDTH, HEIGHT);
}

/*
 * On a busy machine there may be gaps that make it no film, and a codec may take its time to begin;
 * so it is played until it is one.
 */
static void play_until_streamed(struct fixture *fixture)
{
    for (unsigned tries = 0; tries < 15; tries++) {
        play(fixture, 25 + 15 * tries);
        g_assert_true(core_loop_run_until(is_alike, fixture, PATIENCE));
        if (!is_exact(fixture))
            return;
    }
    g_error("the film is never sent as one");
}

static void test_film(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    for (unsigned round = 0; round < 2; round++) {
        play_until_streamed(fixture);
        g_assert_true(core_loop_run_until(is_exact, fixture, PATIENCE));
    }
}

/* How many frames the client has been sent in CODEC. */
static uint64_t frames_sent(const struct fixture *fixture, const char *codec)
{
    SpiceDisplayStatistics statistics;
    uint64_t frames = 0;

    g_assert_cmpint(spice_server_get_display_statistics(fixture->display.server, &statistics, 1),
                    ==, 1);
    for (unsigned i = 0; i < statistics.codec_count; i++) {
        if (g_str_equal(statistics.codecs[i].name, codec))
            frames += statistics.codecs[i].images;
    }
    return frames;
}

#ifndef __SANITIZE_THREAD__ /* it cannot see into GStreamer, and would complain about it */
/* Without all the encoders and decoders of setup/install-packages this fails. */
static void test_codec(struct fixture *fixture, gconstpointer codec)
{
    test_film(fixture, codec);
    g_assert_cmpuint(frames_sent(fixture, codec), >, 0);
    g_assert_cmpuint(frames_sent(fixture, "mjpeg"), ==, 0);
}

/* H.264 cannot have such a width: the next one of the list is taken. */
static void test_next_codec(struct fixture *fixture, gconstpointer data)
{
    test_film(fixture, data);
    g_assert_cmpuint(frames_sent(fixture, "vp8"), >, 0);
}
#endif

/* What is drawn over it is seen at once, and not painted over by frames that were on their way. */
static void test_overlay(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    play_until_streamed(fixture);
    draw_frame(fixture);
    draw_frame(fixture);
    qxl_host_fill(fixture->display.host, 0, LEFT + 20, TOP + 30, LEFT + 90, TOP + 80, 0x30a050);
    qxl_host_update(fixture->display.host, 0, WIDTH, HEIGHT);
    fixture->looked_at = (QXLRect){TOP + 30, LEFT + 20, TOP + 80, LEFT + 90};
    g_assert_true(core_loop_run_until(is_exact, fixture, PATIENCE));
    for (unsigned i = 0; i < 30; i++) {
        run_for(FRAME_MS);
        g_assert_true(is_exact(fixture));
    }
    fixture->looked_at = (QXLRect){0, 0, HEIGHT, WIDTH};
    g_assert_true(core_loop_run_until(is_exact, fixture, PATIENCE));
}

static void destroy_primary(struct fixture *fixture)
{
    spice_qxl_destroy_primary_surface(&fixture->display.host->qxl, 0);
}

/* As QEMU and our card reset theirs. */
static void reset(struct fixture *fixture)
{
    spice_qxl_destroy_surfaces(&fixture->display.host->qxl);
    spice_qxl_reset_cursor(&fixture->display.host->qxl);
    spice_qxl_reset_image_cache(&fixture->display.host->qxl);
}

/* The screen is replaced while the film runs. */
static void replace_screen(struct fixture *fixture, void (*destroy)(struct fixture *fixture))
{
    play_until_streamed(fixture);
    draw_frame(fixture);
    destroy(fixture);
    watched_display_create_primary(&fixture->display);
    g_assert_true(core_loop_run_until(gtk_client_is_marked, &fixture->display.screen, PATIENCE));
    qxl_host_fill(fixture->display.host, 0, 0, 0, WIDTH, HEIGHT, 0x102030);
    qxl_host_update(fixture->display.host, 0, WIDTH, HEIGHT);
    g_assert_true(core_loop_run_until(is_exact, fixture, PATIENCE));
    play_until_streamed(fixture);
    g_assert_true(core_loop_run_until(is_exact, fixture, PATIENCE));
}

static void test_mode_change(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    replace_screen(fixture, destroy_primary);
}

static void test_reset(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    replace_screen(fixture, reset);
}

/* Pages of text that are turned are no film for the filter, but one of all that changes. */
static void test_drawings(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    make_pictures(fixture, MADE_TEXT);
    for (unsigned i = 0; i < 3; i++) {
        play(fixture, 25);
        g_assert_true(core_loop_run_until(is_exact, fixture, PATIENCE));
    }
    g_assert_cmpuint(frames_sent(fixture, "mjpeg"), ==, 0);
    spice_server_set_streaming_video(fixture->display.server, SPICE_STREAM_VIDEO_ALL);
    for (unsigned tries = 0; tries < 15 && frames_sent(fixture, "mjpeg") == 0; tries++)
        play(fixture, 25 + 15 * tries);
    g_assert_cmpuint(frames_sent(fixture, "mjpeg"), >, 0);
    g_assert_true(core_loop_run_until(is_exact, fixture, PATIENCE));
}

/* The machine stops: no film goes on, and everybody sees what there was. */
static void test_stop(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    play_until_streamed(fixture);
    spice_server_vm_stop(fixture->display.server);
    g_assert_true(core_loop_run_until(is_exact, fixture, PATIENCE));
    spice_server_vm_start(fixture->display.server);
}

static void test_switched_off(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    play_until_streamed(fixture);
    spice_server_set_streaming_video(fixture->display.server, SPICE_STREAM_VIDEO_OFF);
    for (unsigned i = 0; i < 3; i++) {
        play(fixture, 25);
        g_assert_true(core_loop_run_until(is_exact, fixture, PATIENCE));
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct fixture *fixture, gconstpointer data);
    } tests[] = {
        {"/client/video/film", test_film},
        {"/client/video/overlay", test_overlay},
        {"/client/video/mode-change", test_mode_change},
        {"/client/video/reset", test_reset},
        {"/client/video/drawings", test_drawings},
        {"/client/video/stop", test_stop},
        {"/client/video/switched-off", test_switched_off},
    };

    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, struct fixture, NULL, set_up, tests[i].run, tear_down);
#ifndef __SANITIZE_THREAD__
    static const char *const codecs[] = {"vp8", "vp9", "h264", "h265"};

    for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
        g_autofree char *name = g_strdup_printf("/client/video/%s", codecs[i]);

        g_test_add(name, struct fixture, codecs[i], set_up, test_codec, tear_down);
    }
    g_test_add("/client/video/next-codec", struct fixture, "gstreamer:h264;gstreamer:vp8", set_up,
               test_next_codec, tear_down);
#endif
    return g_test_run();
}
