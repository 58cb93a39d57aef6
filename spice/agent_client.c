/*
 * The agent's clients. Chunks from the guest wait for their sockets and tokens; whole messages from
 * them go to the guest one client at a time.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/agent_private.h"

#include "spice/agent_monitors.h"

/* A client that gives no tokens for so long is disconnected. */
#define TOKEN_WAIT_MS 30000

/* To the guest. */

void agent_client_return_token(struct agent_client *client)
{
    struct message *message;

    if (++client->taken < AGENT_TOKEN_BATCH) {
        return;
    }
    message = message_create(SPICE_MSG_MAIN_AGENT_TOKEN);
    message_add_u32(message, client->taken);
    client->budget += client->taken;
    client->taken = 0;
    channel_client_send(client->main, message);
}

static bool collect_monitors(struct agent_client *client, const uint8_t *data, uint32_t size)
{
    bool valid = client->monitors->len + size <= monitors_message_limit();

    if (valid) {
        g_byte_array_append(client->monitors, data, size);
    }
    if (valid && !agent_filter_is_inside(&client->filter)) {
        valid =
            monitors_deliver(client->agent->server, client->monitors->data, client->monitors->len);
        g_byte_array_set_size(client->monitors, 0);
    }
    return valid;
}

/* One chunk, while no other client speaks. */
static bool hear_client(struct agent_client *client, const uint8_t *data, uint32_t size)
{
    struct agent *agent = client->agent;
    struct agent_rules rules = agent_rules_of(agent);
    enum agent_verdict verdict;

    rules.take_monitors =
        !agent_filter_is_inside(&client->filter) && monitors_are_wanted(agent->server);
    verdict = agent_filter_judge(&client->filter, &rules, data, size);
    agent->speaker = agent_filter_is_inside(&client->filter) ? client : NULL;
    switch (verdict) {
    case AGENT_PASS:
        agent_write_chunk(agent, VDP_CLIENT_PORT, data, size, client->main->client->id);
        return true;
    case AGENT_DROP:
        agent_client_return_token(client);
        return true;
    case AGENT_MONITORS:
        agent_client_return_token(client);
        return collect_monitors(client, data, size);
    case AGENT_BROKEN:
        break;
    }
    agent->speaker = NULL;
    return false;
}

/* Nobody speaks: whoever has waited goes on. */
static void hear_next(struct agent *agent)
{
    for (GList *l = agent->clients; l != NULL && agent->device != NULL;) {
        struct agent_client *client = l->data;
        GBytes *chunk;
        gsize size;

        l = l->next;
        if (agent->speaker != NULL && agent->speaker != client) {
            continue;
        }
        if ((chunk = g_queue_pop_head(&client->incoming)) == NULL) {
            continue;
        }
        const uint8_t *data = g_bytes_get_data(chunk, &size);

        if (!hear_client(client, data, (uint32_t)size)) {
            channel_client_close(client->main, "bad agent message");
            g_queue_clear_full(&client->incoming, (GDestroyNotify)g_bytes_unref);
        }
        g_bytes_unref(chunk);
        l = agent->clients; /* from the beginning: the list may be another now */
    }
}

bool agent_client_data(struct agent_client *client, const uint8_t *data, uint32_t size)
{
    struct agent *agent = client->agent;
    bool valid;

    if (size > VD_AGENT_MAX_DATA_SIZE) {
        return false;
    }
    if (agent->device == NULL || !client->started) {
        return true; /* the agent has just gone, and the client does not know yet */
    }
    if (client->budget == 0) {
        return false;
    }
    client->budget--;
    if (agent->speaker != NULL && agent->speaker != client) {
        g_queue_push_tail(&client->incoming, g_bytes_new(data, size));
        return true;
    }
    valid = hear_client(client, data, size);
    if (agent->speaker == NULL) {
        hear_next(agent);
    }
    return valid;
}

/* From the guest. */

static void on_token_timer(void *opaque)
{
    struct agent_client *client = opaque;

    client->token_timer_runs = false;
    channel_client_close(client->main, "has left the agent without tokens for %d s",
                         TOKEN_WAIT_MS / 1000);
}

void agent_client_watch_tokens(struct agent_client *client)
{
    bool starved = client->waiting.length > 0 && client->tokens == 0;

    if (starved == client->token_timer_runs) {
        return;
    }
    client->token_timer_runs = starved;
    if (starved) {
        loop_timer_start(client->token_timer, TOKEN_WAIT_MS);
    } else {
        loop_timer_cancel(client->token_timer);
    }
}

bool agent_client_produce(struct agent_client *client)
{
    struct agent_device *device = client->agent->device;
    bool was_full = client->waiting.length >= AGENT_MAX_WAITING;

    if (client->waiting.length == 0 || client->tokens == 0) {
        return false;
    }
    if (client->tokens != UINT32_MAX) {
        client->tokens--;
    }
    channel_client_send(client->main, g_queue_pop_head(&client->waiting));
    if (was_full && device != NULL) {
        char_device_wake(&device->base);
    }
    return true;
}

void agent_forward(struct agent *agent, const uint8_t *data, uint32_t size)
{
    for (GList *l = agent->clients; l != NULL; l = l->next) {
        struct agent_client *client = l->data;
        struct message *message;

        if (!client->started || channel_client_is_closed(client->main)) {
            continue;
        }
        message = message_create(SPICE_MSG_MAIN_AGENT_DATA);
        message_add_bytes(message, data, size);
        g_queue_push_tail(&client->waiting, message);
        channel_client_wake(client->main);
        agent_client_watch_tokens(client);
    }
}

bool agent_clients_are_ready(const struct agent *agent)
{
    for (GList *l = agent->clients; l != NULL; l = l->next) {
        const struct agent_client *client = l->data;

        if (!channel_client_is_closed(client->main) &&
            (client->waiting.length >= AGENT_MAX_WAITING || client->arriving || client->leaving)) {
            return false;
        }
    }
    return true;
}

void agent_client_announce(struct agent_client *client)
{
    struct message *message;

    client->budget = AGENT_TOKENS;
    client->taken = 0;
    if (channel_client_has_cap(client->main, SPICE_MAIN_CAP_AGENT_CONNECTED_TOKENS)) {
        message = message_create(SPICE_MSG_MAIN_AGENT_CONNECTED_TOKENS);
        message_add_u32(message, AGENT_TOKENS);
    } else {
        message = message_create(SPICE_MSG_MAIN_AGENT_CONNECTED);
    }
    channel_client_send(client->main, message);
}

void agent_client_disconnect(struct agent_client *client)
{
    struct message *message = message_create(SPICE_MSG_MAIN_AGENT_DISCONNECTED);

    client->started = client->arriving = false;
    g_clear_pointer(&client->state, g_bytes_unref);
    g_queue_clear_full(&client->waiting, (GDestroyNotify)message_destroy);
    g_queue_clear_full(&client->incoming, (GDestroyNotify)g_bytes_unref);
    agent_client_watch_tokens(client);
    agent_filter_reset(&client->filter);
    g_byte_array_set_size(client->monitors, 0);
    message_add_u32(message, 0);
    channel_client_send(client->main, message);
}

void agent_client_leave(struct agent_client *client)
{
    struct message *message;

    client->leaving = true;
    agent_hear_partly(client->agent);
    /* Tokens or not: what has been read from the guest cannot be left behind. */
    while ((message = g_queue_pop_head(&client->waiting)) != NULL) {
        channel_client_send(client->main, message);
    }
    agent_client_watch_tokens(client);
}

/* Clients come and go. */

struct agent_client *agent_client_create(struct agent *agent, struct channel_client *main)
{
    struct agent_client *client = g_new0(struct agent_client, 1);

    client->agent = agent;
    client->main = main;
    client->budget = AGENT_TOKENS;
    client->token_timer = loop_timer_create(agent->server->loop, on_token_timer, client);
    client->monitors = g_byte_array_new();
    agent->clients = g_list_append(agent->clients, client);
    return client;
}

void agent_client_destroy(struct agent_client *client)
{
    struct agent *agent = client->agent;
    bool last = client->started;

    agent->clients = g_list_remove(agent->clients, client);
    for (GList *l = agent->clients; l != NULL; l = l->next) {
        last = last && !((struct agent_client *)l->data)->started;
    }
    /* This also makes the guest forget an incomplete message. */
    if (agent->device != NULL && (last || agent->speaker == client)) {
        agent_write_message(agent, VD_AGENT_CLIENT_DISCONNECTED, NULL, 0, 0);
    }
    if (agent->speaker == client) {
        agent->speaker = NULL;
        hear_next(agent);
    }
    loop_timer_destroy(client->token_timer);
    g_queue_clear_full(&client->waiting, (GDestroyNotify)message_destroy);
    g_queue_clear_full(&client->incoming, (GDestroyNotify)g_bytes_unref);
    g_byte_array_free(client->monitors, TRUE);
    g_clear_pointer(&client->state, g_bytes_unref);
    g_free(client);
    if (agent->device != NULL) {
        char_device_wake(&agent->device->base); /* the guest may have waited for this client */
    }
}

void agent_client_start(struct agent_client *client, uint32_t tokens)
{
    if (client->agent->device == NULL) {
        return;
    }
    client->started = true;
    client->tokens = tokens;
    agent_client_watch_tokens(client);
    agent_send_device_info(client->agent);
    char_device_wake(&client->agent->device->base);
}

void agent_client_add_tokens(struct agent_client *client, uint32_t tokens)
{
    client->tokens = tokens > UINT32_MAX - client->tokens ? UINT32_MAX : client->tokens + tokens;
    agent_client_watch_tokens(client);
    channel_client_wake(client->main);
}
