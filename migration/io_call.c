/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/io_call.h"

void io_call_init(struct io_call *call)
{
    *call = (struct io_call){.closed = false};
    pthread_mutex_init(&call->lock, NULL);
    pthread_cond_init(&call->changed, NULL);
}

void io_call_finish(struct io_call *call)
{
    pthread_cond_destroy(&call->changed);
    pthread_mutex_destroy(&call->lock);
}

/* On the IO thread, as io_call_close(): neither interrupts the other. */
static gboolean dispatch(gpointer opaque)
{
    struct io_call *call = opaque;

    pthread_mutex_lock(&call->lock); /* what the caller wrote before is seen from here on */
    void (*func)(void *opaque) = call->func;
    void *argument = call->opaque;
    pthread_mutex_unlock(&call->lock);
    func(argument);
    pthread_mutex_lock(&call->lock);
    call->waiting = false;
    pthread_cond_broadcast(&call->changed);
    pthread_mutex_unlock(&call->lock);
    return G_SOURCE_REMOVE;
}

bool io_call_run(struct io_call *call, void (*func)(void *opaque), void *opaque)
{
    bool done = false;

    pthread_mutex_lock(&call->lock);
    if (!call->closed) {
        call->waiting = true;
        call->func = func;
        call->opaque = opaque;
        call->source = g_idle_source_new();
        g_source_set_priority(call->source, G_PRIORITY_HIGH);
        g_source_set_callback(call->source, dispatch, call, NULL);
        g_source_attach(call->source, NULL);
        while (call->waiting && !call->closed)
            pthread_cond_wait(&call->changed, &call->lock);
        done = !call->waiting;
        g_source_unref(call->source);
        call->source = NULL;
    }
    pthread_mutex_unlock(&call->lock);
    return done;
}

void io_call_close(struct io_call *call)
{
    pthread_mutex_lock(&call->lock);
    call->closed = true;
    if (call->source)
        g_source_destroy(call->source);
    pthread_cond_broadcast(&call->changed);
    pthread_mutex_unlock(&call->lock);
}
