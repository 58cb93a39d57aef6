/*
 * Smart cards: clients' readers, each plugged into one of the host's smart card devices.
 *
 * Facts: spice-wire.md section 5.6, server-abi.md section 2.5. IO thread.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/server.h"

#define SUBTYPE_SMARTCARD "smartcard"

struct smartcards;

/* The first device creates the channel; beyond ten they are refused with a warning. */
void smartcard_attach(SpiceServer *server, SpiceCharDeviceInstance *instance);
/* When all devices are detached; NULL is allowed. */
void smartcards_destroy(struct smartcards *smartcards);
