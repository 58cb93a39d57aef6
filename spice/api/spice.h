/*
 * The public interface of the SPICE server, version 0.15.2: include this header and no other.
 *
 * A host (a machine monitor, an X server) creates a SpiceServer, sets it up, gives it an event loop
 * (SpiceCoreInterface) and attaches devices: displays, keyboards, pointers. Unless a function says
 * otherwise it must be called on the thread on which the host runs that event loop.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef SPICE_H_
#define SPICE_H_

#define SPICE_H_INSIDE

#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <spice/macros.h>
#include <spice/qxl_dev.h>
#include <spice/vd_agent.h>

SPICE_BEGIN_DECLS
/* What is declared here is exported, also when the server is built with hidden visibility. */
#pragma GCC visibility push(default)

#include "spice-version.h"
#include "spice-core.h"
#include "spice-server.h"
#include "spice-statistics.h"
#include "spice-qxl.h"
#include "spice-input.h"
#include "spice-audio.h"
#include "spice-char.h"
#include "spice-migration.h"
#include "spice-replay.h"

#pragma GCC visibility pop
SPICE_END_DECLS

#undef SPICE_H_INSIDE

#endif
