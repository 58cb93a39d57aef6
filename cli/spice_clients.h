/*
 * Who is connected to the SPICE server, and the monitor's events about it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <jansson.h>
#include <spice.h>

struct spice_clients;

/*
 * EMIT is told the event's name and data (a new reference) in QEMU's form; AUTH gives the server's
 * "auth" as it is at that moment. spice.h tells nobody whose event it is, so there can be one such
 * object at a time. IO thread.
 */
struct spice_clients *
spice_clients_create(void (*emit)(void *opaque, const char *event, json_t *data),
                     const char *(*auth)(void *opaque), void *opaque, void *auth_opaque);
void spice_clients_destroy(struct spice_clients *clients);

/* For SpiceCoreInterface. */
void spice_clients_channel_event(int event, SpiceChannelEventInfo *info);

/* The "channels" of query-spice. New reference. */
json_t *spice_clients_query(const struct spice_clients *clients);
/* Only the main channels, one a client. New reference. */
json_t *spice_clients_sessions(const struct spice_clients *clients);
/* How many clients there are: main channels. */
unsigned spice_clients_count(const struct spice_clients *clients);
