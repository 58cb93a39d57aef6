/*
 * A client's connection to a channel from the inside, for channel*.c only: who is connected
 * (channel.c), sending, receiving, and the messages that all channels have (channel_base.c).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/channel.h"
#include "spice/send_queue.h"

#include <spice/protocol.h>

/* Of a message that all channels have, spice-wire.md section 8.1. */
#define MAX_BASE_MESSAGE 64

struct channel_connection {
    struct channel_client *cc;
    struct stream *stream;
    struct loop_watch *watch;
    bool mini_header;
    bool closed; /* destroy_connection() has been posted */
    bool paused; /* by the type: nothing is read */
    bool resume_posted;

    /* Received and not handled yet: at most one message, which the buffer has room for. */
    uint8_t *in;
    uint32_t in_size, in_capacity;

    /* To or from another server, spice/channel_move.h. */
    enum {
        MOVE_NONE,
        MOVE_ARRIVES, /* its state is the next message; nothing is produced until then */
        MOVE_LEAVES,  /* what is left is produced */
        MOVE_ENDS,    /* MIGRATE was the last message */
        MOVE_GONE,    /* the client has the state; what it says is for the other server */
    } move;

    struct send_queue queue;
    uint64_t serial;  /* of the message queued last */
    bool blocked;     /* the socket is full; its watch tells when it no longer is */
    bool flushing;    /* produce() sends into the queue that is being written */
    bool gave_way;    /* produce() has had its turn: blocked without a full socket */
    unsigned held;    /* > 0: messages are collected first */
    int unsent_limit; /* channel_client_limit_unsent(); 0: none */

    /* A client that stops taking data or acknowledging it. */
    struct loop_timer *stall_timer;
    bool stall_timer_runs;
    uint64_t progress; /* counts writes and ACKs */
    uint64_t progress_at_stall;

    /* Flow control, spice-wire.md section 1.11; a window of 0: none. */
    uint32_t window;
    uint32_t generation, client_generation;
    uint32_t unacknowledged; /* messages */
    int64_t ack_asked; /* monotonic us, when the message was queued that an ACK is for; 0: none */
    struct channel_traffic traffic;

    struct {
        struct loop_timer *timer;
        uint32_t id; /* of the last one */
        bool outstanding;
        int64_t sent;        /* that one, monotonic us */
        unsigned idle_ticks; /* of the timer, in which nothing came while one was outstanding */
    } ping;
};

/* Is the ack window open? */
static inline bool connection_has_window(const struct channel_connection *connection)
{
    return connection->window == 0 || connection->unacknowledged <= 2 * connection->window;
}

/* May produce() be asked? */
static inline bool connection_can_produce(const struct channel_connection *connection)
{
    return !connection->closed && connection_has_window(connection) &&
           (connection->move == MOVE_NONE || connection->move == MOVE_LEAVES);
}

/* channel_send.c */
/* Sees to it that a connection that cannot send now gives up some day. */
void connection_watch_stall(struct channel_connection *connection);
void connection_stall_timer_fired(void *connection);
/* Watches for what is wanted of the socket now; WANT_WRITE: it is full. */
void connection_update_watch(struct channel_connection *connection, bool want_write);
/* Writes queued messages, and with PRODUCE new ones, while there are some and the socket takes
 * them. */
void connection_flush(struct channel_connection *connection, bool produce);

/* channel_receive.c */
/* The socket's watch. */
void connection_socket_ready(int fd, int events, void *connection);
/* What the stream has read already, of which the watch does not tell. */
void connection_read_pending(struct channel_connection *connection);

/* channel_base.c: before the type's connect(). */
void connection_start(struct channel_connection *connection);
void connection_start_pings(struct channel_connection *connection);
/* A whole message, for the base or the type. False: a protocol error. */
bool connection_receive(struct channel_connection *connection, uint16_t type, const uint8_t *body,
                        uint32_t size);
