/*
 * What the server has done for its display clients: as QMP tells it, and as a table.
 * Only our own server counts. IO thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <spice.h>
#include <stdbool.h>
#include <stdio.h>

/* False, with an error for people: the program is built on a server that does not count. */
bool spice_statistics_check(GError **error);

/* One object for each client's connection to each display; docs/monitor.md. NULL: see check. */
json_t *spice_statistics_query(SpiceServer *server, GError **error);

/* The same for people to read. Nothing when there are no clients, or nobody counts. */
void spice_statistics_print(SpiceServer *server, FILE *file);

/* Commands and pictures that wait for any client. */
unsigned spice_statistics_waiting(SpiceServer *server);
