/*
 * -spice web=on: a page for browsers from the ports that SPICE clients connect to.
 *
 * Every connection is accepted here and looked at, without taking a byte. Those who ask for a file
 * of the page get it; all others, WebSockets too, are handed to the SPICE server as they came.
 *
 * IO thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "cli/listen.h"
#include "cli/spice_options.h"

struct web;

/*
 * Serves the page that OPTIONS name on LISTENER, and with TLS on TLS_LISTENER if that listens; both
 * must outlive it. SERVER has been initialised. NULL and ERROR: there is no page, or no TLS.
 */
struct web *web_create(const struct spice_options *options, const struct listener *listener,
                       const struct listener *tls_listener, SpiceServer *server, GError **error);
/* Before the server. NULL: nothing. */
void web_destroy(struct web *web);
