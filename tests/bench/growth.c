/*
 * What a server costs at one size of its task, for cost_growth.py.
 *
 *     growth LIBRARY CLIENTS SURFACES WIDTH HEIGHT FRAMES
 *
 * A guest with a screen of WIDTH x HEIGHT and SURFACES off-screen surfaces draws FRAMES frames,
 * each when all CLIENTS, which read and decode nothing, have the one before. A frame is a picture
 * of a quarter of the screen and sixteen small ones, which take their way over the off-screen
 * surfaces in turn. Prints, separated by tabs: milliseconds of the server's threads a frame,
 * milliseconds from the first command to the last byte at the last client (median), bytes of a
 * client's display channel a frame, KiB of memory at most, beyond the guest's own.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/core_loop.h"
#include "tests/support/image_reader.h"
#include "tests/support/made_pictures.h"
#include "tests/support/qxl_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SMALL = 8, /* small pictures to choose from */
    SIDE = 48, /* of one */
    PER_FRAME = 16,
    MARK = 40,
    WARM_UP = 8, /* frames that do not count */
    TRIES = 10,
    COMMAND_SIZE = 512, /* bytes, at most, with an image's description */
    FRAME_SIZE = (1 + 2 * PER_FRAME + TRIES) * COMMAND_SIZE,
    MAX_CLIENTS = 64,
    MAX_SIDE = 16384,
    MAX_FRAMES = 1000,
};

struct task {
    unsigned clients, surfaces, width, height, frames;
};

struct bench {
    struct task task;
    const struct server_library *library;
    SpiceServer *server;
    struct qxl_host *host;
    struct image_reader *readers[MAX_CLIENTS];
    QXLPHYSICAL large[WARM_UP + MAX_FRAMES], small[SMALL];
    uint32_t mark;
};

static double seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

/* Of the threads that are neither this nor the clients'; all of them sleep by now. */
static double server_time(const struct bench *bench)
{
    double spent;

    g_usleep(3000); /* the kernel counts a thread's time when it stops */
    spent = seconds(CLOCK_PROCESS_CPUTIME_ID) - seconds(CLOCK_THREAD_CPUTIME_ID);
    for (unsigned i = 0; i < bench->task.clients; i++)
        spent -= image_reader_time(bench->readers[i]);
    return spent;
}

/* KiB; NAME as in /proc/self/status. */
static long memory(const char *name)
{
    g_autofree char *status = NULL;
    const char *line;

    if (!g_file_get_contents("/proc/self/status", &status, NULL, NULL))
        return 0;
    line = strstr(status, name);
    return line != NULL ? atol(line + strlen(name)) : 0;
}

/* ---- The guest ---- */

static QXLPHYSICAL place_picture(struct bench *bench, uint32_t width, uint32_t height,
                                 enum made_picture_kind kind, uint32_t seed)
{
    QXLPHYSICAL image =
        qxl_host_bitmap(bench->host, SPICE_BITMAP_FMT_32BIT, width, height, width * 4, 0, NULL);
    const QXLImage *made = qxl_host_pointer(bench->host, image);

    made_picture(qxl_host_pointer(bench->host, made->bitmap.data), width, height, kind, seed);
    return image;
}

static QXLDrawable copy_of(QXLPHYSICAL image, uint32_t surface, unsigned left, unsigned top,
                           unsigned width, unsigned height)
{
    QXLDrawable drawable =
        qxl_host_drawable(QXL_DRAW_COPY, surface, left, top, left + width, top + height);

    drawable.u.copy.src_bitmap = image;
    drawable.u.copy.src_area = (QXLRect){.right = width, .bottom = height};
    drawable.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    return drawable;
}

static void copy(struct bench *bench, uint32_t surface, QXLPHYSICAL image, unsigned left,
                 unsigned top, unsigned width, unsigned height)
{
    QXLDrawable drawable = copy_of(image, surface, left, top, width, height);

    qxl_host_push_drawable(bench->host, &drawable);
}

/* Drivers also say which surface a command depends on. */
static void show_surface(struct bench *bench, uint32_t surface, unsigned left, unsigned top)
{
    QXLDrawable drawable =
        copy_of(qxl_host_surface_image(bench->host, surface), 0, left, top, SIDE, SIDE);

    drawable.surfaces_dest[0] = surface;
    drawable.surfaces_rects[0] = (QXLRect){.right = SIDE, .bottom = SIDE};
    qxl_host_push_drawable(bench->host, &drawable);
}

static void draw_frame(struct bench *bench, unsigned frame)
{
    const struct task *task = &bench->task;
    unsigned width = task->width / 2, height = task->height / 2;

    copy(bench, 0, bench->large[frame], frame % 2 * width, frame / 2 % 2 * height, width, height);
    for (unsigned i = 0; i < PER_FRAME; i++) {
        uint32_t surface = 1 + (frame * PER_FRAME + i) % MAX(task->surfaces, 1);
        QXLPHYSICAL picture = bench->small[(frame + i) % SMALL];
        unsigned left = MARK + i % 8 * (SIDE + 10), top = MARK + i / 8 * (SIDE + 10);

        if (task->surfaces == 0) {
            copy(bench, 0, picture, left, top, SIDE, SIDE);
            continue;
        }
        copy(bench, surface, picture, 0, 0, SIDE, SIDE);
        show_surface(bench, surface, left, top);
    }
}

/*
 * A fill in a new colour follows the frame; when it has come, so has the frame. A server may send
 * what it has painted in its place when it thinks that a client is slow; so there are more of them.
 */
static bool all_have_it(struct bench *bench)
{
    for (unsigned tries = 0; tries < TRIES; tries++) {
        unsigned have = 0;

        bench->mark = bench->mark % 0xffffff + 1;
        qxl_host_fill(bench->host, 0, 0, 0, MARK, MARK, bench->mark);
        while (have < bench->task.clients &&
               image_reader_wait_fill(bench->readers[have], bench->mark))
            have++;
        if (have == bench->task.clients)
            return qxl_host_wait_taken(bench->host);
    }
    return false;
}

static void set_up(struct bench *bench)
{
    const struct task *task = &bench->task;
    size_t frames = WARM_UP + task->frames;
    size_t screen = (size_t)task->width * task->height * 4;
    size_t surfaces = (size_t)(task->surfaces + SMALL) * (SIDE * SIDE * 4 + COMMAND_SIZE);

    bench->server = bench->library->spice_server_new();
    bench->library->spice_server_set_noauth(bench->server);
    bench->library->spice_server_set_image_compression(bench->server,
                                                       SPICE_IMAGE_COMPRESSION_AUTO_GLZ);
    bench->library->spice_server_set_streaming_video(bench->server, SPICE_STREAM_VIDEO_OFF);
    g_assert_cmpint(bench->library->spice_server_init(bench->server, core_loop_interface()), ==, 0);
    bench->host =
        qxl_host_create_on(bench->library, bench->server, 0,
                           screen + frames * (screen / 4 + FRAME_SIZE) + surfaces + (1 << 20));
    memset(bench->host->memory, 0, bench->host->size); /* it is the guest's, not the server's */
    bench->library->spice_server_vm_start(bench->server);
    for (unsigned i = 0; i < frames; i++)
        bench->large[i] =
            place_picture(bench, task->width / 2, task->height / 2, MADE_DESKTOP, i + 1);
    for (unsigned i = 0; i < SMALL; i++)
        bench->small[i] = place_picture(bench, SIDE, SIDE, MADE_TEXT, i + 1);
}

static void start_screen(struct bench *bench)
{
    qxl_host_create_primary(bench->host, bench->task.width, bench->task.height,
                            SPICE_SURFACE_FMT_32_xRGB, 0);
    for (unsigned i = 0; i < bench->task.surfaces; i++)
        qxl_host_create_surface(bench->host, i + 1, SPICE_SURFACE_FMT_32_xRGB, SIDE, SIDE, 0);
    for (unsigned i = 0; i < bench->task.clients; i++)
        bench->readers[i] = image_reader_connect(bench->library, bench->server);
}

static void tear_down(struct bench *bench)
{
    for (unsigned i = 0; i < bench->task.clients; i++)
        image_reader_disconnect(bench->readers[i]);
    bench->library->spice_server_vm_stop(bench->server);
    bench->library->spice_qxl_destroy_surfaces(&bench->host->qxl);
    qxl_host_destroy(bench->host);
    bench->library->spice_server_destroy(bench->server);
}

/* ---- Measuring ---- */

static int by_size(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;

    return (first > second) - (first < second);
}

static bool measure(struct bench *bench)
{
    const struct task *task = &bench->task;
    g_autofree double *waits = g_new(double, task->frames);
    double spent = 0;
    uint64_t bytes = 0;
    long own = memory("VmRSS:");

    start_screen(bench);
    for (unsigned frame = 0; frame < WARM_UP + task->frames; frame++) {
        double began;

        if (frame == WARM_UP) {
            spent = server_time(bench);
            bytes = image_reader_bytes(bench->readers[0]);
        }
        began = seconds(CLOCK_MONOTONIC);
        draw_frame(bench, frame);
        if (!all_have_it(bench))
            return false;
        if (frame >= WARM_UP)
            waits[frame - WARM_UP] = seconds(CLOCK_MONOTONIC) - began;
    }
    spent = server_time(bench) - spent;
    bytes = image_reader_bytes(bench->readers[0]) - bytes;
    qsort(waits, task->frames, sizeof(*waits), by_size);
    printf("%.4f\t%.4f\t%.0f\t%ld\n", 1e3 * spent / task->frames, 1e3 * waits[task->frames / 2],
           (double)bytes / task->frames, memory("VmHWM:") - own);
    return true;
}

/* 0: not a number from LEAST to MOST. */
static bool number(const char *text, unsigned least, unsigned most, unsigned *out)
{
    guint64 value;

    if (!g_ascii_string_to_unsigned(text, 10, least, most, &value, NULL))
        return false;
    *out = value;
    return true;
}

int main(int argc, char **argv)
{
    struct server_library library;
    struct bench bench = {.library = &library};
    bool done;

    if (argc != 7 || !number(argv[2], 1, MAX_CLIENTS, &bench.task.clients) ||
        !number(argv[3], 0, 1023, &bench.task.surfaces) ||
        !number(argv[4], 640, MAX_SIDE, &bench.task.width) ||
        !number(argv[5], 480, MAX_SIDE, &bench.task.height) ||
        !number(argv[6], 1, MAX_FRAMES, &bench.task.frames)) {
        fprintf(stderr,
                "usage: %s LIBRARY CLIENTS SURFACES WIDTH HEIGHT FRAMES\n"
                "       1 to %d clients, 0 to 1023 surfaces, 640x480 to %dx%d, 1 to %d frames\n",
                argv[0], MAX_CLIENTS, MAX_SIDE, MAX_SIDE, MAX_FRAMES);
        return 2;
    }
    g_setenv("SPICE_DEBUG_ALLOW_MC", "1", TRUE); /* several clients */
    if (!server_library_open(&library, argv[1])) {
        fprintf(stderr, "%s: cannot load all of %s\n", argv[0], argv[1]);
        return 1;
    }
    set_up(&bench);
    done = measure(&bench);
    if (!done)
        fprintf(stderr, "%s: a client is not sent what is drawn\n", argv[0]);
    tear_down(&bench);
    return done ? 0 : 1;
}
