/*
 * The link stage: what happens on a connection before it belongs to a channel.
 *
 * Facts: spice-wire.md sections 1.2 to 1.7. IO thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/server.h"

/* Links that have not been authenticated; when one more comes, the oldest must go. */
#define MAX_LINKS 64
/* From connecting to the ticket. */
#define LINK_TIMEOUT_MS 15000

enum link_flags {
    LINK_SKIP_AUTH = 1, /* any ticket will do, and SASL is not asked for */
    LINK_TLS = 2,       /* the server has a TLS context */
};

/*
 * Takes over FD, a connected socket, when it returns true. False when FD is no socket of a kind
 * that we can use or the TLS handshake fails at once; *REASON (g_free) says why, and FD is still
 * the caller's.
 */
bool link_start(SpiceServer *server, int fd, unsigned flags, char **reason);
void link_close_all(SpiceServer *server);
