/*
 * The guest's pointer and the cursor channel.
 *
 * There is no queue: each client has a note of what it has been told, and is told the difference to
 * what is true now. So a slow client skips moves and shapes that are over.
 *
 * The worker's thread. Facts: spice-wire.md section 5.1. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/channel.h"
#include "spice/parse.h"

struct cursor_state {
    uint64_t shape_serial; /* changes with each shape; 0: never one */
    int16_t x, y;          /* of the hot spot */
    bool visible;
    uint16_t trail_length, trail_frequency;
};

struct cursor {
    struct channel channel;
    struct cursor_state state;
    struct cursor_shape *shape;     /* NULL: none */
    struct guest_resource resource; /* of the command that set it, which the guest may need again */
    uint32_t epoch;                 /* counts resets */
    bool machine_runs;              /* else arriving clients wait */
    bool client_mouse;              /* clients draw their own pointer where it is */
};

/* Registering the channel is up to the caller. */
void cursor_init(struct cursor *cursor, SpiceServer *server, int id, struct event_loop *loop);
void cursor_finish(struct cursor *cursor); /* releases the command */

/* Takes over COMMAND's shape and, as long as it needs it, RESOURCE. */
void cursor_execute(struct cursor *cursor, const struct cursor_command *command,
                    struct guest_resource *resource);
/* No shape, position 0, visible, no trail; the command is released. */
void cursor_reset(struct cursor *cursor);
void cursor_set_mouse_mode(struct cursor *cursor, bool client_mouse);
/* The machine begins to run, with what it brings. */
void cursor_machine_runs(struct cursor *cursor);
/* Sends what can be sent now. */
void cursor_wake(struct cursor *cursor);
