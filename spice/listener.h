/*
 * Listening for clients.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/event_loop.h"

/* Where the host wants us to listen, spice_server_set_port() and _set_addr(). */
struct listen_address {
    int port;      /* 0..65535, 0: the kernel's choice; -1: none */
    char *address; /* or path, or NULL: everywhere */
    int family;    /* SPICE_ADDR_FLAG_* or 0 */
};

struct listener;

/* FD is a client's connection, the function's to close. */
typedef void (*listener_fn)(void *opaque, int fd);

/* NULL, with a warning that says why, when no socket could be bound. */
struct listener *listener_create(struct event_loop *loop, const struct listen_address *address,
                                 listener_fn accepted, void *opaque);
/* FD is a listening socket that stays the caller's; NULL, with a warning, when it is none. */
struct listener *listener_adopt(struct event_loop *loop, int fd, listener_fn accepted,
                                void *opaque);
void listener_destroy(struct listener *listener); /* NULL is allowed */
