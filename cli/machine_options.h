/*
 * What every command that runs a card takes: the options of server, cards and monitor.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "cli/char_socket.h"
#include "cli/command_line.h"
#include "cli/device_options.h"
#include "cli/spice_options.h"

struct machine_options {
    struct spice_options spice;
    GPtrArray *devices;    /* struct device_options *, in the order given */
    GPtrArray *monitors;   /* paths of the unix sockets of -qmp */
    GPtrArray *sockets;    /* struct char_socket_options * */
    GHashTable *tls_creds; /* see cli/tls_creds.h */
    char *name;            /* NULL: none */
    bool has_uuid;
    uint8_t uuid[16];
    char *pidfile, *log_file, *record; /* NULL: none */
    bool daemonize, paused, guest_errors, window;
};

void machine_options_init(struct machine_options *options);
void machine_options_finish(struct machine_options *options);

/* Adds a card as it is without any -device and returns it. */
struct device_options *machine_options_add_device(struct machine_options *options);

/* Apply to a struct machine_options. */
extern const struct command_option machine_command_options[];
