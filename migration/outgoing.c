/*
 * The source's thread and its owner's view of it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/outgoing_private.h"

#include "migration/parts.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define ANSWER_TIMEOUT 30000 /* milliseconds; the guest stands still meanwhile */

static const char *const status_names[] = {
    [MIGRATION_NONE] = "none",
    [MIGRATION_SETUP] = "setup",
    [MIGRATION_CANCELLING] = "cancelling",
    [MIGRATION_CANCELLED] = "cancelled",
    [MIGRATION_ACTIVE] = "active",
    [MIGRATION_PRE_SWITCHOVER] = "pre-switchover",
    [MIGRATION_DEVICE] = "device",
    [MIGRATION_COMPLETED] = "completed",
    [MIGRATION_FAILED] = "failed",
};

const char *migration_status_name(enum migration_status status)
{
    return status_names[status];
}

struct migration_parameters outgoing_parameters(struct migration_outgoing *outgoing)
{
    pthread_mutex_lock(&outgoing->lock);
    struct migration_parameters parameters = outgoing->parameters;
    pthread_mutex_unlock(&outgoing->lock);
    return parameters;
}

struct status_call {
    struct migration_outgoing *outgoing;
    enum migration_status status;
};

static void tell_status(void *opaque)
{
    struct status_call *call = opaque;
    call->outgoing->ops->status_changed(call->outgoing->opaque, call->status);
}

void outgoing_set_status(struct migration_outgoing *outgoing, enum migration_status status)
{
    struct status_call call = {outgoing, status};

    pthread_mutex_lock(&outgoing->lock);
    outgoing->progress.status = status;
    pthread_mutex_unlock(&outgoing->lock);
    io_call_run(&outgoing->io, tell_status, &call);
}

/* --- on the thread --- */

/* On the IO thread. */
static void stop_guest(void *opaque)
{
    struct migration_outgoing *outgoing = opaque;

    outgoing->stop_time = g_get_monotonic_time();
    outgoing->ops->stop(outgoing->opaque);
    outgoing->guest_stopped = true;
    for (unsigned i = 0; i < outgoing->set->parts->len; i++) {
        const struct migration_part *part = migration_set_part(outgoing->set, i);
        g_ptr_array_add(outgoing->states, part->early ? NULL : part_save(part));
    }
}

/* Waits until the owner triggers WORD; false when it cancels instead. */
static bool wait_for_word(struct migration_outgoing *outgoing, GCancellable *word, GError **error)
{
    GPollFD fds[2] = {{.fd = -1}, {.fd = -1}};

    if (g_cancellable_make_pollfd(word, &fds[0]) &&
        g_cancellable_make_pollfd(outgoing->cancel, &fds[1]))
        g_poll(fds, 2, -1);
    g_cancellable_release_fd(word);
    g_cancellable_release_fd(outgoing->cancel);
    if (!g_cancellable_is_cancelled(outgoing->cancel))
        return true;
    g_set_error_literal(error, MIGRATION_ERROR, MIGRATION_ERROR_CANCELLED, "cancelled");
    return false;
}

/* The guest stands still already, as QEMU has it. */
static bool pause_before_switch(struct migration_outgoing *outgoing, GError **error)
{
    outgoing_set_status(outgoing, MIGRATION_PRE_SWITCHOVER);
    return wait_for_word(outgoing, outgoing->proceed, error);
}

/* Memory until the guest may be stopped, and until then what it has written meanwhile. */
static bool send_memory(struct migration_outgoing *outgoing, GError **error)
{
    if (!outgoing_precopy(outgoing, error))
        return false;
    return g_cancellable_is_cancelled(outgoing->release) ||
           (wait_for_word(outgoing, outgoing->release, error) && outgoing_precopy(outgoing, error));
}

static bool fail_closing(GError **error)
{
    g_set_error_literal(error, MIGRATION_ERROR, MIGRATION_ERROR_CANCELLED,
                        "the machine is being ended");
    return false;
}

static bool send_rest(struct migration_outgoing *outgoing, GError **error)
{
    if (!io_call_run(&outgoing->io, stop_guest, outgoing))
        return fail_closing(error);
    if (outgoing_parameters(outgoing).pause_before_switchover &&
        !pause_before_switch(outgoing, error))
        return false;
    pthread_mutex_lock(&outgoing->lock);
    outgoing->progress.precopied = outgoing->channel->sent;
    pthread_mutex_unlock(&outgoing->lock);
    outgoing_set_status(outgoing, MIGRATION_DEVICE);
    migration_channel_set_limit(outgoing->channel, 0);
    dirty_tracker_look(outgoing->tracker);
    if (!outgoing_send_pages(outgoing, false, error))
        return false;
    for (unsigned i = 0; i < outgoing->set->parts->len; i++) {
        const struct migration_part *part = migration_set_part(outgoing->set, i);
        if (!part->early && !part_send(outgoing->channel, part, outgoing->states->pdata[i], error))
            return false;
    }
    return stream_write_section(outgoing->channel, END_SECTION, 1, false, NULL, 0, error);
}

/* Reads the target's answer: EXPECTED, or its reason to refuse. */
static bool read_answer(struct migration_outgoing *outgoing, const char *expected, GError **error)
{
    struct stream_section section;
    bool good = false;

    stream_section_init(&section);
    if (migration_channel_wait(outgoing->channel, ANSWER_TIMEOUT, error) &&
        stream_read_section(outgoing->channel, &section, error)) {
        good = !strcmp(section.name, expected);
        if (!good && !strcmp(section.name, ERROR_SECTION)) {
            g_autofree char *text =
                g_strndup((const char *)section.content->data, section.content->len);
            g_autofree char *valid = g_utf8_make_valid(text, -1);
            migration_fail(error, "the target refuses: %s", valid);
        } else if (!good) {
            migration_fail(error, "the target answers '%s' instead of '%s'", section.name,
                           expected);
        }
    }
    stream_section_finish(&section);
    return good;
}

/* From here on the guest may live elsewhere. False: it was cancelled before. */
static bool commit(struct migration_outgoing *outgoing, GError **error)
{
    pthread_mutex_lock(&outgoing->lock);
    outgoing->committed = !g_cancellable_is_cancelled(outgoing->cancel);
    bool committed = outgoing->committed;
    pthread_mutex_unlock(&outgoing->lock);
    if (!committed)
        g_set_error_literal(error, MIGRATION_ERROR, MIGRATION_ERROR_CANCELLED, "cancelled");
    return committed;
}

/* *MOVED: the target may run the guest, so that nobody else must. */
static bool hand_over(struct migration_outgoing *outgoing, bool confirm, bool *moved,
                      GError **error)
{
    if (!confirm) {
        *moved =
            migration_channel_finish_output(outgoing->channel, error) && commit(outgoing, error);
        return *moved;
    }
    if (!read_answer(outgoing, READY_SECTION, error) || !commit(outgoing, error))
        return false;
    uint64_t sent = outgoing->channel->sent;
    GError *problem = NULL;
    if (stream_write_section(outgoing->channel, GO_SECTION, 1, false, NULL, 0, &problem)) {
        *moved = true;
        if (read_answer(outgoing, STARTED_SECTION, &problem))
            return true;
    } else if (outgoing->channel->sent != sent) {
        *moved = true;
    }
    migration_fail(error,
                   *moved ? "the target took over but did not say that the guest runs (%s); "
                            "it is stopped here: if the target is dead, 'cont' goes on"
                          : "%s",
                   problem->message);
    g_error_free(problem);
    return false;
}

/* A target that refuses says why before it closes; writing then fails without the reason. */
static void prefer_refusal(struct migration_outgoing *outgoing, bool confirm, GError **error)
{
    GError *refusal = NULL;

    if (!confirm || !outgoing->channel || g_cancellable_is_cancelled(outgoing->cancel) ||
        !g_str_has_prefix((*error)->message, "cannot send"))
        return;
    read_answer(outgoing, READY_SECTION, &refusal);
    if (refusal && g_str_has_prefix(refusal->message, "the target refuses")) {
        g_clear_error(error);
        *error = refusal;
    } else {
        g_clear_error(&refusal);
    }
}

static bool migrate(struct migration_outgoing *outgoing, bool *moved, GError **error)
{
    outgoing->channel = migration_address_connect(&outgoing->address, outgoing->cancel, error);
    if (!outgoing->channel)
        return false;
    bool confirm =
        migration_channel_is_duplex(outgoing->channel) && !outgoing_parameters(outgoing).one_way;
    outgoing->tracker =
        dirty_tracker_create(outgoing->set, outgoing_parameters(outgoing).dirty_method);
    pthread_mutex_lock(&outgoing->lock);
    outgoing->progress.setup_time = g_get_monotonic_time() - outgoing->begin;
    pthread_mutex_unlock(&outgoing->lock);
    outgoing_set_status(outgoing, MIGRATION_ACTIVE);
    if (stream_write_header(outgoing->channel, confirm ? STREAM_CONFIRM : 0, error) &&
        parts_send_early(outgoing->channel, outgoing->set, error) && send_memory(outgoing, error) &&
        send_rest(outgoing, error) && hand_over(outgoing, confirm, moved, error))
        return true;
    if (!*moved)
        prefer_refusal(outgoing, confirm, error);
    return false;
}

struct end_call {
    struct migration_outgoing *outgoing;
    bool moved;
};

static void tell_finished(void *opaque)
{
    struct end_call *call = opaque;
    struct migration_outgoing *outgoing = call->outgoing;

    if (outgoing->throttle)
        outgoing->ops->throttle(outgoing->opaque, 0);
    outgoing->ops->finished(outgoing->opaque, outgoing->guest_stopped, call->moved);
    pthread_mutex_lock(&outgoing->lock);
    outgoing->over = true;
    pthread_mutex_unlock(&outgoing->lock);
}

static gpointer run(gpointer opaque)
{
    struct migration_outgoing *outgoing = opaque;
    struct end_call call = {.outgoing = outgoing};
    enum migration_status status = MIGRATION_COMPLETED;
    GError *error = NULL;

    outgoing_set_status(outgoing, MIGRATION_SETUP);
    if (!migrate(outgoing, &call.moved, &error))
        status = g_error_matches(error, MIGRATION_ERROR, MIGRATION_ERROR_CANCELLED) && !call.moved
                     ? MIGRATION_CANCELLED
                     : MIGRATION_FAILED;
    int64_t now = g_get_monotonic_time();
    /* Closed first: a target that still waits learns at once that nothing more comes. */
    uint64_t sent = outgoing->channel ? outgoing->channel->sent : 0;
    dirty_tracker_destroy(outgoing->tracker);
    migration_channel_destroy(outgoing->channel);
    if (status != MIGRATION_COMPLETED)
        migration_address_discard(&outgoing->address);
    pthread_mutex_lock(&outgoing->lock);
    outgoing->progress.transferred = sent;
    outgoing->progress.total_time = now - outgoing->begin;
    outgoing->progress.throttle = 0;
    if (outgoing->guest_stopped)
        outgoing->progress.downtime = now - outgoing->stop_time;
    if (status == MIGRATION_FAILED)
        outgoing->progress.error = g_strdup(error->message);
    pthread_mutex_unlock(&outgoing->lock);
    g_clear_error(&error);
    io_call_run(&outgoing->io, tell_finished, &call);
    outgoing_set_status(outgoing, status);
    return NULL;
}

/* --- on the IO thread --- */

static void free_state(void *state)
{
    if (state)
        g_byte_array_unref(state);
}

struct migration_outgoing *migration_outgoing_start(const struct migration_set *set,
                                                    struct migration_address *address,
                                                    const struct migration_parameters *parameters,
                                                    const struct migration_outgoing_ops *ops,
                                                    void *opaque)
{
    struct migration_outgoing *outgoing = g_new0(struct migration_outgoing, 1);

    outgoing->set = set;
    outgoing->address = *address;
    *address = (struct migration_address){.fd = -1};
    outgoing->ops = ops;
    outgoing->opaque = opaque;
    outgoing->parameters = *parameters;
    outgoing->cancel = g_cancellable_new();
    outgoing->proceed = g_cancellable_new();
    outgoing->release = g_cancellable_new();
    if (!parameters->hold)
        g_cancellable_cancel(outgoing->release);
    outgoing->states = g_ptr_array_new_with_free_func(free_state);
    outgoing->progress.status = MIGRATION_SETUP;
    outgoing->progress.total = migration_set_memory(set);
    outgoing->begin = g_get_monotonic_time();
    io_call_init(&outgoing->io);
    pthread_mutex_init(&outgoing->lock, NULL);
    outgoing->thread = g_thread_new("migration", run, outgoing);
    return outgoing;
}

void migration_outgoing_destroy(struct migration_outgoing *outgoing)
{
    if (!outgoing)
        return;
    io_call_close(&outgoing->io);
    g_cancellable_cancel(outgoing->cancel);
    g_thread_join(outgoing->thread);
    g_ptr_array_unref(outgoing->states);
    g_object_unref(outgoing->cancel);
    g_object_unref(outgoing->proceed);
    g_object_unref(outgoing->release);
    migration_address_finish(&outgoing->address);
    g_free(outgoing->progress.error);
    io_call_finish(&outgoing->io);
    pthread_mutex_destroy(&outgoing->lock);
    g_free(outgoing);
}

void migration_outgoing_cancel(struct migration_outgoing *outgoing)
{
    pthread_mutex_lock(&outgoing->lock);
    bool cancels = !outgoing->committed && outgoing->progress.status < MIGRATION_COMPLETED &&
                   outgoing->progress.status != MIGRATION_CANCELLED;
    if (cancels)
        outgoing->progress.status = MIGRATION_CANCELLING;
    if (cancels)
        g_cancellable_cancel(outgoing->cancel);
    pthread_mutex_unlock(&outgoing->lock);
    if (cancels)
        outgoing->ops->status_changed(outgoing->opaque, MIGRATION_CANCELLING);
}

bool migration_outgoing_continue(struct migration_outgoing *outgoing)
{
    pthread_mutex_lock(&outgoing->lock);
    bool paused = outgoing->progress.status == MIGRATION_PRE_SWITCHOVER;
    pthread_mutex_unlock(&outgoing->lock);
    if (paused)
        g_cancellable_cancel(outgoing->proceed);
    return paused;
}

void migration_outgoing_release(struct migration_outgoing *outgoing)
{
    g_cancellable_cancel(outgoing->release);
}

void migration_outgoing_set_parameters(struct migration_outgoing *outgoing,
                                       const struct migration_parameters *parameters)
{
    pthread_mutex_lock(&outgoing->lock);
    outgoing->parameters = *parameters;
    pthread_mutex_unlock(&outgoing->lock);
}

struct migration_progress migration_outgoing_progress(struct migration_outgoing *outgoing)
{
    pthread_mutex_lock(&outgoing->lock);
    struct migration_progress progress = outgoing->progress;
    if (progress.status < MIGRATION_COMPLETED && progress.status != MIGRATION_CANCELLED)
        progress.total_time = g_get_monotonic_time() - outgoing->begin;
    progress.error = g_strdup(progress.error);
    pthread_mutex_unlock(&outgoing->lock);
    return progress;
}

bool migration_outgoing_is_over(struct migration_outgoing *outgoing)
{
    pthread_mutex_lock(&outgoing->lock);
    bool over = outgoing->over && (outgoing->progress.status >= MIGRATION_COMPLETED ||
                                   outgoing->progress.status == MIGRATION_CANCELLED);
    pthread_mutex_unlock(&outgoing->lock);
    return over;
}
