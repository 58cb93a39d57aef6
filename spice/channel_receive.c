/*
 * Receiving from a channel's client: its bytes become messages.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/channel_connection.h"

#include <string.h>

/* Reads of what is pending in the stream before the loop's other sources get their turn. */
#define MAX_READS 8

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

void connection_read_pending(struct channel_connection *connection)
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
        connection_read_pending(connection);
    }
}

void connection_socket_ready(int fd G_GNUC_UNUSED, int events, void *opaque)
{
    struct channel_connection *connection = opaque;

    connection->held++; /* answers to several messages leave together */
    if (events & SPICE_WATCH_EVENT_READ && !connection->paused) {
        receive(connection);
    }
    connection->held--;
    if (events & SPICE_WATCH_EVENT_WRITE || !connection->blocked) {
        connection_flush(connection, true);
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
    connection_read_pending(connection);
    connection->held--;
    connection_update_watch(connection, connection->blocked);
    if (!connection->blocked) {
        connection_flush(connection, true);
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
        connection_update_watch(connection, connection->blocked);
    } else {
        post_resume(connection);
    }
}
