/*
 * The SPICE core interface on GLib's default main context, for tests that run a server.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <spice.h>
#include <stdbool.h>

SpiceCoreInterface *core_loop_interface(void);

/* Runs the loop until CONDITION holds; false when it does not within SECONDS. */
bool core_loop_run_until(bool (*condition)(void *opaque), void *opaque, unsigned seconds);
