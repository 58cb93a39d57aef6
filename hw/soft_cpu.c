/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/soft_cpu.h"

#define INPUT_MAX 256

struct soft_cpu {
    struct soft_program program;
    void *opaque;
    GThread *thread;

    GMutex lock; /* guards all below */
    GCond wake;  /* the thread waits here */
    GCond still; /* stop and reset wait here */
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
    g_cond_signal(&cpu->wake);
}

static gpointer cpu_thread(gpointer opaque)
{
    struct soft_cpu *cpu = opaque;

    g_mutex_lock(&cpu->lock);
    while (!cpu->quit) {
        if (cpu->want_reset) {
            g_mutex_unlock(&cpu->lock);
            cpu->program.reset(cpu->opaque);
            g_mutex_lock(&cpu->lock);
            cpu->want_reset = false;
            update_running(cpu);
            g_cond_broadcast(&cpu->still);
        } else if (cpu->running) {
            cpu->in_program = true;
            g_mutex_unlock(&cpu->lock);
            cpu->program.run(cpu->opaque);
            g_mutex_lock(&cpu->lock);
            cpu->in_program = false;
            g_cond_broadcast(&cpu->still);
        } else {
            g_cond_wait(&cpu->wake, &cpu->lock);
        }
    }
    g_mutex_unlock(&cpu->lock);
    return NULL;
}

struct soft_cpu *soft_cpu_create(const struct soft_program *program, void *opaque)
{
    struct soft_cpu *cpu = g_new0(struct soft_cpu, 1);

    cpu->program = *program;
    cpu->opaque = opaque;
    g_mutex_init(&cpu->lock);
    g_cond_init(&cpu->wake);
    g_cond_init(&cpu->still);
    g_queue_init(&cpu->input);
    cpu->thread = g_thread_new("soft-guest", cpu_thread, cpu);
    return cpu;
}

void soft_cpu_destroy(struct soft_cpu *cpu)
{
    g_mutex_lock(&cpu->lock);
    cpu->quit = true;
    update_running(cpu);
    g_mutex_unlock(&cpu->lock);
    g_thread_join(cpu->thread);

    g_queue_clear_full(&cpu->input, g_free);
    g_cond_clear(&cpu->still);
    g_cond_clear(&cpu->wake);
    g_mutex_clear(&cpu->lock);
    g_free(cpu);
}

void soft_cpu_start(struct soft_cpu *cpu)
{
    g_mutex_lock(&cpu->lock);
    cpu->want_run = true;
    update_running(cpu);
    g_mutex_unlock(&cpu->lock);
}

void soft_cpu_stop(struct soft_cpu *cpu)
{
    g_mutex_lock(&cpu->lock);
    cpu->want_run = false;
    update_running(cpu);
    while (cpu->in_program)
        g_cond_wait(&cpu->still, &cpu->lock);
    g_mutex_unlock(&cpu->lock);
}

void soft_cpu_reset(struct soft_cpu *cpu)
{
    g_mutex_lock(&cpu->lock);
    cpu->want_reset = true;
    update_running(cpu);
    while (cpu->want_reset)
        g_cond_wait(&cpu->still, &cpu->lock);
    g_mutex_unlock(&cpu->lock);
}

void soft_cpu_set_line(struct soft_cpu *cpu, bool level)
{
    g_mutex_lock(&cpu->lock);
    g_atomic_int_set(&cpu->line, level);
    if (level)
        g_cond_signal(&cpu->wake);
    g_mutex_unlock(&cpu->lock);
}

void soft_cpu_post_input(struct soft_cpu *cpu, const struct soft_input *input)
{
    g_mutex_lock(&cpu->lock);
    if (g_queue_get_length(&cpu->input) < INPUT_MAX) {
        g_queue_push_tail(&cpu->input, g_memdup2(input, sizeof(*input)));
        g_cond_signal(&cpu->wake);
    }
    g_mutex_unlock(&cpu->lock);
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
    g_mutex_lock(&cpu->lock);
    struct soft_input *first = g_queue_pop_head(&cpu->input);
    g_mutex_unlock(&cpu->lock);

    if (!first)
        return false;
    *input = *first;
    g_free(first);
    return true;
}

bool soft_cpu_sleep(struct soft_cpu *cpu, unsigned wake, int64_t until)
{
    g_mutex_lock(&cpu->lock);
    while (cpu->running) {
        if ((wake & SOFT_WAKE_LINE) && cpu->line)
            break;
        if ((wake & SOFT_WAKE_INPUT) && !g_queue_is_empty(&cpu->input))
            break;
        if (until < 0)
            g_cond_wait(&cpu->wake, &cpu->lock);
        else if (!g_cond_wait_until(&cpu->wake, &cpu->lock, until))
            break;
    }
    bool running = cpu->running;
    g_mutex_unlock(&cpu->lock);
    return running;
}
