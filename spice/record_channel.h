/*
 * Sound to the guest.
 *
 * Facts: spice-wire.md section 5.4, server-abi.md sections 1.7.6 and 2.4. IO thread.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/server.h"

struct record;

/* A second device is refused with a warning: its st stays NULL, and it never hears anything. */
void record_attach(SpiceServer *server, SpiceRecordInstance *instance);
/* spice_server_remove_interface() */
int record_remove(SpiceRecordInstance *instance);
/* NULL is allowed. */
void record_detach(struct record *record);
