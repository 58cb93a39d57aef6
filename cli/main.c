/*
 * cassia: the program.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/commands.h"
#include "cli/options.h"
#include "config.h"

#include <stdio.h>
#include <string.h>

static const struct command *const commands[] = {&command_demo, &command_serve, &command_replay,
                                                 &command_qmp};

static const struct command *find_command(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (!strcmp(commands[i]->name, name))
            return commands[i];
    }
    return NULL;
}

static void print_overview(FILE *out)
{
    fprintf(out, "Cassia " CASSIA_VERSION ": a QXL display card with its own SPICE server\n\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++)
        fprintf(out, "  cassia %-6s %s\n         %s\n", commands[i]->name, commands[i]->usage,
                commands[i]->summary);
    fprintf(out, "  cassia help   [COMMAND]\n         options of a command\n"
                 "  cassia --version\n");
}

static int unknown(const char *name)
{
    fprintf(stderr, "cassia: unknown command '%s'; 'cassia help' lists them\n", name);
    return 2;
}

static int help(const char *name)
{
    const struct command *command = name ? find_command(name) : NULL;

    if (name && !command)
        return unknown(name);
    if (command) {
        printf("cassia %s %s\n    %s\n", command->name, command->usage, command->summary);
        command->help();
    } else {
        print_overview(stdout);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    const struct command *command;

    if (!name) {
        print_overview(stderr);
        return 2;
    }
    if (!strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-help") ||
        !strcmp(name, "-h"))
        return help(argv[2]);
    if (!strcmp(name, "--version") || !strcmp(name, "-version")) {
        printf("cassia " CASSIA_VERSION " (" CASSIA_SPICE_SERVER " SPICE server)\n");
        return 0;
    }
    command = find_command(name);
    if (!command)
        return unknown(name);
    for (char **word = argv + 2; *word; word++) {
        if (!strcmp(*word, "--help") || !strcmp(*word, "-help") || !strcmp(*word, "-h"))
            return help(name);
    }
    return command->run(argv + 2);
}
