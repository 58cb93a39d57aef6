/*
 * Preparing and encoding films. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/video_workshop.h"

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>

enum { MAX_THREADS = 4 };

struct job {
    void (*run)(void *opaque);
    void *opaque;
};

struct video_workshop {
    pthread_mutex_t lock; /* not GLib's, which race detectors cannot see; of all below */
    pthread_cond_t more;
    GQueue jobs; /* of struct job, that nobody has begun */
    unsigned idle;
    unsigned count, limit;
    pthread_t threads[MAX_THREADS];
    bool ends; /* when all is done */
};

static void *work(void *opaque)
{
    struct video_workshop *workshop = opaque;

    pthread_mutex_lock(&workshop->lock);
    while (!workshop->ends || workshop->jobs.length > 0) {
        struct job *job = g_queue_pop_head(&workshop->jobs);

        if (job == NULL) {
            workshop->idle++;
            pthread_cond_wait(&workshop->more, &workshop->lock);
            workshop->idle--;
            continue;
        }
        pthread_mutex_unlock(&workshop->lock);
        job->run(job->opaque);
        g_free(job);
        pthread_mutex_lock(&workshop->lock);
    }
    pthread_mutex_unlock(&workshop->lock);
    return NULL;
}

struct video_workshop *video_workshop_create(unsigned threads)
{
    struct video_workshop *workshop = g_new0(struct video_workshop, 1);

    pthread_mutex_init(&workshop->lock, NULL);
    pthread_cond_init(&workshop->more, NULL);
    g_queue_init(&workshop->jobs);
    workshop->limit = CLAMP(threads, 1, MAX_THREADS);
    return workshop;
}

void video_workshop_destroy(struct video_workshop *workshop)
{
    if (workshop == NULL)
        return;
    pthread_mutex_lock(&workshop->lock);
    workshop->ends = true;
    pthread_cond_broadcast(&workshop->more);
    pthread_mutex_unlock(&workshop->lock);
    for (unsigned i = 0; i < workshop->count; i++)
        pthread_join(workshop->threads[i], NULL);
    pthread_cond_destroy(&workshop->more);
    pthread_mutex_destroy(&workshop->lock);
    g_free(workshop);
}

/* The lock is held. False: there is no thread at all. */
static bool add_thread(struct video_workshop *workshop)
{
    if (workshop->idle < workshop->jobs.length && workshop->count < workshop->limit &&
        pthread_create(&workshop->threads[workshop->count], NULL, work, workshop) == 0) {
        pthread_setname_np(workshop->threads[workshop->count], "SPICE Film");
        workshop->count++;
    }
    return workshop->count > 0;
}

void video_workshop_do(struct video_workshop *workshop, void (*run)(void *opaque), void *opaque)
{
    struct job *job = g_new(struct job, 1);
    bool is_taken;

    *job = (struct job){run, opaque};
    pthread_mutex_lock(&workshop->lock);
    g_queue_push_tail(&workshop->jobs, job);
    is_taken = add_thread(workshop);
    if (!is_taken)
        g_queue_pop_tail(&workshop->jobs);
    pthread_cond_signal(&workshop->more);
    pthread_mutex_unlock(&workshop->lock);
    if (!is_taken) {
        run(opaque); /* it takes its time, but is done */
        g_free(job);
    }
}
