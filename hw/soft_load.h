/*
 * What a soft guest draws: a load is a sequence of frames.
 *
 * Frame n depends on the load's state alone, never on time: the same seed draws the same frames.
 * The state lives in guest memory and moves with it, so it holds no pointers.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/soft_paint.h"

#include <stdbool.h>
#include <stdint.h>

#define SOFT_MIN_WIDTH  320
#define SOFT_MIN_HEIGHT 200
#define SOFT_MAX_SIZE   8192

/* The most that one frame takes, and that lives at the same time. */
struct soft_need {
    uint64_t memory; /* bytes of command memory */
    uint64_t video;  /* bytes for surfaces that it creates, each rounded up to whole pages */
    uint64_t video_in_all;
    uint32_t surfaces; /* that it creates */
    uint32_t surfaces_in_all;
};

struct soft_load {
    const char *name;
    void (*need)(uint32_t width, uint32_t height, struct soft_need *need);
    /* Sets up STATE, SOFT_LOAD_STATE_SIZE zero bytes at a multiple of 8, before frame 0. */
    void (*begin)(void *state, uint64_t seed, uint32_t width, uint32_t height);
    /* Is STATE, which came with guest memory, one that draw() can go on with? */
    bool (*check)(const void *state, uint32_t width, uint32_t height);
    void (*draw)(void *state, struct soft_frame *frame);
};

/* INDEX as in soft_guest_loads(), which must have it. */
const struct soft_load *soft_load_get(uint32_t index);

extern const struct soft_load soft_load_desktop, soft_load_text, soft_load_video,
    soft_load_surfaces, soft_load_cursor, soft_load_chaos;
