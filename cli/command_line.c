/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/command_line.h"

#include "cli/options.h"

#include <stdio.h>
#include <string.h>

static const struct command_option *find_option(const struct option_group *groups, const char *name,
                                                size_t length, void **target)
{
    for (; groups->options; groups++) {
        for (const struct command_option *at = groups->options; at->name; at++) {
            if (strlen(at->name) == length && !strncmp(at->name, name, length)) {
                *target = groups->target;
                return at;
            }
        }
    }
    return NULL;
}

bool command_line_parse(const char *command, char **words, const struct option_group *groups,
                        char ***rest, GError **error)
{
    for (; *words && **words == '-' && (*words)[1]; words++) {
        const char *word = *words;
        const char *name = word + 1 + (word[1] == '-');
        size_t length = strcspn(name, "=");
        void *target = NULL;

        if (!strcmp(word, "--")) {
            words++;
            break;
        }
        const struct command_option *option = find_option(groups, name, length, &target);
        if (!option) {
            g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                        "unknown option '%s'; 'cassia help %s' lists them", word, command);
            return false;
        }
        const char *value = name[length] ? name + length + 1 : NULL;
        if (value && !option->argument) {
            g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "-%s: takes no value", option->name);
            return false;
        }
        if (option->argument && !value)
            value = *++words;
        if (option->argument && !value) {
            g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "-%s: needs a value: %s", option->name,
                        option->argument);
            return false;
        }
        if (!option->apply(target, value, error))
            return false;
    }
    *rest = words;
    return true;
}

void command_line_help(const struct option_group *groups)
{
    for (; groups->options; groups++) {
        printf("\n%s:\n", groups->title);
        for (const struct command_option *at = groups->options; at->name; at++) {
            g_auto(GStrv) lines = g_strsplit(at->help, "\n", -1);

            printf("  -%s%s%s\n", at->name, at->argument ? " " : "",
                   at->argument ? at->argument : "");
            for (char **line = lines; *line; line++)
                printf("        %s\n", *line);
        }
    }
}
