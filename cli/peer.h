/*
 * A unix socket with one peer at a time, as QEMU's "-chardev socket" has it: either side may be the
 * one that listens.
 *
 * Nothing is read before it is asked for, and the peer waits while nothing is read. IO thread;
 * callbacks come from the main loop, never from inside of a call. SPDX-License-Identifier:
 * LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

struct peer;

struct peer_options {
    char *path;
    bool server;          /* listen; false: connect */
    int64_t reconnect_ms; /* connecting: how long after a failure it is tried again */
};

struct peer_user {
    /* Somebody waits to be let in; see peer_await(). May be NULL. */
    void (*waiting)(void *opaque);
    void (*opened)(void *opaque);
    /* After a peer_read(), or in the beginning: there is something. Said once, until it is read. */
    void (*readable)(void *opaque);
    /* After peer_write() did not take all: there is room. */
    void (*writable)(void *opaque);
    /* The peer has gone; the next one is waited for. */
    void (*closed)(void *opaque);
};

/* WHAT names it in errors. Listens at once if that is its part. */
struct peer *peer_create(const struct peer_options *options, const char *what,
                         const struct peer_user *user, void *opaque, GError **error);
void peer_destroy(struct peer *peer); /* NULL: nothing */

/* Is a peer wanted? When not, one that is there is let go without telling; at first none is. */
void peer_want(struct peer *peer, bool wanted);
/*
 * While none is wanted: tells once that one is waiting. One that is to be connected to is taken to
 * be there.
 */
void peer_await(struct peer *peer);
/* Lets the peer go, without telling, and waits for the next one. */
void peer_drop(struct peer *peer);
/* As if the peer had ended it. */
void peer_break(struct peer *peer);
bool peer_is_open(const struct peer *peer);

/* How many bytes were moved; 0: later. */
size_t peer_read(struct peer *peer, void *data, size_t size);
size_t peer_write(struct peer *peer, const void *data, size_t size);
