/*
 * What the user asks of cassia replay.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "cli/machine_options.h"

#define REPLAY_END UINT64_MAX

struct replay_picture {
    uint64_t at; /* commands, or REPLAY_END */
    char *path;
};

struct replay_options {
    struct machine_options machine; /* of which a replay has the server's */
    const char *trace_path;         /* one of the words that were parsed */
    GArray *pictures;               /* of struct replay_picture, by time */
    uint64_t until;                 /* commands; 0: all */
    bool step, recorded_speed, wait, stay, statistics;
};

void replay_options_init(struct replay_options *options);
void replay_options_finish(struct replay_options *options);

/* WORDS, which end with NULL, must outlive OPTIONS. */
bool replay_options_parse(struct replay_options *options, char **words, GError **error);

/* Prints what there is. */
void replay_options_help(void);
