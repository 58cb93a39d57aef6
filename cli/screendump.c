/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/screendump.h"

#include "cli/doorbell.h"
#include "cli/options.h"

#include <pthread.h>
#include <string.h>

/* As many as may be unwritten; each holds a whole picture. */
#define PENDING_MAX 8

struct job {
    struct screendumps *dumps;
    struct qmp_later *later;
    pthread_t thread;
    char *path;
    enum picture_format format;
    struct canvas *canvas;
    void *pixels; /* of the canvas */
    draw_rect area;
    GError *error; /* the thread's, until it is done */
    bool done;     /* atomic */
};

struct screendumps {
    GPtrArray *jobs;
    struct doorbell *news;
};

static void free_job(void *data)
{
    struct job *job = data;

    canvas_destroy(job->canvas);
    g_free(job->pixels);
    g_free(job->path);
    g_free(job);
}

/* The job's thread. */
static void *write_picture(void *data)
{
    struct job *job = data;

    picture_save_as(job->canvas, &job->area, job->path, job->format, &job->error);
    __atomic_store_n(&job->done, true, __ATOMIC_RELEASE);
    doorbell_ring(job->dumps->news, 0);
    return NULL;
}

static void answer(struct job *job)
{
    pthread_join(job->thread, NULL);
    qmp_reply(job->later, job->error ? NULL : qmp_nothing(), job->error);
}

static void look(void *opaque)
{
    struct screendumps *dumps = opaque;

    for (guint i = dumps->jobs->len; i-- > 0;) {
        struct job *job = g_ptr_array_index(dumps->jobs, i);
        if (!__atomic_load_n(&job->done, __ATOMIC_ACQUIRE))
            continue;
        /* An answer can make room for the next command, which adds a job. */
        g_ptr_array_steal_index(dumps->jobs, i);
        answer(job);
        free_job(job);
    }
}

/* Taking */

static bool find_area(struct qxl_card *card, const struct screendump *request,
                      const struct qxl_screen *screen, draw_rect *area, GError **error)
{
    QXLRect head = {.right = (int32_t)screen->width, .bottom = (int32_t)screen->height};

    if (request->head != SCREENDUMP_ALL_HEADS &&
        !qxl_card_head(card, screen, (unsigned)request->head, &head)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                    "Head %" G_GINT64_FORMAT " shows nothing: its guest has not set it up",
                    request->head);
        return false;
    }
    *area = (draw_rect){head.left, head.top, head.right, head.bottom};
    return true;
}

static bool copy_surface(struct job *job, const struct qxl_screen *screen, GError **error)
{
    size_t size = (size_t)ABS((int64_t)screen->stride) * screen->height;

    job->pixels = g_try_malloc(size);
    if (!job->pixels) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                    "There is no memory for a copy of the screen");
        return false;
    }
    memcpy(job->pixels, screen->pixels, size);
    job->canvas = canvas_create((int)screen->width, (int)screen->height, screen->stride,
                                screen->format, job->pixels);
    if (!job->canvas)
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                    "A picture of %ux%u pixels in format %u cannot be saved", screen->width,
                    screen->height, screen->format);
    return job->canvas;
}

static bool take(struct job *job, struct qxl_card *card, const struct screendump *request,
                 GError **error)
{
    struct qxl_screen screen;

    if (!qxl_card_surface(card, (uint32_t)request->surface, &screen)) {
        if (request->surface)
            g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                        "The guest has no surface %" G_GINT64_FORMAT, request->surface);
        else
            g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                        "The card shows nothing: its guest has set no mode");
        return false;
    }
    return find_area(card, request, &screen, &job->area, error) &&
           copy_surface(job, &screen, error);
}

bool screendumps_take(struct screendumps *dumps, struct qxl_card *card,
                      const struct screendump *request, GError **error)
{
    struct job *job = g_new0(struct job, 1);

    job->dumps = dumps;
    job->path = g_strdup(request->path);
    job->format = request->format;
    if (dumps->jobs->len == PENDING_MAX) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                    "%d pictures are being written: try again when one is", PENDING_MAX);
    } else if (take(job, card, request, error)) {
        g_ptr_array_add(dumps->jobs, job);
        return true;
    }
    free_job(job);
    return false;
}

void screendumps_answer(struct screendumps *dumps, struct qmp_later *later)
{
    struct job *job = g_ptr_array_index(dumps->jobs, dumps->jobs->len - 1);

    job->later = later;
    if (pthread_create(&job->thread, NULL, write_picture, job)) {
        /* No thread to be had: then the monitor waits. */
        picture_save_as(job->canvas, &job->area, job->path, job->format, &job->error);
        g_ptr_array_steal_index(dumps->jobs, dumps->jobs->len - 1);
        qmp_reply(job->later, job->error ? NULL : qmp_nothing(), job->error);
        free_job(job);
    }
}

struct screendumps *screendumps_create(void)
{
    struct screendumps *dumps = g_new0(struct screendumps, 1);

    dumps->jobs = g_ptr_array_new_with_free_func(free_job);
    dumps->news = doorbell_create(look, dumps);
    return dumps;
}

void screendumps_destroy(struct screendumps *dumps)
{
    if (!dumps)
        return;
    while (dumps->jobs->len) {
        struct job *job = g_ptr_array_steal_index(dumps->jobs, dumps->jobs->len - 1);
        answer(job);
        free_job(job);
    }
    g_ptr_array_unref(dumps->jobs);
    doorbell_destroy(dumps->news);
    g_free(dumps);
}
