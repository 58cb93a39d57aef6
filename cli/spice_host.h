/*
 * The SPICE server of a machine and all that belongs to it but cards: its sockets, its password,
 * who is connected, the page for browsers, the devices that other programs bring.
 *
 * IO thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "cli/machine_options.h"
#include "cli/spice_auth.h"
#include "cli/spice_clients.h"

struct char_socket;
struct web;

struct spice_host {
    SpiceServer *server; /* NULL: not started */
    SpiceCoreInterface core;
    struct listener listener;     /* plain */
    struct listener tls_listener; /* only with a page; else the server has its own */
    int tls_port;                 /* that clients use; 0: no TLS */
    struct spice_auth auth;
    struct spice_clients *clients;
    struct web *web;    /* NULL: no page */
    GPtrArray *devices; /* struct char_socket * */
};

/*
 * Starts the server as OPTIONS want it, listening; they must outlive it. EMIT: see spice_clients.h.
 * False: spice_host_stop() and spice_host_finish() are still to be called.
 */
bool spice_host_start(struct spice_host *host, const struct machine_options *options,
                      void (*emit)(void *opaque, const char *event, json_t *data), void *opaque,
                      GError **error);
/* Ends the server; keyboards and the like may be freed afterwards. */
void spice_host_stop(struct spice_host *host);
void spice_host_finish(struct spice_host *host);

/* Prints where the server listens and how to connect. */
void spice_host_print_address(const struct spice_host *host);
