/*
 * The pointer that clients move: the agent's, the host's tablet or its mouse, as the mouse mode and
 * what there is decide.
 *
 * BUTTONS are SPICE_MOUSE_BUTTON_MASK_*. Facts: spice-wire.md section 5.2, server-abi.md section
 * 2.3. IO thread.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <spice.h>
#include <stdbool.h>
#include <stdint.h>

struct pointer {
    SpiceServer *server;
    SpiceMouseInstance *mouse; /* NULL: the host has none; so is the tablet */
    SpiceTabletInstance *tablet;
};

/* By so many pixels; only a mouse is moved like that. */
void pointer_move_by(const struct pointer *pointer, int32_t dx, int32_t dy, uint16_t buttons);
/* To a place, in pixels. DISPLAY_ID is for the agent: a tablet has only one. */
void pointer_move_to(const struct pointer *pointer, uint32_t x, uint32_t y, uint16_t buttons,
                     uint8_t display_id);
/* BUTTON: SPICE_MOUSE_BUTTON_*, of which only the wheel's are looked at. */
void pointer_press(const struct pointer *pointer, uint8_t button, uint16_t buttons);
void pointer_release(const struct pointer *pointer, uint16_t buttons);

/* The range of positions has changed, in pixels; nothing without a tablet or a size. */
void pointer_set_range(const struct pointer *pointer, int width, int height);
