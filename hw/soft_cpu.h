/*
 * The soft guest's processor: one thread that runs, stands still or is reset, takes an interrupt
 * line and gets input from the user.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct soft_cpu;

/* Both are called on the processor's thread. */
struct soft_program {
    /* Runs the guest from where its memory says it is; returns soon after soft_cpu_running() fails.
     */
    void (*run)(void *opaque);
    /* The reset button; the program does not run meanwhile. */
    void (*reset)(void *opaque);
};

enum soft_input_kind {
    SOFT_INPUT_KEY,      /* value: one PS/2 byte */
    SOFT_INPUT_MOTION,   /* x, y: distance */
    SOFT_INPUT_POSITION, /* x, y: pixels */
    SOFT_INPUT_WHEEL,    /* y: notches */
};

struct soft_input {
    enum soft_input_kind kind;
    int x, y;
    uint32_t value; /* a key byte or the buttons held */
};

/* Standing still. OPAQUE is PROGRAM's. */
struct soft_cpu *soft_cpu_create(const struct soft_program *program, void *opaque);
void soft_cpu_destroy(struct soft_cpu *cpu);

/* One caller at a time. When stop or reset return, the program has stopped or the reset is done. */
void soft_cpu_start(struct soft_cpu *cpu);
void soft_cpu_stop(struct soft_cpu *cpu);
void soft_cpu_reset(struct soft_cpu *cpu);

/* Any thread. Of input that nobody takes, the newest is dropped. */
void soft_cpu_set_line(struct soft_cpu *cpu, bool level);
void soft_cpu_post_input(struct soft_cpu *cpu, const struct soft_input *input);

/* The rest is for the program. */

/* False: the program has to return, all it needs later being in guest memory. */
bool soft_cpu_running(struct soft_cpu *cpu);
bool soft_cpu_line(struct soft_cpu *cpu);
bool soft_cpu_take_input(struct soft_cpu *cpu, struct soft_input *input);

enum soft_wake {
    SOFT_WAKE_LINE = 1,
    SOFT_WAKE_INPUT = 2,
};
/*
 * Sleeps until something of WAKE (soft_wake bits) is there, the monotonic time UNTIL in
 * microseconds
 * (-1: never) has come or the processor has to stop. Returns soft_cpu_running().
 */
bool soft_cpu_sleep(struct soft_cpu *cpu, unsigned wake, int64_t until);
