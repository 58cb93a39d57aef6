/*
 * -agent, -port, -usbredir, -webdav: a device of a guest in another monitor, which is connected to
 * a unix socket (QEMU's "-chardev socket"), becomes a channel of our SPICE server.
 *
 *            there is a channel for clients           the socket has a peer
 *  agent     from the guest's first byte until the    always
 *            peer goes: only then somebody is there
 *  usbredir  while a peer is waiting or connected     while a client is there
 *  port,     always; OPENED and CLOSED tell the       while a client is there
 *  webdav    client about the peer
 *  a film's  a display of its own, from the first     always
 *  port      peer on
 *
 * So each side begins anew when the other one does, as both protocols need it.
 *
 * IO thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "cli/peer.h"

#include <spice.h>

enum char_socket_kind {
    CHAR_SOCKET_AGENT,
    CHAR_SOCKET_USBREDIR,
    CHAR_SOCKET_PORT,
    CHAR_SOCKET_WEBDAV,
};

struct char_socket_options {
    enum char_socket_kind kind;
    char *name; /* of a port */
    struct peer_options peer;
};

/* VALUE: what follows -agent etc. NULL and ERROR: it is wrong. */
struct char_socket_options *char_socket_options_parse(enum char_socket_kind kind, const char *value,
                                                      GError **error);
void char_socket_options_free(struct char_socket_options *options);

struct char_socket;

/* OPTIONS must outlive it; SERVER has been initialised. */
struct char_socket *char_socket_create(const struct char_socket_options *options,
                                       SpiceServer *server, GError **error);
/* Before the server. */
void char_socket_destroy(struct char_socket *device);
