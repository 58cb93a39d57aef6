/*
 * The words of a command line: options with one or two dashes, values as the next word or after
 * "=".
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct command_option {
    const char *name;     /* without dashes */
    const char *argument; /* what the value is called in help; NULL: takes none */
    const char *help;     /* one line, or several separated by '\n' */
    /* VALUE is NULL for an option without argument. */
    bool (*apply)(void *target, const char *value, GError **error);
};

/* A table (ends with name NULL) and what its options apply to. */
struct option_group {
    const char *title;
    const struct command_option *options;
    void *target;
};

/*
 * Applies WORDS up to the first that is no option, or all after "--"; *REST is what follows.
 * GROUPS ends with options NULL. COMMAND is named in errors.
 */
bool command_line_parse(const char *command, char **words, const struct option_group *groups,
                        char ***rest, GError **error);

/* Prints the options of GROUPS to standard output. */
void command_line_help(const struct option_group *groups);
