/*
 * A socket and the layers on it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/stream.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct socket_layer {
    struct stream_layer base;
    int fd;
};

struct stream {
    struct socket_layer socket;
    struct stream_layer *top;
    SpiceChannelEventInfo info;
};

static ssize_t socket_read(struct stream_layer *layer, void *data, size_t size)
{
    int fd = ((struct socket_layer *)layer)->fd;
    ssize_t n;

    do {
        n = read(fd, data, size);
    } while (n < 0 && errno == EINTR);
    return n;
}

static ssize_t socket_writev(struct stream_layer *layer, const struct iovec *pieces, int count)
{
    struct msghdr header = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)count};
    int fd = ((struct socket_layer *)layer)->fd;
    ssize_t n;

    do {
        n = sendmsg(fd, &header, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n;
}

static const struct stream_layer_ops socket_ops = {
    .read = socket_read,
    .writev = socket_writev,
};

/* The old fields hold as much of an address as fits. */
static void fill_in_addresses(SpiceChannelEventInfo *info, int fd)
{
    info->llen_ext = sizeof(info->laddr_ext);
    if (getsockname(fd, (struct sockaddr *)&info->laddr_ext, &info->llen_ext) != 0) {
        info->llen_ext = 0;
    }
    info->plen_ext = sizeof(info->paddr_ext);
    if (getpeername(fd, (struct sockaddr *)&info->paddr_ext, &info->plen_ext) != 0) {
        info->plen_ext = 0;
    }
    memcpy(&info->laddr, &info->laddr_ext, sizeof(info->laddr));
    memcpy(&info->paddr, &info->paddr_ext, sizeof(info->paddr));
    info->llen = MIN(info->llen_ext, sizeof(info->laddr));
    info->plen = MIN(info->plen_ext, sizeof(info->paddr));
    info->flags = SPICE_CHANNEL_EVENT_FLAG_ADDR_EXT;
}

struct stream *stream_create(int fd)
{
    struct stream *stream = g_new0(struct stream, 1);

    stream->socket = (struct socket_layer){{&socket_ops, NULL}, fd};
    stream->top = &stream->socket.base;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, fcntl(fd, F_GETFD) | FD_CLOEXEC);
    fill_in_addresses(&stream->info, fd);
    return stream;
}

void stream_abandon(struct stream *stream)
{
    while (stream->top != &stream->socket.base) {
        struct stream_layer *layer = stream->top;

        stream->top = layer->below;
        layer->ops->destroy(layer);
    }
    g_free(stream);
}

void stream_destroy(struct stream *stream)
{
    int fd;

    if (stream == NULL) {
        return;
    }
    fd = stream->socket.fd;
    stream_abandon(stream);
    close(fd);
}

void stream_push(struct stream *stream, struct stream_layer *layer)
{
    layer->below = stream->top;
    stream->top = layer;
}

int stream_fd(const struct stream *stream)
{
    return stream->socket.fd;
}

bool stream_is_local(const struct stream *stream)
{
    return stream->info.laddr_ext.ss_family == AF_UNIX;
}

bool stream_is_secure(const struct stream *stream)
{
    return (stream->info.flags & SPICE_CHANNEL_EVENT_FLAG_TLS) != 0;
}

ssize_t stream_read(struct stream *stream, void *data, size_t size)
{
    return stream->top->ops->read(stream->top, data, size);
}

ssize_t stream_writev(struct stream *stream, const struct iovec *pieces, int count)
{
    return stream->top->ops->writev(stream->top, pieces, count);
}

bool stream_can_send_fds(const struct stream *stream)
{
    return stream_is_local(stream) && stream->top == &stream->socket.base;
}

ssize_t stream_send_fd(struct stream *stream, int fd)
{
    char byte = '@';
    struct iovec piece = {&byte, sizeof(byte)};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.space = {0}};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    return sendmsg(stream->socket.fd, &message, MSG_NOSIGNAL);
}

bool stream_parts_messages(const struct stream *stream)
{
    for (const struct stream_layer *layer = stream->top; layer != NULL; layer = layer->below) {
        if (layer->ops->parts_messages) {
            return true;
        }
    }
    return false;
}

bool stream_has_pending(const struct stream *stream)
{
    const struct stream_layer *layer = stream->top;

    while (layer != &stream->socket.base && !layer->ops->pending(layer)) {
        layer = layer->below;
    }
    return layer != &stream->socket.base;
}

void stream_shutdown(struct stream *stream, int how)
{
    for (struct stream_layer *layer = stream->top; layer != NULL; layer = layer->below) {
        if (layer->ops->say_goodbye != NULL) {
            layer->ops->say_goodbye(layer);
        }
    }
    shutdown(stream->socket.fd, how);
}

SpiceChannelEventInfo *stream_info(struct stream *stream)
{
    return &stream->info;
}

ssize_t stream_layer_read(struct stream_layer *layer, void *data, size_t size)
{
    return layer->below->ops->read(layer->below, data, size);
}

ssize_t stream_layer_writev(struct stream_layer *layer, const struct iovec *pieces, int count)
{
    return layer->below->ops->writev(layer->below, pieces, count);
}
