/*
 * cassia qmp: one command to a monitor, from the shell.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/qmp_framer.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_SECONDS 30

struct monitor {
    int fd;
    gint64 deadline; /* monotonic microseconds */
    struct qmp_framer framer;
    char buffer[4096];
    const char *data; /* what of buffer has not been taken yet */
    size_t size;
};

struct request {
    int64_t timeout; /* seconds */
    char *event;     /* to wait for after the command; NULL: none */
};

static bool apply_timeout(void *target, const char *value, GError **error)
{
    return option_number_parse("-timeout", NULL, value, 1, 24 * 3600,
                               &((struct request *)target)->timeout, error);
}

static bool apply_wait(void *target, const char *value, GError **error)
{
    struct request *request = target;

    (void)error;
    g_free(request->event);
    request->event = g_strdup(value);
    return true;
}

static const struct command_option qmp_options[] = {
    {"wait", "EVENT", "wait for this event after the command and print it", apply_wait},
    {"timeout", "SECONDS", "give up after so long; default: 30", apply_timeout},
    {NULL, NULL, NULL, NULL},
};

static bool failed(GError **error, const char *text)
{
    g_set_error_literal(error, CLI_ERROR, CLI_ERROR_FAILED, text);
    return false;
}

static bool connect_to(struct monitor *monitor, const char *path, GError **error)
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
    monitor->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (monitor->fd < 0 || connect(monitor->fd, (struct sockaddr *)&address, sizeof(address))) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                    "%s: %s; is the program with this -qmp socket running?", path,
                    g_strerror(errno));
        return false;
    }
    return true;
}

/* Fills the buffer. */
static bool receive(struct monitor *monitor, GError **error)
{
    gint64 left = (monitor->deadline - g_get_monotonic_time()) / 1000;
    struct pollfd poll_fd = {.fd = monitor->fd, .events = POLLIN};
    int ready = left > 0 ? poll(&poll_fd, 1, (int)left) : 0;
    ssize_t size;

    if (ready < 0 && errno == EINTR)
        return true;
    if (ready <= 0)
        return failed(error, "the monitor does not answer in time; see -timeout");
    size = recv(monitor->fd, monitor->buffer, sizeof(monitor->buffer), 0);
    if (size <= 0)
        return failed(error, "the monitor has closed the connection");
    monitor->data = monitor->buffer;
    monitor->size = (size_t)size;
    return true;
}

/* The next message; a new reference. */
static json_t *read_message(struct monitor *monitor, GError **error)
{
    const char *why;

    for (;;) {
        enum qmp_frame frame =
            qmp_framer_take(&monitor->framer, &monitor->data, &monitor->size, &why);
        if (frame == QMP_FRAME_TEXT) {
            json_t *message =
                json_loadb(monitor->framer.text->str, monitor->framer.text->len, 0, NULL);
            if (json_is_object(message))
                return message;
            json_decref(message);
        }
        if (frame != QMP_FRAME_NONE) {
            failed(error, "what answers there is not a QMP monitor");
            return NULL;
        }
        if (!receive(monitor, error))
            return NULL;
    }
}

static void print_json(const json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    printf("\n");
}

/* Is MESSAGE the awaited event? Prints it then. */
static bool is_event(const json_t *message, const char *event)
{
    const char *name = json_string_value(json_object_get(message, "event"));

    if (!event || !name || strcmp(name, event))
        return false;
    print_json(message);
    return true;
}

/*
 * Sends a command (stolen) and returns its return value, a new reference. *SEEN becomes true when
 * EVENT comes before it.
 */
static json_t *execute(struct monitor *monitor, json_t *command, const char *event, bool *seen,
                       GError **error)
{
    char *text = json_dumps(command, JSON_COMPACT);
    size_t size = strlen(text);
    json_t *value = NULL;

    json_decref(command);
    text[size] = '\n'; /* replaces the end mark: one write, one line */
    if (send(monitor->fd, text, size + 1, MSG_NOSIGNAL) != (ssize_t)size + 1) {
        failed(error, "the monitor has closed the connection");
        free(text);
        return NULL;
    }
    free(text);
    for (json_t *message; !value && (message = read_message(monitor, error));) {
        const json_t *problem = json_object_get(message, "error");
        value = json_incref(json_object_get(message, "return"));
        if (!value && is_event(message, event))
            *seen = true;
        if (problem) {
            const char *class_name = json_string_value(json_object_get(problem, "class"));
            const char *text_of = json_string_value(json_object_get(problem, "desc"));
            g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED, "%s: %s",
                        class_name ? class_name : "error", text_of ? text_of : "");
        }
        json_decref(message);
        if (problem)
            break;
    }
    return value;
}

/* KEY=VALUE gives a string, KEY:=VALUE any JSON value. */
static bool add_argument(json_t *arguments, const char *word, GError **error)
{
    const char *equals = strchr(word, '=');
    bool is_json = equals && equals > word && equals[-1] == ':';
    json_t *value;

    if (!equals || equals - is_json == word) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "'%s' is not KEY=VALUE or KEY:=JSON", word);
        return false;
    }
    g_autofree char *key = g_strndup(word, (gsize)(equals - word) - is_json);
    value = is_json ? json_loads(equals + 1, JSON_DECODE_ANY, NULL) : json_string(equals + 1);
    if (json_object_set_new(arguments, key, value)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "'%s': %s", word,
                    is_json ? "what follows := is not JSON" : "not UTF-8");
        return false;
    }
    return true;
}

/* {"execute": ..., "arguments": ...} from COMMAND [KEY=VALUE]...; NULL: wrong usage. */
static json_t *read_command(char **words, GError **error)
{
    json_t *arguments = json_object();

    for (char **word = words + 1; *word; word++) {
        if (!add_argument(arguments, *word, error)) {
            json_decref(arguments);
            return NULL;
        }
    }
    return json_pack("{s:s,s:o}", "execute", *words, "arguments", arguments);
}

/* Steals COMMAND, NULL: only wait. */
static bool converse(struct monitor *monitor, json_t *command, const char *event, GError **error)
{
    bool seen = false;
    json_t *greeting = read_message(monitor, error), *value;

    json_decref(greeting);
    value = greeting ? execute(monitor, json_pack("{s:s}", "execute", "qmp_capabilities"), NULL,
                               &seen, error)
                     : NULL;
    json_decref(value);
    if (!value) {
        json_decref(command);
        return false;
    }
    if (command) {
        value = execute(monitor, command, event, &seen, error);
        if (!value)
            return false;
        print_json(value);
        json_decref(value);
    }
    while (event && !seen) {
        json_t *message = read_message(monitor, error);
        if (!message)
            return false;
        seen = is_event(message, event);
        json_decref(message);
    }
    return true;
}

static bool talk(const struct request *request, char **words, GError **error)
{
    struct monitor monitor = {
        .fd = -1, .deadline = g_get_monotonic_time() + request->timeout * G_USEC_PER_SEC};
    json_t *command = NULL;
    bool good;

    if (!words[0] || (!words[1] && !request->event)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "needs SOCKET and COMMAND");
        return false;
    }
    if (words[1] && !(command = read_command(words + 1, error)))
        return false;
    qmp_framer_init(&monitor.framer);
    if (connect_to(&monitor, words[0], error)) {
        good = converse(&monitor, command, request->event, error);
    } else {
        json_decref(command);
        good = false;
    }
    if (monitor.fd >= 0)
        close(monitor.fd);
    qmp_framer_finish(&monitor.framer);
    return good;
}

static int run(char **words)
{
    struct request request = {.timeout = DEFAULT_TIMEOUT_SECONDS};
    const struct option_group groups[] = {{"", qmp_options, &request}, {NULL, NULL, NULL}};
    GError *error = NULL;

    if (command_line_parse("qmp", words, groups, &words, &error))
        talk(&request, words, &error);
    g_free(request.event);
    return error ? command_fail(&command_qmp, error) : 0;
}

static void help(void)
{
    const struct option_group groups[] = {{"Options, before SOCKET", qmp_options, NULL},
                                          {NULL, NULL, NULL}};

    command_line_help(groups);
    printf("\nKEY=VALUE gives the argument KEY a string, KEY:=VALUE any JSON value.\n");
}

const struct command command_qmp = {
    "qmp", "[--wait EVENT] [--timeout SECONDS] SOCKET COMMAND [KEY=VALUE]...",
    "one command to a monitor's socket; prints what it returns as JSON", run, help};
