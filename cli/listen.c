/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/listen.h"

#include "cli/options.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *in6 = (const void *)address;
    return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

static void set_port(struct sockaddr *address, int port)
{
    if (address->sa_family == AF_INET)
        ((struct sockaddr_in *)(void *)address)->sin_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in6 *)(void *)address)->sin6_port = htons((uint16_t)port);
}

/* A socket that listens on one address; -1 and errno. BOTH: an IPv6 socket takes IPv4 peers too. */
static int listen_at(const struct sockaddr *address, socklen_t length, bool both)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int reuse = 1, only6 = !both;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse));
    if (address->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof(only6));
    if (bind(fd, address, length) || listen(fd, SOMAXCONN)) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static void describe_socket(struct listener *listener)
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof(bound);
    char host[NI_MAXHOST], port[NI_MAXSERV];

    getsockname(listener->fd, (struct sockaddr *)&bound, &length);
    if (getnameinfo((struct sockaddr *)&bound, length, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV)) {
        g_strlcpy(host, "?", sizeof(host));
        g_strlcpy(port, "0", sizeof(port));
    }
    listener->host = g_strdup(host);
    listener->port = (int)g_ascii_strtoll(port, NULL, 10);
    listener->loopback = is_loopback((struct sockaddr *)&bound);
}

bool listen_tcp(struct listener *listener, const char *address, int port, int tries,
                enum listen_family family, GError **error)
{
    static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6};
    bool all = !address || !*address;
    struct addrinfo hints = {
        .ai_family = families[family], .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found;
    int failure = getaddrinfo(all ? NULL : address, "0", &hints, &found);
    int last_errno = 0;

    *listener = (struct listener){.fd = -1};
    if (failure) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED, "cannot listen on '%s': %s",
                    all ? "" : address, gai_strerror(failure));
        return false;
    }
    for (int i = 0; i < tries && port + i <= 65535 && listener->fd < 0; i++) {
        /* With no address given an IPv6 socket serves both, so it goes first. */
        for (int pass = 0; pass < 2 && listener->fd < 0; pass++) {
            for (struct addrinfo *at = found; at && listener->fd < 0; at = at->ai_next) {
                if ((at->ai_family == AF_INET6) != (all ? !pass : pass))
                    continue;
                set_port(at->ai_addr, port + i);
                listener->fd = listen_at(at->ai_addr, at->ai_addrlen, all && family == LISTEN_ANY);
                last_errno = errno;
            }
        }
        if (last_errno != EADDRINUSE)
            break;
    }
    freeaddrinfo(found);
    if (listener->fd < 0) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED, "cannot listen on '%s' port %d: %s",
                    all ? "*" : address, port, g_strerror(last_errno));
        return false;
    }
    describe_socket(listener);
    return true;
}

/* Is a unix socket at ADDRESS in use, that is, does somebody answer? */
static bool is_answered(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answered;

    if (fd < 0)
        return false;
    answered = !connect(fd, (const struct sockaddr *)address, sizeof(*address)) || errno == EAGAIN;
    close(fd);
    return answered;
}

bool listen_unix(struct listener *listener, const char *path, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;

    *listener = (struct listener){.fd = -1};
    if (strlen(path) >= sizeof(address.sun_path) || !*path) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "'%s': a unix socket's path has 1 to %zu bytes", path,
                    sizeof(address.sun_path) - 1);
        return false;
    }
    strcpy(address.sun_path, path);
    if (!lstat(path, &status) && S_ISSOCK(status.st_mode)) {
        if (is_answered(&address)) {
            g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                        "%s: another process listens there; end it or take another path", path);
            return false;
        }
        unlink(path);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* The mode set before bind() becomes the file's: there is no moment when others can connect. */
    if (fd < 0 || fchmod(fd, S_IRUSR | S_IWUSR) ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, SOMAXCONN)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED, "cannot listen on %s: %s", path,
                    g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    *listener = (struct listener){.fd = fd, .loopback = true};
    listener->path = g_canonicalize_filename(path, NULL);
    listener->host = g_strdup(listener->path);
    return true;
}

void listener_finish(struct listener *listener)
{
    if (listener->fd >= 0 && listener->close)
        listener->close(listener->fd);
    else if (listener->fd >= 0)
        close(listener->fd);
    if (listener->path)
        unlink(listener->path);
    g_free(listener->path);
    g_free(listener->host);
    *listener = (struct listener){.fd = -1};
}

char *listener_describe(const struct listener *listener)
{
    if (listener->path)
        return g_strdup(listener->path);
    return g_strdup_printf(strchr(listener->host, ':') ? "[%s]:%d" : "%s:%d", listener->host,
                           listener->port);
}
