/*
 * Channels and connections: who is connected.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/channel_connection.h"
#include "spice/channel_move.h"
#include "spice/client.h"
#include "spice/server_state.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#define RECEIVE_BUFFER 4096

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
    const struct channel_connection *connection = cc->connection;

    return (connection->blocked && !connection->gave_way) || !connection_has_window(connection);
}

void channel_client_limit_unsent(struct channel_client *cc, int bytes)
{
    struct channel_connection *connection = cc->connection;

    if (connection->unsent_limit != 0 && connection->unsent_limit <= bytes) {
        return;
    }
    connection->unsent_limit = bytes;
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
    connection->stall_timer =
        loop_timer_create(channel->loop, connection_stall_timer_fired, connection);
    connection->watch =
        loop_watch_create(channel->loop, stream_fd(link->stream), SPICE_WATCH_EVENT_READ,
                          connection_socket_ready, connection);
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
    connection_read_pending(connection);
    connection->held--;
    connection_flush(connection, true);
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
