/*
 * Pre-copy: memory is sent while the guest goes on writing to it, again and again, until little
 * enough is left.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/outgoing_private.h"

#define BAD_PASSES    2    /* in a row, before the guest is slowed down */
#define MIN_PASS_TIME 1000 /* microseconds; for sensible rates */

static void note_progress(struct migration_outgoing *outgoing, uint64_t remaining)
{
    pthread_mutex_lock(&outgoing->lock);
    outgoing->progress.transferred = outgoing->channel->sent;
    outgoing->progress.remaining = remaining;
    outgoing->progress.normal_pages = outgoing->pages.normal;
    outgoing->progress.zero_pages = outgoing->pages.zero;
    pthread_mutex_unlock(&outgoing->lock);
}

static uint64_t count_dirty(struct migration_outgoing *outgoing)
{
    uint64_t pages = 0;

    for (unsigned i = 0; i < outgoing->set->blocks->len; i++) {
        const uint64_t *bitmap = dirty_tracker_bitmap(outgoing->tracker, i);
        size_t words = pages_bitmap_words(migration_set_block(outgoing->set, i));
        for (size_t word = 0; word < words; word++)
            pages += (uint64_t)__builtin_popcountll(bitmap[word]);
    }
    return pages;
}

bool outgoing_send_pages(struct migration_outgoing *outgoing, bool skip_zero, GError **error)
{
    uint64_t before = outgoing->pages.normal + outgoing->pages.zero;
    uint64_t dirty = count_dirty(outgoing);
    struct migration_parameters parameters = outgoing_parameters(outgoing);
    struct pages_how how = {.lz4 = parameters.compress};

    how.zero = parameters.send_zero_pages ? PAGES_ZERO_SENT
               : skip_zero                ? PAGES_ZERO_SKIPPED
                                          : PAGES_ZERO_NAMED;

    for (unsigned i = 0; i < outgoing->set->blocks->len; i++) {
        if (!pages_send(outgoing->channel, outgoing->set, i,
                        dirty_tracker_bitmap(outgoing->tracker, i), how, &outgoing->pages, error))
            return false;
        uint64_t sent = outgoing->pages.normal + outgoing->pages.zero - before;
        note_progress(outgoing, (dirty - MIN(sent, dirty)) * MIGRATION_PAGE_SIZE);
    }
    return true;
}

struct throttle_call {
    struct migration_outgoing *outgoing;
    unsigned percent;
};

static void throttle_guest(void *opaque)
{
    struct throttle_call *call = opaque;
    call->outgoing->ops->throttle(call->outgoing->opaque, call->percent);
}

static void slow_down(struct migration_outgoing *outgoing,
                      const struct migration_parameters *parameters)
{
    struct throttle_call call = {.outgoing = outgoing};
    unsigned percent = outgoing->throttle ? outgoing->throttle + parameters->throttle_increment
                                          : parameters->throttle_initial;

    call.percent = MIN(percent, parameters->throttle_max);
    if (call.percent == outgoing->throttle || !io_call_run(&outgoing->io, throttle_guest, &call))
        return;
    outgoing->throttle = call.percent;
    pthread_mutex_lock(&outgoing->lock);
    outgoing->progress.throttle = call.percent;
    pthread_mutex_unlock(&outgoing->lock);
}

struct pass {
    uint64_t bytes;     /* sent */
    int64_t time;       /* microseconds */
    uint64_t remaining; /* bytes written meanwhile */
};

static bool run_pass(struct migration_outgoing *outgoing, bool first, struct pass *pass,
                     GError **error)
{
    uint64_t sent = outgoing->channel->sent;
    int64_t begin = g_get_monotonic_time();

    if (!outgoing_send_pages(outgoing, first, error))
        return false;
    pass->bytes = outgoing->channel->sent - sent;
    pass->time = MAX(g_get_monotonic_time() - begin, MIN_PASS_TIME);
    uint64_t pages = dirty_tracker_look(outgoing->tracker);
    pass->remaining = pages * MIGRATION_PAGE_SIZE;
    note_progress(outgoing, pass->remaining);
    pthread_mutex_lock(&outgoing->lock);
    struct migration_progress *progress = &outgoing->progress;
    progress->passes++;
    progress->dirty_rate = pages * G_USEC_PER_SEC / (uint64_t)pass->time;
    /* A pass of next to nothing measures next to nothing. */
    if (pass->bytes >= MIGRATION_PAGE_SIZE || !progress->bandwidth)
        progress->bandwidth = MAX(pass->bytes * G_USEC_PER_SEC / (uint64_t)pass->time, 1);
    uint64_t bandwidth = outgoing->parameters.switch_bandwidth
                             ? outgoing->parameters.switch_bandwidth
                             : progress->bandwidth;
    progress->expected_downtime =
        (int64_t)((double)pass->remaining / (double)bandwidth * G_USEC_PER_SEC);
    pthread_mutex_unlock(&outgoing->lock);
    return true;
}

bool outgoing_precopy(struct migration_outgoing *outgoing, GError **error)
{
    struct pass pass;
    unsigned bad = 0;

    for (;;) {
        struct migration_parameters parameters = outgoing_parameters(outgoing);
        if (outgoing->channel->limit != parameters.max_bandwidth)
            migration_channel_set_limit(outgoing->channel, parameters.max_bandwidth);
        if (!run_pass(outgoing, !outgoing->memory_sent, &pass, error))
            return false;
        outgoing->memory_sent = true;
        pthread_mutex_lock(&outgoing->lock);
        int64_t expected = outgoing->progress.expected_downtime;
        pthread_mutex_unlock(&outgoing->lock);
        if (expected <= (int64_t)parameters.downtime_limit * 1000)
            return true;
        /* So much of what a pass sent was written meanwhile that it does not converge. */
        bad = pass.remaining > pass.bytes / 100 * parameters.throttle_trigger ? bad + 1 : 0;
        if (parameters.auto_converge && bad >= BAD_PASSES) {
            slow_down(outgoing, &parameters);
            bad = 0;
        }
    }
}
