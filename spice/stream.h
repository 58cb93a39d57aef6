/*
 * The byte stream under a channel: a connected socket, non-blocking. Plain now; TLS and WebSocket
 * will be further implementations behind the same functions.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/event_loop.h"

#include <sys/types.h>
#include <sys/uio.h>

struct stream;

/* Takes over FD, a connected stream socket; makes it non-blocking. */
struct stream *stream_create(int fd);
void stream_destroy(struct stream *stream); /* closes; NULL is allowed */

int stream_fd(const struct stream *stream);
/* Over a unix socket nothing is compressed and the bandwidth is not measured. */
bool stream_is_local(const struct stream *stream);

/* As read(2) and writev(2): bytes, 0 at end of stream, or -1 with errno (EAGAIN: later). No SIGPIPE. */
ssize_t stream_read(struct stream *stream, void *data, size_t size);
ssize_t stream_writev(struct stream *stream, const struct iovec *pieces, int count);

/* What the host is told about the connection (server-abi.md section 2.1); lives as long as STREAM. */
SpiceChannelEventInfo *stream_info(struct stream *stream);
