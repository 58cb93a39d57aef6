/*
 * The lane: a thread of its own for calls into the device that may wait for the renderer.
 *
 * A monitor gives up on a device that does not answer within 5 s, and stands still while it waits.
 * So what may wait (writes to ports, resets) runs here, in order, and whoever asked waits
 * VFIO_USER_PATIENCE_MS at most: then it answers its client while the effect goes on.
 *
 * Any thread. Facts: vfio-user.md sections 0 (6) and 10. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/pci.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define VFIO_USER_PATIENCE_MS 3000
#define VFIO_USER_LANE_LENGTH 32u /* operations that can be behind */

enum vfio_user_lane_result {
    VFIO_USER_LANE_DONE,
    VFIO_USER_LANE_LATE, /* it is queued or running and will be done */
    VFIO_USER_LANE_FULL, /* too much is behind; it will not be done */
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
    pthread_t thread;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t work, progress;
    struct vfio_user_lane_step steps[VFIO_USER_LANE_LENGTH]; /* at number % length */
    uint64_t submitted, started, done; /* numbers of steps; submitted >= started >= done */
    bool paused;                       /* writes wait; resets do not */
    bool quit;
};

void vfio_user_lane_init(struct vfio_user_lane *lane, struct pci_function *pci);
/* Waits for the step that is running; those behind it are dropped. */
void vfio_user_lane_finish(struct vfio_user_lane *lane);

/* Writes SIZE bytes of VALUE (1, 2 or 4) to a BAR that has no memory. The access must lie inside.
 */
enum vfio_user_lane_result vfio_user_lane_write(struct vfio_user_lane *lane, unsigned bar,
                                                uint64_t offset, unsigned size, uint32_t value);
/* pci_function_reset(). Writes that have not begun are dropped. */
enum vfio_user_lane_result vfio_user_lane_reset(struct vfio_user_lane *lane);
/* Waits, without a limit, until nothing runs and nothing that may run is queued. */
void vfio_user_lane_settle(struct vfio_user_lane *lane);

/* Holds writes back, and lets them go again. Pause waits for a step that is running, with patience.
 */
void vfio_user_lane_pause(struct vfio_user_lane *lane);
void vfio_user_lane_resume(struct vfio_user_lane *lane);
