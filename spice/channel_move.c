/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/channel_move.h"

#include "spice/client.h"
#include "spice/migrate.h"
#include "spice/migrate_state.h"
#include "spice/server.h"

/* The source. */

static bool has_state(const struct channel_connection *connection)
{
    return connection->cc->channel->ops->state_magic != 0;
}

void connection_leave(struct channel_connection *connection)
{
    struct channel_client *cc = connection->cc;

    if (connection->move != MOVE_NONE) {
        channel_client_close(cc, "has to move on before it has arrived");
        return;
    }
    connection->move = MOVE_LEAVES;
    if (cc->channel->ops->leave != NULL) {
        cc->channel->ops->leave(cc);
    }
    channel_client_wake(cc);
}

void connection_all_produced(struct channel_connection *connection)
{
    struct message *message;

    if (connection->move != MOVE_LEAVES) {
        return;
    }
    message = message_create(SPICE_MSG_MIGRATE);
    message_add_u32(message, has_state(connection)
                                 ? SPICE_MIGRATE_NEED_FLUSH | SPICE_MIGRATE_NEED_DATA_TRANSFER
                                 : 0);
    connection->move = MOVE_ENDS;
    channel_client_pause(connection->cc, false); /* what the client still says is part of it */
    channel_client_send(connection->cc, message);
}

bool connection_flushed(struct channel_connection *connection)
{
    struct message *message;

    if (connection->move != MOVE_ENDS || !has_state(connection)) {
        return false;
    }
    message = state_message(connection->cc->channel->ops->state_magic);
    connection->cc->channel->ops->save(connection->cc, message);
    channel_client_send(connection->cc, message);
    connection->move = MOVE_GONE;
    return true;
}

/* The target. */

void connection_expect_state(struct channel_connection *connection)
{
    if (has_state(connection)) {
        connection->move = MOVE_ARRIVES;
    }
}

struct arrival {
    SpiceServer *server;
    struct client *client;
};

static void on_arrival(void *opaque)
{
    struct arrival *arrival = opaque;

    migrate_state_arrived(arrival->server, arrival->client);
    client_unref(arrival->client);
    g_free(arrival);
}

/* It is no longer waited for, in one way or the other. */
static void end_arrival(struct channel_connection *connection)
{
    struct arrival *arrival = g_new(struct arrival, 1);

    connection->move = MOVE_NONE;
    arrival->server = connection->cc->channel->server;
    arrival->client = client_ref(connection->cc->client);
    event_loop_post(server_loop(arrival->server), on_arrival, arrival);
}

bool connection_load(struct channel_connection *connection, const uint8_t *state, uint32_t size)
{
    const struct channel_ops *ops = connection->cc->channel->ops;
    struct message_reader reader = message_reader(state, size);

    if (!state_read_header(&reader, ops->state_magic) ||
        !ops->load(connection->cc, state, size, &reader)) {
        return false;
    }
    end_arrival(connection);
    connection_start(connection);
    return true;
}

void connection_move_finish(struct channel_connection *connection)
{
    if (connection->move == MOVE_ARRIVES) {
        end_arrival(connection);
    }
}
