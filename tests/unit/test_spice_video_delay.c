/*
 * How long a film is held back: longer as soon as its frames are late, as far as their size
 * explains it and no further; less when they have been far too early for a while.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/video_delay.h"

#include "spice/play_delay.h"

#include <glib.h>

enum { NOW = 100000, LONG = 3000, REPORT_MS = 200 };

/* The client got five frames at NOW, EARLY. */
static bool report(struct video_delay *delay, uint32_t now, int32_t early, uint32_t sound,
                   uint32_t explained)
{
    const struct video_report said = {
        .frames = 5,
        .drops = early < 0 ? 5 : 0,
        .first = now - REPORT_MS,
        .early = early,
        .sound = sound,
    };

    return video_delay_report(delay, &said, explained, now);
}

/* Frames need NEEDED ms, and the client does as it is told. The last report is what it says. */
static bool play(struct video_delay *delay, uint32_t *now, unsigned seconds, int32_t needed,
                 uint32_t explained)
{
    bool excused = false;

    for (uint32_t end = *now + seconds * 1000; *now < end; *now += REPORT_MS)
        excused = report(delay, *now, (int32_t)MAX(delay->wanted, PLAY_DELAY_MS) - needed,
                         VIDEO_NO_SOUND, explained);
    return excused;
}

static void test_in_time(void)
{
    struct video_delay delay = {0};
    uint32_t now = NOW;

    g_assert_false(play(&delay, &now, 20, 30, LONG));
    g_assert_cmpuint(delay.wanted, ==, 0);
}

static void test_late(void)
{
    struct video_delay delay = {0};
    uint32_t now = NOW;

    g_assert_true(report(&delay, now, -300, VIDEO_NO_SOUND, LONG));
    g_assert_cmpuint(delay.wanted, >=, 700);
    g_assert_cmpuint(delay.wanted, <=, 1000);
    /* What was on its way comes late as well, and is no reason for anything. */
    g_assert_true(report(&delay, now + 100, -290, VIDEO_NO_SOUND, LONG));
    g_assert_cmpuint(delay.wanted, <=, 1000);
    now += 1000;
    g_assert_false(play(&delay, &now, 20, 700, LONG));
    g_assert_cmpuint(delay.wanted, >=, 700);
    g_assert_cmpuint(delay.wanted, <=, 1000);
}

/* Too many frames for the line: what waits for them is not what a frame needs. */
static void test_congested(void)
{
    struct video_delay delay = {0};
    uint32_t now = NOW;

    g_assert_false(play(&delay, &now, 10, 3000, 450));
    g_assert_cmpuint(delay.wanted, ==, 450);
}

static void test_better(void)
{
    struct video_delay delay = {0};
    uint32_t now = NOW;

    play(&delay, &now, 5, 2500, LONG);
    g_assert_cmpuint(delay.wanted, >=, 2500);
    play(&delay, &now, 40, 50, LONG);
    g_assert_cmpuint(delay.wanted, <=, PLAY_DELAY_MS + 50);
    g_assert_false(play(&delay, &now, 5, 50, LONG));
}

/* Some clients do not hold sound back for longer, whatever they are told. */
static void test_stubborn(void)
{
    struct video_delay delay = {0};
    uint32_t now = NOW;
    bool excused = true;

    for (unsigned i = 0; i < 100; i++, now += REPORT_MS)
        excused = report(&delay, now, -150, 200, LONG);
    g_assert_false(excused);
    g_assert_cmpuint(delay.wanted, >=, 350);
    g_assert_cmpuint(delay.wanted, <=, 600);
}

/* Short as it is, the delay of sound is enough for frames that need less. */
static void test_sound(void)
{
    struct video_delay delay = {0};
    uint32_t now = NOW;

    for (unsigned i = 0; i < 100; i++, now += REPORT_MS)
        g_assert_false(report(&delay, now, 20, 200, LONG));
    g_assert_cmpuint(delay.wanted, ==, 0);
}

static void test_nonsense(void)
{
    static const int32_t early[] = {INT32_MIN, INT32_MAX, -1, 0, 1};
    static const uint32_t numbers[] = {0, 1, INT32_MAX, UINT32_MAX - 1, UINT32_MAX};
    struct video_delay delay = {0};
    uint32_t now = UINT32_MAX - 20000; /* the clock wraps */

    for (unsigned i = 0; i < 5 * 5 * 5 * 5; i++, now += 997) {
        const struct video_report said = {
            .frames = numbers[i % 5],
            .drops = numbers[(i + i / 5) % 5],
            .first = i % 2 == 0 ? numbers[i / 5 % 5] : now,
            .early = early[i / 25 % 5],
            .sound = numbers[i / 125 % 5],
        };

        video_delay_report(&delay, &said, UINT32_MAX, now);
        g_assert_cmpuint(delay.wanted, <=, VIDEO_DELAY_MAX_MS);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/video-delay/in-time", test_in_time);
    g_test_add_func("/video-delay/late", test_late);
    g_test_add_func("/video-delay/congested", test_congested);
    g_test_add_func("/video-delay/better", test_better);
    g_test_add_func("/video-delay/stubborn", test_stubborn);
    g_test_add_func("/video-delay/sound", test_sound);
    g_test_add_func("/video-delay/nonsense", test_nonsense);
    return g_test_run();
}
