/*
 * What a client takes along of its use of the agent: spice-wire.md section 7.6, "MNMD".
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/agent_private.h"

#include "spice/migrate_state.h"

#include <string.h>

/* Of a message that is incomplete, as the state has it. */
enum saved_verdict {
    SAVED_PASS,
    SAVED_DROP,
    SAVED_BROKEN,
    SAVED_MONITORS,
};

struct agent_state {
    struct device_state device;
    bool started;
    /* From the guest. */
    uint32_t chunk_header_size; /* bytes of the header that have come */
    VDIChunkHeader chunk_header;
    bool message_known; /* LEFT and VERDICT are about it */
    uint32_t partial_size;
    const uint8_t *partial; /* of an agent message's header */
    uint32_t guest_left;
    uint8_t guest_verdict;
    /* From the client. */
    uint32_t client_left;
    uint8_t client_verdict;
};

/* What has been collected of a MONITORS_CONFIG stays behind, so the rest is of no use. */
static uint8_t saved_verdict(const struct agent_filter *filter)
{
    return agent_filter_is_inside(filter) && filter->verdict != AGENT_PASS ? SAVED_DROP
                                                                           : SAVED_PASS;
}

static enum agent_verdict verdict_of(uint8_t saved)
{
    return saved == SAVED_PASS ? AGENT_PASS : AGENT_DROP;
}

/* Nothing but that there is no agent. */
static void save_nothing(struct message *message)
{
    const struct device_state nothing = {.connected = false};

    state_add_device(message, &nothing);
    for (int i = 0; i < 8; i++) {
        message_add_u32(message, 0);
    }
}

void agent_client_save(struct agent_client *client, struct message *message)
{
    struct agent_device *device = client->agent->device;
    struct device_state state = {.connected = true};
    struct message_pointer written, partial;
    uint32_t partial_size = 0;
    VDIChunkHeader header = {0};

    if (device == NULL) {
        save_nothing(message);
        return;
    }
    state.client_tokens = client->budget;
    state.send_tokens = client->tokens;
    state.written_size = (uint32_t)device->base.queued;
    state.written_tokens = char_device_count_writes(&device->base, client->main->client->id);
    memcpy(&header, device->in, MIN(device->in_size, sizeof(header)));
    if (device->in_size >= sizeof(header)) {
        partial_size = device->in_size - (uint32_t)sizeof(header);
        header.size = GUINT32_TO_LE(GUINT32_FROM_LE(header.size) - partial_size);
    }

    written = state_add_device(message, &state);
    message_add_u8(message, client->started);
    message_add_u32(message, (uint32_t)MIN(device->in_size, sizeof(header)));
    message_add_bytes(message, &header, sizeof(header));
    message_add_u8(message, agent_filter_is_inside(&device->filter) ||
                                (device->in_size >= sizeof(header) && partial_size == 0));
    message_add_u32(message, partial_size);
    partial = message_add_pointer(message);
    message_add_u32(message, agent_filter_left(&device->filter));
    message_add_u8(message, saved_verdict(&device->filter));
    message_add_u32(message, agent_filter_left(&client->filter));
    message_add_u8(message, saved_verdict(&client->filter));
    if (state.written_size > 0) {
        message_point(message, written);
        char_device_save_writes(&device->base, message);
    }
    if (partial_size > 0) {
        message_point(message, partial);
        message_add_bytes(message, device->in + sizeof(header), partial_size);
    }
}

void agent_client_expect_state(struct agent_client *client)
{
    client->arriving = true;
}

static bool is_possible(const struct agent_state *state)
{
    const VDIChunkHeader *header = &state->chunk_header;

    if (state->chunk_header_size > sizeof(*header) ||
        state->partial_size >= sizeof(VDAgentMessage) || state->guest_verdict > SAVED_MONITORS ||
        state->client_verdict > SAVED_MONITORS) {
        return false;
    }
    if (state->chunk_header_size < sizeof(*header)) {
        return state->partial_size == 0;
    }
    return (header->port == VDP_CLIENT_PORT || header->port == VDP_SERVER_PORT) &&
           header->size <= VD_AGENT_MAX_DATA_SIZE - state->partial_size;
}

static bool read_state(struct message_reader *reader, const uint8_t *data, uint32_t size,
                       struct agent_state *state)
{
    uint32_t at;

    if (!state_read_device(reader, data, size, &state->device)) {
        return false;
    }
    state->started = message_read_u8(reader) != 0;
    state->chunk_header_size = message_read_u32(reader);
    state->chunk_header.port = message_read_u32(reader);
    state->chunk_header.size = message_read_u32(reader);
    state->message_known = message_read_u8(reader) != 0;
    state->partial_size = message_read_u32(reader);
    at = message_read_u32(reader);
    state->guest_left = message_read_u32(reader);
    state->guest_verdict = message_read_u8(reader);
    state->client_left = message_read_u32(reader);
    state->client_verdict = message_read_u8(reader);
    if (reader->failed || !state->device.connected) {
        return !reader->failed;
    }
    state->partial = state_at(data, size, at, state->partial_size);
    return state->partial != NULL && is_possible(state);
}

static void resume_device(struct agent_device *device, const struct agent_state *state)
{
    VDIChunkHeader header = {GUINT32_TO_LE(state->chunk_header.port),
                             GUINT32_TO_LE(state->chunk_header.size + state->partial_size)};

    memcpy(device->in, &header, sizeof(header));
    memcpy(device->in + sizeof(header), state->partial, state->partial_size);
    device->in_size = state->chunk_header_size + state->partial_size;
    if (device->in_size == sizeof(header) && header.size == 0) {
        device->in_size = 0; /* the chunk has ended */
    }
    if (state->message_known) {
        agent_filter_resume(&device->filter, state->guest_left, verdict_of(state->guest_verdict));
    }
}

static void resume_client(struct agent_client *client, const struct agent_state *state)
{
    struct agent *agent = client->agent;

    client->started = state->started;
    client->tokens = state->device.send_tokens;
    client->budget = MIN(state->device.client_tokens, AGENT_TOKENS);
    agent_filter_resume(&client->filter, state->client_left, verdict_of(state->client_verdict));
    agent->speaker = agent_filter_is_inside(&client->filter) ? client : NULL;
    /* What waits for the guest belongs to the stream, and counts as taken. */
    while (client->budget + client->taken < AGENT_TOKENS) {
        agent_client_return_token(client);
    }
}

/*
 * What a client brings has passed another server's rules, or so it says. Where these rules forbid
 * something, the guest and the client rather begin anew. They have to when libspice-server has sent
 * them in the middle of a message's header: it does not say how much of the chunk is left.
 */
static bool can_resume(const struct agent *agent, const struct agent_state *state)
{
    const struct agent_rules rules = agent_rules_of(agent);

    if (state->partial_size > 0 && state->chunk_header.size == 0) {
        return false;
    }
    return (rules.copypaste && rules.file_xfer) ||
           (state->client_left == 0 && state->device.written_size == 0);
}

void agent_client_apply(struct agent_client *client)
{
    struct agent *agent = client->agent;
    struct agent_device *device = agent->device;
    GBytes *bytes = g_steal_pointer(&client->state);
    gsize size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    struct message_reader reader = message_reader(data, (uint32_t)size);
    struct agent_state state = {0};

    client->arriving = false;
    message_read_u64(&reader); /* the header */
    read_state(&reader, data, (uint32_t)size, &state);
    if (can_resume(agent, &state)) {
        resume_device(device, &state);
        resume_client(client, &state);
        if (state.device.written_size > 0) {
            char_device_write(&device->base,
                              g_memdup2(state.device.written, state.device.written_size),
                              state.device.written_size, 0);
        }
        agent_client_watch_tokens(client);
        char_device_wake(&device->base);
    } else {
        agent_restart(agent);
    }
    g_bytes_unref(bytes);
}

bool agent_client_load(struct agent_client *client, const uint8_t *data, uint32_t size,
                       struct message_reader *reader)
{
    struct agent *agent = client->agent;
    struct agent_state state = {0};

    if (!read_state(reader, data, size, &state)) {
        return false;
    }
    if (!client->arriving) {
        return true; /* the agent has left meanwhile, and may have come again */
    }
    if (state.device.connected) {
        client->state = g_bytes_new(data, size);
        if (agent->device != NULL) {
            agent_client_apply(client);
        }
        return true;
    }
    client->arriving = false;
    if (agent->device != NULL) {
        agent_client_announce(client);
        char_device_wake(&agent->device->base);
    }
    return true;
}
