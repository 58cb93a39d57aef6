/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/agent_pointer.h"

#include <glib.h>
#include <string.h>

void agent_pointer_init(struct agent_pointer *pointer,
                        void (*send)(void *opaque, const VDAgentMouseState *state), void *opaque)
{
    *pointer = (struct agent_pointer){.send = send, .opaque = opaque};
}

void agent_pointer_reset(struct agent_pointer *pointer)
{
    agent_pointer_init(pointer, pointer->send, pointer->opaque);
}

static void send_next(struct agent_pointer *pointer)
{
    VDAgentMouseState state = pointer->waiting[0];

    state.x = GUINT32_TO_LE(state.x);
    state.y = GUINT32_TO_LE(state.y);
    state.buttons = GUINT32_TO_LE(state.buttons);
    pointer->count--;
    memmove(pointer->waiting, pointer->waiting + 1, pointer->count * sizeof(state));
    pointer->sending = true;
    pointer->send(pointer->opaque, &state);
}

static void push(struct agent_pointer *pointer)
{
    VDAgentMouseState *last = pointer->count > 0 ? &pointer->waiting[pointer->count - 1] : NULL;

    if (last == NULL ||
        (last->buttons != pointer->now.buttons && pointer->count < AGENT_POINTER_STATES)) {
        last = &pointer->waiting[pointer->count++];
    }
    *last = pointer->now;
    if (!pointer->sending) {
        send_next(pointer);
    }
}

void agent_pointer_move(struct agent_pointer *pointer, uint32_t x, uint32_t y, uint32_t buttons,
                        uint8_t display_id)
{
    pointer->now = (VDAgentMouseState){x, y, buttons, display_id};
    push(pointer);
}

void agent_pointer_press(struct agent_pointer *pointer, uint32_t buttons)
{
    pointer->now.buttons = buttons;
    push(pointer);
}

void agent_pointer_taken(struct agent_pointer *pointer)
{
    pointer->sending = false;
    if (pointer->count > 0) {
        send_next(pointer);
    }
}
