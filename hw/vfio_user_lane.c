/*
 * The lane: calls into the device that may wait for the renderer.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/vfio_user_lane.h"

#include <errno.h>
#include <glib.h>
#include <time.h>

static struct vfio_user_lane_step *step_at(struct vfio_user_lane *lane, uint64_t number)
{
    return &lane->steps[number % VFIO_USER_LANE_LENGTH];
}

/* May the next step begin? The lock is held. */
static bool can_start(struct vfio_user_lane *lane)
{
    return lane->started != lane->submitted &&
           !(lane->paused && step_at(lane, lane->started)->kind == VFIO_USER_LANE_WRITE);
}

static void run(struct vfio_user_lane *lane, const struct vfio_user_lane_step *step)
{
    switch (step->kind) {
    case VFIO_USER_LANE_NOTHING:
        break;
    case VFIO_USER_LANE_WRITE:
        pci_bar_write(lane->pci, step->bar, step->offset, &step->value, step->size);
        break;
    case VFIO_USER_LANE_RESET:
        pci_function_reset(lane->pci);
        break;
    }
}

static void *lane_thread(void *opaque)
{
    struct vfio_user_lane *lane = opaque;

    pthread_mutex_lock(&lane->lock);
    while (!lane->quit) {
        if (!can_start(lane)) {
            pthread_cond_wait(&lane->work, &lane->lock);
            continue;
        }
        struct vfio_user_lane_step step = *step_at(lane, lane->started++);
        pthread_mutex_unlock(&lane->lock);
        run(lane, &step);
        pthread_mutex_lock(&lane->lock);
        lane->done = lane->started;
        pthread_cond_broadcast(&lane->progress);
    }
    pthread_mutex_unlock(&lane->lock);
    return NULL;
}

void vfio_user_lane_init(struct vfio_user_lane *lane, struct pci_function *pci)
{
    pthread_condattr_t monotonic;

    *lane = (struct vfio_user_lane){.pci = pci};
    pthread_mutex_init(&lane->lock, NULL);
    pthread_cond_init(&lane->work, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&lane->progress, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&lane->thread, NULL, lane_thread, lane) != 0)
        g_error("cannot create a thread");
    pthread_setname_np(lane->thread, "vfio-user-lane");
}

void vfio_user_lane_finish(struct vfio_user_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    lane->quit = true;
    pthread_cond_signal(&lane->work);
    pthread_mutex_unlock(&lane->lock);
    pthread_join(lane->thread, NULL);
    pthread_cond_destroy(&lane->progress);
    pthread_cond_destroy(&lane->work);
    pthread_mutex_destroy(&lane->lock);
}

/* Waits until step NUMBER is done, with patience. The lock is held. */
static enum vfio_user_lane_result wait_for(struct vfio_user_lane *lane, uint64_t number)
{
    struct timespec deadline;

    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += VFIO_USER_PATIENCE_MS / 1000;
    while (lane->done <= number) {
        if (pthread_cond_timedwait(&lane->progress, &lane->lock, &deadline) == ETIMEDOUT)
            return lane->done > number ? VFIO_USER_LANE_DONE : VFIO_USER_LANE_LATE;
    }
    return VFIO_USER_LANE_DONE;
}

/* The lock is held. */
static enum vfio_user_lane_result submit(struct vfio_user_lane *lane,
                                         const struct vfio_user_lane_step *step)
{
    if (lane->submitted - lane->done >= VFIO_USER_LANE_LENGTH)
        return VFIO_USER_LANE_FULL;
    *step_at(lane, lane->submitted) = *step;
    uint64_t number = lane->submitted++;
    pthread_cond_signal(&lane->work);
    return wait_for(lane, number);
}

enum vfio_user_lane_result vfio_user_lane_write(struct vfio_user_lane *lane, unsigned bar,
                                                uint64_t offset, unsigned size, uint32_t value)
{
    struct vfio_user_lane_step step = {
        .kind = VFIO_USER_LANE_WRITE,
        .bar = bar,
        .size = size,
        .value = value,
        .offset = offset,
    };
    pthread_mutex_lock(&lane->lock);
    enum vfio_user_lane_result result = submit(lane, &step);
    pthread_mutex_unlock(&lane->lock);
    return result;
}

enum vfio_user_lane_result vfio_user_lane_reset(struct vfio_user_lane *lane)
{
    struct vfio_user_lane_step step = {.kind = VFIO_USER_LANE_RESET};
    enum vfio_user_lane_result result;

    pthread_mutex_lock(&lane->lock);
    bool waiting = false; /* a reset that has not begun does for this one too */
    for (uint64_t i = lane->started; i != lane->submitted; i++) {
        if (step_at(lane, i)->kind == VFIO_USER_LANE_WRITE)
            step_at(lane, i)->kind = VFIO_USER_LANE_NOTHING;
        waiting = step_at(lane, i)->kind == VFIO_USER_LANE_RESET || waiting;
    }
    pthread_cond_signal(&lane->work);
    result = waiting ? wait_for(lane, lane->submitted - 1) : submit(lane, &step);
    pthread_mutex_unlock(&lane->lock);
    return result;
}

void vfio_user_lane_settle(struct vfio_user_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    while (lane->done != lane->started || can_start(lane))
        pthread_cond_wait(&lane->progress, &lane->lock);
    pthread_mutex_unlock(&lane->lock);
}

void vfio_user_lane_pause(struct vfio_user_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    lane->paused = true;
    if (lane->done != lane->started)
        wait_for(lane, lane->started - 1);
    pthread_mutex_unlock(&lane->lock);
}

void vfio_user_lane_resume(struct vfio_user_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    lane->paused = false;
    pthread_cond_signal(&lane->work);
    pthread_mutex_unlock(&lane->lock);
}
