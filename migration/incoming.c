/*
 * The target's thread and its owner's view of it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/incoming.h"

#include "migration/arrival.h"
#include "migration/blocks.h"
#include "migration/io_call.h"

#include <string.h>

#define HEADER_TIMEOUT 10000 /* milliseconds; who connects and says nothing makes room */
#define GO_TIMEOUT     60000

struct migration_incoming {
    const struct migration_set *set;
    struct migration_address address;
    int listener;
    const struct migration_incoming_ops *ops;
    void *opaque;
    GThread *thread;
    GCancellable *cancel;
    struct io_call io;

    pthread_mutex_t lock; /* guards what follows */
    struct migration_progress progress;

    /* The thread's. */
    struct migration_channel *channel;
    bool confirm;
    struct arrival arrival;
    int64_t begin;
};

/* --- on the IO thread --- */

struct load_call {
    struct migration_incoming *incoming;
    bool good;
    GError *error;
};

static void load_parts(void *opaque)
{
    struct load_call *call = opaque;
    call->good = arrival_apply(&call->incoming->arrival, &call->error);
}

static void tell_arrived(void *opaque)
{
    struct migration_incoming *incoming = opaque;
    incoming->ops->arrived(incoming->opaque);
}

struct fail_call {
    struct migration_incoming *incoming;
    const char *why;
};

static void tell_failed(void *opaque)
{
    struct fail_call *call = opaque;
    call->incoming->ops->failed(call->incoming->opaque, call->why);
}

struct status_call {
    struct migration_incoming *incoming;
    enum migration_status status;
};

static void tell_status(void *opaque)
{
    struct status_call *call = opaque;
    call->incoming->ops->status_changed(call->incoming->opaque, call->status);
}

/* --- on the thread --- */

static void set_status(struct migration_incoming *incoming, enum migration_status status)
{
    struct status_call call = {incoming, status};

    pthread_mutex_lock(&incoming->lock);
    incoming->progress.status = status;
    pthread_mutex_unlock(&incoming->lock);
    io_call_run(&incoming->io, tell_status, &call);
}

static bool is_socket(const struct migration_incoming *incoming)
{
    return incoming->address.transport == MIGRATION_TCP ||
           incoming->address.transport == MIGRATION_UNIX ||
           incoming->address.transport == MIGRATION_VSOCK ||
           incoming->address.transport == MIGRATION_RDMA;
}

/* Somebody who does not speak our language at all does not end the waiting. */
static bool open_stream(struct migration_incoming *incoming, GError **error)
{
    for (;;) {
        GError *problem = NULL;
        uint32_t flags;
        incoming->channel = migration_address_accept(&incoming->address, incoming->listener,
                                                     incoming->cancel, error);
        if (!incoming->channel)
            return false;
        if ((!incoming->address.tls ||
             migration_channel_start_tls(incoming->channel, incoming->address.tls, NULL,
                                         &problem)) &&
            (!is_socket(incoming) ||
             migration_channel_wait(incoming->channel, HEADER_TIMEOUT, &problem)) &&
            stream_read_header(incoming->channel, &flags, &problem)) {
            incoming->confirm =
                flags & STREAM_CONFIRM && migration_channel_is_duplex(incoming->channel);
            return true;
        }
        if (!is_socket(incoming) || g_cancellable_is_cancelled(incoming->cancel)) {
            g_propagate_error(error, problem);
            return false;
        }
        g_warning("incoming migration: a connection is closed: %s", problem->message);
        g_error_free(problem);
        g_clear_pointer(&incoming->channel, migration_channel_destroy);
    }
}

static void note_progress(struct migration_incoming *incoming)
{
    pthread_mutex_lock(&incoming->lock);
    incoming->progress.transferred = incoming->channel->received;
    incoming->progress.normal_pages = incoming->arrival.pages.normal;
    incoming->progress.zero_pages = incoming->arrival.pages.zero;
    pthread_mutex_unlock(&incoming->lock);
}

static bool receive(struct migration_incoming *incoming, struct stream_section *section,
                    GError **error)
{
    for (;;) {
        if (!stream_read_section(incoming->channel, section, error))
            return false;
        if (!strcmp(section->name, END_SECTION))
            return arrival_is_complete(&incoming->arrival, error);
        if (!arrival_take(&incoming->arrival, section, error))
            return false;
        note_progress(incoming);
    }
}

static bool load(struct migration_incoming *incoming, GError **error)
{
    struct load_call call = {.incoming = incoming};

    if (!io_call_run(&incoming->io, load_parts, &call))
        return migration_fail(error, "the machine is being ended");
    if (!call.good)
        g_propagate_error(error, call.error);
    return call.good;
}

static bool answer(struct migration_incoming *incoming, const char *name, const char *text,
                   GError **error)
{
    return stream_write_section(incoming->channel, name, 1, false, text, strlen(text), error);
}

static bool await_go(struct migration_incoming *incoming, struct stream_section *section,
                     GError **error)
{
    if (!answer(incoming, READY_SECTION, "", error) ||
        !migration_channel_wait(incoming->channel, GO_TIMEOUT, error) ||
        !stream_read_section(incoming->channel, section, error))
        return false;
    return !strcmp(section->name, GO_SECTION) ||
           migration_fail(error, "the source says '%s' instead of '%s'", section->name, GO_SECTION);
}

static bool migrate(struct migration_incoming *incoming, GError **error)
{
    struct stream_section section;

    if (!open_stream(incoming, error))
        return false;
    set_status(incoming, MIGRATION_ACTIVE);
    incoming->begin = g_get_monotonic_time();
    for (unsigned i = 0; i < incoming->set->blocks->len; i++)
        migration_block_clear(migration_set_block(incoming->set, i));
    stream_section_init(&section);
    bool good = receive(incoming, &section, error) && load(incoming, error);
    if (good && incoming->confirm)
        good = await_go(incoming, &section, error);
    else if (!good && incoming->confirm)
        answer(incoming, ERROR_SECTION, (*error)->message, NULL);
    stream_section_finish(&section);
    return good;
}

static void note_end(struct migration_incoming *incoming, const GError *error)
{
    pthread_mutex_lock(&incoming->lock);
    if (incoming->begin)
        incoming->progress.total_time = g_get_monotonic_time() - incoming->begin;
    if (error)
        incoming->progress.error = g_strdup(error->message);
    pthread_mutex_unlock(&incoming->lock);
}

static gpointer run(gpointer opaque)
{
    struct migration_incoming *incoming = opaque;
    GError *error = NULL;

    set_status(incoming, MIGRATION_SETUP);
    bool good = migrate(incoming, &error);
    note_end(incoming, error);
    if (good) {
        io_call_run(&incoming->io, tell_arrived, incoming);
        if (incoming->confirm)
            answer(incoming, STARTED_SECTION, "", NULL);
        set_status(incoming, MIGRATION_COMPLETED);
    } else {
        struct fail_call call = {incoming, error->message};
        if (incoming->channel && incoming->confirm)
            migration_channel_linger(incoming->channel);
        set_status(incoming, MIGRATION_FAILED);
        io_call_run(&incoming->io, tell_failed, &call);
    }
    g_clear_pointer(&incoming->channel, migration_channel_destroy);
    g_clear_error(&error);
    return NULL;
}

/* --- on the IO thread --- */

struct migration_incoming *migration_incoming_start(const struct migration_set *set,
                                                    struct migration_address *address, int listener,
                                                    const struct migration_incoming_ops *ops,
                                                    void *opaque)
{
    struct migration_incoming *incoming = g_new0(struct migration_incoming, 1);

    incoming->set = set;
    incoming->address = *address;
    *address = (struct migration_address){.fd = -1};
    incoming->listener = listener;
    incoming->ops = ops;
    incoming->opaque = opaque;
    incoming->cancel = g_cancellable_new();
    arrival_init(&incoming->arrival, set);
    incoming->progress.status = MIGRATION_SETUP;
    incoming->progress.total = migration_set_memory(set);
    io_call_init(&incoming->io);
    pthread_mutex_init(&incoming->lock, NULL);
    incoming->thread = g_thread_new("incoming", run, incoming);
    return incoming;
}

void migration_incoming_destroy(struct migration_incoming *incoming)
{
    if (!incoming)
        return;
    io_call_close(&incoming->io);
    g_cancellable_cancel(incoming->cancel);
    g_thread_join(incoming->thread);
    arrival_finish(&incoming->arrival);
    g_object_unref(incoming->cancel);
    migration_address_finish(&incoming->address);
    g_free(incoming->progress.error);
    io_call_finish(&incoming->io);
    pthread_mutex_destroy(&incoming->lock);
    g_free(incoming);
}

struct migration_progress migration_incoming_progress(struct migration_incoming *incoming)
{
    pthread_mutex_lock(&incoming->lock);
    struct migration_progress progress = incoming->progress;
    progress.error = g_strdup(progress.error);
    pthread_mutex_unlock(&incoming->lock);
    return progress;
}
