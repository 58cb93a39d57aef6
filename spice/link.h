/*
 * The link stage: what happens on a connection before it belongs to a channel.
 *
 * Facts: spice-wire.md sections 1.2 to 1.6. IO thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/server.h"

/* Links that have not been authenticated; when one more comes, the oldest must go. */
#define MAX_LINKS 64
/* From connecting to the ticket. */
#define LINK_TIMEOUT_MS 15000

/*
 * Takes over FD, a connected socket, when it returns true. SKIP_AUTH: any ticket will do. False
 * with errno when it is no socket of a kind that we can use; FD is then still the caller's.
 */
bool link_start(SpiceServer *server, int fd, bool skip_auth);
void link_close_all(SpiceServer *server);
