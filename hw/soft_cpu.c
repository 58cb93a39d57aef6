/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/soft_cpu.h"

#include <pthread.h>
#include <time.h>

#define INPUT_MAX 256

struct soft_cpu {
    struct soft_program program;
    void *opaque;
    GThread *thread;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t wake;  /* the thread waits here */
    pthread_cond_t still; /* stop and reset wait here */
    bool want_run, want_reset, quit;
    bool in_program;
    GQueue input; /* of struct soft_input */

    /* Written under the lock, read without it on the program's hot path. */
    int running; /* the program may go on */
    int line;
};

static void update_running(struct soft_cpu *cpu)
{
    g_atomic_int_set(&cpu->running, cpu->want_run && !cpu->want_reset && !cpu->quit);
    pthread_cond_signal(&cpu->wake);
}

static gpointer cpu_thread(gpointer opaque)
{
    struct soft_cpu *cpu = opaque;

    pthread_mutex_lock(&cpu->lock);
    while (!cpu->quit) {
        if (cpu->want_reset) {
            pthread_mutex_unlock(&cpu->lock);
            cpu->program.reset(cpu->opaque);
            pthread_mutex_lock(&cpu->lock);
            cpu->want_reset = false;
            update_running(cpu);
            pthread_cond_broadcast(&cpu->still);
        } else if (cpu->running) {
            cpu->in_program = true;
            pthread_mutex_unlock(&cpu->lock);
            cpu->program.run(cpu->opaque);
            pthread_mutex_lock(&cpu->lock);
            cpu->in_program = false;
            pthread_cond_broadcast(&cpu->still);
        } else {
            pthread_cond_wait(&cpu->wake, &cpu->lock);
        }
    }
    pthread_mutex_unlock(&cpu->lock);
    return NULL;
}

/* Its deadlines are on the clock of g_get_monotonic_time(). */
static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct soft_cpu *soft_cpu_create(const struct soft_program *program, void *opaque)
{
    struct soft_cpu *cpu = g_new0(struct soft_cpu, 1);

    cpu->program = *program;
    cpu->opaque = opaque;
    pthread_mutex_init(&cpu->lock, NULL);
    init_condition(&cpu->wake);
    init_condition(&cpu->still);
    g_queue_init(&cpu->input);
    cpu->thread = g_thread_new("soft-guest", cpu_thread, cpu);
    return cpu;
}

void soft_cpu_destroy(struct soft_cpu *cpu)
{
    pthread_mutex_lock(&cpu->lock);
    cpu->quit = true;
    update_running(cpu);
    pthread_mutex_unlock(&cpu->lock);
    g_thread_join(cpu->thread);

    g_queue_clear_full(&cpu->input, g_free);
    pthread_cond_destroy(&cpu->still);
    pthread_cond_destroy(&cpu->wake);
    pthread_mutex_destroy(&cpu->lock);
    g_free(cpu);
}

void soft_cpu_start(struct soft_cpu *cpu)
{
    pthread_mutex_lock(&cpu->lock);
    cpu->want_run = true;
    update_running(cpu);
    pthread_mutex_unlock(&cpu->lock);
}

void soft_cpu_stop(struct soft_cpu *cpu)
{
    pthread_mutex_lock(&cpu->lock);
    cpu->want_run = false;
    update_running(cpu);
    while (cpu->in_program)
        pthread_cond_wait(&cpu->still, &cpu->lock);
    pthread_mutex_unlock(&cpu->lock);
}

void soft_cpu_reset(struct soft_cpu *cpu)
{
    pthread_mutex_lock(&cpu->lock);
    cpu->want_reset = true;
    update_running(cpu);
    while (cpu->want_reset)
        pthread_cond_wait(&cpu->still, &cpu->lock);
    pthread_mutex_unlock(&cpu->lock);
}

void soft_cpu_set_line(struct soft_cpu *cpu, bool level)
{
    pthread_mutex_lock(&cpu->lock);
    g_atomic_int_set(&cpu->line, level);
    if (level)
        pthread_cond_signal(&cpu->wake);
    pthread_mutex_unlock(&cpu->lock);
}

void soft_cpu_post_input(struct soft_cpu *cpu, const struct soft_input *input)
{
    pthread_mutex_lock(&cpu->lock);
    if (g_queue_get_length(&cpu->input) < INPUT_MAX) {
        g_queue_push_tail(&cpu->input, g_memdup2(input, sizeof(*input)));
        pthread_cond_signal(&cpu->wake);
    }
    pthread_mutex_unlock(&cpu->lock);
}

bool soft_cpu_running(struct soft_cpu *cpu)
{
    return g_atomic_int_get(&cpu->running);
}

bool soft_cpu_line(struct soft_cpu *cpu)
{
    return g_atomic_int_get(&cpu->line);
}

bool soft_cpu_take_input(struct soft_cpu *cpu, struct soft_input *input)
{
    pthread_mutex_lock(&cpu->lock);
    struct soft_input *first = g_queue_pop_head(&cpu->input);
    pthread_mutex_unlock(&cpu->lock);

    if (!first)
        return false;
    *input = *first;
    g_free(first);
    return true;
}

bool soft_cpu_sleep(struct soft_cpu *cpu, unsigned wake, int64_t until)
{
    const struct timespec deadline = {
        .tv_sec = until / G_USEC_PER_SEC,
        .tv_nsec = until % G_USEC_PER_SEC * 1000,
    };

    pthread_mutex_lock(&cpu->lock);
    while (cpu->running) {
        if ((wake & SOFT_WAKE_LINE) && cpu->line)
            break;
        if ((wake & SOFT_WAKE_INPUT) && !g_queue_is_empty(&cpu->input))
            break;
        if (until < 0)
            pthread_cond_wait(&cpu->wake, &cpu->lock);
        else if (pthread_cond_timedwait(&cpu->wake, &cpu->lock, &deadline))
            break;
    }
    bool running = cpu->running;
    pthread_mutex_unlock(&cpu->lock);
    return running;
}
