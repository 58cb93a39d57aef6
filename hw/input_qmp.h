/*
 * Keyboard and mouse for a guest of another monitor, through that monitor's QMP socket.
 *
 * Input becomes `input-send-event` commands. Nothing here waits: it connects when there is
 * something to send, one command is under way at a time, what comes meanwhile is gathered
 * (movements are merged) for the next one, and what cannot be delivered is dropped. Every function
 * takes NULL, for no such connection. Main loop's thread (the default GMainContext).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdint.h>

struct input_qmp;

/* PATH of a unix socket, which needs to be there only when input comes. */
struct input_qmp *input_qmp_create(const char *path);
void input_qmp_destroy(struct input_qmp *input);

/* One byte of PS/2 set 1, as spice.h delivers them. */
void input_qmp_key_byte(struct input_qmp *input, uint8_t byte);
void input_qmp_motion(struct input_qmp *input, int dx, int dy);
/* In pixels of the display. A guest without an absolute pointing device gets movements instead. */
void input_qmp_position(struct input_qmp *input, int x, int y);
/* Notches, negative up. */
void input_qmp_wheel(struct input_qmp *input, int dz);
/* All that are down now: 1 left, 2 right, 4 middle. */
void input_qmp_buttons(struct input_qmp *input, uint32_t buttons);
void input_qmp_display_size(struct input_qmp *input, int width, int height);
