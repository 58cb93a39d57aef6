/*
 * A plain socket.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/stream.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct stream {
    int fd;
    SpiceChannelEventInfo info;
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

    stream->fd = fd;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, fcntl(fd, F_GETFD) | FD_CLOEXEC);
    fill_in_addresses(&stream->info, fd);
    return stream;
}

void stream_destroy(struct stream *stream)
{
    if (stream == NULL) {
        return;
    }
    close(stream->fd);
    g_free(stream);
}

int stream_fd(const struct stream *stream)
{
    return stream->fd;
}

bool stream_is_local(const struct stream *stream)
{
    return stream->info.laddr_ext.ss_family == AF_UNIX;
}

ssize_t stream_read(struct stream *stream, void *data, size_t size)
{
    ssize_t n;

    do {
        n = read(stream->fd, data, size);
    } while (n < 0 && errno == EINTR);
    return n;
}

ssize_t stream_writev(struct stream *stream, const struct iovec *pieces, int count)
{
    struct msghdr header = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)count};
    ssize_t n;

    do {
        n = sendmsg(stream->fd, &header, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n;
}

SpiceChannelEventInfo *stream_info(struct stream *stream)
{
    return &stream->info;
}
