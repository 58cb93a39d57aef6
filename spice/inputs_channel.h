/*
 * The inputs channel: clients' keyboards and pointers, and the host's devices they go to.
 *
 * Facts: spice-wire.md section 5.2, server-abi.md section 2.3. IO thread.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/server.h"

struct inputs;

/* Registers itself. */
struct inputs *inputs_create(SpiceServer *server);
void inputs_destroy(struct inputs *inputs); /* NULL is allowed */

/* -1, with a warning, when there is one already. */
int inputs_add_keyboard(struct inputs *inputs, SpiceKbdInstance *keyboard);
int inputs_add_mouse(struct inputs *inputs, SpiceMouseInstance *mouse);
int inputs_add_tablet(struct inputs *inputs, SpiceTabletInstance *tablet);
/* -1 when it is not attached. */
int inputs_remove_tablet(SpiceTabletInstance *tablet);
bool inputs_has_tablet(const struct inputs *inputs);
/* The range of pointer positions has changed; pixels. */
void inputs_set_range(struct inputs *inputs, int width, int height);
