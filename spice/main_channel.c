/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/main_channel.h"

#include "spice/client.h"
#include "spice/migrate.h"
#include "spice/migrate_state.h"
#include "spice/play_delay.h"
#include "spice/mouse_mode.h"
#include "spice/server_state.h"

#include <string.h>

/* Answers to pings that are larger than to small ones by more than this show a slow line. */
#define NET_TEST_BYTES  256000
#define SLOW_BITS_PER_S (10ull * 1024 * 1024)

/* The network test's pings, by id: a first one that wakes the path up, then two that are timed. */
enum net_test {
    NET_TEST_DONE,
    NET_TEST_WARM_UP,
    NET_TEST_LATENCY,
    NET_TEST_BANDWIDTH,
};

struct main_channel {
    struct channel channel;
};

struct main_client {
    struct channel_client base;
    struct agent_client *agent; /* NULL while the client is arriving */
    bool has_list;
    enum net_test net_test; /* whose answer is next */
    uint64_t latency;       /* microseconds */
};

static void send_ping(struct channel_client *cc, enum net_test id, size_t payload)
{
    struct message *message = message_create(SPICE_MSG_PING);

    message_add_u32(message, id);
    message_add_u64(message, (uint64_t)g_get_monotonic_time());
    if (payload > 0) {
        void *zeros = g_malloc0(payload);

        message_add_reference(message, zeros, payload, g_free, zeros);
    }
    channel_client_send(cc, message);
}

static void pong(struct channel_client *cc, uint32_t id, uint64_t timestamp)
{
    struct main_client *mc = (struct main_client *)cc;
    uint64_t round_trip = (uint64_t)g_get_monotonic_time() - timestamp;

    if (mc->net_test == NET_TEST_DONE || id != mc->net_test) {
        return;
    }
    if (id == NET_TEST_LATENCY) {
        mc->latency = round_trip;
        client_set_round_trip(cc->client, (uint32_t)MIN(round_trip / 1000, UINT32_MAX));
    } else if (id == NET_TEST_BANDWIDTH && round_trip > mc->latency) {
        uint64_t bits_per_s =
            NET_TEST_BYTES * UINT64_C(8) * G_USEC_PER_SEC / (round_trip - mc->latency);

        client_set_slow(cc->client, bits_per_s < SLOW_BITS_PER_S);
        g_info("client %08x: latency %" PRIu64 " us, %" PRIu64 " bits per second", cc->client->id,
               mc->latency, bits_per_s);
    }
    mc->net_test = id == NET_TEST_BANDWIDTH ? NET_TEST_DONE : id + 1;
}

/* How much memory the first display's guest has for pictures, in bytes; for clients' caches. */
static uint32_t ram_hint(SpiceServer *server)
{
    QXLDevInitInfo info = {0};
    QXLInstance *qxl;

    if (server->qxls == NULL) {
        return 0;
    }
    qxl = server->qxls->data;
    SPICE_CONTAINEROF(qxl->base.sif, QXLInterface, base)->get_init_info(qxl, &info);
    return info.qxl_ram_size;
}

/* What time it is where things are shown and played. */
static uint32_t clock_of(const struct channel_client *cc)
{
    return server_mm_time(cc->channel->server) - MAX(PLAY_DELAY_MS, play_delay_wanted(cc->client));
}

static void send_init(struct channel_client *cc)
{
    SpiceServer *server = cc->channel->server;
    struct message *message = message_create(SPICE_MSG_MAIN_INIT);

    message_add_u32(message, cc->client->id);
    message_add_u32(message, server_count_channels(server, SPICE_CHANNEL_DISPLAY));
    message_add_u32(message, server->mouse_modes);
    message_add_u32(message, server->mouse_mode);
    message_add_u32(message, agent_is_attached(server->agent));
    message_add_u32(message, AGENT_TOKENS);
    message_add_u32(message, clock_of(cc));
    message_add_u32(message, ram_hint(server));
    channel_client_send(cc, message);
}

static void send_name_and_uuid(struct channel_client *cc)
{
    const struct server_policy *policy = &cc->channel->server->policy;

    if (!channel_client_has_cap(cc, SPICE_MAIN_CAP_NAME_AND_UUID)) {
        return;
    }
    if (policy->name != NULL) {
        struct message *message = message_create(SPICE_MSG_MAIN_NAME);
        uint32_t size = (uint32_t)strlen(policy->name) + 1;

        message_add_u32(message, size);
        message_add_bytes(message, policy->name, size);
        channel_client_send(cc, message);
    }
    if (policy->has_uuid) {
        struct message *message = message_create(SPICE_MSG_MAIN_UUID);

        message_add_bytes(message, policy->uuid, sizeof(policy->uuid));
        channel_client_send(cc, message);
    }
}

static bool on_connect(struct channel_client *cc)
{
    struct main_client *mc = (struct main_client *)cc;

    cc->client->main = cc;
    if (cc->client->arriving) {
        return true; /* the rest follows in main_channel_arrived() */
    }
    mc->agent = agent_client_create(cc->channel->server->agent, cc);
    send_init(cc);
    send_name_and_uuid(cc);
    if (!channel_client_is_local(cc)) {
        mc->net_test = NET_TEST_WARM_UP;
        send_ping(cc, NET_TEST_WARM_UP, 0);
        send_ping(cc, NET_TEST_LATENCY, 0);
        send_ping(cc, NET_TEST_BANDWIDTH, NET_TEST_BYTES);
    }
    return true;
}

static void on_disconnect(struct channel_client *cc)
{
    cc->client->main = NULL;
    if (((struct main_client *)cc)->agent != NULL) {
        agent_client_destroy(((struct main_client *)cc)->agent);
    }
    server_disconnect_client(cc->channel->server, cc->client);
}

void main_channel_arrived(struct client *client)
{
    struct main_client *mc = (struct main_client *)client->main;

    mc->agent = agent_client_create(client->main->channel->server->agent, client->main);
    send_init(client->main);
    mc->has_list = true; /* the source's, which it knows */
    channel_client_start_pings(client->main);
}

static void send_mouse_mode(struct channel_client *cc)
{
    const SpiceServer *server = cc->channel->server;
    struct message *message = message_create(SPICE_MSG_MAIN_MOUSE_MODE);

    message_add_u16(message, server->mouse_modes);
    message_add_u16(message, server->mouse_mode);
    channel_client_send(cc, message);
}

static void send_mm_time(struct channel_client *cc)
{
    struct message *message = message_create(SPICE_MSG_MAIN_MULTI_MEDIA_TIME);

    message_add_u32(message, clock_of(cc));
    channel_client_send(cc, message);
}

/* An arriving client asks whether it may bring what its channels have. */
static bool answer_resume(struct channel_client *cc, struct message_reader *reader)
{
    struct main_client *mc = (struct main_client *)cc;
    uint32_t version = message_read_u32(reader);

    if (reader->failed || !cc->client->arriving || cc->client->resumes) {
        return false;
    }
    if (migrate_client_resumes(cc->channel->server, cc->client, version)) {
        mc->agent = agent_client_create(cc->channel->server->agent, cc);
        agent_client_expect_state(mc->agent);
        channel_client_expect_state(cc);
        channel_client_send(cc, message_create(SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_ACK));
    } else {
        channel_client_send(cc, message_create(SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_NACK));
    }
    return true;
}

static void leave(struct channel_client *cc)
{
    struct agent_client *agent = ((struct main_client *)cc)->agent;

    if (agent != NULL) {
        agent_client_leave(agent);
    }
}

static void save(struct channel_client *cc, struct message *state)
{
    agent_client_save(((struct main_client *)cc)->agent, state);
}

static bool load(struct channel_client *cc, const uint8_t *state, uint32_t size,
                 struct message_reader *reader)
{
    migrate_client_resumed(cc->client);
    ((struct main_client *)cc)->has_list = true; /* the source's, which it knows */
    if (!agent_client_load(((struct main_client *)cc)->agent, state, size, reader)) {
        return false;
    }
    send_mouse_mode(cc);
    send_mm_time(cc);
    return true;
}

static void send_list(struct channel_client *cc)
{
    struct message *message = message_create(SPICE_MSG_MAIN_CHANNELS_LIST);
    uint32_t count = 0;

    message_add_u32(message, 0);
    for (GList *l = cc->channel->server->channels; l != NULL; l = l->next) {
        const struct channel *channel = l->data;

        if (channel->type != SPICE_CHANNEL_MAIN) {
            message_add_u8(message, channel->type);
            message_add_u8(message, channel->id);
            count++;
        }
    }
    message_patch_u32(message, 0, count);
    channel_client_send(cc, message);
    ((struct main_client *)cc)->has_list = true;
}

void main_channel_announce(struct main_channel *main, const struct channel *channel)
{
    for (GList *l = main->channel.clients; l != NULL; l = l->next) {
        struct main_client *mc = l->data;
        struct message *message;

        if (!mc->has_list) {
            continue;
        }
        message = message_create(SPICE_MSG_MAIN_CHANNELS_LIST);
        message_add_u32(message, 1);
        message_add_u8(message, channel->type);
        message_add_u8(message, channel->id);
        channel_client_send(&mc->base, message);
    }
}

void main_channel_send_mouse_mode(struct main_channel *main)
{
    for (GList *l = main->channel.clients; l != NULL; l = l->next) {
        struct channel_client *cc = l->data;

        if (!cc->client->arriving) {
            send_mouse_mode(cc);
        }
    }
}

void main_channel_notify(struct client *client, const char *text)
{
    struct message *message;

    if (client->main == NULL) {
        return;
    }
    message = message_create(SPICE_MSG_NOTIFY);
    message_add_u64(message, (uint64_t)g_get_monotonic_time() * 1000);
    message_add_u32(message, SPICE_NOTIFY_SEVERITY_WARN);
    message_add_u32(message, SPICE_NOTIFY_VISIBILITY_HIGH);
    message_add_u32(message, SPICE_WARN_GENERAL);
    message_add_u32(message, (uint32_t)strlen(text)); /* without the NUL, which is sent */
    message_add_bytes(message, text, strlen(text) + 1);
    channel_client_send(client->main, message);
}

void main_channel_set_clock(struct client *client)
{
    if (client->main != NULL && !client->arriving) {
        send_mm_time(client->main);
    }
}

void main_channel_send_mm_time(struct main_channel *main)
{
    for (GList *l = main->channel.clients; l != NULL; l = l->next) {
        struct channel_client *cc = l->data;

        if (!cc->client->arriving) {
            send_mm_time(cc);
        }
    }
}

static bool receive_agent(struct channel_client *cc, uint16_t type, struct message_reader *reader)
{
    struct agent_client *agent = ((struct main_client *)cc)->agent;
    uint32_t tokens;

    if (agent == NULL) {
        return false; /* it has not arrived yet */
    }
    if (type == SPICE_MSGC_MAIN_AGENT_DATA) {
        return agent_client_data(agent, reader->data, reader->left);
    }
    tokens = message_read_u32(reader);
    if (reader->failed) {
        return false;
    }
    if (type == SPICE_MSGC_MAIN_AGENT_START) {
        agent_client_start(agent, tokens);
    } else {
        agent_client_add_tokens(agent, tokens);
    }
    return true;
}

static bool receive(struct channel_client *cc, uint16_t type, const uint8_t *body, uint32_t size)
{
    struct message_reader reader = message_reader(body, size);

    switch (type) {
    case SPICE_MSGC_MAIN_ATTACH_CHANNELS:
        if (!cc->client->arriving) {
            send_list(cc);
        }
        return true;
    case SPICE_MSGC_MAIN_MIGRATE_CONNECTED:
        migrate_client_answered(cc->client, CLIENT_CONNECTED);
        return true;
    case SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS:
        migrate_client_answered(cc->client, CLIENT_CONNECTED_SEAMLESS);
        return true;
    case SPICE_MSGC_MAIN_MIGRATE_CONNECT_ERROR:
        migrate_client_answered(cc->client, CLIENT_STAYS);
        return true;
    case SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS:
        return answer_resume(cc, &reader);
    case SPICE_MSGC_MAIN_MIGRATE_END:
        migrate_client_arrived(cc->channel->server, cc->client);
        return true;
    case SPICE_MSGC_MAIN_MOUSE_MODE_REQUEST:
        server_request_mouse_mode(cc->channel->server, message_read_u16(&reader));
        return !reader.failed;
    case SPICE_MSGC_MAIN_AGENT_START:
    case SPICE_MSGC_MAIN_AGENT_DATA:
    case SPICE_MSGC_MAIN_AGENT_TOKEN:
        return receive_agent(cc, type, &reader);
    default:
        return false;
    }
}

/* All else is sent when it happens. */
static bool produce(struct channel_client *cc)
{
    struct agent_client *agent = ((struct main_client *)cc)->agent;

    return agent != NULL && agent_client_produce(agent);
}

static const struct channel_ops main_ops = {
    .client_size = sizeof(struct main_client),
    .max_message = VD_AGENT_MAX_DATA_SIZE,
    .connect = on_connect,
    .receive = receive,
    .produce = produce,
    .pong = pong,
    .disconnect = on_disconnect,
    .leave = leave,
    .state_magic = STATE_MAGIC('M', 'N', 'M', 'D'),
    .max_state = AGENT_MAX_STATE,
    .save = save,
    .load = load,
};

struct main_channel *main_channel_create(SpiceServer *server)
{
    struct main_channel *main = g_new0(struct main_channel, 1);

    channel_init(&main->channel, server, SPICE_CHANNEL_MAIN, 0, &main_ops, server->loop, main);
    channel_set_capability(&main->channel, SPICE_MAIN_CAP_SEMI_SEAMLESS_MIGRATE);
    channel_set_capability(&main->channel, SPICE_MAIN_CAP_NAME_AND_UUID);
    channel_set_capability(&main->channel, SPICE_MAIN_CAP_AGENT_CONNECTED_TOKENS);
    channel_set_capability(&main->channel, SPICE_MAIN_CAP_SEAMLESS_MIGRATE);
    server_add_channel(server, &main->channel);
    return main;
}

void main_channel_destroy(struct main_channel *main)
{
    if (main == NULL) {
        return;
    }
    server_remove_channel(main->channel.server, &main->channel);
    channel_finish(&main->channel);
    g_free(main);
}
