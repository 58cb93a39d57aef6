/*
 * Sending to a channel's client: asking its type for messages, writing them, and giving up on a
 * client that does not take them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/channel_move.h"

#include <limits.h>

/* How much is asked of produce() before it is written; small, so that decisions can be late. */
#define BATCH_BYTES    (64 * 1024)
#define BATCH_MESSAGES 32
/* Batches written before the loop's other sources get their turn. */
#define MAX_BATCHES 16
/* A client that takes nothing and acknowledges nothing for so long is gone. */
#define STALL_MS 30000

/* Asks the type for messages, as many as are worth a system call. */
static bool produce_batch(struct channel_connection *connection)
{
    struct channel_client *cc = connection->cc;

    while (connection->queue.bytes < BATCH_BYTES && connection->queue.count < BATCH_MESSAGES &&
           !connection->gave_way && connection_can_produce(connection)) {
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

void connection_stall_timer_fired(void *opaque)
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

void connection_update_watch(struct channel_connection *connection, bool want_write)
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

void connection_flush(struct channel_connection *connection, bool produce)
{
    bool more = false;

    if (connection->closed || connection->flushing || connection->held > 0) {
        return;
    }
    connection->flushing = true;
    connection->gave_way = false;
    for (int i = 0; i < MAX_BATCHES && !connection->gave_way; i++) {
        if (produce) {
            produce_batch(connection);
        }
        more = connection->queue.count > 0 || connection->gave_way;
        if (!more) {
            break;
        }
        if (!write_queue(connection)) {
            connection->gave_way = false; /* it waits for its socket */
            break;
        }
    }
    connection->flushing = false;
    /* The socket may still have room: its being writable brings us back. */
    connection_update_watch(connection, more && (produce || connection->queue.count > 0));
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
        connection_flush(connection, false);
    }
}

void channel_client_give_way(struct channel_client *cc)
{
    cc->connection->gave_way = true;
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
        connection_flush(cc->connection, true);
    }
}
