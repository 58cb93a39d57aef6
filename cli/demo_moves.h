/*
 * cassia demo --migrate: a guest that moves between two instances of the demo, and what it costs.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * Starts an instance as "demo WORDS...", waits for a client and moves the guest MOVES times, each
 * time to a new instance; prints a row about each move. WORDS must not say where monitors and
 * guests come from. False and ERROR: it came to an end before, or something was lost on the way.
 */
bool demo_moves_run(char *const *words, unsigned moves, GError **error);
