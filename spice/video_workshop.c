/*
 * Preparing films. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/video_workshop.h"

#include <glib.h>

struct video_workshop {
    GThreadPool *pool;
};

struct job {
    void (*run)(void *opaque);
    void *opaque;
};

static void work(void *data, void *unused)
{
    struct job *job = data;

    (void)unused;
    job->run(job->opaque);
    g_free(job);
}

struct video_workshop *video_workshop_create(void)
{
    struct video_workshop *workshop = g_new(struct video_workshop, 1);

    workshop->pool = g_thread_pool_new(work, NULL, 1, FALSE, NULL);
    return workshop;
}

void video_workshop_destroy(struct video_workshop *workshop)
{
    if (workshop == NULL)
        return;
    g_thread_pool_free(workshop->pool, FALSE, TRUE);
    g_free(workshop);
}

void video_workshop_do(struct video_workshop *workshop, void (*run)(void *opaque), void *opaque)
{
    struct job *job = g_new(struct job, 1);

    *job = (struct job){run, opaque};
    g_thread_pool_push(workshop->pool, job, NULL);
}
