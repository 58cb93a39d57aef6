/*
 * Random drawing commands, the same for the same seed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/draw.h"

#include <glib.h>

struct random_surface {
    uint32_t format; /* SPICE_SURFACE_FMT_* */
    int width, height;
};

struct random_draw {
    GRand *rand;
    const struct random_surface *surfaces; /* that commands draw on and read from */
    unsigned surface_count;
    /* Only what libspice-server draws without giving up: no operation it lacks. */
    bool only_reference;
    bool lz_and_jpeg;  /* images that only the parser knows, and the reference not at all */
    bool promises;     /* commands carry what is true of them (QXL_EFFECT_*), not only BLEND */
    GPtrArray *memory; /* everything that commands refer to; freed by random_draw_forget() */
};

void random_draw_init(struct random_draw *random, uint32_t seed,
                      const struct random_surface *surfaces, unsigned surface_count);
void random_draw_finish(struct random_draw *random);

/* A command of TYPE (QXL_DRAW_*) for surface SURFACE. It lives until random_draw_forget(). */
struct draw *random_draw_make(struct random_draw *random, uint8_t type, unsigned surface);
/* One of many types, with all surfaces that it reads among its sources, as the parser lists them.
 */
struct draw *random_draw_any(struct random_draw *random, unsigned surface);
void random_draw_forget(struct random_draw *random);

/* FIRST .. LAST, both included. */
int random_between(struct random_draw *random, int first, int last);
void random_bytes(struct random_draw *random, void *to, size_t size);
