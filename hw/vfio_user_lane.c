/*
 * The lane: one call at a time into the device.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/vfio_user_lane.h"

#include <errno.h>
#include <glib.h>
#include <time.h>

#define PATIENCE (VFIO_USER_PATIENCE_MS * G_TIME_SPAN_MILLISECOND)

static struct vfio_user_lane_step *step_at(struct vfio_user_lane *lane, uint64_t number)
{
    return &lane->steps[number % VFIO_USER_LANE_LENGTH];
}

/* Waits on CONDITION until TIME, in microseconds of CLOCK_MONOTONIC. False: it has come. */
static bool wait_until(struct vfio_user_lane *lane, pthread_cond_t *condition, int64_t time)
{
    struct timespec deadline = {
        .tv_sec = time / G_TIME_SPAN_SECOND,
        .tv_nsec = time % G_TIME_SPAN_SECOND * 1000,
    };
    return pthread_cond_timedwait(condition, &lane->lock, &deadline) != ETIMEDOUT;
}

/* May the next step begin, once nobody is inside the device? The lock is held. */
static bool is_next(struct vfio_user_lane *lane)
{
    return lane->started != lane->submitted &&
           !(lane->paused && step_at(lane, lane->started)->kind == VFIO_USER_LANE_WRITE);
}

/* Calls the device. The lock is held, dropped meanwhile, and held again. */
static void call_device(struct vfio_user_lane *lane, const struct vfio_user_lane_step *step)
{
    lane->busy = true;
    pthread_mutex_unlock(&lane->lock);
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
    pthread_mutex_lock(&lane->lock);
    lane->busy = false;
}

enum vfio_user_lane_turn vfio_user_lane_work(struct vfio_user_lane *lane)
{
    enum vfio_user_lane_turn turn = VFIO_USER_LANE_QUIT;

    pthread_mutex_lock(&lane->lock);
    while (!lane->quit) {
        if (!lane->busy && is_next(lane)) {
            struct vfio_user_lane_step step = *step_at(lane, lane->started++);
            call_device(lane, &step);
            lane->done = lane->started;
            pthread_cond_broadcast(&lane->progress);
        } else if (lane->direct && !lane->relieved) {
            int64_t deadline = lane->direct_since + PATIENCE;
            lane->watching = true;
            if (g_get_monotonic_time() < deadline) {
                wait_until(lane, &lane->work, deadline);
                continue;
            }
            lane->relieved = true;
            turn = VFIO_USER_LANE_TAKE_OVER;
            break;
        } else if (lane->watching) {
            /* Writes come and go: rather than being woken for each, look again later. */
            lane->watching = wait_until(lane, &lane->work, g_get_monotonic_time() + PATIENCE / 3);
        } else {
            pthread_cond_wait(&lane->work, &lane->lock);
        }
    }
    lane->watching = false;
    pthread_mutex_unlock(&lane->lock);
    return turn;
}

void vfio_user_lane_quit(struct vfio_user_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    lane->quit = true;
    pthread_cond_broadcast(&lane->work);
    pthread_mutex_unlock(&lane->lock);
}

void vfio_user_lane_init(struct vfio_user_lane *lane, struct pci_function *pci)
{
    pthread_condattr_t monotonic;

    *lane = (struct vfio_user_lane){.pci = pci, .paused = true};
    pthread_mutex_init(&lane->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&lane->work, &monotonic);
    pthread_cond_init(&lane->progress, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void vfio_user_lane_finish(struct vfio_user_lane *lane)
{
    pthread_cond_destroy(&lane->progress);
    pthread_cond_destroy(&lane->work);
    pthread_mutex_destroy(&lane->lock);
}

/* Waits until step NUMBER is done, with patience. The lock is held. */
static enum vfio_user_lane_result wait_for(struct vfio_user_lane *lane, uint64_t number)
{
    int64_t deadline = g_get_monotonic_time() + PATIENCE;

    while (lane->done <= number) {
        if (!wait_until(lane, &lane->progress, deadline))
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

/* The device is called at once, by the thread that serves the client. The lock is held. */
static enum vfio_user_lane_result call_directly(struct vfio_user_lane *lane,
                                                const struct vfio_user_lane_step *step)
{
    lane->direct = true;
    lane->direct_since = g_get_monotonic_time();
    if (!lane->watching) {
        lane->watching = true;
        pthread_cond_signal(&lane->work);
    }
    call_device(lane, step);
    bool relieved = lane->relieved;
    lane->direct = lane->relieved = false;
    pthread_cond_broadcast(&lane->progress);
    if (is_next(lane))
        pthread_cond_signal(&lane->work);
    return relieved ? VFIO_USER_LANE_RELIEVED : VFIO_USER_LANE_DONE;
}

static enum vfio_user_lane_result write_port(struct vfio_user_lane *lane, bool direct, unsigned bar,
                                             uint64_t offset, unsigned size, uint32_t value)
{
    const struct vfio_user_lane_step step = {
        .kind = VFIO_USER_LANE_WRITE,
        .bar = bar,
        .size = size,
        .value = value,
        .offset = offset,
    };
    pthread_mutex_lock(&lane->lock);
    bool free = !lane->busy && !lane->paused && lane->started == lane->submitted;
    enum vfio_user_lane_result result =
        direct && free ? call_directly(lane, &step) : submit(lane, &step);
    pthread_mutex_unlock(&lane->lock);
    return result;
}

enum vfio_user_lane_result vfio_user_lane_write(struct vfio_user_lane *lane, unsigned bar,
                                                uint64_t offset, unsigned size, uint32_t value)
{
    return write_port(lane, false, bar, offset, size, value);
}

enum vfio_user_lane_result vfio_user_lane_write_direct(struct vfio_user_lane *lane, unsigned bar,
                                                       uint64_t offset, unsigned size,
                                                       uint32_t value)
{
    return write_port(lane, true, bar, offset, size, value);
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
    while (lane->busy || is_next(lane))
        pthread_cond_wait(&lane->progress, &lane->lock);
    pthread_mutex_unlock(&lane->lock);
}

bool vfio_user_lane_drain(struct vfio_user_lane *lane)
{
    int64_t deadline = g_get_monotonic_time() + PATIENCE;
    bool waiting = true;

    pthread_mutex_lock(&lane->lock);
    while (waiting && (lane->busy || is_next(lane)))
        waiting = wait_until(lane, &lane->progress, deadline);
    bool empty = !lane->busy && lane->started == lane->submitted;
    pthread_mutex_unlock(&lane->lock);
    return empty;
}

void vfio_user_lane_pause(struct vfio_user_lane *lane)
{
    int64_t deadline = g_get_monotonic_time() + PATIENCE;

    pthread_mutex_lock(&lane->lock);
    lane->paused = true;
    while (lane->busy && wait_until(lane, &lane->progress, deadline))
        continue;
    pthread_mutex_unlock(&lane->lock);
}

void vfio_user_lane_resume(struct vfio_user_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    lane->paused = false;
    pthread_cond_signal(&lane->work);
    pthread_mutex_unlock(&lane->lock);
}
