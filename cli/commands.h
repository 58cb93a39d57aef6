/*
 * The program's commands. Each takes the words after its name and returns the exit code: 0 done, 1
 * failed at run time, 2 wrong usage.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

struct command {
    const char *name;
    const char *usage; /* what follows the name */
    const char *summary;
    int (*run)(char **words);
    void (*help)(void); /* prints the options */
};

extern const struct command command_demo, command_serve, command_replay, command_qmp;

/* Prints "cassia NAME: ..." to standard error, frees ERROR, returns the exit code. */
int command_fail(const struct command *command, GError *error);
/* For commands that take options only. False when WORDS is not empty. */
gboolean command_no_words(char **words, GError **error);
