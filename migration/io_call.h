/*
 * Calls from a migration's thread to the IO thread, which it waits for.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>

struct io_call {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closed; /* the IO thread does not answer any more */
    bool waiting;
    void (*func)(void *opaque);
    void *opaque;
    GSource *source; /* NULL: no call is on its way */
};

void io_call_init(struct io_call *call);
void io_call_finish(struct io_call *call);
/* Runs FUNC(OPAQUE) on the IO thread. False: not any more, io_call_close() has been called. */
bool io_call_run(struct io_call *call, void (*func)(void *opaque), void *opaque);
/* IO thread: a call that waits now, and all later ones, return false. */
void io_call_close(struct io_call *call);
