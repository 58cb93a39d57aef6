/*
 * Listening sockets, made here so that the port is known and an occupied address is reported by
 * name.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

enum listen_family { LISTEN_ANY, LISTEN_IPV4, LISTEN_IPV6 };

struct listener {
    int fd;               /* -1: not listening; non-blocking */
    int (*close)(int fd); /* NULL: close() */
    char *path;           /* of a unix socket, removed when the listener is finished; else NULL */
    char *host;           /* numeric address or path */
    int port;             /* 0: unix socket */
    bool loopback;        /* only this machine can connect */
};

/*
 * Listens on TCP. ADDRESS: a name or number; NULL or "": every address of this machine. PORT 0 lets
 * the kernel choose; when PORT is taken the next TRIES - 1 ports are tried.
 */
bool listen_tcp(struct listener *listener, const char *address, int port, int tries,
                enum listen_family family, GError **error);

/*
 * Listens on a unix socket that only this user can connect to. A socket file that nobody listens on
 * is replaced.
 */
bool listen_unix(struct listener *listener, const char *path, GError **error);

/* Closes the socket and removes its file. */
void listener_finish(struct listener *listener);

/* "HOST:PORT", with brackets around an IPv6 address, or the path. */
char *listener_describe(const struct listener *listener);
