/*
 * A client's MONITORS_CONFIG for the host's displays.
 *
 * Facts: spice-wire.md section 6.6. IO thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/server.h"

/* The largest message, its VDAgentMessage header included. */
size_t monitors_message_limit(void);
/* Do all displays want it from the server, and not through the agent? */
bool monitors_are_wanted(SpiceServer *server);
/* A whole message, header included, to all of them. False: not a valid one. */
bool monitors_deliver(SpiceServer *server, const uint8_t *message, size_t size);
