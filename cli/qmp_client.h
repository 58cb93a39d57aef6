/*
 * The other end of a monitor's socket: commands and the events that come meanwhile.
 *
 * Calls wait. One thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <jansson.h>

struct qmp_client;

/*
 * Connects to the unix socket PATH ("unix:" before it is left away) and enters command mode.
 * TIMEOUT in milliseconds is the time for this and all that follows, see qmp_client_allow().
 */
struct qmp_client *qmp_client_connect(const char *path, gint64 timeout, GError **error);
void qmp_client_close(struct qmp_client *client); /* NULL: nothing */
/* From now on all together may take TIMEOUT milliseconds. */
void qmp_client_allow(struct qmp_client *client, gint64 timeout);

/* ARGUMENTS is stolen, NULL: none. What the command returns, a new reference; NULL and ERROR. */
json_t *qmp_client_execute(struct qmp_client *client, const char *command, json_t *arguments,
                           GError **error);
/* The oldest event of that NAME that was not taken yet, a new reference. */
json_t *qmp_client_wait(struct qmp_client *client, const char *name, GError **error);
