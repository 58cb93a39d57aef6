/*
 * A demo in a process of its own, driven by its monitor.
 *
 * Calls wait. One thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "cli/qmp_client.h"

#include <stdbool.h>

struct demo_instance {
    GPid pid;
    char *folder; /* with its files: monitor, guest, picture */
    struct qmp_client *monitor;
    int port; /* of its SPICE server */
    char *host;
};

/*
 * Starts this program as "demo WORDS..." with a monitor, and waits until that answers. FOLDER must
 * exist and be its own. The process ends with this one at the latest. NULL: it did not come up.
 */
struct demo_instance *demo_instance_start(char *const *words, const char *folder, GError **error);
/* Ends the process and removes the folder. NULL: nothing. */
void demo_instance_end(struct demo_instance *instance);

char *demo_instance_path(const struct demo_instance *instance, const char *name);
/* How many clients see its display; -1 and ERROR. */
int demo_instance_clients(struct demo_instance *instance, GError **error);
/* Runs COMMAND for its effect. ARGUMENTS is stolen, NULL: none. */
bool demo_instance_do(struct demo_instance *instance, const char *command, json_t *arguments,
                      GError **error);
