/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/listener.h"

#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* How long nothing is accepted after the process ran out of file descriptors or memory. */
#define PAUSE_MS 200

struct listener {
    struct event_loop *loop;
    int fd;
    bool adopted; /* FD is the host's */
    char *path;   /* of the unix socket to be removed in the end */
    struct loop_watch *watch;
    struct loop_timer *pause;
    listener_fn accepted;
    void *opaque;
};

static void on_connection(int fd, int events G_GNUC_UNUSED, void *opaque)
{
    struct listener *listener = opaque;
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (client >= 0) {
        listener->accepted(listener->opaque, client);
        return;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        g_warning("cannot accept a client: %s", g_strerror(errno));
        /* The connection stays pending: without a pause we would be back here at once. */
        loop_watch_update(listener->watch, 0);
        loop_timer_start(listener->pause, PAUSE_MS);
    }
}

static void on_pause_over(void *opaque)
{
    struct listener *listener = opaque;

    loop_watch_update(listener->watch, SPICE_WATCH_EVENT_READ);
}

static struct listener *create(struct event_loop *loop, int fd, listener_fn accepted, void *opaque)
{
    struct listener *listener = g_new0(struct listener, 1);

    *listener = (struct listener){.loop = loop, .fd = fd, .accepted = accepted, .opaque = opaque};
    listener->pause = loop_timer_create(loop, on_pause_over, listener);
    listener->watch = loop_watch_create(loop, fd, SPICE_WATCH_EVENT_READ, on_connection, listener);
    return listener;
}

void listener_destroy(struct listener *listener)
{
    if (listener == NULL) {
        return;
    }
    loop_watch_destroy(listener->watch);
    loop_timer_destroy(listener->pause);
    if (!listener->adopted) {
        close(listener->fd);
    }
    if (listener->path != NULL) {
        unlink(listener->path);
        g_free(listener->path);
    }
    g_free(listener);
}

struct listener *listener_adopt(struct event_loop *loop, int fd, listener_fn accepted, void *opaque)
{
    struct listener *listener;
    int listening = 0;
    socklen_t size = sizeof(listening);

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || !listening) {
        g_warning("file descriptor %d is not a listening socket", fd);
        return NULL;
    }
    /* A client that gives up between the event and accept() must not block us. */
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    listener = create(loop, fd, accepted, opaque);
    listener->adopted = true;
    return listener;
}

/* Binds and listens; -1 with errno. Closes nothing on success. */
static int listen_at(int family, const struct sockaddr *address, socklen_t size, bool v6_only)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1, both = v6_only, error;

    if (fd < 0) {
        return -1;
    }
    if (family != AF_UNIX) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    }
    if (family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof(both));
    }
    if (bind(fd, address, size) == 0 && listen(fd, SOMAXCONN) == 0) {
        return fd;
    }
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int listen_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    int fd;

    if (length == 0 || length >= sizeof(address.sun_path)) {
        g_warning("unix socket path '%s' has %zu bytes, possible are 1 to %zu", path, length,
                  sizeof(address.sun_path) - 1);
        return -1;
    }
    memcpy(address.sun_path, path, length);
    if (path[0] == '@') {
        address.sun_path[0] = '\0';
    } else {
        struct stat existing;

        /* A socket left behind; anything else is not ours to remove. */
        if (lstat(path, &existing) == 0 && S_ISSOCK(existing.st_mode)) {
            unlink(path);
        }
        length++;
    }
    fd = listen_at(AF_UNIX, (struct sockaddr *)&address,
                   offsetof(struct sockaddr_un, sun_path) + length, false);
    if (fd < 0) {
        g_warning("reds_init_socket: binding socket to %s failed: %s", path, g_strerror(errno));
    }
    return fd;
}

static int listen_inet(const struct listen_address *where)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    const char *address = where->address != NULL && where->address[0] ? where->address : NULL;
    char port[8];
    int fd = -1, error;

    hints.ai_family = where->family == SPICE_ADDR_FLAG_IPV4_ONLY   ? AF_INET
                      : where->family == SPICE_ADDR_FLAG_IPV6_ONLY ? AF_INET6
                                                                   : AF_UNSPEC;
    g_snprintf(port, sizeof(port), "%d", where->port);
    error = getaddrinfo(address, port, &hints, &found);
    if (error != 0) {
        g_warning("cannot resolve the listening address '%s': %s", address ? address : "",
                  gai_strerror(error));
        return -1;
    }
    /* A v6 socket takes v4 clients too: try it first when neither is asked for. */
    for (int pass = 0; pass < 2 && fd < 0; pass++) {
        for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
            if ((a->ai_family == AF_INET6) == (pass == 0)) {
                fd = listen_at(a->ai_family, a->ai_addr, a->ai_addrlen,
                               where->family == SPICE_ADDR_FLAG_IPV6_ONLY);
                error = errno;
            }
        }
    }
    freeaddrinfo(found);
    if (fd < 0) {
        g_warning("reds_init_socket: binding socket to %s:%s failed: %s", address ? address : "*",
                  port, g_strerror(error));
    }
    return fd;
}

struct listener *listener_create(struct event_loop *loop, const struct listen_address *where,
                                 listener_fn accepted, void *opaque)
{
    bool is_unix = where->family == SPICE_ADDR_FLAG_UNIX_ONLY;
    int fd =
        is_unix ? listen_unix(where->address != NULL ? where->address : "") : listen_inet(where);
    struct listener *listener;

    if (fd < 0) {
        return NULL;
    }
    listener = create(loop, fd, accepted, opaque);
    if (is_unix && where->address[0] != '@') {
        listener->path = g_strdup(where->address);
    }
    return listener;
}
