/*
 * The process: background, pid file, log file.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

struct process {
    int parent;  /* pipe to the waiting parent; -1: not in the background */
    int pidfile; /* held locked; -1: none */
    char *pidfile_path;
    FILE *log; /* standard error unless a file was named */
};

/*
 * Before any thread exists. With BACKGROUND a child goes on from here while the parent waits for
 * process_ready(); it exits with 0 then, with 1 or the child's status if the child ends before.
 */
bool process_init(struct process *process, bool background, const char *pidfile, const char *log,
                  GError **error);
/* Lets the parent go and leaves the terminal. */
void process_ready(struct process *process);
/* Removes the pid file, closes the log. */
void process_finish(struct process *process);
