/*
 * cassia qmp: one command to a monitor, from the shell.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/qmp_client.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_TIMEOUT_SECONDS 30

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

static void print_json(const json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    printf("\n");
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

/* The arguments of a command, from [KEY=VALUE]...; NULL: wrong usage. */
static json_t *read_arguments(char **words, GError **error)
{
    json_t *arguments = json_object();

    for (char **word = words; *word; word++) {
        if (!add_argument(arguments, *word, error)) {
            json_decref(arguments);
            return NULL;
        }
    }
    return arguments;
}

/* Takes over VALUE; false: there is none. */
static bool print_result(json_t *value)
{
    if (value)
        print_json(value);
    json_decref(value);
    return value;
}

/* COMMAND NULL: only wait. ARGUMENTS is stolen. */
static bool converse(const struct request *request, const char *path, const char *command,
                     json_t *arguments, GError **error)
{
    struct qmp_client *client = qmp_client_connect(path, request->timeout * 1000, error);
    bool good = client;

    if (good && command)
        good = print_result(qmp_client_execute(client, command, json_incref(arguments), error));
    if (good && request->event)
        good = print_result(qmp_client_wait(client, request->event, error));
    json_decref(arguments);
    qmp_client_close(client);
    return good;
}

static bool talk(const struct request *request, char **words, GError **error)
{
    json_t *arguments = NULL;

    if (!words[0] || (!words[1] && !request->event)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "needs SOCKET and COMMAND");
        return false;
    }
    if (words[1] && !(arguments = read_arguments(words + 2, error)))
        return false;
    return converse(request, words[0], words[1], arguments, error);
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
