/*
 * What the files of the source's side share.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/blocks.h"
#include "migration/io_call.h"
#include "migration/outgoing.h"
#include "migration/pages.h"

struct migration_outgoing {
    const struct migration_set *set;
    struct migration_address address;
    const struct migration_outgoing_ops *ops;
    void *opaque;
    GThread *thread;
    GCancellable *cancel;
    GCancellable *proceed; /* triggered to end the pause before the switch */
    GCancellable *release; /* triggered when the guest may be stopped */
    struct io_call io;

    pthread_mutex_t lock; /* guards what follows; the thread changes it, others look */
    struct migration_parameters parameters;
    struct migration_progress progress;
    bool committed; /* cannot be cancelled any more */
    bool over;

    /* The thread's. */
    struct migration_channel *channel;
    struct dirty_tracker *tracker;
    struct page_counts pages;
    int64_t begin, stop_time;
    unsigned throttle;
    bool memory_sent; /* all of it, once */
    bool guest_stopped;
    GPtrArray *states; /* GByteArray of each part that is not early, as it was when it stopped */
};

struct migration_parameters outgoing_parameters(struct migration_outgoing *outgoing);
void outgoing_set_status(struct migration_outgoing *outgoing, enum migration_status status);
/* Memory while the guest runs, until what is left can be sent within the limit for the downtime. */
bool outgoing_precopy(struct migration_outgoing *outgoing, GError **error);
/* One pass over what the bitmaps say. */
bool outgoing_send_pages(struct migration_outgoing *outgoing, bool skip_zero, GError **error);
