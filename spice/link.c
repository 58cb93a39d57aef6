/*
 * One state machine per connection: it reads exactly what the state needs, never more, because what
 * follows belongs to the channel.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/client.h"
#include "spice/link_private.h"
#include "spice/migrate.h"
#include "spice/tls.h"
#include "spice/websocket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#define KEEPALIVE_S 600
#define DRAIN_MS    2000
/* The buffer grows with what arrives, not with what is announced. */
#define FIRST_CAPACITY 512

void link_expect(struct link *link, enum link_state state, uint32_t needed)
{
    link->state = state;
    link->needed = needed;
    link->in_size = 0;
}

/* Frees all but the stream, which is returned. */
static struct stream *end(struct link *link)
{
    struct stream *stream = link->stream;

    g_queue_remove(&link->server->links, link);
    loop_watch_destroy(link->watch);
    loop_timer_destroy(link->timer);
#ifdef HAVE_SASL
    link_sasl_finish(link);
#endif
    g_byte_array_unref(link->out);
    g_free(link->in);
    g_free(link);
    return stream;
}

static void drop(struct link *link, const char *why)
{
    SpiceServer *server = link->server;

    g_info("link dropped: %s", why);
    server_release_stream(server, end(link));
}

static void on_timeout(void *opaque)
{
    drop(opaque, "timeout");
}

void link_answer(struct link *link, const void *data, size_t size)
{
    g_byte_array_append(link->out, data, (guint)size);
}

void link_answer_u32(struct link *link, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    link_answer(link, &value, sizeof(value));
}

/* The result is on its way: the connection becomes a channel's. */
static void hand_over(struct link *link)
{
    SpiceServer *server = link->server;
    uint8_t type = link->message.channel_type, id = link->message.channel_id;
    struct channel *channel = server_find_channel(server, type, id);
    struct client *client = type == SPICE_CHANNEL_MAIN
                                ? server_new_client(server, link->message.connection_id)
                                : server_find_client(server, link->message.connection_id);
    struct channel_link ready = {.stream = link->stream,
                                 .client = client,
                                 .mini_header =
                                     link->common_caps >> SPICE_COMMON_CAP_MINI_HEADER & 1,
                                 .common_caps = link->common_caps};
    SpiceChannelEventInfo *info = stream_info(link->stream);

    if (channel == NULL || client == NULL) {
        drop(link, "its channel or its session has gone");
        return;
    }
    memcpy(ready.caps, link->caps, sizeof(ready.caps));
    info->connection_id = (int)client->id;
    info->type = type;
    info->id = id;
    end(link);
    server_channel_event(server, SPICE_CHANNEL_EVENT_INITIALIZED, ready.stream);
    if (client->arriving && type != SPICE_CHANNEL_MAIN) {
        migrate_park(client, channel, &ready);
        return;
    }
    server_attach(channel, &ready);
}

static bool handle_request(struct link *link)
{
    size_t size = websocket_request_size((const char *)link->in, link->in_size);
    char *answer = websocket_answer((const char *)link->in, size);

    if (answer == NULL) {
        link_refuse_message(link, SPICE_LINK_ERR_INVALID_MAGIC);
        return true;
    }
    link_answer(link, answer, strlen(answer));
    g_free(answer);
    link->websocket = true;
    link->needed = size;
    return true;
}

/* False: the link is closed without an answer. */
static bool handle(struct link *link)
{
    switch (link->state) {
    case LINK_HEADER:
        return link_handle_header(link);
    case LINK_REQUEST:
        return handle_request(link);
    case LINK_MESSAGE:
        return link_handle_message(link);
    case LINK_MECHANISM:
        return link_handle_mechanism(link);
    case LINK_TICKET:
        return link_handle_ticket(link);
#ifdef HAVE_SASL
    case LINK_SASL_NAME_SIZE:
    case LINK_SASL_NAME:
    case LINK_SASL_DATA_SIZE:
    case LINK_SASL_DATA:
        return link_sasl_handle(link);
#endif
    default:
        return true;
    }
}

/* 1: all written, 0: later, -1: the peer has gone. */
static int write_out(struct link *link)
{
    while (link->written < link->out->len) {
        struct iovec piece = {link->out->data + link->written, link->out->len - link->written};
        ssize_t n = stream_writev(link->stream, &piece, 1);

        if (n < 0) {
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
        }
        link->written += n;
    }
    g_byte_array_set_size(link->out, 0);
    link->written = 0;
    return 1;
}

/* All is written: puts the layer that has been agreed upon on the stream; false: there is none. */
static bool change_layers(struct link *link)
{
    if (link->refused) {
        return false;
    }
    if (link->state == LINK_REQUEST && link->websocket) {
        /* What is behind the request is in frames already. */
        stream_push(link->stream,
                    websocket_layer_create(link->in + link->needed, link->in_size - link->needed));
        link_expect(link, LINK_HEADER, sizeof(SpiceLinkHeader));
        return true;
    }
#ifdef HAVE_SASL
    if (link->state == LINK_SASL_PASSED) {
        sasl_session_protect(g_steal_pointer(&link->sasl), link->stream);
        link_authenticated(link);
        return true;
    }
#endif
    return false;
}

/* As stream_read() into the buffer, which is made larger when it is full. */
static ssize_t read_more(struct link *link)
{
    ssize_t n;

    if (link->in_size == link->in_capacity) {
        link->in_capacity = MAX(FIRST_CAPACITY, 2 * link->in_capacity);
        link->in = g_realloc(link->in, link->in_capacity);
    }
    n = stream_read(link->stream, link->in + link->in_size,
                    MIN(link->in_capacity, link->needed) - link->in_size);
    if (n > 0) {
        link->in_size += n;
    }
    return n;
}

/* Is what has been read of a header none? A web client may be meant, or it is no client of ours. */
static bool is_strange(struct link *link)
{
    const uint32_t magic = SPICE_MAGIC;

    if (link->state == LINK_HEADER && link->in_size >= sizeof(magic) &&
        memcmp(link->in, &magic, sizeof(magic)) != 0) {
        if (link->websocket || memcmp(link->in, "GET ", sizeof(magic)) != 0) {
            return true;
        }
        link->state = LINK_REQUEST;
        link->needed = WEBSOCKET_MAX_REQUEST;
    }
    return link->state == LINK_REQUEST && link->in_size == link->needed &&
           websocket_request_size((const char *)link->in, link->in_size) == 0;
}

static bool is_complete(const struct link *link)
{
    return link->state == LINK_REQUEST
               ? websocket_request_size((const char *)link->in, link->in_size) > 0
               : link->in_size == link->needed;
}

/* 1: what the state needs is there, 0: later, -1: the peer has gone. */
static int read_in(struct link *link)
{
    while (!is_complete(link)) {
        ssize_t n = read_more(link);

        if (n <= 0) {
            return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
        }
        /* It may be waiting for our answer to less than a header. */
        if (is_strange(link)) {
            link_refuse_message(link, SPICE_LINK_ERR_INVALID_MAGIC);
            return 1;
        }
    }
    return 1;
}

/* Closing with unread data would reset the connection, and the peer never read our answer. */
static void start_draining(struct link *link)
{
    link->state = LINK_DRAIN;
    stream_shutdown(link->stream, SHUT_WR);
    loop_timer_start(link->timer, DRAIN_MS);
}

static bool drained(struct link *link)
{
    uint8_t waste[1024];
    ssize_t n = stream_read(link->stream, waste, sizeof(waste));

    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

/* Goes on with the TLS handshake; true when it is done. Else the link waits, or has been dropped.
 */
static bool shake_hands(struct link *link)
{
    char *reason = NULL;

    switch (tls_handshake(link->tls, &reason)) {
    case TLS_DONE:
        link_expect(link, LINK_HEADER, sizeof(SpiceLinkHeader));
        return true;
    case TLS_WANTS_READ:
        loop_watch_update(link->watch, SPICE_WATCH_EVENT_READ);
        return false;
    case TLS_WANTS_WRITE:
        loop_watch_update(link->watch, SPICE_WATCH_EVENT_WRITE);
        return false;
    default:
        drop(link, reason);
        g_free(reason);
        return false;
    }
}

static void advance(struct link *link)
{
    if (link->state == LINK_HANDSHAKE && !shake_hands(link)) {
        return;
    }
    for (;;) {
        int written = write_out(link), complete;

        if (written < 0) {
            drop(link, "the peer has gone");
            return;
        }
        if (written == 0) {
            loop_watch_update(link->watch, SPICE_WATCH_EVENT_WRITE);
            return;
        }
        loop_watch_update(link->watch, SPICE_WATCH_EVENT_READ);
        if (change_layers(link)) {
            continue;
        }
        if (link->refused) {
            start_draining(link);
            return;
        }
        if (link->state == LINK_DONE) {
            hand_over(link);
            return;
        }
        complete = read_in(link);
        if (complete == 0) {
            return;
        }
        if (complete < 0 || (!link->refused && !handle(link))) {
            drop(link, complete < 0 ? "the peer has gone" : "it does not keep to the protocol");
            return;
        }
    }
}

static void on_socket(int fd G_GNUC_UNUSED, int events G_GNUC_UNUSED, void *opaque)
{
    struct link *link = opaque;

    if (link->state != LINK_DRAIN) {
        advance(link);
    } else if (drained(link)) {
        drop(link, "refused");
    }
}

/* False, with errno, when FD is no connected stream socket. */
static bool prepare_socket(int fd)
{
    int on = 1, idle = KEEPALIVE_S, domain = 0, type = 0;
    socklen_t size = sizeof(int);

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) {
        return false;
    }
    if (type != SOCK_STREAM) {
        errno = EPROTOTYPE;
        return false;
    }
    if (domain == AF_INET || domain == AF_INET6) {
        if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
            return false;
        }
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    }
    return true;
}

/* A first step of the TLS handshake tells what is obviously no client. */
static bool start_tls(struct link *link, char **reason)
{
    link->tls = tls_push(link->server->tls, link->stream);
    switch (tls_handshake(link->tls, reason)) {
    case TLS_FAILED:
        return false;
    case TLS_DONE:
        link_expect(link, LINK_HEADER, sizeof(SpiceLinkHeader));
        return true;
    default:
        link->state = LINK_HANDSHAKE;
        return true;
    }
}

bool link_start(SpiceServer *server, int fd, unsigned flags, char **reason)
{
    struct link *link;

    if (!prepare_socket(fd)) {
        *reason = g_strdup(g_strerror(errno));
        return false;
    }
    link = g_new0(struct link, 1);
    link->server = server;
    link->skip_auth = (flags & LINK_SKIP_AUTH) != 0;
    link->stream = stream_create(fd);
    link_expect(link, LINK_HEADER, sizeof(SpiceLinkHeader));
    if (flags & LINK_TLS && !start_tls(link, reason)) {
        stream_abandon(link->stream);
        g_free(link);
        return false;
    }
    if (server->links.length >= MAX_LINKS) {
        drop(server->links.head->data, "too many others are waiting");
    }
    link->out = g_byte_array_new();
    link->timer = loop_timer_create(server->loop, on_timeout, link);
    link->watch = loop_watch_create(server->loop, fd, SPICE_WATCH_EVENT_READ, on_socket, link);
    g_queue_push_tail(&server->links, link);
    loop_timer_start(link->timer, LINK_TIMEOUT_MS);
    server_channel_event(server, SPICE_CHANNEL_EVENT_CONNECTED, link->stream);
    return true;
}

void link_close_all(SpiceServer *server)
{
    while (server->links.head != NULL) {
        drop(server->links.head->data, "the server ends");
    }
}
