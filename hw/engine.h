/*
 * Guest engines: who drives the card.
 *
 * An engine is an object with these operations; cli/ creates one of them per machine and drives it
 * through this header only. All calls come from the IO thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <spice.h>
#include <stdbool.h>
#include <stdint.h>

struct engine;
struct migration_set;

struct engine_impl {
    const char *name;
    void (*destroy)(struct engine *engine);
    /* The guest's processors run or stand still; nothing of the guest happens after stop returned. */
    void (*start)(struct engine *engine);
    void (*stop)(struct engine *engine);
    /* As the reset button; keeps running or stopped. */
    void (*reset)(struct engine *engine);
    /* Input from the user; may be NULL. Keys are PS/2 set-1 bytes as spice.h delivers them. */
    void (*key_byte)(struct engine *engine, uint8_t byte);
    /* BUTTONS: 1 left, 2 right, 4 middle. DZ: wheel notches, negative up. */
    void (*pointer_motion)(struct engine *engine, int dx, int dy, int dz, uint32_t buttons);
    /* Absolute, in pixels of the display. */
    void (*pointer_position)(struct engine *engine, int x, int y, uint32_t buttons);
    void (*pointer_wheel)(struct engine *engine, int dz, uint32_t buttons);
    void (*display_size)(struct engine *engine, int width, int height);
    /* Does it want absolute positions (a tablet)? */
    bool (*wants_tablet)(struct engine *engine);
    /*
     * Adds what the guest consists of besides its card. NULL: this engine's guest is not ours to
     * move.
     */
    void (*add_parts)(struct engine *engine, struct migration_set *set);
    /* The guest is to leave PERCENT (0 to 99) of its time unused. NULL: it cannot. */
    void (*throttle)(struct engine *engine, unsigned percent);
};

/* Base of every engine; the first member of its struct. */
struct engine {
    const struct engine_impl *impl;
};

static inline void engine_destroy(struct engine *engine)
{
    if (engine)
        engine->impl->destroy(engine);
}
