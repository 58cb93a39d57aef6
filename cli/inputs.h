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
/* The engine gets nothing any more. Needed before it is destroyed. */
void inputs_disconnect(struct inputs *inputs);
/* After spice_server_destroy(): a keyboard cannot be unplugged before. */
void inputs_destroy(struct inputs *inputs);
