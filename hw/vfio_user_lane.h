/*
 * The lane: one call at a time into the device, of those that may wait for the renderer.
 *
 * A monitor gives up on a device that does not answer within 5 s, and stands still while it waits.
 * So nobody waits longer than VFIO_USER_PATIENCE_MS for writes to ports and for resets; what takes
 * longer goes on while the client has its answer, and what comes after it queues up in order.
 *
 * Two threads share the work. One serves the client and, while nothing is queued, calls the device
 * itself: a write to a port costs no change of threads. The other sleeps in vfio_user_lane_work(),
 * where it runs what is queued and watches the clock: when a call of the first takes too long, it
 * takes that one's place with the client, and the late one the other's when it comes back.
 *
 * Any thread, unless said otherwise. Facts: vfio-user.md sections 0 (6) and 10.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/pci.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define VFIO_USER_PATIENCE_MS 3000
#define VFIO_USER_LANE_LENGTH 32u /* operations that can be queued */

enum vfio_user_lane_result {
    VFIO_USER_LANE_DONE,
    VFIO_USER_LANE_LATE,     /* it is queued or running and will be done */
    VFIO_USER_LANE_FULL,     /* too much is queued; it will not be done */
    VFIO_USER_LANE_RELIEVED, /* it is done, late; another thread serves the client now */
};

struct vfio_user_lane_step {
    enum {
        VFIO_USER_LANE_NOTHING,
        VFIO_USER_LANE_WRITE,
        VFIO_USER_LANE_RESET,
    } kind;
    uint8_t bar;
    uint8_t size; /* 1, 2 or 4 */
    uint32_t value;
    uint64_t offset;
};

struct vfio_user_lane {
    struct pci_function *pci;

    pthread_mutex_t lock;    /* guards all below */
    pthread_cond_t work;     /* for the thread in vfio_user_lane_work() */
    pthread_cond_t progress; /* for those who wait for a step */
    struct vfio_user_lane_step steps[VFIO_USER_LANE_LENGTH]; /* at number % length */
    uint64_t submitted, started, done; /* numbers of steps; submitted >= started >= done */
    bool busy;                         /* a thread is inside the device */
    bool direct;                       /* ... the one that serves the client, since DIRECT_SINCE */
    bool relieved;                     /* ... and it has lost its place */
    bool watching;                     /* the other thread will look at the clock by itself */
    int64_t direct_since;              /* microseconds, CLOCK_MONOTONIC */
    bool paused;                       /* writes wait; resets do not */
    bool quit;
};

/* Writes are held back until vfio_user_lane_resume(). */
void vfio_user_lane_init(struct vfio_user_lane *lane, struct pci_function *pci);
void vfio_user_lane_finish(struct vfio_user_lane *lane);

enum vfio_user_lane_turn {
    VFIO_USER_LANE_TAKE_OVER, /* answer the late write and serve the client */
    VFIO_USER_LANE_QUIT,
};
/* The second thread's place: returns when it has something else to do. */
enum vfio_user_lane_turn vfio_user_lane_work(struct vfio_user_lane *lane);
/* Sends the second thread home; what is queued is dropped. */
void vfio_user_lane_quit(struct vfio_user_lane *lane);

/* Writes SIZE bytes of VALUE (1, 2 or 4) to a BAR that has no memory. The access must lie inside.
 */
enum vfio_user_lane_result vfio_user_lane_write(struct vfio_user_lane *lane, unsigned bar,
                                                uint64_t offset, unsigned size, uint32_t value);
/*
 * The same from the thread that serves the client, if it has nothing left to do after it than to
 * answer. After VFIO_USER_LANE_RELIEVED it must touch nothing of the client's any more, and work.
 */
enum vfio_user_lane_result vfio_user_lane_write_direct(struct vfio_user_lane *lane, unsigned bar,
                                                       uint64_t offset, unsigned size,
                                                       uint32_t value);
/* pci_function_reset(). Writes that have not begun are dropped. */
enum vfio_user_lane_result vfio_user_lane_reset(struct vfio_user_lane *lane);
/* Waits, without a limit, until nothing runs and nothing that may run is queued. */
void vfio_user_lane_settle(struct vfio_user_lane *lane);

/*
 * Waits, with patience, until nothing runs and nothing is queued; what is to come is up to the
 * caller, the thread that serves the client. False: it does not end, or writes are held back.
 */
bool vfio_user_lane_drain(struct vfio_user_lane *lane);

/* Holds writes back, and lets them go again. Pause waits for a call that is running, with patience.
 */
void vfio_user_lane_pause(struct vfio_user_lane *lane);
void vfio_user_lane_resume(struct vfio_user_lane *lane);
