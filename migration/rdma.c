/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/rdma.h"

#ifdef HAVE_RDMA

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <rdma/rsocket.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define ACCEPT_LOOK_MS 200 /* rpoll() can sleep through the moment when somebody connects */
#define CONNECT_TRIES  5

/*
 * rpoll() up to librdmacm 44 must not run out of time: it then forgets that it has stopped waiting,
 * and later calls spin. So a timer is one more thing that it waits for. A RESULT of its alone is 0.
 */
static int poll_with_timer(struct pollfd *fds, nfds_t count, int timeout)
{
    struct itimerspec when = {
        .it_value = {.tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * 1000000L}};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    struct pollfd all[3];

    if (timer < 0)
        return -1;
    memcpy(all, fds, count * sizeof(*fds));
    all[count] = (struct pollfd){.fd = timer, .events = POLLIN};
    timerfd_settime(timer, 0, &when, NULL);
    int result = rpoll(all, count + 1, -1);
    int code = errno;
    memcpy(fds, all, count * sizeof(*fds));
    if (result > 0 && all[count].revents)
        result--;
    close(timer);
    errno = code;
    return result;
}

static int poll_rsockets(struct pollfd *fds, nfds_t count, int timeout)
{
    return timeout > 0 ? poll_with_timer(fds, count, timeout) : rpoll(fds, count, timeout);
}

static gpointer close_patiently(gpointer fd)
{
    rclose(GPOINTER_TO_INT(fd));
    return NULL;
}

/* rclose() waits until the other side has taken everything, which it may never do. */
static int close_rsocket(int fd)
{
    g_thread_unref(g_thread_new("rdma close", close_patiently, GINT_TO_POINTER(fd)));
    return 0;
}

/* So does rshutdown(); what was sent is on its way without it. */
static int shutdown_rsocket(int fd, int how)
{
    (void)fd;
    (void)how;
    return 0;
}

static const struct channel_calls rsocket_calls = {rread, rwrite, poll_rsockets, shutdown_rsocket,
                                                   close_rsocket};

bool migration_rdma_check(const char *uri, GError **error)
{
    (void)uri;
    (void)error;
    return true;
}

/* CODE as librdmacm means it. */
static const char *explain(int code)
{
    return code == ENODEV ? "no RDMA device of this machine has or reaches that address"
                          : g_strerror(code);
}

static bool look_up(const struct migration_address *address, const char *what, int flags,
                    struct addrinfo **found, GError **error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
    const char *host = *address->host ? address->host : NULL;
    int failure = getaddrinfo(host, address->port, &hints, found);

    return !failure || migration_address_fail(address, what, gai_strerror(failure), error);
}

/* A socket that does not block; -1 and errno. */
static int make_socket(int family)
{
    int fd = rsocket(family, SOCK_STREAM, 0);

    if (fd >= 0)
        rfcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* The errno of a failed call, or 0; FD (-1: none) is then closed. */
static int close_failed(int fd, int code)
{
    if (fd >= 0)
        close_rsocket(fd);
    return code;
}

/*
 * 0 and *FD; or an errno; or ECANCELED and ERROR. A connection that is there at once is not among
 * those whose end librdmacm up to 44 notices, so that another one is made.
 */
static int connect_to(const struct addrinfo *to, GCancellable *cancel, int *fd, GError **error)
{
    int code = 0;
    socklen_t size = sizeof(code);
    bool ready;

    for (int tries = CONNECT_TRIES; tries; tries--) {
        *fd = make_socket(to->ai_family);
        if (*fd < 0)
            return errno;
        if (rconnect(*fd, to->ai_addr, to->ai_addrlen))
            break;
        if (tries == 1)
            return 0;
        close_rsocket(*fd);
    }
    if (errno != EINPROGRESS)
        return close_failed(*fd, errno);
    if (!migration_wait(poll_rsockets, *fd, POLLOUT, -1, cancel, &ready, error))
        return close_failed(*fd, ECANCELED);
    if (rgetsockopt(*fd, SOL_SOCKET, SO_ERROR, &code, &size))
        code = errno;
    return code ? close_failed(*fd, code) : 0;
}

struct migration_channel *migration_rdma_connect(const struct migration_address *address,
                                                 GCancellable *cancel, GError **error)
{
    struct addrinfo *found;
    GError *problem = NULL;
    int fd = -1, code = EADDRNOTAVAIL;

    if (!look_up(address, "connect to", 0, &found, error))
        return NULL;
    for (struct addrinfo *at = found; at && code && !problem; at = at->ai_next)
        code = connect_to(at, cancel, &fd, &problem);
    freeaddrinfo(found);
    if (!code)
        return migration_channel_create_with(&rsocket_calls, fd, cancel);
    if (problem)
        g_propagate_error(error, problem);
    else
        migration_address_fail(address, "connect to", explain(code), error);
    return NULL;
}

/* 0 and *FD, or an errno. */
static int listen_at(const struct addrinfo *at, int *fd)
{
    *fd = make_socket(at->ai_family);
    if (*fd < 0)
        return errno;
    return rbind(*fd, at->ai_addr, at->ai_addrlen) || rlisten(*fd, 1) ? close_failed(*fd, errno)
                                                                      : 0;
}

static void note_bound(struct migration_address *address, int fd)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];
    struct sockaddr_storage bound;
    socklen_t length = sizeof(bound);

    if (rgetsockname(fd, (struct sockaddr *)&bound, &length) ||
        getnameinfo((struct sockaddr *)&bound, length, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV))
        return;
    g_free(address->host);
    g_free(address->port);
    address->host = g_strdup(host);
    address->port = g_strdup(port);
}

int migration_rdma_listen(struct migration_address *address, GError **error)
{
    struct addrinfo *found;
    int fd = -1, code = EADDRNOTAVAIL;

    if (!look_up(address, "listen on", AI_PASSIVE, &found, error))
        return -1;
    for (struct addrinfo *at = found; at && code; at = at->ai_next)
        code = listen_at(at, &fd);
    freeaddrinfo(found);
    if (code) {
        migration_address_fail(address, "listen on", explain(code), error);
        return -1;
    }
    note_bound(address, fd);
    return fd;
}

struct migration_channel *migration_rdma_accept(const struct migration_address *address,
                                                int listener, GCancellable *cancel, GError **error)
{
    bool ready;
    int fd;

    while ((fd = raccept(listener, NULL, NULL)) < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            migration_address_fail(address, "wait at", explain(errno), error);
            return NULL;
        }
        if (!migration_wait(poll_rsockets, listener, POLLIN, ACCEPT_LOOK_MS, cancel, &ready, error))
            return NULL;
    }
    rfcntl(fd, F_SETFL, O_NONBLOCK);
    return migration_channel_create_with(&rsocket_calls, fd, cancel);
}

int migration_rdma_close(int listener)
{
    return rclose(listener);
}

#else

bool migration_rdma_check(const char *uri, GError **error)
{
    return migration_fail(error, "%s: RDMA is not available in this build (librdmacm)", uri);
}

/* An address that was not accepted is not used. */
struct migration_channel *migration_rdma_connect(const struct migration_address *address,
                                                 GCancellable *cancel, GError **error)
{
    (void)address;
    (void)cancel;
    migration_rdma_check("rdma:", error);
    return NULL;
}

int migration_rdma_listen(struct migration_address *address, GError **error)
{
    (void)address;
    migration_rdma_check("rdma:", error);
    return -1;
}

struct migration_channel *migration_rdma_accept(const struct migration_address *address,
                                                int listener, GCancellable *cancel, GError **error)
{
    (void)listener;
    return migration_rdma_connect(address, cancel, error);
}

int migration_rdma_close(int listener)
{
    (void)listener;
    return -1;
}

#endif
