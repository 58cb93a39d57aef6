/*
 * The source's side: memory while the guest runs, the rest while it stands still.
 *
 * A thread of its own does it and calls the owner back on the IO thread. Until the target has
 * confirmed that it holds everything, any failure lets the source go on; afterwards it never does.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/address.h"
#include "migration/dirty.h"
#include "migration/set.h"

enum migration_status { /* QEMU's names are migration_status_name()'s */
                        MIGRATION_NONE,
                        MIGRATION_SETUP,
                        MIGRATION_CANCELLING,
                        MIGRATION_CANCELLED,
                        MIGRATION_ACTIVE,
                        MIGRATION_PRE_SWITCHOVER,
                        MIGRATION_DEVICE,
                        MIGRATION_COMPLETED,
                        MIGRATION_FAILED,
};
const char *migration_status_name(enum migration_status status);

struct migration_parameters {
    uint64_t max_bandwidth;  /* bytes a second while the guest runs; 0: no limit */
    uint64_t downtime_limit; /* milliseconds */
    unsigned throttle_initial, throttle_increment, throttle_max; /* percent */
    unsigned throttle_trigger; /* percent of what a pass sends that may be written meanwhile */
    uint64_t switch_bandwidth; /* expected while the guest stands still; 0: as measured before */
    bool compress;             /* pages, with LZ4; only where pages_can_lz4() */
    bool send_zero_pages;      /* like all others: nobody looks for them */
    bool one_way;              /* the target is not asked to confirm even where it could */
    bool auto_converge;        /* slow the guest down when it writes faster than we send */
    bool pause_before_switchover;
    bool hold; /* the guest is not stopped before migration_outgoing_release() */
    enum dirty_method dirty_method;
};

struct migration_progress {
    enum migration_status status;
    uint64_t transferred, remaining, total; /* bytes */
    uint64_t precopied;                     /* bytes, before the guest was stopped */
    uint64_t zero_pages, normal_pages;
    uint64_t passes;                /* looks for pages that were written */
    uint64_t dirty_rate;            /* pages a second */
    uint64_t bandwidth;             /* bytes a second, as measured */
    int64_t total_time, setup_time; /* microseconds */
    int64_t downtime;               /* of a finished migration */
    int64_t expected_downtime;
    unsigned throttle; /* percent; 0: none */
    char *error;       /* NULL: none; of the copy's owner */
};

/* All are called on the IO thread. */
struct migration_outgoing_ops {
    /* Now the guest stands still, and memory holds all that it has drawn. */
    void (*stop)(void *opaque);
    /* The guest slows down by so many percent; 0: not at all any more. */
    void (*throttle)(void *opaque, unsigned percent);
    void (*status_changed)(void *opaque, enum migration_status status);
    /* It is over. STOPPED: stop() has been called, MOVED: the guest lives elsewhere (or may). */
    void (*finished)(void *opaque, bool stopped, bool moved);
};

struct migration_outgoing;

/*
 * Starts. SET must stay as it is until the end; ADDRESS is taken over. IO thread, as all that
 * follows.
 */
struct migration_outgoing *migration_outgoing_start(const struct migration_set *set,
                                                    struct migration_address *address,
                                                    const struct migration_parameters *parameters,
                                                    const struct migration_outgoing_ops *ops,
                                                    void *opaque);
/* Cancels it if it still goes on, without any further callback. NULL: nothing. */
void migration_outgoing_destroy(struct migration_outgoing *outgoing);

void migration_outgoing_cancel(struct migration_outgoing *outgoing);
/* Ends the pause before the switch; false: there is none. */
bool migration_outgoing_continue(struct migration_outgoing *outgoing);
/* What it was held for is done. Memory goes over all the same meanwhile. */
void migration_outgoing_release(struct migration_outgoing *outgoing);
void migration_outgoing_set_parameters(struct migration_outgoing *outgoing,
                                       const struct migration_parameters *parameters);
/* A copy; its ERROR is to be freed. */
struct migration_progress migration_outgoing_progress(struct migration_outgoing *outgoing);
bool migration_outgoing_is_over(struct migration_outgoing *outgoing);
