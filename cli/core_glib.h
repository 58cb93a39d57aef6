/*
 * The main loop as a SPICE server sees it: SpiceCoreInterface on GLib's default main context.
 *
 * Facts: server-abi.md section 2.1. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <spice.h>

/* A core interface; CHANNEL_EVENT may be NULL. The struct must outlive the server. */
SpiceCoreInterface core_glib_interface(void (*channel_event)(int event,
                                                             SpiceChannelEventInfo *info));
