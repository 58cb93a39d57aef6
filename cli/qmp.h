/*
 * A QMP server: greeting, negotiation, commands, errors and events as QEMU's monitor has them.
 *
 * It knows the protocol; which commands there are and what they do is the owner's table. Several
 * clients may be connected at once. All on the IO thread (GLib's default main context).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "cli/listen.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

/* Error classes of the protocol; an error of any other domain is a GenericError. */
#define QMP_ERROR (qmp_error_quark())
enum qmp_error { QMP_ERROR_GENERIC, QMP_ERROR_COMMAND_NOT_FOUND, QMP_ERROR_DEVICE_NOT_FOUND };
GQuark qmp_error_quark(void);

struct qmp_argument {
    const char *name;
    json_type type; /* JSON_STRING, JSON_INTEGER, JSON_ARRAY, JSON_OBJECT or, for truth values,
                       JSON_TRUE */
    bool optional;
};

struct qmp_command {
    const char *name;
    const struct qmp_argument *arguments; /* ends with name NULL; NULL: takes none */
    /*
     * ARGUMENTS is an object that has been checked against the table. Returns a new reference to
     * the return value; NULL: failed, ERROR is set, or it is answered later, see
     * qmp_server_defer().
     */
    json_t *(*run)(void *opaque, json_t *arguments, GError **error);
};

struct qmp_server;

/* COMMANDS ends with name NULL and must outlive the server. */
struct qmp_server *qmp_server_create(const struct qmp_command *commands, void *opaque);
/* Says what can be said without waiting, then closes everything. NULL: nothing. */
void qmp_server_destroy(struct qmp_server *server);

/* Serves LISTENER too; takes it over. */
void qmp_server_listen(struct qmp_server *server, struct listener listener);

/* Sends an event to every client that has negotiated; DATA is stolen, NULL: the event has none. */
void qmp_server_event(struct qmp_server *server, const char *name, json_t *data);

/*
 * While a command runs: the descriptor that its client has sent and named NAME with "getfd". It is
 * the caller's from then on, and the name is free again. -1 and ERROR.
 */
int qmp_server_take_fd(struct qmp_server *server, const char *name, GError **error);

/*
 * While a command runs: it will be answered by qmp_reply(), and until then its client's further
 * commands wait. The command returns NULL without an error.
 */
struct qmp_later;
struct qmp_later *qmp_server_defer(struct qmp_server *server);
/* RESULT or ERROR, both of which are stolen. The client, even the server, may be gone. IO thread.
 */
void qmp_reply(struct qmp_later *later, json_t *result, GError *error);

/* The return value of query-version: {"qemu": {"major": ...}, "package": ...}. New reference. */
json_t *qmp_version(void);
/* The return value of commands that have nothing to return: {}. New reference. */
json_t *qmp_nothing(void);
