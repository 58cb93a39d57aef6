/*
 * A vfio-user connection.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/vfio_user_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* One receive call takes so much or less; a partial message in front of it is one message at most.
 */
#define RECEIVE_SIZE ((size_t)256 << 10)
#define INPUT_SIZE   (VFIO_USER_MAX_MESSAGE + RECEIVE_SIZE)

#define HEADER_SIZE sizeof(struct vfio_user_header)

void vfio_user_stream_init(struct vfio_user_stream *stream)
{
    memset(stream, 0, sizeof(*stream));
    stream->fd = -1;
    stream->input = g_malloc(INPUT_SIZE);
    stream->output = g_malloc(VFIO_USER_MAX_MESSAGE);
}

void vfio_user_stream_finish(struct vfio_user_stream *stream)
{
    vfio_user_stream_close(stream);
    g_free(stream->input);
    g_free(stream->output);
}

void vfio_user_stream_open(struct vfio_user_stream *stream, int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    stream->fd = fd;
    stream->start = stream->end = 0;
    stream->parsed = 0;
    stream->lost_position = 0;
    stream->sent = stream->to_send = 0;
}

void vfio_user_stream_close(struct vfio_user_stream *stream)
{
    if (stream->fd < 0)
        return;
    for (unsigned i = 0; i < stream->waiting_count; i++)
        close(stream->waiting[i].fd);
    stream->waiting_count = 0;
    close(stream->fd);
    stream->fd = -1;
}

/* Notes the descriptors of HEADER, which came with the last byte before POSITION. */
static void take_fds(struct vfio_user_stream *stream, struct msghdr *header, uint64_t position)
{
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control;
         control = CMSG_NXTHDR(header, control)) {
        if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(fd));
            if (stream->waiting_count < G_N_ELEMENTS(stream->waiting)) {
                stream->waiting[stream->waiting_count].fd = fd;
                stream->waiting[stream->waiting_count++].position = position;
            } else {
                close(fd);
                stream->lost_position = position;
            }
        }
    }
    if (header->msg_flags & MSG_CTRUNC)
        stream->lost_position = position;
}

bool vfio_user_stream_fill(struct vfio_user_stream *stream)
{
    if (stream->start == stream->end) {
        stream->start = stream->end = 0;
    } else if (INPUT_SIZE - stream->end < RECEIVE_SIZE) {
        memmove(stream->input, stream->input + stream->start, stream->end - stream->start);
        stream->end -= stream->start;
        stream->start = 0;
    }

    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(VFIO_USER_MAX_FDS * sizeof(int))];
    } control;
    struct iovec data = {.iov_base = stream->input + stream->end, .iov_len = RECEIVE_SIZE};
    struct msghdr header = {.msg_iov = &data,
                            .msg_iovlen = 1,
                            .msg_control = control.space,
                            .msg_controllen = sizeof(control.space)};
    ssize_t received = recvmsg(stream->fd, &header, MSG_CMSG_CLOEXEC);
    if (received < 0)
        return errno == EAGAIN || errno == EINTR;
    if (received == 0)
        return false;
    stream->end += received;
    /*
     * A receive call goes on past segments without descriptors and stops behind the first segment
     * with some, so they belong to the message that holds the last byte received (section 1).
     */
    if (header.msg_controllen)
        take_fds(stream, &header, stream->parsed + (stream->end - stream->start));
    return true;
}

/* Moves the descriptors that came with bytes before END of the connection to MESSAGE. */
static void give_fds(struct vfio_user_stream *stream, struct vfio_user_message *message,
                     uint64_t end)
{
    unsigned count = 0;

    while (count < stream->waiting_count && stream->waiting[count].position <= end) {
        int fd = stream->waiting[count++].fd;
        if (message->fd_count < VFIO_USER_MAX_FDS) {
            message->fds[message->fd_count++] = fd;
        } else {
            close(fd);
            message->fds_lost = true;
        }
    }
    stream->waiting_count -= count;
    memmove(stream->waiting, stream->waiting + count,
            stream->waiting_count * sizeof(stream->waiting[0]));
    if (stream->lost_position && stream->lost_position <= end) {
        message->fds_lost = true;
        stream->lost_position = 0;
    }
}

enum vfio_user_next vfio_user_stream_next(struct vfio_user_stream *stream,
                                          struct vfio_user_message *message)
{
    size_t available = stream->end - stream->start;

    if (available < HEADER_SIZE)
        return VFIO_USER_INCOMPLETE;
    memcpy(&message->header, stream->input + stream->start, HEADER_SIZE);
    size_t size = message->header.size;
    if (size < HEADER_SIZE || size > VFIO_USER_MAX_MESSAGE ||
        (message->header.flags & VFIO_USER_TYPE_MASK) != VFIO_USER_TYPE_COMMAND)
        return VFIO_USER_BROKEN;
    if (available < size)
        return VFIO_USER_INCOMPLETE;

    message->payload = stream->input + stream->start + HEADER_SIZE;
    message->size = size - HEADER_SIZE;
    message->fd_count = 0;
    message->fds_lost = false;
    stream->start += size;
    stream->parsed += size;
    if (stream->waiting_count || stream->lost_position)
        give_fds(stream, message, stream->parsed);
    return VFIO_USER_MESSAGE;
}

uint8_t *vfio_user_stream_reply(struct vfio_user_stream *stream)
{
    return stream->output + HEADER_SIZE;
}

bool vfio_user_stream_send(struct vfio_user_stream *stream, const struct vfio_user_header *header,
                           int error, size_t size, int fd)
{
    struct vfio_user_header reply = {
        .id = header->id,
        .command = header->command,
        .size = HEADER_SIZE + (error ? 0 : size),
        .flags = VFIO_USER_TYPE_REPLY | (error ? VFIO_USER_ERROR : 0),
        .error = error,
    };
    memcpy(stream->output, &reply, HEADER_SIZE);
    stream->sent = 0;
    stream->to_send = reply.size;
    if (fd < 0 || error)
        return vfio_user_stream_flush(stream);

    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.space = {0}};
    struct iovec data = {.iov_base = stream->output, .iov_len = reply.size};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
    ssize_t sent;
    do {
        sent = sendmsg(stream->fd, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    /*
     * A full socket here means that the peer does not read its replies: without the descriptor
     * the reply would be wrong later, and keeping that too is not worth it for such a peer.
     */
    if (sent < 0)
        return false;
    stream->sent = sent;
    return vfio_user_stream_flush(stream);
}

bool vfio_user_stream_flush(struct vfio_user_stream *stream)
{
    while (stream->sent < stream->to_send) {
        ssize_t sent = send(stream->fd, stream->output + stream->sent,
                            stream->to_send - stream->sent, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN;
        stream->sent += sent;
    }
    return true;
}
