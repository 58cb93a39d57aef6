/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/qmp_client.h"

#include "cli/options.h"
#include "cli/qmp_framer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct qmp_client {
    int fd;
    gint64 deadline; /* monotonic microseconds */
    struct qmp_framer framer;
    char buffer[4096];
    const char *data; /* what of buffer has not been taken yet */
    size_t size;
    json_t *events; /* that nobody has waited for yet */
};

static bool failed(GError **error, const char *text)
{
    g_set_error_literal(error, CLI_ERROR, CLI_ERROR_FAILED, text);
    return false;
}

static bool connect_to(struct qmp_client *client, const char *path, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (g_str_has_prefix(path, "unix:"))
        path += 5;
    if (strlen(path) >= sizeof(address.sun_path)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "%s: a unix socket's path has at most %zu bytes", path,
                    sizeof(address.sun_path) - 1);
        return false;
    }
    strcpy(address.sun_path, path);
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&address, sizeof(address))) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                    "%s: %s; is the program with this -qmp socket running?", path,
                    g_strerror(errno));
        return false;
    }
    return true;
}

/* Fills the buffer. */
static bool receive(struct qmp_client *client, GError **error)
{
    gint64 left = (client->deadline - g_get_monotonic_time()) / 1000;
    struct pollfd poll_fd = {.fd = client->fd, .events = POLLIN};
    int ready = left > 0 ? poll(&poll_fd, 1, (int)left) : 0;
    ssize_t size;

    if (ready < 0 && errno == EINTR)
        return true;
    if (ready <= 0)
        return failed(error, "the monitor does not answer in time; see -timeout");
    size = recv(client->fd, client->buffer, sizeof(client->buffer), 0);
    if (size <= 0)
        return failed(error, "the monitor has closed the connection");
    client->data = client->buffer;
    client->size = (size_t)size;
    return true;
}

/* The next message; a new reference. */
static json_t *read_message(struct qmp_client *client, GError **error)
{
    const char *why;

    for (;;) {
        enum qmp_frame frame = qmp_framer_take(&client->framer, &client->data, &client->size, &why);
        if (frame == QMP_FRAME_TEXT) {
            json_t *message =
                json_loadb(client->framer.text->str, client->framer.text->len, 0, NULL);
            if (json_is_object(message))
                return message;
            json_decref(message);
        }
        if (frame != QMP_FRAME_NONE) {
            failed(error, "what answers there is not a QMP monitor");
            return NULL;
        }
        if (!receive(client, error))
            return NULL;
    }
}

struct qmp_client *qmp_client_connect(const char *path, gint64 timeout, GError **error)
{
    struct qmp_client *client = g_new0(struct qmp_client, 1);
    json_t *greeting = NULL, *ready = NULL;

    client->fd = -1;
    client->events = json_array();
    qmp_framer_init(&client->framer);
    qmp_client_allow(client, timeout);
    if (connect_to(client, path, error) && (greeting = read_message(client, error)))
        ready = qmp_client_execute(client, "qmp_capabilities", NULL, error);
    json_decref(greeting);
    json_decref(ready);
    if (ready)
        return client;
    qmp_client_close(client);
    return NULL;
}

void qmp_client_close(struct qmp_client *client)
{
    if (!client)
        return;
    if (client->fd >= 0)
        close(client->fd);
    qmp_framer_finish(&client->framer);
    json_decref(client->events);
    g_free(client);
}

void qmp_client_allow(struct qmp_client *client, gint64 timeout)
{
    client->deadline = g_get_monotonic_time() + timeout * 1000;
}

static bool send_command(struct qmp_client *client, const char *command, json_t *arguments,
                         GError **error)
{
    json_t *message = json_pack("{s:s}", "execute", command);

    if (arguments)
        json_object_set_new(message, "arguments", arguments);
    char *text = json_dumps(message, JSON_COMPACT);
    size_t size = strlen(text);

    json_decref(message);
    text[size] = '\n'; /* replaces the end mark: one write, one line */
    bool sent = send(client->fd, text, size + 1, MSG_NOSIGNAL) == (ssize_t)size + 1;
    free(text);
    return sent || failed(error, "the monitor has closed the connection");
}

static void set_problem(const json_t *problem, GError **error)
{
    const char *class_name = json_string_value(json_object_get(problem, "class"));
    const char *text = json_string_value(json_object_get(problem, "desc"));

    g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED, "%s: %s", class_name ? class_name : "error",
                text ? text : "");
}

json_t *qmp_client_execute(struct qmp_client *client, const char *command, json_t *arguments,
                           GError **error)
{
    json_t *value = NULL, *message;

    if (!send_command(client, command, arguments, error))
        return NULL;
    while (!value && (message = read_message(client, error))) {
        const json_t *problem = json_object_get(message, "error");

        value = json_incref(json_object_get(message, "return"));
        if (json_object_get(message, "event"))
            json_array_append(client->events, message);
        if (problem)
            set_problem(problem, error);
        json_decref(message);
        if (problem)
            break;
    }
    return value;
}

static bool is_event(const json_t *message, const char *name)
{
    return !g_strcmp0(json_string_value(json_object_get(message, "event")), name);
}

json_t *qmp_client_wait(struct qmp_client *client, const char *name, GError **error)
{
    json_t *message;
    size_t index;

    json_array_foreach(client->events, index, message)
    {
        if (is_event(message, name)) {
            json_incref(message);
            json_array_remove(client->events, index);
            return message;
        }
    }
    while ((message = read_message(client, error))) {
        if (is_event(message, name))
            return message;
        json_array_append_new(client->events, message);
    }
    return NULL;
}
