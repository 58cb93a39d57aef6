/*
 * From an address to a channel.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/address.h"

#include "migration/rdma.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_TYPE (SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK)

static struct migration_channel *refuse(const struct migration_address *address, const char *what,
                                        const char *why, GError **error)
{
    migration_address_fail(address, what, why, error);
    return NULL;
}

static bool wait_fd(int fd, short events, GCancellable *cancel, GError **error)
{
    bool ready;
    return migration_wait(poll, fd, events, -1, cancel, &ready, error);
}

/* A connected socket; -1 and errno, or ERROR when it was cancelled. */
static int connect_to(const struct sockaddr *to, socklen_t length, GCancellable *cancel,
                      GError **error)
{
    int fd = socket(to->sa_family, SOCKET_TYPE, 0), problem = 0, on = 1;
    socklen_t size = sizeof(problem);

    if (fd < 0)
        return -1;
    if (to->sa_family == AF_INET || to->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, to, length) < 0) {
        problem = errno;
        if (problem == EINPROGRESS && wait_fd(fd, POLLOUT, cancel, error))
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size);
    }
    if (!problem)
        return fd;
    close(fd);
    errno = problem;
    return -1;
}

/* CHANNEL, with TLS if ADDRESS wants it. Failing, it is destroyed. */
static struct migration_channel *with_tls(struct migration_channel *channel,
                                          const struct migration_address *address, GError **error)
{
    const char *hostname = address->tls_hostname ? address->tls_hostname : address->host;

    if (!address->tls || migration_channel_start_tls(channel, address->tls, hostname, error))
        return channel;
    migration_channel_destroy(channel);
    return NULL;
}

static struct migration_channel *connect_tcp(const struct migration_address *address,
                                             GCancellable *cancel, GError **error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    const char *host = *address->host ? address->host : NULL;
    int failure = getaddrinfo(host, address->port, &hints, &found);
    GError *cancelled = NULL;
    int fd = -1;

    if (failure)
        return refuse(address, "connect to", gai_strerror(failure), error);
    for (struct addrinfo *at = found; at && fd < 0 && !cancelled; at = at->ai_next)
        fd = connect_to(at->ai_addr, at->ai_addrlen, cancel, &cancelled);
    int code = errno;
    freeaddrinfo(found);
    if (fd >= 0)
        return with_tls(migration_channel_create(fd, fd, cancel), address, error);
    if (!cancelled)
        return refuse(address, "connect to", g_strerror(code), error);
    g_propagate_error(error, cancelled);
    return NULL;
}

static struct migration_channel *connect_local(const struct migration_address *address,
                                               const void *to, socklen_t length,
                                               GCancellable *cancel, GError **error)
{
    GError *cancelled = NULL;
    int fd = connect_to(to, length, cancel, &cancelled);

    if (fd >= 0)
        return migration_channel_create(fd, fd, cancel);
    if (!cancelled)
        return refuse(address, "connect to", g_strerror(errno), error);
    g_propagate_error(error, cancelled);
    return NULL;
}

static struct migration_channel *connect_unix(const struct migration_address *address,
                                              GCancellable *cancel, GError **error)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    if (strlen(address->path) >= sizeof(to.sun_path))
        return refuse(address, "connect to", "the path is too long for a unix socket", error);
    strcpy(to.sun_path, address->path);
    return connect_local(address, &to, sizeof(to), cancel, error);
}

static struct sockaddr_vm vsock_address(const struct migration_address *address)
{
    return (struct sockaddr_vm){
        .svm_family = AF_VSOCK, .svm_cid = address->cid, .svm_port = address->vsock_port};
}

/* A copy of somebody else's descriptor, which stays open. */
static struct migration_channel *open_fd(const struct migration_address *address, bool out,
                                         GCancellable *cancel, GError **error)
{
    struct stat status;

    if (address->fd < 0)
        return refuse(address, "use",
                      "a name is that of a descriptor which a monitor's client sent with getfd; "
                      "elsewhere give its number",
                      error);
    int fd = fcntl(address->fd, F_DUPFD_CLOEXEC, 3);

    if (fd < 0 || fstat(fd, &status))
        return refuse(address, "use", g_strerror(errno), error);
    bool is_socket = S_ISSOCK(status.st_mode);
    return migration_channel_create(is_socket || !out ? fd : -1, is_socket || out ? fd : -1,
                                    cancel);
}

static struct migration_channel *open_file(const struct migration_address *address, bool out,
                                           GCancellable *cancel, GError **error)
{
    int fd = open(address->path, (out ? O_WRONLY | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NOCTTY,
                  S_IRUSR | S_IWUSR);

    /* What is no regular file cannot be cut, and need not be. */
    if (fd >= 0 && lseek(fd, (off_t)address->offset, SEEK_SET) >= 0 &&
        (!out || !ftruncate(fd, (off_t)address->offset) || errno == EINVAL))
        return migration_channel_create(out ? -1 : fd, out ? fd : -1, cancel);
    int code = errno;
    if (fd >= 0)
        close(fd);
    return refuse(address, out ? "write to" : "read", g_strerror(code), error);
}

/* A part of a file that somebody else began is not ours to remove, nor is what is no file. */
void migration_address_discard(const struct migration_address *address)
{
    struct stat status;

    if (address->transport == MIGRATION_FILE && !address->offset &&
        !lstat(address->path, &status) && S_ISREG(status.st_mode))
        unlink(address->path);
}

static struct migration_channel *open_command(const struct migration_address *address, bool out,
                                              GCancellable *cancel, GError **error)
{
    GSpawnFlags flags = G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH;
    GError *problem = NULL;
    GPid child;
    int fd;

    if (!out)
        flags |= G_SPAWN_CHILD_INHERITS_STDIN;
    if (!g_spawn_async_with_pipes(NULL, address->command, NULL, flags, NULL, NULL, &child,
                                  out ? &fd : NULL, out ? NULL : &fd, NULL, &problem)) {
        refuse(address, "run", problem->message, error);
        g_error_free(problem);
        return NULL;
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    struct migration_channel *channel =
        migration_channel_create(out ? -1 : fd, out ? fd : -1, cancel);
    channel->child = child;
    return channel;
}

struct migration_channel *migration_address_connect(const struct migration_address *address,
                                                    GCancellable *cancel, GError **error)
{
    struct sockaddr_vm vsock;

    switch (address->transport) {
    case MIGRATION_TCP:
        return connect_tcp(address, cancel, error);
    case MIGRATION_UNIX:
        return connect_unix(address, cancel, error);
    case MIGRATION_VSOCK:
        vsock = vsock_address(address);
        return connect_local(address, &vsock, sizeof(vsock), cancel, error);
    case MIGRATION_FD:
        return open_fd(address, true, cancel, error);
    case MIGRATION_EXEC:
        return open_command(address, true, cancel, error);
    case MIGRATION_FILE:
        return open_file(address, true, cancel, error);
    case MIGRATION_RDMA:
        return migration_rdma_connect(address, cancel, error);
    }
    return NULL;
}

static struct migration_channel *accept_one(const struct migration_address *address, int listener,
                                            GCancellable *cancel, GError **error)
{
    for (;;) {
        int on = 1, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* if it is one */
            return migration_channel_create(fd, fd, cancel);
        }
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            return refuse(address, "wait at", g_strerror(errno), error);
        if (errno == EAGAIN && !wait_fd(listener, POLLIN, cancel, error))
            return NULL;
    }
}

struct migration_channel *migration_address_accept(const struct migration_address *address,
                                                   int listener, GCancellable *cancel,
                                                   GError **error)
{
    switch (address->transport) {
    case MIGRATION_FD:
        return open_fd(address, false, cancel, error);
    case MIGRATION_EXEC:
        return open_command(address, false, cancel, error);
    case MIGRATION_FILE:
        return open_file(address, false, cancel, error);
    case MIGRATION_RDMA:
        return migration_rdma_accept(address, listener, cancel, error);
    default:
        return accept_one(address, listener, cancel, error);
    }
}

int migration_address_listen_vsock(const struct migration_address *address, GError **error)
{
    struct sockaddr_vm at = vsock_address(address);
    int fd = socket(AF_VSOCK, SOCKET_TYPE, 0);

    if (fd >= 0 && !bind(fd, (struct sockaddr *)&at, sizeof(at)) && !listen(fd, 1))
        return fd;
    refuse(address, "listen on", g_strerror(errno), error);
    if (fd >= 0)
        close(fd);
    return -1;
}
