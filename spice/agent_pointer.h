/*
 * The pointer that the agent moves: one state at a time is on its way to the guest, and of those
 * that follow meanwhile only as many are kept as differ in their buttons.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <spice/types.h>
#include <spice/vd_agent.h>
#include <stdbool.h>

enum { AGENT_POINTER_STATES = 16 };

struct agent_pointer {
    void (*send)(void *opaque, const VDAgentMouseState *state);
    void *opaque;
    VDAgentMouseState now;
    VDAgentMouseState waiting[AGENT_POINTER_STATES];
    unsigned count;
    bool sending; /* until agent_pointer_taken() */
};

/* SEND takes a state, little endian, to the guest. */
void agent_pointer_init(struct agent_pointer *pointer,
                        void (*send)(void *opaque, const VDAgentMouseState *state), void *opaque);
/* Forgets what waits. */
void agent_pointer_reset(struct agent_pointer *pointer);
void agent_pointer_move(struct agent_pointer *pointer, uint32_t x, uint32_t y, uint32_t buttons,
                        uint8_t display_id);
void agent_pointer_press(struct agent_pointer *pointer, uint32_t buttons);
/* The guest has what was sent last. */
void agent_pointer_taken(struct agent_pointer *pointer);
