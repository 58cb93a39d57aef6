/*
 * The agent's device and its clients. Chunks from the guest go to every client that has asked for
 * them; whole messages from clients go to the guest one client at a time.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/agent.h"

#include "spice/agent_filter.h"
#include "spice/agent_monitors.h"
#include "spice/agent_pointer.h"
#include "spice/char_device.h"
#include "spice/client.h"
#include "spice/server_state.h"

#include <spice/vd_agent.h>
#include <string.h>

/* Returned to clients in batches of so many. */
#define TOKEN_BATCH 5
/* Chunks that wait for a client before the guest has to. */
#define MAX_WAITING 5
/* A client that gives no tokens for so long is disconnected. */
#define TOKEN_WAIT_MS 30000

/* The device while there is one; the host may remove it from inside its callbacks. */
struct agent_device {
    SpiceCharDeviceState base;
    struct agent *agent; /* NULL: detached */
    bool broken;         /* it does not speak the protocol: what it says is thrown away */
    /* The chunk that is being read: a VDIChunkHeader and its data. */
    uint8_t in[sizeof(VDIChunkHeader) + VD_AGENT_MAX_DATA_SIZE];
    uint32_t in_size;
    struct agent_filter filter;
    bool wants_device_info;
};

/* Which of the guest's devices shows what. */
struct agent_display {
    int channel_id;
    char *address;         /* of the guest's device, "pci/..." */
    uint32_t first, count; /* numbers of its outputs */
};

struct agent {
    SpiceServer *server;
    struct agent_device *device; /* NULL: none, or a broken one */
    struct agent_pointer pointer;
    GList *clients;               /* of struct agent_client */
    struct agent_client *speaker; /* whose message to the guest is incomplete */
    GArray *displays;             /* of struct agent_display */
};

struct agent_client {
    struct agent *agent;
    struct channel_client *main;
    bool started;

    /* From the guest. */
    GQueue waiting; /* of struct message */
    uint32_t tokens;
    struct loop_timer *token_timer;
    bool token_timer_runs;

    /* To the guest. */
    uint32_t budget; /* chunks it may send */
    uint32_t taken;  /* chunks done with, whose tokens are not returned yet */
    GQueue incoming; /* of GBytes: chunks while another client speaks */
    struct agent_filter filter;
    GByteArray *monitors; /* the MONITORS_CONFIG under way */
};

static struct agent_rules rules_of(const struct agent *agent)
{
    const struct server_policy *policy = &agent->server->policy;

    return (struct agent_rules){.copypaste = policy->agent_copypaste,
                                .file_xfer = policy->agent_file_xfer};
}

/* To the guest. */

static void write_chunk(struct agent *agent, uint32_t port, const void *data, uint32_t size,
                        uint32_t owner)
{
    uint8_t *chunk = g_malloc(sizeof(VDIChunkHeader) + size);
    VDIChunkHeader header = {GUINT32_TO_LE(port), GUINT32_TO_LE(size)};

    memcpy(chunk, &header, sizeof(header));
    memcpy(chunk + sizeof(header), data, size);
    char_device_write(&agent->device->base, chunk, sizeof(header) + size, owner);
}

/* A message of the server's own. */
static void write_message(struct agent *agent, uint32_t type, const void *data, uint32_t size,
                          uint32_t owner)
{
    uint32_t total = (uint32_t)sizeof(VDAgentMessage) + size;
    uint8_t *all = g_malloc(total);
    VDAgentMessage header = {.protocol = GUINT32_TO_LE(VD_AGENT_PROTOCOL),
                             .type = GUINT32_TO_LE(type),
                             .size = GUINT32_TO_LE(size)};

    memcpy(all, &header, sizeof(header));
    if (size > 0) {
        memcpy(all + sizeof(header), data, size);
    }
    for (uint32_t at = 0; at < total && agent->device != NULL;) {
        uint32_t piece = MIN(total - at, VD_AGENT_MAX_DATA_SIZE);

        at += piece;
        write_chunk(agent, VDP_SERVER_PORT, all + at - piece, piece, at == total ? owner : 0);
    }
    g_free(all);
}

/* Of the session ids that are the clients' owner numbers, none is that. */
#define POINTER_OWNER 0xffffffffu

static void send_pointer(void *opaque, const VDAgentMouseState *state)
{
    struct agent *agent = opaque;

    if (agent->device != NULL) {
        write_message(agent, VD_AGENT_MOUSE_STATE, state, sizeof(*state), POINTER_OWNER);
    }
}

static void return_tokens(struct agent_client *client)
{
    struct message *message;

    if (++client->taken < TOKEN_BATCH) {
        return;
    }
    message = message_create(SPICE_MSG_MAIN_AGENT_TOKEN);
    message_add_u32(message, client->taken);
    client->budget += client->taken;
    client->taken = 0;
    channel_client_send(client->main, message);
}

static void on_taken(void *opaque, uint32_t owner)
{
    struct agent_device *device = opaque;

    if (device->agent == NULL || device->agent->device != device) {
        return;
    }
    if (owner == POINTER_OWNER) {
        agent_pointer_taken(&device->agent->pointer);
        return;
    }
    for (GList *l = device->agent->clients; l != NULL; l = l->next) {
        struct agent_client *client = l->data;

        if (client->main->client->id == owner) {
            return_tokens(client);
            return;
        }
    }
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
    struct agent_rules rules = rules_of(agent);
    enum agent_verdict verdict;

    rules.take_monitors =
        !agent_filter_is_inside(&client->filter) && monitors_are_wanted(agent->server);
    verdict = agent_filter_judge(&client->filter, &rules, data, size);
    agent->speaker = agent_filter_is_inside(&client->filter) ? client : NULL;
    switch (verdict) {
    case AGENT_PASS:
        write_chunk(agent, VDP_CLIENT_PORT, data, size, client->main->client->id);
        return true;
    case AGENT_DROP:
        return_tokens(client);
        return true;
    case AGENT_MONITORS:
        return_tokens(client);
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

static void watch_tokens(struct agent_client *client)
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
    bool was_full = client->waiting.length >= MAX_WAITING;

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

static void forward(struct agent *agent, const uint8_t *data, uint32_t size)
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
        watch_tokens(client);
    }
}

/* Clients and guest are no longer connected to each other. */
static void disconnect(struct agent *agent)
{
    agent->device = NULL;
    agent->speaker = NULL;
    agent_pointer_reset(&agent->pointer);
    for (GList *l = agent->clients; l != NULL; l = l->next) {
        struct agent_client *client = l->data;
        struct message *message = message_create(SPICE_MSG_MAIN_AGENT_DISCONNECTED);

        client->started = false;
        g_queue_clear_full(&client->waiting, (GDestroyNotify)message_destroy);
        g_queue_clear_full(&client->incoming, (GDestroyNotify)g_bytes_unref);
        watch_tokens(client);
        agent_filter_reset(&client->filter);
        g_byte_array_set_size(client->monitors, 0);
        message_add_u32(message, 0);
        channel_client_send(client->main, message);
    }
    server_update_mouse_mode(agent->server);
}

static void give_up(struct agent_device *device, const char *why)
{
    g_warning("the guest agent does not speak its protocol (%s): it is disconnected", why);
    device->broken = true;
    char_device_drop_writes(&device->base);
    disconnect(device->agent);
    char_device_set_state(&device->base, false);
}

static void send_device_info(struct agent *agent);

/* A whole chunk has been read. */
static void hear_guest(struct agent_device *device, uint32_t port, uint8_t *data, uint32_t size)
{
    struct agent *agent = device->agent;
    struct agent_rules rules = rules_of(agent);

    if (port == VDP_SERVER_PORT) {
        return; /* answers to what the server says; it does not wait for any */
    }
    switch (agent_filter_judge(&device->filter, &rules, data, size)) {
    case AGENT_PASS:
        if (agent_filter_edit_capabilities(&device->filter, &rules, data, size)) {
            device->wants_device_info = true;
            send_device_info(agent);
        }
        forward(agent, data, size);
        break;
    case AGENT_BROKEN:
        give_up(device, "a bad message");
        break;
    case AGENT_DROP:
    case AGENT_MONITORS:
        break;
    }
}

static bool can_hear_guest(const struct agent *agent)
{
    for (GList *l = agent->clients; l != NULL; l = l->next) {
        const struct agent_client *client = l->data;

        if (client->waiting.length >= MAX_WAITING && !channel_client_is_closed(client->main)) {
            return false;
        }
    }
    return true;
}

static bool pull(void *opaque)
{
    struct agent_device *device = opaque;
    VDIChunkHeader header = {0};
    size_t want = sizeof(header), n;
    uint32_t port, size;

    if (device->broken) {
        return char_device_read(&device->base, device->in, sizeof(device->in)) > 0;
    }
    if (device->in_size == 0 && !can_hear_guest(device->agent)) {
        return false;
    }
    if (device->in_size >= sizeof(header)) {
        memcpy(&header, device->in, sizeof(header));
        want += GUINT32_FROM_LE(header.size);
    }
    n = char_device_read(&device->base, device->in + device->in_size, want - device->in_size);
    if (n == 0 || device->agent == NULL) {
        return false;
    }
    device->in_size += (uint32_t)n;
    if (device->in_size < sizeof(header)) {
        return true;
    }
    memcpy(&header, device->in, sizeof(header));
    port = GUINT32_FROM_LE(header.port);
    size = GUINT32_FROM_LE(header.size);
    if ((port != VDP_CLIENT_PORT && port != VDP_SERVER_PORT) || size == 0 ||
        size > VD_AGENT_MAX_DATA_SIZE) {
        give_up(device, "a bad chunk header");
    } else if (device->in_size == sizeof(header) + size) {
        device->in_size = 0;
        hear_guest(device, port, device->in + sizeof(header), size);
    }
    return true;
}

static void on_detach(void *opaque)
{
    struct agent_device *device = opaque;
    struct agent *agent = device->agent;

    device->agent = NULL;
    if (agent->device == device) {
        disconnect(agent);
    }
}

static void release_device(void *opaque)
{
    struct agent_device *device = opaque;

    char_device_finish(&device->base);
    g_free(device);
}

static const struct char_device_ops device_ops = {
    .pull = pull,
    .taken = on_taken,
    .detach = on_detach,
    .release = release_device,
};

/* Tells a client that there is an agent, and what it may send. */
static void send_connected(struct agent_client *client)
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

void agent_attach(struct agent *agent, SpiceCharDeviceInstance *instance)
{
    struct agent_device *device;

    if (agent->device != NULL) {
        /* In the words that hosts' tests wait for, server-abi.md section 9.5. */
        g_warning("spice_server_char_device_add_interface: vdagent already attached");
        return;
    }
    device = g_new0(struct agent_device, 1);
    device->agent = agent;
    agent->device = device;
    char_device_init(&device->base, agent->server, instance, &device_ops, device);
    for (GList *l = agent->clients; l != NULL; l = l->next) {
        send_connected(l->data);
    }
    server_update_mouse_mode(agent->server);
    char_device_set_state(&device->base, true);
}

bool agent_is_attached(const struct agent *agent)
{
    return agent->device != NULL;
}

bool agent_has_pointer(const struct agent *agent)
{
    return agent->device != NULL && agent->server->policy.agent_mouse;
}

void agent_move_pointer(struct agent *agent, uint32_t x, uint32_t y, uint32_t buttons,
                        uint8_t display_id)
{
    agent_pointer_move(&agent->pointer, x, y, buttons, display_id);
}

void agent_push_buttons(struct agent *agent, uint32_t buttons)
{
    agent_pointer_press(&agent->pointer, buttons);
}

/* Which display channel shows which output of which of the guest's devices. */

static void append_u32(GByteArray *array, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    g_byte_array_append(array, (const guint8 *)&value, sizeof(value));
}

static void send_device_info(struct agent *agent)
{
    GByteArray *body;
    uint32_t count = 0;

    if (agent->device == NULL || !agent->device->wants_device_info || agent->displays->len == 0) {
        return;
    }
    body = g_byte_array_new();
    append_u32(body, 0);
    for (guint i = 0; i < agent->displays->len; i++) {
        struct agent_display *display = &g_array_index(agent->displays, struct agent_display, i);
        uint32_t size = (uint32_t)strlen(display->address) + 1;

        for (uint32_t monitor = 0; monitor < display->count; monitor++, count++) {
            append_u32(body, (uint32_t)display->channel_id);
            append_u32(body, monitor);
            append_u32(body, display->first + monitor);
            append_u32(body, size);
            g_byte_array_append(body, (const guint8 *)display->address, size);
        }
    }
    count = GUINT32_TO_LE(count);
    memcpy(body->data, &count, sizeof(count));
    write_message(agent, VD_AGENT_GRAPHICS_DEVICE_INFO, body->data, body->len, 0);
    g_byte_array_free(body, TRUE);
}

void agent_set_device_info(struct agent *agent, int channel_id, const char *address, uint32_t first,
                           uint32_t count)
{
    struct agent_display new = {channel_id, g_strdup(address), first, count};

    for (guint i = 0; i < agent->displays->len; i++) {
        struct agent_display *display = &g_array_index(agent->displays, struct agent_display, i);

        if (display->channel_id == channel_id) {
            g_free(display->address);
            g_array_remove_index(agent->displays, i);
            break;
        }
    }
    if (address != NULL) {
        g_array_append_val(agent->displays, new);
    }
    send_device_info(agent);
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
        write_message(agent, VD_AGENT_CLIENT_DISCONNECTED, NULL, 0, 0);
    }
    if (agent->speaker == client) {
        agent->speaker = NULL;
        hear_next(agent);
    }
    loop_timer_destroy(client->token_timer);
    g_queue_clear_full(&client->waiting, (GDestroyNotify)message_destroy);
    g_queue_clear_full(&client->incoming, (GDestroyNotify)g_bytes_unref);
    g_byte_array_free(client->monitors, TRUE);
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
    watch_tokens(client);
    send_device_info(client->agent);
    char_device_wake(&client->agent->device->base);
}

void agent_client_add_tokens(struct agent_client *client, uint32_t tokens)
{
    client->tokens = tokens > UINT32_MAX - client->tokens ? UINT32_MAX : client->tokens + tokens;
    watch_tokens(client);
    channel_client_wake(client->main);
}

struct agent *agent_create(SpiceServer *server)
{
    struct agent *agent = g_new0(struct agent, 1);

    agent->server = server;
    agent->displays = g_array_new(FALSE, FALSE, sizeof(struct agent_display));
    agent_pointer_init(&agent->pointer, send_pointer, agent);
    return agent;
}

void agent_destroy(struct agent *agent)
{
    if (agent == NULL) {
        return;
    }
    for (guint i = 0; i < agent->displays->len; i++) {
        g_free(g_array_index(agent->displays, struct agent_display, i).address);
    }
    g_array_free(agent->displays, TRUE);
    g_free(agent);
}
