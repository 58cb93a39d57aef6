/*
 * The byte stream under a channel: a connected socket, non-blocking, and layers on it (TLS,
 * WebSocket, SASL), each of which turns the bytes of the layer below into others. The channel's
 * side is the top.
 *
 * A stream belongs to one thread at a time.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/event_loop.h"

#include <sys/types.h>
#include <sys/uio.h>

struct stream;
struct stream_layer;

struct stream_layer_ops {
    /* As stream_read() and stream_writev(). */
    ssize_t (*read)(struct stream_layer *layer, void *data, size_t size);
    ssize_t (*writev)(struct stream_layer *layer, const struct iovec *pieces, int count);
    bool parts_messages; /* see stream_parts_messages() */
    /* May read() return bytes that the layer below no longer has? */
    bool (*pending)(const struct stream_layer *layer);
    /* Tells the peer, if that can be done now, that nothing more comes. May be NULL. */
    void (*say_goodbye)(struct stream_layer *layer);
    void (*destroy)(struct stream_layer *layer);
};

/* The base of the layers' structs. */
struct stream_layer {
    const struct stream_layer_ops *ops;
    struct stream_layer *below; /* set by stream_push() */
};

/* Takes over FD, a connected stream socket; makes it non-blocking. */
struct stream *stream_create(int fd);
void stream_destroy(struct stream *stream); /* closes; NULL is allowed */
/* The same, but the socket stays open and is the caller's again. */
void stream_abandon(struct stream *stream);

/* Takes over LAYER and puts it on top. */
void stream_push(struct stream *stream, struct stream_layer *layer);

int stream_fd(const struct stream *stream);
/* Over a unix socket nothing is compressed and the bandwidth is not measured. */
bool stream_is_local(const struct stream *stream);
/* Is it protected by TLS? */
bool stream_is_secure(const struct stream *stream);

/*
 * As read(2) and writev(2): bytes, 0 at end of stream, or -1 with errno (EAGAIN: later). No
 * SIGPIPE. After EAGAIN from writing, the next call must offer the same bytes, or the same and
 * more.
 */
ssize_t stream_read(struct stream *stream, void *data, size_t size);
ssize_t stream_writev(struct stream *stream, const struct iovec *pieces, int count);
/* Sends FD along with a byte; as writev(). Only where stream_can_send_fds(). */
ssize_t stream_send_fd(struct stream *stream, int fd);
/* Is it nothing but a unix socket? */
bool stream_can_send_fds(const struct stream *stream);
/* True: read again, the socket's watch will not tell that there may be more. */
bool stream_has_pending(const struct stream *stream);
/*
 * True: no write may hold parts of two messages. A layer makes a record of what one write gives it,
 * and spice-gtk, which looks at its socket and not into the layer, would not see the second message
 * before something else comes.
 */
bool stream_parts_messages(const struct stream *stream);
/* Says goodbye and ends the connection, HOW as for shutdown(2); the stream is still to be
 * destroyed. */
void stream_shutdown(struct stream *stream, int how);

/* What the host is told about the connection (server-abi.md section 2.1); lives as long as STREAM.
 */
SpiceChannelEventInfo *stream_info(struct stream *stream);

/* For layers: the same functions for the one below. */
ssize_t stream_layer_read(struct stream_layer *layer, void *data, size_t size);
ssize_t stream_layer_writev(struct stream_layer *layer, const struct iovec *pieces, int count);
