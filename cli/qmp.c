/*
 * The QMP server: sessions, requests, replies.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/qmp.h"

#include "cli/door.h"
#include "cli/qmp_fds.h"
#include "cli/qmp_framer.h"
#include "cli/qmp_request.h"
#include "config.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SESSIONS_MAX 16
/* With so much unread output a client's commands wait; with so much it is dropped. */
#define OUTPUT_PAUSE (64 * 1024)
#define OUTPUT_MAX   (4 * 1024 * 1024)

struct session {
    struct qmp_server *server;
    int fd;                          /* -1: closed */
    guint read_source, write_source; /* 0: not watching */
    bool negotiated;
    struct qmp_framer framer;
    struct qmp_fds fds;
    GByteArray *output;
    GByteArray *unread;      /* what has come behind a command that is answered later */
    struct qmp_later *later; /* that command; NULL: none */
};

struct qmp_later {
    struct session *session; /* a reference */
    json_t *id;              /* of the request; NULL: none */
};

struct entrance {
    struct listener listener;
    struct door door;
};

struct qmp_server {
    const struct qmp_command *commands;
    void *opaque;
    GPtrArray *entrances;
    GPtrArray *sessions;     /* reference counted: a session may close while it is being served */
    struct session *current; /* whose command runs; NULL: none does */
};

G_DEFINE_QUARK(cassia - qmp - error, qmp_error)

json_t *qmp_nothing(void)
{
    return json_object();
}

json_t *qmp_version(void)
{
    int major = 0, minor = 0, micro = 0;

    sscanf(CASSIA_VERSION, "%d.%d.%d", &major, &minor, &micro);
    return json_pack("{s:{s:i,s:i,s:i},s:s}", "qemu", "major", major, "minor", minor, "micro",
                     micro, "package", "cassia-" CASSIA_VERSION);
}

/* Output */

static void session_finish(void *data)
{
    struct session *session = data;

    qmp_framer_finish(&session->framer);
    qmp_fds_finish(&session->fds);
    g_byte_array_unref(session->output);
    g_byte_array_unref(session->unread);
}

static void session_unref(void *session)
{
    g_rc_box_release_full(session, session_finish);
}

static void session_close(struct session *session)
{
    if (session->fd < 0)
        return;
    g_clear_handle_id(&session->read_source, g_source_remove);
    g_clear_handle_id(&session->write_source, g_source_remove);
    close(session->fd);
    session->fd = -1;
    g_ptr_array_remove_fast(session->server->sessions, session);
}

static gboolean session_writable(int fd, GIOCondition condition, gpointer data);
static gboolean session_readable(int fd, GIOCondition condition, gpointer data);

/* Reads requests only while the client reads the answers. */
static void session_update_watches(struct session *session)
{
    bool read = session->output->len < OUTPUT_PAUSE && !session->later;
    bool write = session->output->len > 0;

    if (session->fd < 0)
        return;
    if (read && !session->read_source)
        session->read_source = g_unix_fd_add(session->fd, G_IO_IN, session_readable, session);
    else if (!read)
        g_clear_handle_id(&session->read_source, g_source_remove);
    if (write && !session->write_source)
        session->write_source = g_unix_fd_add(session->fd, G_IO_OUT, session_writable, session);
    else if (!write)
        g_clear_handle_id(&session->write_source, g_source_remove);
}

static void session_flush(struct session *session)
{
    /* The list's reference goes when the session closes on the way. */
    g_rc_box_acquire(session);
    while (session->fd >= 0 && session->output->len) {
        ssize_t sent = send(session->fd, session->output->data, session->output->len,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0)
            g_byte_array_remove_range(session->output, 0, (guint)sent);
        else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        else if (sent == 0 || errno != EINTR)
            session_close(session);
    }
    if (session->output->len > OUTPUT_MAX)
        session_close(session);
    session_update_watches(session);
    session_unref(session);
}

static gboolean session_writable(int fd, GIOCondition condition, gpointer data)
{
    (void)fd;
    (void)condition;
    session_flush(data);
    return G_SOURCE_CONTINUE;
}

/* Steals VALUE. */
static void session_send(struct session *session, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    json_decref(value);
    if (!text)
        return;
    g_byte_array_append(session->output, (const guint8 *)text, (guint)strlen(text));
    g_byte_array_append(session->output, (const guint8 *)"\r\n", 2);
    free(text);
    session_flush(session);
}

/* Steals ERROR and ID, which may be NULL. */
static void session_send_error(struct session *session, GError *error, json_t *id)
{
    static const char *const classes[] = {"GenericError", "CommandNotFound", "DeviceNotFound"};
    int code = error->domain == QMP_ERROR ? error->code : QMP_ERROR_GENERIC;
    g_autofree char *text = g_utf8_make_valid(error->message, -1);

    session_send(session, json_pack("{s:{s:s,s:s},s:o*}", "error", "class", classes[code], "desc",
                                    text, "id", id));
    g_error_free(error);
}

/* Requests */

/* The commands that belong to the protocol itself. */
#define NEGOTIATE      "qmp_capabilities"
#define QUERY_COMMANDS "query-commands"
#define GETFD          "getfd"
#define CLOSEFD        "closefd"

static const struct qmp_argument negotiate_arguments[] = {{"enable", JSON_ARRAY, true},
                                                          {NULL, JSON_NULL, false}};

static json_t *negotiate(struct session *session, json_t *arguments, GError **error)
{
    if (!qmp_arguments_check(negotiate_arguments, arguments, error))
        return NULL;
    if (json_array_size(json_object_get(arguments, "enable"))) {
        const char *name =
            json_string_value(json_array_get(json_object_get(arguments, "enable"), 0));
        g_set_error(error, QMP_ERROR, QMP_ERROR_GENERIC, "Capability '%s' is not available",
                    name ? name : "?");
        return NULL;
    }
    session->negotiated = true;
    return qmp_nothing();
}

static const struct qmp_argument fd_arguments[] = {{"fdname", JSON_STRING, false},
                                                   {NULL, JSON_NULL, false}};

static json_t *run_fd(struct session *session,
                      bool (*run)(struct qmp_fds *fds, const char *name, GError **error),
                      json_t *arguments, GError **error)
{
    return qmp_arguments_check(fd_arguments, arguments, error) &&
                   run(&session->fds, json_string_value(json_object_get(arguments, "fdname")),
                       error)
               ? qmp_nothing()
               : NULL;
}

int qmp_server_take_fd(struct qmp_server *server, const char *name, GError **error)
{
    if (server->current)
        return qmp_fds_take(&server->current->fds, name, error);
    g_set_error(error, QMP_ERROR, QMP_ERROR_GENERIC,
                "File descriptor '%s': only a monitor's client can name descriptors", name);
    return -1;
}

static json_t *query_commands(struct qmp_server *server)
{
    json_t *list = json_pack("[{s:s},{s:s},{s:s},{s:s}]", "name", NEGOTIATE, "name", QUERY_COMMANDS,
                             "name", GETFD, "name", CLOSEFD);

    for (const struct qmp_command *command = server->commands; command->name; command++)
        json_array_append_new(list, json_pack("{s:s}", "name", command->name));
    return list;
}

static json_t *run_command(struct session *session, const char *name, json_t *arguments,
                           GError **error)
{
    struct qmp_server *server = session->server;

    if (!strcmp(name, NEGOTIATE)) {
        if (!session->negotiated)
            return negotiate(session, arguments, error);
        g_set_error(error, QMP_ERROR, QMP_ERROR_COMMAND_NOT_FOUND,
                    "Capabilities negotiation is already complete, command ignored");
        return NULL;
    }
    if (!session->negotiated) {
        g_set_error(error, QMP_ERROR, QMP_ERROR_COMMAND_NOT_FOUND,
                    "Expecting capabilities negotiation with '" NEGOTIATE "'");
        return NULL;
    }
    if (!strcmp(name, QUERY_COMMANDS))
        return qmp_arguments_check(NULL, arguments, error) ? query_commands(server) : NULL;
    if (!strcmp(name, GETFD))
        return run_fd(session, qmp_fds_name, arguments, error);
    if (!strcmp(name, CLOSEFD))
        return run_fd(session, qmp_fds_close, arguments, error);
    for (const struct qmp_command *command = server->commands; command->name; command++) {
        if (strcmp(command->name, name))
            continue;
        if (!qmp_arguments_check(command->arguments, arguments, error))
            return NULL;
        server->current = session;
        json_t *result = command->run(server->opaque, arguments, error);
        server->current = NULL;
        return result;
    }
    g_set_error(error, QMP_ERROR, QMP_ERROR_COMMAND_NOT_FOUND, "The command %s has not been found",
                name);
    return NULL;
}

/* Steals all. */
static void session_answer(struct session *session, json_t *result, GError *error, json_t *id)
{
    if (result)
        session_send(session, json_pack("{s:o,s:o*}", "return", result, "id", id));
    else
        session_send_error(session, error, id);
}

static void session_serve(struct session *session, const char *text, size_t size)
{
    json_error_t problem;
    GError *error = NULL;
    const char *name;
    json_t *arguments, *result = NULL;
    json_t *request = json_loadb(text, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &problem);

    if (!request) {
        session_send_error(
            session,
            g_error_new(QMP_ERROR, QMP_ERROR_GENERIC, "JSON parse error, %s", problem.text), NULL);
        return;
    }
    json_t *id = json_incref(json_object_get(request, "id"));
    if (qmp_request_read(request, &name, &arguments, &error)) {
        arguments = arguments ? json_incref(arguments) : json_object();
        result = run_command(session, name, arguments, &error);
        json_decref(arguments);
    }
    if (session->later && !error)
        session->later->id = id;
    else
        session_answer(session, result, error, id);
    json_decref(request);
}

static void session_take(struct session *session, const char *data, size_t size)
{
    const char *why;

    while (session->fd >= 0) {
        if (session->later) {
            g_byte_array_append(session->unread, (const guint8 *)data, (guint)size);
            session_update_watches(session);
            return;
        }
        switch (qmp_framer_take(&session->framer, &data, &size, &why)) {
        case QMP_FRAME_NONE:
            return;
        case QMP_FRAME_TEXT:
            session_serve(session, session->framer.text->str, session->framer.text->len);
            break;
        case QMP_FRAME_BROKEN:
            session_send_error(session, g_error_new_literal(QMP_ERROR, QMP_ERROR_GENERIC, why),
                               NULL);
            break;
        }
    }
}

struct qmp_later *qmp_server_defer(struct qmp_server *server)
{
    struct qmp_later *later = g_new0(struct qmp_later, 1);

    later->session = g_rc_box_acquire(server->current);
    server->current->later = later;
    return later;
}

void qmp_reply(struct qmp_later *later, json_t *result, GError *error)
{
    struct session *session = later->session;
    GByteArray *unread = session->unread;

    session->later = NULL;
    session->unread = g_byte_array_new();
    if (session->fd >= 0) {
        session_answer(session, result, error, later->id);
        session_take(session, (const char *)unread->data, unread->len);
        session_update_watches(session);
    } else {
        json_decref(result);
        json_decref(later->id);
        g_clear_error(&error);
    }
    g_byte_array_unref(unread);
    session_unref(session);
    g_free(later);
}

static gboolean session_readable(int fd, GIOCondition condition, gpointer data)
{
    struct session *session = g_rc_box_acquire(data);
    char buffer[4096];
    ssize_t size = qmp_fds_receive(&session->fds, fd, buffer, sizeof(buffer));

    (void)condition;
    if (size > 0)
        session_take(session, buffer, (size_t)size);
    else if (size == 0 || (errno != EAGAIN && errno != EINTR))
        session_close(session);
    session_unref(session);
    return G_SOURCE_CONTINUE;
}

/* Listening */

static void refuse(int fd)
{
    static const char text[] = "{\"error\":{\"class\":\"GenericError\",\"desc\":"
                               "\"Too many clients are connected to this monitor\"}}\r\n";

    if (send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        g_debug("a refused monitor client left before it was told");
    close(fd);
}

static void welcome(void *opaque, int fd)
{
    struct qmp_server *server = opaque;
    struct session *session;

    if (server->sessions->len == SESSIONS_MAX) {
        refuse(fd);
        return;
    }
    session = g_rc_box_new0(struct session);
    session->server = server;
    session->fd = fd;
    session->output = g_byte_array_new();
    session->unread = g_byte_array_new();
    qmp_framer_init(&session->framer);
    qmp_fds_init(&session->fds);
    g_ptr_array_add(server->sessions, session);
    session_send(session,
                 json_pack("{s:{s:o,s:[]}}", "QMP", "version", qmp_version(), "capabilities"));
}

void qmp_server_listen(struct qmp_server *server, struct listener listener)
{
    struct entrance *entrance = g_new(struct entrance, 1);

    *entrance = (struct entrance){
        .listener = listener,
        .door = {.listen_fd = listener.fd, .name = "monitor", .welcome = welcome, .opaque = server},
    };
    door_open(&entrance->door);
    g_ptr_array_add(server->entrances, entrance);
}

static void entrance_close(void *data)
{
    struct entrance *entrance = data;

    door_close(&entrance->door);
    listener_finish(&entrance->listener);
    g_free(entrance);
}

/* The server */

struct qmp_server *qmp_server_create(const struct qmp_command *commands, void *opaque)
{
    struct qmp_server *server = g_new(struct qmp_server, 1);

    *server = (struct qmp_server){
        .commands = commands,
        .opaque = opaque,
        .entrances = g_ptr_array_new_with_free_func(entrance_close),
        .sessions = g_ptr_array_new_with_free_func(session_unref),
    };
    return server;
}

void qmp_server_destroy(struct qmp_server *server)
{
    if (!server)
        return;
    g_ptr_array_unref(server->entrances);
    while (server->sessions->len)
        session_close(g_ptr_array_index(server->sessions, server->sessions->len - 1));
    g_ptr_array_unref(server->sessions);
    g_free(server);
}

void qmp_server_event(struct qmp_server *server, const char *name, json_t *data)
{
    gint64 now = g_get_real_time();
    json_t *event =
        json_pack("{s:{s:I,s:I},s:s,s:o*}", "timestamp", "seconds", (json_int_t)(now / 1000000),
                  "microseconds", (json_int_t)(now % 1000000), "event", name, "data", data);

    /* Backwards: a session that is closed on the way is replaced by one that has had its turn. */
    for (guint i = server->sessions->len; i-- > 0;) {
        struct session *session = g_ptr_array_index(server->sessions, i);
        if (session->negotiated)
            session_send(session, json_incref(event));
    }
    json_decref(event);
}
