/*
 * What the loads show: chance, pictures and words, all made from numbers by integer arithmetic.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/soft_paint.h"

#include <stddef.h>
#include <stdint.h>

/* A sequence of numbers; a load keeps it in its state. */
struct soft_random {
    uint64_t state;
};

uint32_t soft_random_next(struct soft_random *random);
/* LOW to HIGH, both included; LOW when HIGH is below. */
int soft_random_between(struct soft_random *random, int low, int high);
/* The same for the same NUMBER. */
uint32_t soft_hash(uint32_t number);

/* A sine of 1024 steps to the circle and -1024 to 1024 high. */
int soft_sine(int angle);
/* 0xRRGGBB. HUE: 1024 steps; the others 0 to 255. */
uint32_t soft_hue(int hue, int saturation, int value);
/* FROM to TO in 256 steps. */
uint32_t soft_mix(uint32_t from, uint32_t to, int step);

/* A landscape; OPAQUE of its fill function is the struct. */
struct soft_landscape {
    uint32_t seed;
    int width, height; /* of all of it */
    int top;           /* the picture begins with this row */
};
void soft_landscape_fill(void *opaque, uint32_t *pixels, int width, int y, int rows);

/* So many that neighbours differ by little, as in films; a power of 2. */
#define SOFT_PLASMA_COLORS 8192

/* Moving colours. */
struct soft_plasma {
    uint32_t time; /* frames */
    int width, height;
    uint32_t colors[SOFT_PLASMA_COLORS];
};
void soft_plasma_init(struct soft_plasma *plasma, uint32_t seed, uint32_t time, int width,
                      int height);
void soft_plasma_fill(void *opaque, uint32_t *pixels, int width, int y, int rows);

/* A shining ball with premultiplied alpha, as large as its picture's SIZE. */
struct soft_ball {
    uint32_t color;
    int size;
};
void soft_ball_fill(void *opaque, uint32_t *pixels, int width, int y, int rows);

/* A smooth change from one colour to another, downwards or to the right. */
struct soft_gradient {
    uint32_t from, to;
    int length;
    bool across;
    int top;
};
void soft_gradient_fill(void *opaque, uint32_t *pixels, int width, int y, int rows);

/* One line of what programs write on terminals, one of a program's source. NUMBER is the line's. */
void soft_log_line(char *text, size_t size, uint32_t seed, uint32_t number);
void soft_source_line(char *text, size_t size, uint32_t seed, uint32_t number);
