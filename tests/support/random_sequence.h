/*
 * Random sessions of a guest, the same for the same seed: surfaces come and go, in RAM and VRAM,
 * with and without their old pixels, commands draw on them and read from them, areas are asked for.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "tests/support/qxl_host.h"
#include "tests/support/random_draw.h"

#define RANDOM_SURFACES 48 /* ids are below */

enum random_step_type {
    STEP_CREATE,
    STEP_DRAW,
    STEP_DESTROY, /* never the primary */
    STEP_CHECK,   /* the area is in guest memory afterwards */
    STEP_END,
};

struct random_step {
    enum random_step_type type;
    unsigned surface;
    const struct draw *draw;
    draw_rect area; /* CHECK */
    int32_t stride; /* CREATE, and what follows */
    bool keep, vram;
    const uint8_t *pixels; /* before CREATE */
};

struct random_sequence {
    struct random_draw random;
    struct random_surface surfaces[RANDOM_SURFACES]; /* format 0: there is none */
    int32_t strides[RANDOM_SURFACES];
    unsigned count;          /* ids in use are below */
    unsigned created;        /* at the beginning */
    int commands;            /* still to come */
    unsigned checked;        /* at the end */
    uint8_t only_type;       /* QXL_DRAW_*; 0: all */
    const struct draw *last; /* may be repeated; NULL: none */
};

/*
 * ONLY_TYPE (QXL_DRAW_*; 0: all) leaves out other commands, LIMIT (-1: none) those from the LIMITth
 * on: the steps before them stay the same.
 */
void random_sequence_init(struct random_sequence *sequence, uint32_t seed, uint8_t only_type,
                          int limit);
void random_sequence_finish(struct random_sequence *sequence);
/* The next step; what it refers to lives until random_sequence_finish(). */
struct random_step random_sequence_next(struct random_sequence *sequence);

/* One host that a sequence is played to. */
struct random_player {
    struct qxl_host *host;
    size_t start; /* of free guest memory */
    uint8_t *pixels[RANDOM_SURFACES];
};

/* HOST has no surfaces. Its second memory slot, for the same memory, is added here, once. */
void random_player_init(struct random_player *player, struct qxl_host *host);
void random_player_play(struct random_player *player, const struct random_sequence *sequence,
                        const struct random_step *step);
/* Destroys all surfaces; everything must have been released then. */
void random_player_reset(struct random_player *player);
/* The row Y, counted from the top, of a surface that exists. */
uint8_t *random_player_row(const struct random_player *player,
                           const struct random_sequence *sequence, unsigned surface, int y);

/* One line about DRAW, for reports. */
char *random_draw_describe(const struct draw *draw);
