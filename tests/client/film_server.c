/*
 * A SPICE server whose guest plays a film with sound, for tests of how the two go together: prints
 * the port, and obeys commands on its standard input until that ends: "film 1", "sound 1" and the
 * same with 0; "delays COUNT" looks so often how long the display's worker makes the host wait, and
 * prints "delays MEDIAN P99 MAX", microseconds. Each prints its name when it is done.
 *
 *   film_server WIDTH HEIGHT CODECS    pixels; as spice_server_set_video_codecs() has them
 *
 * Sound and film carry the same number, one of LEVELS that changes every LEVEL_MS: how loud a tone
 * is, and how bright a square in the middle of the film. So a client can tell which picture belongs
 * to which sound.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/core_loop.h"
#include "tests/support/film_levels.h"
#include "tests/support/host_devices.h"
#include "tests/support/loopback.h"
#include "tests/support/made_pictures.h"
#include "tests/support/qxl_host.h"
#include "tests/support/watched_display.h"

#include <glib-unix.h>
#include <spice/enums.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FPS = 30,
    VARIANTS = 2, /* of each picture, so that none repeats the one before */
    MARGIN = 40,  /* around the film */
    RATE = 48000,
    TONE = 96, /* samples of a period */
    SOUND_MS = 10,
    DELAY_MS = 7, /* between looks at the worker */
};

struct host {
    SpiceServer *server;
    GMainLoop *loop;
    struct qxl_host *display;
    SpicePlaybackInstance playback;
    int width, height;
    QXLPHYSICAL pictures[FILM_LEVELS][VARIANTS];
    unsigned frame;
    bool film, sound;
    gint64 began;   /* monotonic microseconds */
    GArray *delays; /* of gint64: microseconds */
    int delays_left;
    uint64_t played; /* samples since then */
};

static void make_pictures(struct host *host)
{
    const size_t count = (size_t)host->width * (size_t)host->height;
    g_autofree uint32_t *pixels = g_new(uint32_t, count);
    int side = MIN(host->width, host->height) / 4;

    for (unsigned variant = 0; variant < VARIANTS; variant++) {
        made_picture(pixels, (uint32_t)host->width, (uint32_t)host->height, MADE_PHOTO,
                     variant + 1);
        for (unsigned level = 0; level < FILM_LEVELS; level++) {
            for (int y = (host->height - side) / 2; y < (host->height + side) / 2; y++) {
                for (int x = (host->width - side) / 2; x < (host->width + side) / 2; x++)
                    pixels[y * host->width + x] = film_brightness(level) * 0x10101;
            }
            host->pictures[level][variant] =
                qxl_host_bitmap(host->display, SPICE_BITMAP_FMT_32BIT, (uint32_t)host->width,
                                (uint32_t)host->height, (uint32_t)host->width * 4, 0, pixels);
        }
    }
}

static unsigned level_at(gint64 milliseconds)
{
    return (unsigned)(milliseconds / FILM_LEVEL_MS % FILM_LEVELS);
}

static gboolean draw_frame(gpointer opaque)
{
    struct host *host = opaque;
    unsigned level = level_at((g_get_monotonic_time() - host->began) / 1000);
    QXLDrawable drawable = watched_display_copy(host->pictures[level][host->frame++ % VARIANTS],
                                                MARGIN, MARGIN, host->width, host->height);

    if (host->film)
        qxl_host_push_drawable(host->display, &drawable);
    return G_SOURCE_CONTINUE;
}

static void put_sound(struct host *host, uint32_t *samples, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++, host->played++) {
        uint32_t amplitude = film_amplitude(level_at((gint64)(host->played * 1000 / RATE)));
        uint16_t value = (uint16_t)(host->played % TONE < TONE / 2 ? amplitude : -amplitude);

        samples[i] = value * 0x10001u;
    }
    spice_server_playback_put_samples(&host->playback, samples);
}

/* All that is due by now. */
static gboolean play_sound(gpointer opaque)
{
    struct host *host = opaque;
    uint64_t due = (uint64_t)(g_get_monotonic_time() - host->began) * RATE / G_USEC_PER_SEC;
    uint32_t *samples, count;

    while (host->sound && host->played < due) {
        spice_server_playback_get_buffer(&host->playback, &samples, &count);
        if (samples != NULL)
            put_sound(host, samples, count);
        else
            host->played = due; /* nobody listens */
    }
    return G_SOURCE_CONTINUE;
}

static gint compare(gconstpointer a, gconstpointer b)
{
    gint64 one = *(const gint64 *)a, other = *(const gint64 *)b;

    return (one > other) - (one < other);
}

static gboolean measure_delay(gpointer opaque)
{
    struct host *host = opaque;
    gint64 began = g_get_monotonic_time(), took;
    const gint64 *all;
    guint count;

    qxl_host_update(host->display, 0, 1, 1);
    took = g_get_monotonic_time() - began;
    g_array_append_val(host->delays, took);
    if (--host->delays_left > 0)
        return G_SOURCE_CONTINUE;
    g_array_sort(host->delays, compare);
    all = (const gint64 *)(void *)host->delays->data;
    count = host->delays->len;
    printf("delays %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n",
           all[count / 2], all[count * 99 / 100], all[count - 1]);
    g_array_set_size(host->delays, 0);
    return G_SOURCE_REMOVE;
}

static void switch_sound(struct host *host, bool on)
{
    if (on && !host->sound) {
        host->played = (uint64_t)(g_get_monotonic_time() - host->began) * RATE / G_USEC_PER_SEC;
        spice_server_playback_start(&host->playback);
    } else if (!on && host->sound) {
        spice_server_playback_stop(&host->playback);
    }
    host->sound = on;
}

static void measure_delays(struct host *host, int count)
{
    if (host->delays_left == 0 && count > 0) {
        host->delays_left = count;
        g_timeout_add(DELAY_MS, measure_delay, host);
    }
}

static gboolean on_command(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED,
                           gpointer opaque)
{
    struct host *host = opaque;
    char line[100], word[20];
    int on;

    if (fgets(line, sizeof(line), stdin) == NULL) {
        g_main_loop_quit(host->loop);
        return G_SOURCE_REMOVE;
    }
    if (sscanf(line, "%19s %d", word, &on) != 2) {
        fprintf(stderr, "film_server: unknown command '%s'\n", g_strchomp(line));
        exit(1);
    }
    if (strcmp(word, "film") == 0)
        host->film = on != 0;
    else if (strcmp(word, "delays") == 0)
        measure_delays(host, on);
    else
        switch_sound(host, on != 0);
    printf("done %s\n", word);
    return G_SOURCE_CONTINUE;
}

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static bool start(struct host *host, int fd, const char *codecs)
{
    uint32_t width = (uint32_t)host->width + 2 * MARGIN;
    uint32_t height = (uint32_t)host->height + 2 * MARGIN;
    size_t memory = (size_t)width * height * 4 * (FILM_LEVELS * VARIANTS + 1) + (16 << 20);

    spice_server_set_noauth(host->server);
    spice_server_set_listen_socket_fd(host->server, fd);
    spice_server_set_streaming_video(host->server, SPICE_STREAM_VIDEO_FILTER);
    if (spice_server_set_video_codecs(host->server, codecs) != 0 ||
        spice_server_init(host->server, core_loop_interface()) != 0 ||
        spice_server_add_interface(host->server, &host->playback.base) != 0)
        return false;
    spice_server_set_playback_rate(&host->playback, RATE);
    host->display = qxl_host_create(host->server, 0, memory);
    spice_server_vm_start(host->server);
    qxl_host_create_primary(host->display, width, height, SPICE_SURFACE_FMT_32_xRGB, 0);
    make_pictures(host);
    return true;
}

int main(int argc, char **argv)
{
    struct host host = {.server = spice_server_new(),
                        .loop = g_main_loop_new(NULL, FALSE),
                        .playback.base.sif = &host_playback_interface.base,
                        .delays = g_array_new(FALSE, FALSE, sizeof(gint64)),
                        .began = g_get_monotonic_time()};
    unsigned port;
    int fd;

    setvbuf(stdin, NULL, _IONBF, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 4 || (host.width = atoi(argv[1])) < 96 || (host.height = atoi(argv[2])) < 96) {
        fprintf(stderr, "usage: film_server WIDTH HEIGHT CODECS, 96 pixels a side at least\n");
        return 2;
    }
    fd = loopback_listen(&port);
    printf("port %u\n", port);
    if (!start(&host, fd, argv[3])) {
        fprintf(stderr, "film_server: cannot start\n");
        return 1;
    }
    g_timeout_add(1000 / FPS, draw_frame, &host);
    g_timeout_add(SOUND_MS, play_sound, &host);
    g_unix_fd_add(0, G_IO_IN | G_IO_HUP, on_command, &host);
    g_main_loop_run(host.loop);
    spice_server_remove_interface(&host.playback.base);
    spice_qxl_destroy_surfaces(&host.display->qxl);
    spice_server_vm_stop(host.server);
    qxl_host_destroy(host.display);
    spice_server_destroy(host.server);
    close(fd);
    g_array_free(host.delays, TRUE);
    g_main_loop_unref(host.loop);
    return 0;
}
