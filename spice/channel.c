/*
 * Channels and connections: who is connected, sending and receiving.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/channel_connection.h"
#include "spice/channel_move.h"
#include "spice/client.h"
#include "spice/server_state.h"

#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

/* How much is asked of produce() before it is written; small, so that decisions can be late. */
#define BATCH_BYTES    (64 * 1024)
#define BATCH_MESSAGES 32
/* Batches written before the loop's other sources get their turn. */
#define MAX_BATCHES 16
/* A client that takes nothing and acknowledges nothing for so long is gone. */
#define STALL_MS 30000

#define RECEIVE_BUFFER 4096
/* Reads of what is pending in the stream before the loop's other sources get their turn. */
#define MAX_READS 8

void channel_init(struct channel *channel, SpiceServer *server, uint8_t type, uint8_t id,
                  const struct channel_ops *ops, struct event_loop *loop, void *opaque)
{
    *channel = (struct channel){
        .server = server, .ops = ops, .loop = loop, .type = type, .id = id, .opaque = opaque};
}

void channel_set_capability(struct channel *channel, unsigned capability)
{
    channel->caps[capability / 32] |= 1u << capability % 32;
}

bool channel_client_has_cap(const struct channel_client *cc, unsigned capability)
{
    return capability / 32 < CHANNEL_CAP_WORDS && cc->caps[capability / 32] >> capability % 32 & 1;
}

bool channel_client_is_local(const struct channel_client *cc)
{
    return stream_is_local(cc->connection->stream);
}

bool channel_client_can_have_fds(const struct channel_client *cc)
{
    return stream_can_send_fds(cc->connection->stream);
}

const SpiceChannelEventInfo *channel_client_info(const struct channel_client *cc)
{
    return stream_info(cc->connection->stream);
}

bool channel_client_is_closed(const struct channel_client *cc)
{
    return cc->connection->closed;
}

bool channel_client_is_full(const struct channel_client *cc)
{
    return cc->connection->blocked || !connection_has_window(cc->connection);
}

void channel_client_limit_unsent(struct channel_client *cc, int bytes)
{
    setsockopt(stream_fd(cc->connection->stream), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes,
               sizeof(bytes));
}

void channel_client_set_next_serial(struct channel_client *cc, uint64_t serial)
{
    cc->connection->serial = serial - 1;
}

void channel_client_expect_state(struct channel_client *cc)
{
    connection_expect_state(cc->connection);
}

bool channel_client_expects_state(const struct channel_client *cc)
{
    return cc->connection->move == MOVE_ARRIVES;
}

void channel_client_start_pings(struct channel_client *cc)
{
    connection_start_pings(cc->connection);
}

unsigned channel_client_backlog(const struct channel_client *cc)
{
    return cc->connection->queue.count;
}

uint64_t channel_client_next_serial(const struct channel_client *cc)
{
    return cc->connection->serial + 1;
}

static void destroy_connection(void *opaque)
{
    struct channel_connection *connection = opaque;
    struct channel_client *cc = connection->cc;
    struct channel *channel = cc->channel;
    struct client *client = cc->client;

    channel->clients = g_list_remove(channel->clients, cc);
    channel->ops->disconnect(cc);
    connection_move_finish(connection);
    send_queue_finish(&connection->queue);
    loop_timer_destroy(connection->ping.timer);
    loop_timer_destroy(connection->stall_timer);
    server_release_stream(channel->server, connection->stream);
    g_free(connection->in);
    g_free(connection);
    g_free(cc);
    client_unref(client);
}

void channel_client_close(struct channel_client *cc, const char *format, ...)
{
    struct channel_connection *connection = cc->connection;

    if (connection->closed) {
        return;
    }
    connection->closed = true;
    if (format != NULL) {
        va_list args;
        char *why;

        va_start(args, format);
        why = g_strdup_vprintf(format, args);
        va_end(args);
        g_info("client %08x, channel %u:%u: %s", cc->client->id, cc->channel->type, cc->channel->id,
               why);
        g_free(why);
    }
    loop_watch_destroy(connection->watch);
    connection->watch = NULL;
    event_loop_post(cc->channel->loop, destroy_connection, connection);
}

/* Asks the type for messages, as many as are worth a system call. */
static bool produce_batch(struct channel_connection *connection)
{
    struct channel_client *cc = connection->cc;

    while (connection->queue.bytes < BATCH_BYTES && connection->queue.count < BATCH_MESSAGES &&
           connection_can_produce(connection)) {
        if (!cc->channel->ops->produce(cc)) {
            break;
        }
    }
    return connection->queue.count > 0 && !connection->closed;
}

/* Writes what is queued; false when the socket is full or gone. */
static bool write_queue(struct channel_connection *connection)
{
    struct iovec pieces[IOV_MAX];
    unsigned messages = stream_parts_messages(connection->stream) ? 1 : UINT_MAX;

    while (connection->queue.count > 0) {
        int fd = send_queue_fd(&connection->queue);
        int count = send_queue_gather(&connection->queue, messages, pieces, G_N_ELEMENTS(pieces));
        ssize_t n = fd >= 0 ? stream_send_fd(connection->stream, fd)
                            : stream_writev(connection->stream, pieces, count);

        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return false;
        }
        if (n < 0) {
            channel_client_close(connection->cc, "cannot write: %s", g_strerror(errno));
            return false;
        }
        connection->progress++;
        if (fd >= 0) {
            send_queue_fd_sent(&connection->queue);
        } else {
            send_queue_advance(&connection->queue, n);
        }
    }
    return true;
}

static void on_stall_timer(void *opaque)
{
    struct channel_connection *connection = opaque;

    connection->stall_timer_runs = false;
    if (connection->closed) {
        return;
    }
    if (connection->queue.count == 0 && connection_has_window(connection)) {
        return;
    }
    if (connection->progress == connection->progress_at_stall) {
        channel_client_close(connection->cc, "has taken nothing for %d s", STALL_MS / 1000);
        return;
    }
    connection_watch_stall(connection);
}

void connection_watch_stall(struct channel_connection *connection)
{
    if (connection->stall_timer_runs) {
        return;
    }
    connection->stall_timer_runs = true;
    connection->progress_at_stall = connection->progress;
    loop_timer_start(connection->stall_timer, STALL_MS);
}

static void update_watch(struct channel_connection *connection, bool want_write)
{
    if (connection->closed) {
        return;
    }
    connection->blocked = want_write;
    loop_watch_update(connection->watch, (connection->paused ? 0 : SPICE_WATCH_EVENT_READ) |
                                             (want_write ? SPICE_WATCH_EVENT_WRITE : 0));
    if (want_write || !connection_has_window(connection)) {
        connection_watch_stall(connection);
    }
}

/* Writes queued messages, and new ones while there are some and the socket takes them. */
static void flush(struct channel_connection *connection, bool produce)
{
    bool more = false;

    if (connection->closed || connection->flushing || connection->held > 0) {
        return;
    }
    connection->flushing = true;
    for (int i = 0; i < MAX_BATCHES; i++) {
        if (produce) {
            produce_batch(connection);
        }
        more = connection->queue.count > 0;
        if (!more || !write_queue(connection)) {
            break;
        }
    }
    connection->flushing = false;
    /* After MAX_BATCHES the socket may still have room: its being writable brings us back. */
    update_watch(connection, more && (produce || connection->queue.count > 0));
    if (produce && !more && connection_can_produce(connection)) {
        connection_all_produced(connection);
    }
}

const struct channel_traffic *channel_client_traffic(const struct channel_client *cc)
{
    return &cc->connection->traffic;
}

static void count_message(struct channel_connection *connection, const struct message *message)
{
    connection->traffic.messages++;
    connection->traffic.bytes +=
        message_size(message) +
        (connection->mini_header ? sizeof(SpiceMiniDataHeader) : sizeof(SpiceDataHeader));
    /* Clients do not count the SET_ACK itself, which is the first. */
    if (connection->unacknowledged == connection->window + 1 && connection->window > 0)
        connection->ack_asked = g_get_monotonic_time();
}

void channel_client_send(struct channel_client *cc, struct message *message)
{
    struct channel_connection *connection = cc->connection;

    bool too_late = connection->move >= MOVE_ENDS && message_type(message) != SPICE_MSG_MIGRATE &&
                    message_type(message) != SPICE_MSG_MIGRATE_DATA;

    if (connection->closed || too_late || message_size(message) > UINT32_MAX) {
        message_destroy(message);
        return;
    }
    connection->unacknowledged++;
    count_message(connection, message);
    send_queue_push(&connection->queue, message, connection->mini_header, ++connection->serial);
    if (!connection->blocked) {
        flush(connection, false);
    }
}

void channel_client_push(struct channel_client *cc)
{
    if (!cc->connection->closed && !cc->connection->blocked) {
        write_queue(cc->connection);
    }
}

void channel_client_own_messages(struct channel_client *cc)
{
    send_queue_own(&cc->connection->queue);
}

void channel_client_wake(struct channel_client *cc)
{
    if (!cc->connection->blocked) {
        flush(cc->connection, true);
    }
}

/* Handles the messages that are complete in the buffer and keeps the rest. */
static void parse_received(struct channel_connection *connection)
{
    struct channel_client *cc = connection->cc;
    uint32_t header_size =
        connection->mini_header ? sizeof(SpiceMiniDataHeader) : sizeof(SpiceDataHeader);
    uint32_t at = 0;

    while (!connection->closed && !connection->paused && connection->in_size - at >= header_size) {
        struct message_reader reader = message_reader(connection->in + at, header_size);
        uint32_t size, limit;
        uint16_t type;

        if (!connection->mini_header) {
            message_read_u64(&reader); /* the client's serial, of no use */
        }
        type = message_read_u16(&reader);
        size = message_read_u32(&reader);
        limit = type < SPICE_MSG_BASE_LAST ? MAX_BASE_MESSAGE : cc->channel->ops->max_message;
        if (type == SPICE_MSGC_MIGRATE_DATA && connection->move == MOVE_ARRIVES) {
            limit = cc->channel->ops->max_state;
        }
        if (size > limit) {
            channel_client_close(cc, "message %u of %u bytes, more than %u", type, size, limit);
            return;
        }
        if (connection->in_size - at - header_size < size) {
            if (header_size + size > connection->in_capacity) {
                connection->in_capacity = header_size + size;
                connection->in = g_realloc(connection->in, connection->in_capacity);
            }
            break;
        }
        if (!connection_receive(connection, type, connection->in + at + header_size, size)) {
            channel_client_close(cc, "bad message %u of %u bytes", type, size);
            return;
        }
        at += header_size + size;
    }
    connection->in_size -= at;
    memmove(connection->in, connection->in + at, connection->in_size);
}

/* False: there was nothing. */
static bool read_once(struct channel_connection *connection)
{
    ssize_t n = stream_read(connection->stream, connection->in + connection->in_size,
                            connection->in_capacity - connection->in_size);

    if (n == 0) {
        channel_client_close(connection->cc, "has left");
    } else if (n > 0) {
        connection->in_size += n;
        connection->ping.idle_ticks = 0;
        parse_received(connection);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
        channel_client_close(connection->cc, "cannot read: %s", g_strerror(errno));
    }
    return n > 0;
}

static void post_resume(struct channel_connection *connection);

/* The watch does not tell of what a layer of the stream has read already. */
static void read_pending(struct channel_connection *connection)
{
    for (int i = 0; i < MAX_READS; i++) {
        if (connection->closed || connection->paused || !stream_has_pending(connection->stream) ||
            !read_once(connection)) {
            return;
        }
    }
    post_resume(connection);
}

static void receive(struct channel_connection *connection)
{
    if (read_once(connection)) {
        read_pending(connection);
    }
}

static void on_socket(int fd G_GNUC_UNUSED, int events, void *opaque)
{
    struct channel_connection *connection = opaque;

    connection->held++; /* answers to several messages leave together */
    if (events & SPICE_WATCH_EVENT_READ && !connection->paused) {
        receive(connection);
    }
    connection->held--;
    if (events & SPICE_WATCH_EVENT_WRITE || !connection->blocked) {
        flush(connection, true);
    }
}

/* What had been received before the pause comes first. */
static void resume(void *opaque)
{
    struct channel_connection *connection = opaque;

    connection->resume_posted = false;
    if (connection->closed || connection->paused) {
        return;
    }
    connection->held++;
    parse_received(connection);
    read_pending(connection);
    connection->held--;
    update_watch(connection, connection->blocked);
    if (!connection->blocked) {
        flush(connection, true);
    }
}

static void post_resume(struct channel_connection *connection)
{
    if (!connection->closed && !connection->resume_posted) {
        connection->resume_posted = true;
        event_loop_post(connection->cc->channel->loop, resume, connection);
    }
}

void channel_client_pause(struct channel_client *cc, bool paused)
{
    struct channel_connection *connection = cc->connection;

    /* What a client says before it goes must be heard. */
    if (connection->closed || connection->paused == paused ||
        (paused && connection->move >= MOVE_ENDS)) {
        return;
    }
    connection->paused = paused;
    if (paused) {
        update_watch(connection, connection->blocked);
    } else {
        post_resume(connection);
    }
}

static struct channel_client *find_client(const struct channel *channel,
                                          const struct client *client)
{
    for (GList *l = channel->clients; l != NULL; l = l->next) {
        struct channel_client *cc = l->data;

        if (cc->client == client && !cc->connection->closed) {
            return cc;
        }
    }
    return NULL;
}

/* Work for the channel's thread about one client, whose reference it holds. */
struct channel_task {
    struct channel *channel;
    struct channel_link link;
};

static void attach(void *opaque)
{
    struct channel_task *task = opaque;
    struct channel *channel = task->channel;
    struct channel_link *link = &task->link;
    struct channel_connection *connection;
    struct channel_client *cc;

    if (find_client(channel, link->client) != NULL) {
        g_info("client %08x, channel %u:%u: connected already", link->client->id, channel->type,
               channel->id);
        server_release_stream(channel->server, link->stream);
        client_unref(link->client);
        g_free(task);
        return;
    }
    connection = g_new0(struct channel_connection, 1);
    cc = g_malloc0(channel->ops->client_size);
    cc->channel = channel;
    cc->client = link->client;
    cc->connection = connection;
    cc->common_caps = link->common_caps;
    memcpy(cc->caps, link->caps, sizeof(cc->caps));
    cc->resumes = link->resumes;

    connection->cc = cc;
    connection->stream = link->stream;
    connection->mini_header = link->mini_header;
    connection->in_capacity = RECEIVE_BUFFER;
    connection->in = g_malloc(connection->in_capacity);
    send_queue_init(&connection->queue);
    connection->stall_timer = loop_timer_create(channel->loop, on_stall_timer, connection);
    connection->watch = loop_watch_create(channel->loop, stream_fd(link->stream),
                                          SPICE_WATCH_EVENT_READ, on_socket, connection);
    channel->clients = g_list_append(channel->clients, cc);
    g_free(task);

    connection->held++;
    if (cc->resumes) {
        connection_expect_state(connection);
    }
    if (connection->move != MOVE_ARRIVES) {
        connection_start(connection);
    }
    if (!channel->ops->connect(cc)) {
        channel_client_close(cc, "refused");
    }
    read_pending(connection);
    connection->held--;
    flush(connection, true);
}

void channel_attach(struct channel *channel, const struct channel_link *link)
{
    struct channel_task *task = g_new(struct channel_task, 1);

    *task = (struct channel_task){channel, *link};
    client_ref(link->client);
    event_loop_post(channel->loop, attach, task);
}

static void detach(void *opaque)
{
    struct channel_task *task = opaque;
    struct channel_client *cc = find_client(task->channel, task->link.client);

    if (cc != NULL) {
        channel_client_close(cc, NULL);
    }
    client_unref(task->link.client);
    g_free(task);
}

static void post_task(struct channel *channel, struct client *client, void (*fn)(void *opaque))
{
    struct channel_task *task = g_new0(struct channel_task, 1);

    task->channel = channel;
    task->link.client = client_ref(client);
    event_loop_post(channel->loop, fn, task);
}

void channel_detach(struct channel *channel, struct client *client)
{
    post_task(channel, client, detach);
}

static void leave(void *opaque)
{
    struct channel_task *task = opaque;
    struct channel_client *cc = find_client(task->channel, task->link.client);

    if (cc != NULL) {
        connection_leave(cc->connection);
    }
    client_unref(task->link.client);
    g_free(task);
}

void channel_leave(struct channel *channel, struct client *client)
{
    post_task(channel, client, leave);
}

void channel_finish(struct channel *channel)
{
    /* Connections may still be on their way to us, or from us. */
    event_loop_run_posted(channel->loop);
    for (GList *l = channel->clients; l != NULL; l = l->next) {
        channel_client_close(l->data, NULL);
    }
    while (channel->clients != NULL) {
        event_loop_run_posted(channel->loop);
    }
}
