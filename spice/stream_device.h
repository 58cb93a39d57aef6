/*
 * The port through which a guest shows a film that it encodes itself: a display channel of its own
 * (stream_channel.h), and a cursor channel.
 *
 * Nothing is offered to clients before the guest opens the port. Clients that come and go make the
 * server ask the guest for a stream that all of them can show, or for none. A guest that breaks the
 * protocol is told so, and is not listened to until it opens the port again.
 *
 * IO thread. Facts: <spice/stream-device.h>, server-abi.md sections 2.5 and 5.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/server.h"

#define STREAM_DEVICE_NAME "org.spice-space.stream.0"

void stream_device_attach(SpiceServer *server, SpiceCharDeviceInstance *instance);
