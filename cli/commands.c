/*
 * What the commands share.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/commands.h"

#include "cli/options.h"

#include <stdio.h>

int command_fail(const struct command *command, GError *error)
{
    int code = g_error_matches(error, CLI_ERROR, CLI_ERROR_USAGE) ? 2 : 1;

    fprintf(stderr, "cassia %s: %s\n", command->name, error->message);
    g_error_free(error);
    return code;
}

gboolean command_no_words(char **words, GError **error)
{
    if (*words)
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "'%s' is not an option", *words);
    return !*words;
}
