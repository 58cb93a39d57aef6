/*
 * Fetching commands (server-abi.md section 4.2). SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/worker.h"

#define SLICE_US          (10 * 1000) /* then clients and requests get their turn */
#define COMMANDS_PER_STEP 16          /* between looks at the clock and at the clients */
/*
 * More than was in a ring when a drain began: the guest that keeps adding is not waited for. A
 * card's rings hold 32, the queues of hosts that play recordings some hundreds.
 */
#define MAX_DRAINED  1024
#define MAX_REQUESTS 4
/*
 * Going to sleep and being woken costs as much as drawing a few small things. So after that many
 * wakeups, each that soon after the last command, more are let gather for a moment: too short for
 * a ring to fill, or for anybody to see.
 */
#define QUICK_US      50
#define QUICK_WAKEUPS 8
#define PAUSE_US      50

enum ring_state {
    RING_SLEEPS, /* the guest notifies us */
    RING_BUSY,   /* there may be more, but the time is up */
    RING_STEP,   /* there may be more */
    RING_WAITS,  /* a client is to be waited for */
};

static bool fetch(struct display_worker *worker, struct worker_ring *ring, QXLCommandExt *command)
{
    if (!ring->get(worker->qxl, command))
        return false;
    ring->armed = false;
    if (worker->recorder != NULL)
        recorder_command(worker->recorder, &worker->memslots, command);
    return true;
}

/*
 * What is to be done about a ring that was found empty. The guest is asked for a notification at
 * once: looking again later instead would save it one now and then, but what it adds meanwhile, or
 * a ring that it fills, would wait for our look.
 */
static enum ring_state found_empty(struct display_worker *worker, struct worker_ring *ring)
{
    if (ring->armed)
        return RING_SLEEPS;
    if (!ring->request_notification(worker->qxl))
        return RING_BUSY;
    ring->armed = true;
    return RING_SLEEPS;
}

static enum ring_state service(struct display_worker *worker, struct worker_ring *ring,
                               void (*execute)(struct display_worker *worker,
                                               const QXLCommandExt *command),
                               int64_t deadline)
{
    unsigned requests = 0, commands = 0;

    for (;;) {
        QXLCommandExt command;
        enum ring_state state;

        while (fetch(worker, ring, &command)) {
            execute(worker, &command);
            if (++commands == COMMANDS_PER_STEP)
                return g_get_monotonic_time() >= deadline ? RING_BUSY : RING_STEP;
        }
        state = found_empty(worker, ring);
        if (state != RING_BUSY || ++requests == MAX_REQUESTS)
            return state;
    }
}

/* The command ring, in steps: clients that keep up are not left behind by more than a batch. */
static enum ring_state service_commands(struct display_worker *worker, int64_t deadline,
                                        unsigned *wait_ms)
{
    enum ring_state state;

    do {
        if (display_must_wait(&worker->display, wait_ms)) {
            worker_wake_clients(worker);
            if (display_must_wait(&worker->display, wait_ms)) {
                state = RING_WAITS;
                break;
            }
        }
        state = service(worker, &worker->command_ring, worker_execute, deadline);
    } while (state == RING_STEP);
    worker_draw_batch(worker);
    return state;
}

void worker_service_rings(struct display_worker *worker)
{
    int64_t deadline = g_get_monotonic_time() + SLICE_US;
    enum ring_state cursor, commands;
    unsigned wait_ms;

    if (!worker->running)
        return;
    releases_hold(&worker->releases);
    do {
        cursor = service(worker, &worker->cursor_ring, worker_execute_cursor, deadline);
    } while (cursor == RING_STEP);
    commands = service_commands(worker, deadline, &wait_ms);
    if (cursor == RING_BUSY || commands == RING_BUSY)
        loop_timer_start(worker->ring_timer, 0);
    else if (commands == RING_WAITS)
        loop_timer_start(worker->ring_timer, wait_ms);
    /* Last: a client that takes what it was waited for brings us back at once. */
    cursor_wake(&worker->cursor);
    display_wake_paced(&worker->display);
    releases_give(&worker->releases);
    worker->serviced_at = g_get_monotonic_time();
}

void worker_let_commands_gather(struct display_worker *worker)
{
    if (g_get_monotonic_time() - worker->serviced_at > QUICK_US)
        worker->quick_wakeups = 0;
    else if (++worker->quick_wakeups > QUICK_WAKEUPS)
        g_usleep(PAUSE_US);
}

static void drain(struct display_worker *worker, struct worker_ring *ring,
                  void (*execute)(struct display_worker *worker, const QXLCommandExt *command))
{
    QXLCommandExt command;
    unsigned commands = 0;

    if (!worker->running)
        return;
    releases_hold(&worker->releases);
    while (commands < MAX_DRAINED && fetch(worker, ring, &command)) {
        execute(worker, &command);
        commands++;
    }
    worker_draw_batch(worker);
    releases_give(&worker->releases);
    if (commands > 0) /* the ring must be asked for its notification again */
        loop_timer_start(worker->ring_timer, 0);
}

void worker_drain_cursor_ring(struct display_worker *worker)
{
    drain(worker, &worker->cursor_ring, worker_execute_cursor);
}

void worker_drain_command_ring(struct display_worker *worker)
{
    drain(worker, &worker->command_ring, worker_execute);
}
