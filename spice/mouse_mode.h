/*
 * Who moves the pointer, the client or the guest: what displays, agent and tablet allow, and what
 * a client has asked for.
 *
 * Facts: server-abi.md section 5.11. IO thread, unless a function says otherwise.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <spice.h>
#include <stdbool.h>

/* Something that mouse modes depend on has changed. */
void server_update_mouse_mode(SpiceServer *server);
/* MODE: SPICE_MOUSE_MODE_*; ignored when it is not allowed. */
void server_request_mouse_mode(SpiceServer *server, int mode);
/* The size positions refer to, in pixels; 0, 0 when there is no picture, or more than one. */
void server_pointer_range(SpiceServer *server, int *width, int *height);

/*
 * The picture of display ID: its size, and whether it lets clients use absolute positions (client
 * mouse mode); all zero: there is no primary surface. Any thread; takes effect on the IO thread.
 */
void server_set_display(SpiceServer *server, int id, int width, int height, bool client_mouse);
