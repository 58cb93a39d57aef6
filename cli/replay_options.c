/*
 * The command line of cassia replay.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/replay_options.h"

#include "cli/commands.h"
#include "cli/secret_options.h"
#include "cli/spice_statistics.h"

#include <string.h>

static bool apply_spice(void *target, const char *value, GError **error)
{
    return spice_options_parse(value, &((struct replay_options *)target)->machine.spice, error);
}

static bool apply_object(void *target, const char *value, GError **error)
{
    return secret_table_parse(((struct replay_options *)target)->machine.spice.secrets, value,
                              error);
}

static bool apply_until(void *target, const char *value, GError **error)
{
    int64_t number;

    if (!option_number_parse("-until", NULL, value, 1, INT64_MAX, &number, error))
        return false;
    ((struct replay_options *)target)->until = (uint64_t)number;
    return true;
}

static bool apply_picture(void *target, const char *value, GError **error)
{
    struct replay_options *options = target;
    const char *comma = strchr(value, ',');
    struct replay_picture request = {.at = REPLAY_END};
    int64_t number = 0;

    if (!comma || !comma[1]) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "-screendump-at: '%s' is not N,FILE or end,FILE", value);
        return false;
    }
    g_autofree char *at = g_strndup(value, (gsize)(comma - value));
    if (strcmp(at, "end")) {
        if (!option_number_parse("-screendump-at", NULL, at, 1, INT64_MAX, &number, error))
            return false;
        request.at = (uint64_t)number;
    }
    request.path = g_strdup(comma + 1);
    g_array_append_val(options->pictures, request);
    return true;
}

static bool apply_step(void *target, const char *value, GError **error)
{
    (void)value;
    (void)error;
    return ((struct replay_options *)target)->step = true;
}

static bool apply_speed(void *target, const char *value, GError **error)
{
    bool recorded = !strcmp(value, "recorded");

    if (!recorded && strcmp(value, "fast")) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "-speed: '%s' is not one of: fast, recorded",
                    value);
        return false;
    }
    ((struct replay_options *)target)->recorded_speed = recorded;
    return true;
}

static bool apply_wait(void *target, const char *value, GError **error)
{
    (void)value;
    (void)error;
    return ((struct replay_options *)target)->wait = true;
}

static bool apply_stay(void *target, const char *value, GError **error)
{
    (void)value;
    (void)error;
    return ((struct replay_options *)target)->stay = true;
}

static bool apply_statistics(void *target, const char *value, GError **error)
{
    (void)value;
    return ((struct replay_options *)target)->statistics = spice_statistics_check(error);
}

static const struct command_option playing_options[] = {
    {"until", "N", "end after N commands", apply_until},
    {"step", NULL, "show each command and wait for Enter before it; a number does as many, q ends",
     apply_step},
    {"screendump-at", "N|end,FILE",
     "save the picture after N commands or at the end; as PPM if FILE ends in .ppm, else as\n"
     "PNG; may be given more than once",
     apply_picture},
    {"speed", "fast|recorded",
     "as fast as the server takes commands, or as they were recorded;\n"
     "default: fast",
     apply_speed},
    {"stats", NULL, "at the end show what was sent to each client, and how; with -wait",
     apply_statistics},
    {"wait", NULL, "begin when a client has connected", apply_wait},
    {"stay", NULL, "go on serving the last picture until a signal comes", apply_stay},
    {NULL, NULL, NULL, NULL},
};

static const struct command_option server_options[] = {
    {"spice", "KEY=VALUE,...", "where the server listens, as for cassia demo", apply_spice},
    {"object", "secret,id=ID,file=PATH", "a password for -spice password-secret=ID", apply_object},
    {NULL, NULL, NULL, NULL},
};

static gint by_time(gconstpointer a, gconstpointer b)
{
    uint64_t first = ((const struct replay_picture *)a)->at;
    uint64_t second = ((const struct replay_picture *)b)->at;

    return first < second ? -1 : first > second;
}

bool replay_options_parse(struct replay_options *options, char **words, GError **error)
{
    const struct option_group groups[] = {
        {"", playing_options, options}, {"", server_options, options}, {NULL, NULL, NULL}};

    /* The trace may stand before, between or behind the options. */
    for (;;) {
        if (!command_line_parse("replay", words, groups, &words, error))
            return false;
        if (!*words)
            break;
        if (options->trace_path)
            return command_no_words(words, error);
        options->trace_path = *words++;
    }
    if (!options->trace_path) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "needs the file of a recording");
        return false;
    }
    g_array_sort(options->pictures, by_time);
    return true;
}

void replay_options_help(void)
{
    const struct option_group groups[] = {{"The replay", playing_options, NULL},
                                          {"The server", server_options, NULL},
                                          {NULL, NULL, NULL}};
    command_line_help(groups);
}

static void clear_picture(void *data)
{
    g_free(((struct replay_picture *)data)->path);
}

void replay_options_init(struct replay_options *options)
{
    *options = (struct replay_options){
        .pictures = g_array_new(FALSE, FALSE, sizeof(struct replay_picture)),
    };
    g_array_set_clear_func(options->pictures, clear_picture);
    machine_options_init(&options->machine);
}

void replay_options_finish(struct replay_options *options)
{
    machine_options_finish(&options->machine);
    g_array_unref(options->pictures);
}
