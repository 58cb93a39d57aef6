/*
 * Which commands can be left to a client.
 *
 * The canvas executes more than the clients in use do: those crash on some commands, or draw other
 * pixels than the card would. Such commands are sent as what they painted.
 *
 * Facts: spice-wire.md section 4. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/surface.h"

/* Does every client paint DRAW, whose surfaces are in SURFACES, just as the canvas does? */
bool draw_is_portable(const struct draw *draw, const struct surfaces *surfaces);
/* Is it one of the few commands that clients in browsers (spice-html5) paint? */
bool draw_is_plain(const struct draw *draw);
