/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/peer.h"

#include "cli/doorbell.h"
#include "cli/listen.h"
#include "cli/options.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ACCEPT_PAUSE_MS 1000

struct peer {
    const struct peer_user *user;
    void *opaque;
    char *what;
    struct peer_options options;
    struct listener listener; /* fd -1: connects */
    bool wanted;
    int fd;    /* -1: nobody is there */
    bool gone; /* the peer has ended it; the main loop is told */
    struct doorbell *farewell;
    /* 0: not watching; ARRIVAL: the listener, or the time to try again. */
    guint arrival, input, output;
};

static void watch_input(struct peer *peer);

static void remove_source(guint *source)
{
    g_clear_handle_id(source, g_source_remove);
}

static void hang_up(struct peer *peer)
{
    remove_source(&peer->input);
    remove_source(&peer->output);
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
    peer->gone = false;
}

static void found(struct peer *peer, int fd)
{
    peer->fd = fd;
    watch_input(peer);
    peer->user->opened(peer->opaque);
}

/* Looking for one */

static void look(struct peer *peer);

static gboolean look_again(gpointer data)
{
    struct peer *peer = data;

    peer->arrival = 0;
    look(peer);
    return G_SOURCE_REMOVE;
}

static gboolean arrived(int listen_fd, GIOCondition condition, gpointer data)
{
    struct peer *peer = data;
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)condition;
    if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
        return G_SOURCE_CONTINUE;
    peer->arrival = 0;
    if (fd >= 0) {
        found(peer, fd);
    } else {
        /* Most likely out of descriptors: the socket stays readable, so wait instead of spinning.
         */
        g_warning("%s: cannot accept: %s", peer->what, g_strerror(errno));
        peer->arrival = g_timeout_add(ACCEPT_PAUSE_MS, look_again, peer);
    }
    return G_SOURCE_REMOVE;
}

/* On a unix socket this does not wait: it is done, or nobody listens, or the queue is full. */
static int connect_now(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static gboolean try_to_connect(gpointer data)
{
    struct peer *peer = data;
    int fd = connect_now(peer->options.path);

    if (fd < 0) {
        peer->arrival = g_timeout_add((guint)peer->options.reconnect_ms, look_again, peer);
    } else {
        peer->arrival = 0;
        found(peer, fd);
    }
    return G_SOURCE_REMOVE;
}

static void look(struct peer *peer)
{
    if (!peer->wanted || peer->fd >= 0 || peer->arrival)
        return;
    peer->arrival = peer->listener.fd >= 0
                        ? g_unix_fd_add(peer->listener.fd, G_IO_IN, arrived, peer)
                        : g_idle_add(try_to_connect, peer);
}

static gboolean knocked(int fd, GIOCondition condition, gpointer data)
{
    struct peer *peer = data;

    (void)fd;
    (void)condition;
    peer->arrival = 0;
    peer->user->waiting(peer->opaque);
    return G_SOURCE_REMOVE;
}

static gboolean is_taken_to_be_there(gpointer data)
{
    return knocked(-1, 0, data);
}

void peer_await(struct peer *peer)
{
    if (peer->wanted || peer->arrival)
        return;
    peer->arrival = peer->listener.fd >= 0
                        ? g_unix_fd_add(peer->listener.fd, G_IO_IN, knocked, peer)
                        : g_idle_add(is_taken_to_be_there, peer);
}

/* One that ends every connection at once is not to keep us busy. */
static void look_later(struct peer *peer)
{
    if (peer->wanted && !peer->arrival)
        peer->arrival = peer->listener.fd >= 0
                            ? g_unix_fd_add(peer->listener.fd, G_IO_IN, arrived, peer)
                            : g_timeout_add((guint)peer->options.reconnect_ms, look_again, peer);
}

/* Bytes */

static gboolean can_read(int fd, GIOCondition condition, gpointer data)
{
    struct peer *peer = data;

    (void)fd;
    (void)condition;
    peer->input = 0;
    peer->user->readable(peer->opaque);
    return G_SOURCE_REMOVE;
}

static gboolean can_write(int fd, GIOCondition condition, gpointer data)
{
    struct peer *peer = data;

    (void)fd;
    (void)condition;
    peer->output = 0;
    peer->user->writable(peer->opaque);
    return G_SOURCE_REMOVE;
}

static void watch_input(struct peer *peer)
{
    if (!peer->input)
        peer->input = g_unix_fd_add(peer->fd, G_IO_IN, can_read, peer);
}

/* Who calls may be in the middle of something. */
static void say_farewell(struct peer *peer)
{
    peer->gone = true;
    remove_source(&peer->input);
    remove_source(&peer->output);
    doorbell_ring(peer->farewell, 0);
}

static void farewell(void *opaque)
{
    struct peer *peer = opaque;

    if (!peer->gone)
        return;
    hang_up(peer);
    look_later(peer);
    peer->user->closed(peer->opaque);
}

size_t peer_read(struct peer *peer, void *data, size_t size)
{
    ssize_t got;

    if (peer->fd < 0 || peer->gone)
        return 0;
    do
        got = recv(peer->fd, data, size, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) {
        say_farewell(peer);
        return 0;
    }
    /* Who has read wants to hear of more, even if they stop before there is nothing left. */
    watch_input(peer);
    return got > 0 ? (size_t)got : 0;
}

size_t peer_write(struct peer *peer, const void *data, size_t size)
{
    ssize_t sent;

    if (peer->fd < 0 || peer->gone)
        return 0;
    do
        sent = send(peer->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
        say_farewell(peer);
        return 0;
    }
    if (sent < (ssize_t)size && !peer->output)
        peer->output = g_unix_fd_add(peer->fd, G_IO_OUT, can_write, peer);
    return sent > 0 ? (size_t)sent : 0;
}

/* The object */

struct peer *peer_create(const struct peer_options *options, const char *what,
                         const struct peer_user *user, void *opaque, GError **error)
{
    struct peer *peer = g_new0(struct peer, 1);

    peer->user = user;
    peer->opaque = opaque;
    peer->what = g_strdup(what);
    /* The process may change its folder. */
    peer->options = *options;
    peer->options.path = g_canonicalize_filename(options->path, NULL);
    peer->fd = peer->listener.fd = -1;
    peer->farewell = doorbell_create(farewell, peer);
    if (strlen(peer->options.path) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "%s: '%s' is too long for a unix socket",
                    what, options->path);
    } else if (!options->server || listen_unix(&peer->listener, peer->options.path, error)) {
        return peer;
    } else {
        g_prefix_error(error, "%s: ", what);
    }
    peer_destroy(peer);
    return NULL;
}

void peer_destroy(struct peer *peer)
{
    if (!peer)
        return;
    hang_up(peer);
    remove_source(&peer->arrival);
    doorbell_destroy(peer->farewell);
    listener_finish(&peer->listener);
    g_free(peer->options.path);
    g_free(peer->what);
    g_free(peer);
}

void peer_want(struct peer *peer, bool wanted)
{
    if (peer->wanted == wanted)
        return;
    peer->wanted = wanted;
    remove_source(&peer->arrival);
    if (wanted) {
        look(peer);
    } else {
        hang_up(peer);
    }
}

void peer_drop(struct peer *peer)
{
    hang_up(peer);
    look_later(peer);
}

void peer_break(struct peer *peer)
{
    if (peer_is_open(peer))
        say_farewell(peer);
}

bool peer_is_open(const struct peer *peer)
{
    return peer->fd >= 0 && !peer->gone;
}
