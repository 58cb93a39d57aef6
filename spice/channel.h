/*
 * Channels and the clients connected to them.
 *
 * A struct channel is one (type, id) that the server offers. Its clients' sockets are served on the
 * channel's event loop: the IO thread's for main and inputs, a worker's for display and cursor. The
 * base does framing, headers, flow control, pings and teardown; each type adds its operations.
 * Sending is pulled: when the socket and the ack window have room, produce() is asked for the next
 * message, so what a slow client has not been sent yet can still be changed or dropped.
 *
 * Facts: spice-wire.md section 1. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/event_loop.h"
#include "spice/message.h"
#include "spice/stream.h"

struct channel;
struct channel_client;
struct client;
struct message_reader;

struct channel_ops {
    size_t
        client_size; /* of the type's client struct, whose first member is struct channel_client */
    uint32_t max_message; /* largest body a client may send; larger ones close the connection */
    bool has_ack_window;  /* SET_ACK and counting, spice-wire.md section 1.11 */

    /* All on the channel's thread. */
    /* A client has been authenticated; everything in the client struct after the base is zero. */
    bool (*connect)(struct channel_client *cc);
    /* One message, base messages excepted. False: a protocol error; the connection is closed. */
    bool (*receive)(struct channel_client *cc, uint16_t type, const uint8_t *body, uint32_t size);
    /* There is room: channel_client_send() at least one message, or return false: nothing to send.
     */
    bool (*produce)(struct channel_client *cc);
    /* An answer to a ping of the type's own, with an id below 16. May be NULL. */
    void (*pong)(struct channel_client *cc, uint32_t id, uint64_t timestamp);
    /* The last call for CC: free what the type holds. */
    void (*disconnect)(struct channel_client *cc);

    /* Clients that move to another server, spice/channel_move.h. */
    /* The machine is elsewhere now: produce() shall give all that is left. May be NULL. */
    void (*leave)(struct channel_client *cc);
    /* What clients take along. 0 for none; else STATE_MAGIC() and the rest are to be there. */
    uint32_t state_magic;
    uint32_t max_state; /* bytes */
    /* Adds to STATE, which has its header. */
    void (*save)(struct channel_client *cc, struct message *state);
    /* The whole STATE, as it came from the client; READER is behind the header. False: wrong. */
    bool (*load)(struct channel_client *cc, const uint8_t *state, uint32_t size,
                 struct message_reader *reader);
};

#define CHANNEL_CAP_WORDS 2

struct channel {
    SpiceServer *server;
    const struct channel_ops *ops;
    struct event_loop *loop;
    uint8_t type; /* SPICE_CHANNEL_* */
    uint8_t id;
    uint32_t caps[CHANNEL_CAP_WORDS]; /* what the link reply announces; set before registering */
    GList *clients;                   /* of struct channel_client; the channel's thread only */
    void *opaque;                     /* the type's own */
};

/* Any thread; the channel is offered to clients once registered (IO thread: server_add_channel). */
void channel_init(struct channel *channel, SpiceServer *server, uint8_t type, uint8_t id,
                  const struct channel_ops *ops, struct event_loop *loop, void *opaque);
/*
 * On the channel's thread: disconnects its clients. Runs what is posted to the loop, so that no
 * connection on its way is left behind.
 */
void channel_finish(struct channel *channel);
void channel_set_capability(struct channel *channel, unsigned capability);

/* A connection that has passed the link stage. */
struct channel_link {
    struct stream *stream;
    struct client *client;
    bool mini_header;
    uint32_t common_caps;
    uint32_t caps[CHANNEL_CAP_WORDS]; /* the client's; further words are ignored */
    bool resumes;                     /* it goes on with what the client had at another server */
};

/* IO thread: hands LINK's stream over to the channel's thread, where connect() is called. */
void channel_attach(struct channel *channel, const struct channel_link *link);
/* IO thread: closes CLIENT's connection to this channel, if it has one; does not wait. */
void channel_detach(struct channel *channel, struct client *client);
/* IO thread: CLIENT, if connected, is to go to another server with its state. */
void channel_leave(struct channel *channel, struct client *client);

/* A client's connection to a channel; the base of the types' client structs. */
struct channel_client {
    struct channel *channel;
    struct client *client;
    struct channel_connection *connection; /* the base's own */
    uint32_t common_caps;
    uint32_t caps[CHANNEL_CAP_WORDS];
    bool resumes; /* as in its link; load() follows connect() if there is one */
};

/* On the channel's thread, all of these. */
bool channel_client_has_cap(const struct channel_client *cc, unsigned capability);
bool channel_client_is_local(const struct channel_client *cc);
/* Is it connected so that messages can have descriptors? */
bool channel_client_can_have_fds(const struct channel_client *cc);
const SpiceChannelEventInfo *channel_client_info(const struct channel_client *cc);
/* Takes MESSAGE; it is written when the socket has room, in order. */
void channel_client_send(struct channel_client *cc, struct message *message);
/* Writes what the socket takes of that now, also inside produce(). */
void channel_client_push(struct channel_client *cc);
/* What messages that are still to be written reference is copied and released now. */
void channel_client_own_messages(struct channel_client *cc);
/* There may be something to produce now. Cheap when there is not, or when the socket is full. */
void channel_client_wake(struct channel_client *cc);
/*
 * Inside produce(): no more is asked of it before the loop's other sources have had their turn.
 * What it has sent is written first.
 */
void channel_client_give_way(struct channel_client *cc);
/* Messages not wholly written yet. */
unsigned channel_client_backlog(const struct channel_client *cc);
/* What a connection has sent, and how long its acknowledgements took, a few of them measured. */
struct channel_traffic {
    uint64_t messages, bytes; /* written wholly or in part, and queued */
    uint64_t acks, ack_ns, ack_max_ns;
};
const struct channel_traffic *channel_client_traffic(const struct channel_client *cc);
/* Messages that it has not acknowledged, if it is asked to. */
unsigned channel_client_unacknowledged(const struct channel_client *cc);
/* Since when an answer of its is due, monotonic us: to a ping, or an ACK. INT64_MAX: none is. */
int64_t channel_client_answer_due(const struct channel_client *cc);
/* The serial that the next message sent will have. */
uint64_t channel_client_next_serial(const struct channel_client *cc);
void channel_client_set_next_serial(struct channel_client *cc, uint64_t serial);
/* Closes the connection soon (never inside this call); FORMAT says why, for the log. */
void channel_client_close(struct channel_client *cc, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* While paused nothing is read from the client: what it has sent waits in its socket. */
void channel_client_pause(struct channel_client *cc, bool paused);
/* A client that has arrived from another server is asked for signs of life from now on. */
void channel_client_start_pings(struct channel_client *cc);
/* Resumed connections start with the client's state, from now on if not already. */
void channel_client_expect_state(struct channel_client *cc);
/* Is that still to come? */
bool channel_client_expects_state(const struct channel_client *cc);
/* Has it been closed, with disconnect() still to come? */
bool channel_client_is_closed(const struct channel_client *cc);
/* Is its socket or its ack window full? */
bool channel_client_is_full(const struct channel_client *cc);
/*
 * From now on its socket is full when about so many BYTES wait in it that the network does not take
 * yet, for what is worth less the later it comes. The least limit holds. Only TCP can do that.
 */
void channel_client_limit_unsent(struct channel_client *cc, int bytes);

/* Reading a client's message: false (and zero) when it ends too early. */
struct message_reader {
    const uint8_t *data;
    uint32_t left;
    bool failed;
};
static inline struct message_reader message_reader(const uint8_t *body, uint32_t size)
{
    return (struct message_reader){body, size, false};
}
uint8_t message_read_u8(struct message_reader *reader);
uint16_t message_read_u16(struct message_reader *reader);
uint32_t message_read_u32(struct message_reader *reader);
uint64_t message_read_u64(struct message_reader *reader);
