/*
 * The messages that all channels have: flow control and pings, spice-wire.md 1.9 to 1.12.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/channel_move.h"
#include "spice/client.h"

#include <string.h>

#define ACK_WINDOW      20
#define SLOW_ACK_WINDOW 40

#define FIRST_PING_MS 100
#define PING_MS       15000 /* main and display, whose latency matters and who show liveness */
#define SLOW_PING_MS  300000
/* Ticks of the ping timer without a byte from the client before it is taken for dead. */
#define MAX_IDLE_TICKS 2
/* Ids below are for the types' own use (the main channel's network test). */
#define FIRST_PING_ID 16

static unsigned ping_period(const struct channel *channel)
{
    return channel->type == SPICE_CHANNEL_MAIN || channel->type == SPICE_CHANNEL_DISPLAY
               ? PING_MS
               : SLOW_PING_MS;
}

static void on_ping_timer(void *opaque)
{
    struct channel_connection *connection = opaque;
    struct channel_client *cc = connection->cc;

    if (connection->closed) {
        return;
    }
    if (!connection->ping.outstanding) {
        struct message *message = message_create(SPICE_MSG_PING);

        connection->ping.outstanding = true;
        connection->ping.sent = g_get_monotonic_time();
        connection->ping.idle_ticks = 0;
        message_add_u32(message, ++connection->ping.id);
        message_add_u64(message, (uint64_t)connection->ping.sent * 1000);
        channel_client_send(cc, message);
    } else if (++connection->ping.idle_ticks >= MAX_IDLE_TICKS) {
        channel_client_close(cc, "has not answered for %u s",
                             MAX_IDLE_TICKS * ping_period(cc->channel) / 1000);
        return;
    }
    loop_timer_start(connection->ping.timer, ping_period(cc->channel));
}

void connection_start(struct channel_connection *connection)
{
    struct channel_client *cc = connection->cc;

    if (cc->channel->ops->has_ack_window) {
        struct message *message = message_create(SPICE_MSG_SET_ACK);

        connection->window = client_is_slow(cc->client) ? SLOW_ACK_WINDOW : ACK_WINDOW;
        connection->generation = 1;
        connection->unacknowledged = 0;
        message_add_u32(message, connection->generation);
        message_add_u32(message, connection->window);
        channel_client_send(cc, message);
    }
    /* A client that is still at another server does not read; its main channel is the first. */
    if (cc->channel->type != SPICE_CHANNEL_MAIN || !cc->client->arriving) {
        connection_start_pings(connection);
    }
}

void connection_start_pings(struct channel_connection *connection)
{
    struct channel_client *cc = connection->cc;

    /* A peer on this host is gone when its socket is; the main channel is watched all the same. */
    if (cc->channel->type == SPICE_CHANNEL_MAIN || !channel_client_is_local(cc)) {
        connection->ping.id = FIRST_PING_ID - 1;
        connection->ping.timer = loop_timer_create(cc->channel->loop, on_ping_timer, connection);
        loop_timer_start(connection->ping.timer, FIRST_PING_MS);
    }
}

static void count_ack(struct channel_connection *connection)
{
    struct channel_traffic *traffic = &connection->traffic;
    uint64_t ns;

    if (connection->ack_asked == 0)
        return;
    ns = (uint64_t)(g_get_monotonic_time() - connection->ack_asked) * 1000;
    connection->ack_asked = 0;
    traffic->acks++;
    traffic->ack_ns += ns;
    traffic->ack_max_ns = MAX(traffic->ack_max_ns, ns);
}

/* An ACK nobody asked for must not wrap the count. */
static void receive_ack(struct channel_connection *connection)
{
    if (connection->client_generation == connection->generation) {
        connection->unacknowledged -= MIN(connection->unacknowledged, connection->window);
        connection->progress++;
        count_ack(connection);
    }
}

static bool receive_pong(struct channel_connection *connection, const uint8_t *body, uint32_t size)
{
    struct channel_client *cc = connection->cc;
    struct message_reader reader = message_reader(body, size);
    uint32_t id = message_read_u32(&reader);
    uint64_t timestamp = message_read_u64(&reader);

    if (reader.failed) {
        return false;
    }
    if (connection->ping.outstanding && id == connection->ping.id) {
        connection->ping.outstanding = false;
    } else if (cc->channel->ops->pong != NULL) {
        cc->channel->ops->pong(cc, id, timestamp);
    }
    return true;
}

unsigned channel_client_unacknowledged(const struct channel_client *cc)
{
    return cc->connection->unacknowledged;
}

int64_t channel_client_answer_due(const struct channel_client *cc)
{
    const struct channel_connection *connection = cc->connection;
    int64_t ack = connection->ack_asked != 0 ? connection->ack_asked : INT64_MAX;

    return connection->ping.outstanding ? MIN(ack, connection->ping.sent) : ack;
}

bool connection_receive(struct channel_connection *connection, uint16_t type, const uint8_t *body,
                        uint32_t size)
{
    struct message_reader reader = message_reader(body, size);

    if (connection->move == MOVE_ARRIVES) {
        return type == SPICE_MSGC_MIGRATE_DATA && connection_load(connection, body, size);
    }
    if (connection->move == MOVE_GONE) {
        return true;
    }
    switch (type) {
    case SPICE_MSGC_MIGRATE_FLUSH_MARK:
        return connection_flushed(connection);
    case SPICE_MSGC_ACK_SYNC:
        connection->client_generation = message_read_u32(&reader);
        return !reader.failed;
    case SPICE_MSGC_ACK:
        receive_ack(connection);
        return true;
    case SPICE_MSGC_PONG:
        return receive_pong(connection, body, size);
    case SPICE_MSGC_DISCONNECTING:
        return true; /* an announcement; the end of the stream is what counts */
    default:
        return type > SPICE_MSG_BASE_LAST &&
               connection->cc->channel->ops->receive(connection->cc, type, body, size);
    }
}

static const uint8_t *take(struct message_reader *reader, uint32_t size)
{
    const uint8_t *data = reader->data;

    if (size > reader->left) {
        reader->failed = true;
        reader->left = 0;
        return NULL;
    }
    reader->data += size;
    reader->left -= size;
    return data;
}

uint8_t message_read_u8(struct message_reader *reader)
{
    const uint8_t *data = take(reader, 1);

    return data != NULL ? *data : 0;
}

uint16_t message_read_u16(struct message_reader *reader)
{
    const uint8_t *data = take(reader, sizeof(uint16_t));
    uint16_t value = 0;

    if (data != NULL) {
        memcpy(&value, data, sizeof(value));
    }
    return GUINT16_FROM_LE(value);
}

uint32_t message_read_u32(struct message_reader *reader)
{
    const uint8_t *data = take(reader, sizeof(uint32_t));
    uint32_t value = 0;

    if (data != NULL) {
        memcpy(&value, data, sizeof(value));
    }
    return GUINT32_FROM_LE(value);
}

uint64_t message_read_u64(struct message_reader *reader)
{
    const uint8_t *data = take(reader, sizeof(uint64_t));
    uint64_t value = 0;

    if (data != NULL) {
        memcpy(&value, data, sizeof(value));
    }
    return GUINT64_FROM_LE(value);
}
