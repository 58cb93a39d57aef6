/*
 * What a film is allowed to cost: with enough bandwidth every frame is sent, and well; reports of
 * losses make it cheaper, good ones dearer again; and films are told from other drawing.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/video_detect.h"
#include "spice/video_rate.h"

#include <glib.h>

enum { SECOND = 1000000, FPS = 30 };

/* Frames of which one costs BASE bytes at quality 50, and a third more at each better one. */
struct film {
    struct video_rate rate;
    int64_t now;
    double base;
    unsigned sent;
    double bytes;
};

static double size_of(const struct film *film)
{
    double size = film->base;

    for (int quality = 50; quality < video_rate_quality(&film->rate); quality += 10)
        size *= 1.35;
    for (int quality = 50; quality > video_rate_quality(&film->rate); quality -= 10)
        size /= 1.35;
    return size;
}

/* A client that reports DROPS of five frames each, and the last one's DELAY_MS. */
static void play(struct film *film, double seconds, uint32_t drops, int32_t delay_ms)
{
    film->sent = 0;
    film->bytes = 0;
    for (int i = 0; i < seconds * FPS; i++) {
        film->now += SECOND / FPS;
        video_rate_offer(&film->rate, false, film->now);
        if (!video_rate_admits(&film->rate, film->now))
            continue;
        film->bytes += size_of(film);
        video_rate_sent(&film->rate, (size_t)size_of(film), film->now);
        if (++film->sent % 5 == 0)
            video_rate_report(&film->rate, 5, drops, delay_ms, film->now);
    }
    film->bytes /= seconds;
}

static struct film film_init(double limit, double base)
{
    struct film film = {.now = 5 * SECOND, .base = base};

    video_rate_init(&film.rate, limit, film.now);
    return film;
}

static void test_enough(void)
{
    struct film film = film_init(10e6, 10000);

    play(&film, 5, 0, 100);
    g_assert_cmpuint(film.sent, ==, 5 * FPS);
    g_assert_cmpint(video_rate_quality(&film.rate), ==, 80);
}

/* Frames too large for what is tried first: worse ones at first, at full rate, better ones later.
 */
static void test_growing(void)
{
    struct film film = film_init(8e6, 80000);

    play(&film, 2, 0, 100);
    g_assert_cmpuint(film.sent, >=, 2 * FPS * 8 / 10);
    g_assert_cmpint(video_rate_quality(&film.rate), <, 50);
    play(&film, 20, 0, 100);
    g_assert_cmpuint(film.sent, ==, 20 * FPS);
    g_assert_cmpint(video_rate_quality(&film.rate), ==, 80);
}

/* Not even the worst quality fits: frames are left out, and what is sent is what fits. */
static void test_too_little(void)
{
    struct film film = film_init(1e6, 200000);

    play(&film, 4, 0, -100);
    play(&film, 4, 0, -100);
    g_assert_cmpint(video_rate_quality(&film.rate), ==, 20);
    g_assert_cmpuint(film.sent, >, 0);
    g_assert_cmpuint(film.sent, <, 4 * FPS / 2);
    g_assert_cmpfloat(film.bytes * 8, <, 1.2e6);
}

static void test_losses(void)
{
    struct film film = film_init(20e6, 40000);
    double before;

    play(&film, 10, 0, 100);
    before = film.bytes;
    play(&film, 5, 1, 100); /* one in five is lost */
    play(&film, 1, 1, 100);
    g_assert_cmpfloat(film.bytes, <, before / 2);
    play(&film, 30, 0, 100);
    play(&film, 1, 0, 100);
    g_assert_cmpfloat(film.bytes, >, before * 0.9);

    play(&film, 5, 0, -50); /* none is lost, but all are late */
    play(&film, 1, 0, -50);
    g_assert_cmpfloat(film.bytes, <, before / 2);
}

/* Frames that are replaced before they are sent say that the connection is full. */
static void test_replaced(void)
{
    struct film film = film_init(20e6, 40000);
    double limit = film.rate.limit;

    for (int i = 0; i < 5 * FPS; i++) {
        film.now += SECOND / FPS;
        video_rate_offer(&film.rate, i % 3 == 0, film.now);
        if (i % 3 == 0 && video_rate_admits(&film.rate, film.now))
            video_rate_sent(&film.rate, 40000, film.now);
    }
    g_assert_cmpfloat(film.rate.limit, <, limit * 0.8);
}

/* While the connection is full of something else, it does not say anything about the film. */
static void test_waiting(void)
{
    struct film film = film_init(20e6, 40000);
    double limit = film.rate.limit;

    for (int i = 0; i < 5 * FPS; i++) {
        film.now += SECOND / FPS;
        video_rate_offer(&film.rate, true, film.now);
    }
    video_rate_sent(&film.rate, 40000, film.now);
    g_assert_cmpfloat(film.rate.limit, ==, limit);
    video_rate_report(&film.rate, 5, 5, -100, film.now + SECOND);
    g_assert_cmpfloat(film.rate.limit, >=, limit / 2); /* it is not known yet what can be spent */
}

static bool yes(const void *opaque)
{
    (void)opaque;
    return true;
}

static bool no(const void *opaque)
{
    (void)opaque;
    return false;
}

/* How many frames it takes at INTERVAL_MS; 0: more than 200. */
static unsigned frames_until_film(int width, int height, int interval_ms, bool filter, bool gradual)
{
    struct video_detector detector = {0};
    const draw_rect box = {10, 20, 10 + width, 20 + height}, other = {0, 0, 300, 300};
    int64_t now = 77;

    for (unsigned i = 1; i <= 200; i++) {
        now += interval_ms * 1000;
        if (video_detector_see(&detector, &box, width, height, now, filter, gradual ? yes : no,
                               NULL))
            return i;
        /* Something else at another place is no matter. */
        g_assert_false(i < 20 &&
                       video_detector_see(&detector, &other, i, i, now, filter, yes, NULL));
    }
    return 0;
}

static void test_detection(void)
{
    g_assert_cmpuint(frames_until_film(200, 200, 40, true, true), ==, 20);
    g_assert_cmpuint(frames_until_film(200, 200, 199, true, true), ==, 20);
    g_assert_cmpuint(frames_until_film(200, 200, 201, true, true), ==, 0);
    /* X draws the last rows of a film of 640x360 pixels as such a band: what counts is the area. */
    g_assert_cmpuint(frames_until_film(640, 54, 40, true, true), ==, 20);
    g_assert_cmpuint(frames_until_film(96, 96, 40, true, true), ==, 20);
    g_assert_cmpuint(frames_until_film(95, 95, 40, true, true), ==, 0);
    g_assert_cmpuint(frames_until_film(95, 95, 40, false, false), ==, 20);
    g_assert_cmpuint(frames_until_film(200, 200, 40, true, false), ==, 0);
    g_assert_cmpuint(frames_until_film(200, 200, 40, false, false), ==, 20);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/video/enough", test_enough);
    g_test_add_func("/video/growing", test_growing);
    g_test_add_func("/video/too-little", test_too_little);
    g_test_add_func("/video/losses", test_losses);
    g_test_add_func("/video/replaced", test_replaced);
    g_test_add_func("/video/waiting", test_waiting);
    g_test_add_func("/video/detection", test_detection);
    return g_test_run();
}
