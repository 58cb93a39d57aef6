/*
 * One state machine per connection: it reads exactly what the state needs, never more, because what
 * follows belongs to the channel.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/link.h"

#include "spice/client.h"
#include "spice/server_state.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#define KEEPALIVE_S 600
#define MAX_LINK    4096 /* bytes behind the header */
#define MAX_CAPS    1024 /* words of a kind */
#define DRAIN_MS    2000
#define COMMON_CAPS 1 /* words that we send and look at */
#define MAX_REPLY                                                                                  \
    (sizeof(SpiceLinkHeader) + sizeof(SpiceLinkReply) +                                            \
     (COMMON_CAPS + CHANNEL_CAP_WORDS) * sizeof(uint32_t))

enum link_state {
    LINK_HEADER,
    LINK_MESSAGE,
    LINK_MECHANISM,
    LINK_TICKET,
    LINK_DONE,  /* the result is being written */
    LINK_DRAIN, /* refused: the answer is written, what still comes is thrown away */
};

struct link {
    SpiceServer *server;
    struct stream *stream;
    struct loop_watch *watch;
    struct loop_timer *timer;
    bool skip_auth;
    enum link_state state;

    /* What the state needs. */
    uint8_t in[MAX_LINK];
    uint32_t in_size, needed;

    uint8_t out[MAX_REPLY];
    uint32_t out_size, written;
    bool refused; /* what is in OUT ends the link */

    SpiceLinkMess message;
    uint32_t common_caps;
    uint32_t caps[CHANNEL_CAP_WORDS];
};

static void expect(struct link *link, enum link_state state, uint32_t size)
{
    link->state = state;
    link->needed = size;
    link->in_size = 0;
}

/* Frees all but the stream, which is returned. */
static struct stream *end(struct link *link)
{
    struct stream *stream = link->stream;

    g_queue_remove(&link->server->links, link);
    loop_watch_destroy(link->watch);
    loop_timer_destroy(link->timer);
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

static void add_out(struct link *link, const void *data, size_t size)
{
    memcpy(link->out + link->out_size, data, size);
    link->out_size += size;
}

/* The link reply; KEY and CHANNEL are NULL for refusals. */
static void reply(struct link *link, uint32_t error, const uint8_t *key,
                  const struct channel *channel)
{
    uint32_t common = 1u << SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION |
                      1u << SPICE_COMMON_CAP_AUTH_SPICE | 1u << SPICE_COMMON_CAP_MINI_HEADER;
    SpiceLinkHeader header = {.magic = SPICE_MAGIC,
                              .major_version = GUINT32_TO_LE(SPICE_VERSION_MAJOR),
                              .minor_version = GUINT32_TO_LE(SPICE_VERSION_MINOR)};
    SpiceLinkReply body = {.error = GUINT32_TO_LE(error)};
    uint32_t words = 0, size = sizeof(body);

    if (channel != NULL) {
        /* Words of zeros at the end say nothing. */
        for (uint32_t i = 0; i < CHANNEL_CAP_WORDS; i++) {
            words = channel->caps[i] != 0 ? i + 1 : words;
        }
        memcpy(body.pub_key, key, sizeof(body.pub_key));
        body.num_common_caps = GUINT32_TO_LE(COMMON_CAPS);
        body.num_channel_caps = GUINT32_TO_LE(words);
        body.caps_offset = GUINT32_TO_LE((uint32_t)sizeof(body));
        size += (COMMON_CAPS + words) * sizeof(uint32_t);
    }
    header.size = GUINT32_TO_LE(size);
    add_out(link, &header, sizeof(header));
    add_out(link, &body, sizeof(body));
    if (channel != NULL) {
        common = GUINT32_TO_LE(common);
        add_out(link, &common, sizeof(common));
        for (uint32_t i = 0; i < words; i++) {
            uint32_t word = GUINT32_TO_LE(channel->caps[i]);

            add_out(link, &word, sizeof(word));
        }
    }
}

static void refuse_link(struct link *link, uint32_t error)
{
    reply(link, error, NULL, NULL);
    link->refused = true;
}

static void result(struct link *link, uint32_t error)
{
    error = GUINT32_TO_LE(error);
    add_out(link, &error, sizeof(error));
    link->refused = error != SPICE_LINK_ERR_OK;
}

/* False: the link is closed without an answer. */
static bool handle_header(struct link *link)
{
    SpiceLinkHeader header;
    uint32_t size;

    memcpy(&header, link->in, sizeof(header));
    size = GUINT32_FROM_LE(header.size);
    if (GUINT32_FROM_LE(header.major_version) == 0) {
        return false;
    }
    if (GUINT32_FROM_LE(header.major_version) != SPICE_VERSION_MAJOR) {
        refuse_link(link, SPICE_LINK_ERR_VERSION_MISMATCH);
    } else if (size < sizeof(SpiceLinkMess) || size > MAX_LINK) {
        refuse_link(link, SPICE_LINK_ERR_INVALID_DATA);
    } else {
        expect(link, LINK_MESSAGE, size);
    }
    return true;
}

/* Copies up to MAX of COUNT capability words. */
static void read_caps(uint32_t *caps, uint32_t max, const uint8_t *in, uint32_t count)
{
    for (uint32_t i = 0; i < MIN(count, max); i++) {
        uint32_t word;

        memcpy(&word, in + i * sizeof(word), sizeof(word));
        caps[i] = GUINT32_FROM_LE(word);
    }
}

static bool parse_message(struct link *link)
{
    SpiceLinkMess *message = &link->message;
    uint32_t common, channel, offset;

    memcpy(message, link->in, sizeof(*message));
    message->connection_id = GUINT32_FROM_LE(message->connection_id);
    common = GUINT32_FROM_LE(message->num_common_caps);
    channel = GUINT32_FROM_LE(message->num_channel_caps);
    offset = GUINT32_FROM_LE(message->caps_offset);
    if (common > MAX_CAPS || channel > MAX_CAPS || offset < sizeof(*message) ||
        offset > link->needed || (common + channel) * sizeof(uint32_t) > link->needed - offset) {
        return false;
    }
    read_caps(&link->common_caps, COMMON_CAPS, link->in + offset, common);
    read_caps(link->caps, CHANNEL_CAP_WORDS, link->in + offset + common * sizeof(uint32_t),
              channel);
    return true;
}

static bool client_has(const struct link *link, unsigned common_capability)
{
    return link->common_caps >> common_capability & 1;
}

static bool handle_message(struct link *link)
{
    SpiceServer *server = link->server;
    const uint8_t *key;
    struct channel *channel;

    if (!parse_message(link)) {
        refuse_link(link, SPICE_LINK_ERR_INVALID_DATA);
        return true;
    }
    channel = server_find_channel(server, link->message.channel_type, link->message.channel_id);
    if (channel == NULL) {
        refuse_link(link, SPICE_LINK_ERR_CHANNEL_NOT_AVAILABLE);
        return true;
    }
    if (!(server_channel_security(server, channel->type) & SPICE_CHANNEL_SECURITY_NONE)) {
        refuse_link(link, SPICE_LINK_ERR_NEED_SECURED);
        return true;
    }
    key = ticket_public_key(&server->ticket);
    if (key == NULL) {
        refuse_link(link, SPICE_LINK_ERR_ERROR);
        return true;
    }
    reply(link, SPICE_LINK_ERR_OK, key, channel);
    if (client_has(link, SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION)) {
        expect(link, LINK_MECHANISM, sizeof(SpiceLinkAuthMechanism));
    } else {
        expect(link, LINK_TICKET, TICKET_BYTES);
    }
    return true;
}

static bool handle_mechanism(struct link *link)
{
    SpiceLinkAuthMechanism chosen;

    memcpy(&chosen, link->in, sizeof(chosen));
    if (GUINT32_FROM_LE(chosen.auth_mechanism) == SPICE_COMMON_CAP_AUTH_SPICE) {
        expect(link, LINK_TICKET, TICKET_BYTES);
    } else {
        /* What every client understands, spice-wire.md section 1.4. */
        result(link, SPICE_LINK_ERR_PERMISSION_DENIED);
    }
    return true;
}

static bool handle_ticket(struct link *link)
{
    const SpiceLinkMess *message = &link->message;
    SpiceServer *server = link->server;
    uint32_t error = SPICE_LINK_ERR_OK;

    if (!ticket_check(&server->ticket, link->in, link->skip_auth)) {
        error = SPICE_LINK_ERR_PERMISSION_DENIED;
    } else if (server_find_channel(server, message->channel_type, message->channel_id) == NULL) {
        error = SPICE_LINK_ERR_CHANNEL_NOT_AVAILABLE;
    } else if (message->channel_type == SPICE_CHANNEL_MAIN
                   ? message->connection_id != 0
                   : server_find_client(server, message->connection_id) == NULL) {
        error = SPICE_LINK_ERR_BAD_CONNECTION_ID;
    }
    result(link, error);
    expect(link, LINK_DONE, 0);
    return true;
}

/* The result is on its way: the connection becomes a channel's. */
static void hand_over(struct link *link)
{
    SpiceServer *server = link->server;
    uint8_t type = link->message.channel_type, id = link->message.channel_id;
    struct channel *channel = server_find_channel(server, type, id);
    struct client *client = type == SPICE_CHANNEL_MAIN
                                ? server_new_client(server)
                                : server_find_client(server, link->message.connection_id);
    struct channel_link ready = {.stream = link->stream,
                                 .client = client,
                                 .mini_header = client_has(link, SPICE_COMMON_CAP_MINI_HEADER),
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
    if (type == SPICE_CHANNEL_INPUTS) {
        main_channel_notify(client, "keyboard channel is insecure");
    }
    channel_attach(channel, &ready);
}

static bool handle(struct link *link)
{
    switch (link->state) {
    case LINK_HEADER:
        return handle_header(link);
    case LINK_MESSAGE:
        return handle_message(link);
    case LINK_MECHANISM:
        return handle_mechanism(link);
    case LINK_TICKET:
        return handle_ticket(link);
    default:
        return true;
    }
}

/* 1: all written, 0: later, -1: the peer has gone. */
static int write_out(struct link *link)
{
    while (link->written < link->out_size) {
        struct iovec piece = {link->out + link->written, link->out_size - link->written};
        ssize_t n = stream_writev(link->stream, &piece, 1);

        if (n < 0) {
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
        }
        link->written += n;
    }
    link->out_size = link->written = 0;
    return 1;
}

/* 1: what the state needs is there, 0: later, -1: the peer has gone. */
static int read_in(struct link *link)
{
    while (link->in_size < link->needed) {
        ssize_t n =
            stream_read(link->stream, link->in + link->in_size, link->needed - link->in_size);

        if (n <= 0) {
            return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
        }
        link->in_size += n;
        /* Not a SPICE client: it may be waiting for our answer to less than a header. */
        if (link->state == LINK_HEADER && link->in_size >= sizeof(uint32_t)) {
            uint32_t magic = SPICE_MAGIC;

            if (memcmp(link->in, &magic, sizeof(magic)) != 0) {
                refuse_link(link, SPICE_LINK_ERR_INVALID_MAGIC);
                return 1;
            }
        }
    }
    return 1;
}

/* Closing with unread data would reset the connection, and the peer never read our answer. */
static void start_draining(struct link *link)
{
    link->state = LINK_DRAIN;
    shutdown(stream_fd(link->stream), SHUT_WR);
    loop_timer_start(link->timer, DRAIN_MS);
}

static bool drained(struct link *link)
{
    ssize_t n = stream_read(link->stream, link->in, sizeof(link->in));

    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

static void advance(struct link *link)
{
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
            drop(link, complete < 0 ? "the peer has gone" : "protocol version 0");
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

bool link_start(SpiceServer *server, int fd, bool skip_auth)
{
    struct link *link;

    if (!prepare_socket(fd)) {
        return false;
    }
    if (server->links.length >= MAX_LINKS) {
        drop(server->links.head->data, "too many others are waiting");
    }
    link = g_new0(struct link, 1);
    link->server = server;
    link->skip_auth = skip_auth;
    link->stream = stream_create(fd);
    link->timer = loop_timer_create(server->loop, on_timeout, link);
    link->watch = loop_watch_create(server->loop, fd, SPICE_WATCH_EVENT_READ, on_socket, link);
    g_queue_push_tail(&server->links, link);
    expect(link, LINK_HEADER, sizeof(SpiceLinkHeader));
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
