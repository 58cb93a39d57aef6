/*
 * A queue of pictures to be encoded, and threads that take from it.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/encode_pool.h"

#include <pthread.h>
#include <spice/macros.h>

/* More than that are not kept busy by what one worker draws. */
#define MAX_THREADS 4

struct encode_job {
    struct encode_pool *pool;
    struct codec_source source;
    struct encoded_image encoded;
    uint64_t took; /* ns */
    enum { JOB_WAITS, JOB_RUNS, JOB_DONE } state;
    GList link; /* in the pool's queue, while it waits */
};

struct encode_pool {
    pthread_mutex_t lock; /* of everything below, and of the jobs' states */
    pthread_cond_t more, done;
    GQueue waiting;
    unsigned idle; /* threads that have nothing to do, or are just being told */
    unsigned count, limit;
    pthread_t threads[MAX_THREADS];
    bool ends;
};

static void run(struct encode_job *job, struct compressor *compressor)
{
    uint64_t began = compressor_clock_ns();

    compressor_run(compressor, &job->source, &job->encoded);
    job->took = compressor_clock_ns() - began;
}

/* Does the next job that waits; the lock is held, but not meanwhile. False: there is none. */
static bool run_next(struct encode_pool *pool, struct compressor *compressor)
{
    GList *link = g_queue_pop_head_link(&pool->waiting);
    struct encode_job *job;

    if (link == NULL)
        return false;
    job = SPICE_CONTAINEROF(link, struct encode_job, link);
    job->state = JOB_RUNS;
    pthread_mutex_unlock(&pool->lock);
    run(job, compressor);
    pthread_mutex_lock(&pool->lock);
    job->state = JOB_DONE;
    pthread_cond_signal(&pool->done);
    return true;
}

static void *work(void *opaque)
{
    struct encode_pool *pool = opaque;
    struct compressor compressor;

    compressor_init(&compressor);
    pthread_mutex_lock(&pool->lock);
    while (!pool->ends) {
        if (run_next(pool, &compressor))
            continue;
        pool->idle++;
        pthread_cond_wait(&pool->more, &pool->lock);
        pool->idle--;
    }
    pthread_mutex_unlock(&pool->lock);
    compressor_finish(&compressor);
    return NULL;
}

struct encode_pool *encode_pool_create(unsigned processors)
{
    struct encode_pool *pool;

    if (processors < 2)
        return NULL;
    pool = g_new0(struct encode_pool, 1);
    pool->limit = MIN(processors - 1, MAX_THREADS);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->more, NULL);
    pthread_cond_init(&pool->done, NULL);
    g_queue_init(&pool->waiting);
    return pool;
}

void encode_pool_destroy(struct encode_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->ends = true;
    pthread_cond_broadcast(&pool->more);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->more);
    pthread_mutex_destroy(&pool->lock);
    g_free(pool);
}

/* Without another thread the worker is left to do it itself. */
static void add_thread(struct encode_pool *pool)
{
    if (pool->count < pool->limit &&
        pthread_create(&pool->threads[pool->count], NULL, work, pool) == 0) {
        pthread_setname_np(pool->threads[pool->count], "SPICE Encoder");
        pool->count++;
    }
}

unsigned encode_pool_waiting(struct encode_pool *pool)
{
    unsigned waiting;

    pthread_mutex_lock(&pool->lock);
    waiting = pool->waiting.length;
    pthread_mutex_unlock(&pool->lock);
    return waiting;
}

struct encode_job *encode_pool_start(struct encode_pool *pool, enum image_method method,
                                     const struct codec_source *source)
{
    struct encode_job *job = g_new0(struct encode_job, 1);
    bool all_busy;

    job->pool = pool;
    job->source = *source;
    job->encoded.method = method;
    job->link.data = job;
    pthread_mutex_lock(&pool->lock);
    g_queue_push_tail_link(&pool->waiting, &job->link);
    all_busy = pool->waiting.length > pool->idle;
    if (!all_busy)
        pthread_cond_signal(&pool->more);
    pthread_mutex_unlock(&pool->lock);
    if (all_busy)
        add_thread(pool);
    return job;
}

uint64_t encode_job_end(struct encode_job *job, struct compressor *compressor,
                        struct encoded_image *encoded)
{
    struct encode_pool *pool = job->pool;
    uint64_t took;

    pthread_mutex_lock(&pool->lock);
    if (job->state == JOB_WAITS) {
        g_queue_unlink(&pool->waiting, &job->link);
        pthread_mutex_unlock(&pool->lock);
        run(job, compressor);
    } else {
        /* What is to be waited for leaves time for another one. */
        while (job->state != JOB_DONE) {
            if (!run_next(pool, compressor))
                pthread_cond_wait(&pool->done, &pool->lock);
        }
        pthread_mutex_unlock(&pool->lock);
    }
    took = job->took;
    encoded_image_finish(encoded);
    encoded->method = job->encoded.method;
    encoded->type = job->encoded.type;
    encoded->data = job->encoded.data;
    encoded->first_size = job->encoded.first_size;
    g_free(job);
    return took;
}

void encode_job_drop(struct encode_job *job)
{
    struct encode_pool *pool = job->pool;

    pthread_mutex_lock(&pool->lock);
    if (job->state == JOB_WAITS) {
        g_queue_unlink(&pool->waiting, &job->link);
    } else {
        while (job->state != JOB_DONE)
            pthread_cond_wait(&pool->done, &pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    encoded_image_finish(&job->encoded);
    g_free(job);
}
