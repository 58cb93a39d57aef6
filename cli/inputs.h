/*
 * Keyboard, mouse and tablet: from SPICE clients to the engine.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/engine.h"

struct inputs;

/* Plugs what ENGINE can take into SERVER. IO thread. */
struct inputs *inputs_create(SpiceServer *server, struct engine *engine, GError **error);
/* What the user does at a window of our own. */
void inputs_key_byte(struct inputs *inputs, uint8_t byte);
void inputs_motion(struct inputs *inputs, int dx, int dy, int dz, uint32_t buttons);
void inputs_position(struct inputs *inputs, int x, int y, int dz, uint32_t buttons);
/* The picture that positions refer to. */
void inputs_display_size(struct inputs *inputs, int width, int height);
/* Are it positions that the engine wants? */
bool inputs_want_positions(const struct inputs *inputs);

/* The engine gets nothing any more. Needed before it is destroyed. */
void inputs_disconnect(struct inputs *inputs);
/* After spice_server_destroy(): a keyboard cannot be unplugged before. */
void inputs_destroy(struct inputs *inputs);
