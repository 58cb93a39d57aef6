/*
 * Channels that carry a character device's bytes as they are: USB redirection, named ports, webdav.
 *
 * Facts: spice-wire.md section 5.5, server-abi.md section 2.5. IO thread.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/server.h"

#define SUBTYPE_USBREDIR "usbredir"
#define SUBTYPE_PORT     "port"

/* TYPE: SPICE_CHANNEL_*. The channel gets the next free id of its type. */
void vmc_attach(SpiceServer *server, SpiceCharDeviceInstance *instance, uint8_t type);
/* By its name: a port or webdav; refused with a warning without one. */
void vmc_attach_port(SpiceServer *server, SpiceCharDeviceInstance *instance);
