/*
 * A vfio-user connection: messages in, replies out, and the file descriptors that come with them.
 *
 * The socket never blocks. Both buffers are made once: a message costs no allocation.
 * One thread. Facts: vfio-user.md section 1. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/vfio_user_protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A command as received. Descriptors that are still here when it has been handled get closed. */
struct vfio_user_message {
    struct vfio_user_header header;
    const uint8_t *payload; /* of any alignment; valid until the next fill */
    size_t size;            /* of the payload */
    unsigned fd_count;
    bool fds_lost;              /* more came than we take; those were closed */
    int fds[VFIO_USER_MAX_FDS]; /* -1: taken by the handler */
};

struct vfio_user_stream {
    int fd; /* -1: closed */

    /* Received: bytes [start, end) of the buffer are not parsed yet. */
    uint8_t *input;
    size_t start, end;
    uint64_t parsed; /* bytes of this connection before START */
    /* Descriptors and how many bytes of the connection there were when they had come. */
    struct {
        int fd;
        uint64_t position;
    } waiting[2 * VFIO_USER_MAX_FDS];
    unsigned waiting_count;
    uint64_t lost_position; /* as above, of descriptors that had to be closed; 0: none */

    /* Sent: the reply being built or going out; its header is at the front. */
    uint8_t *output;
    size_t sent, to_send; /* equal: nothing is left over */
};

void vfio_user_stream_init(struct vfio_user_stream *stream);
void vfio_user_stream_finish(struct vfio_user_stream *stream);

/* Takes over FD, a connected stream socket, and makes it non-blocking. */
void vfio_user_stream_open(struct vfio_user_stream *stream, int fd);
/* Closes the socket and every descriptor that no message has taken. */
void vfio_user_stream_close(struct vfio_user_stream *stream);

/* One receive call. False when the peer is gone. */
bool vfio_user_stream_fill(struct vfio_user_stream *stream);

enum vfio_user_next {
    VFIO_USER_MESSAGE,    /* MESSAGE is filled in */
    VFIO_USER_INCOMPLETE, /* fill again */
    VFIO_USER_BROKEN, /* a size or type no peer may send: the stream cannot be followed further */
};
/* On VFIO_USER_BROKEN only the header of MESSAGE is filled in. */
enum vfio_user_next vfio_user_stream_next(struct vfio_user_stream *stream,
                                          struct vfio_user_message *message);

/* Where a reply's payload is built: VFIO_USER_MAX_MESSAGE bytes less the header, aligned to 8. */
uint8_t *vfio_user_stream_reply(struct vfio_user_stream *stream);
/*
 * Answers the command with HEADER: SIZE bytes of the reply buffer and descriptor FD (-1: none), or
 * errno ERROR. What the socket does not take now is left over. False when the peer is gone.
 */
bool vfio_user_stream_send(struct vfio_user_stream *stream, const struct vfio_user_header *header,
                           int error, size_t size, int fd);
/* Sends what was left over. False when the peer is gone. */
bool vfio_user_stream_flush(struct vfio_user_stream *stream);
/* Part of a reply is left over; then no further reply may be built. */
static inline bool vfio_user_stream_blocked(const struct vfio_user_stream *stream)
{
    return stream->sent != stream->to_send;
}
