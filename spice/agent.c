/*
 * The agent's device: chunks from the guest go to every client that has asked for them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/agent_private.h"

#include "spice/mouse_mode.h"

#include <string.h>

struct agent_rules agent_rules_of(const struct agent *agent)
{
    const struct server_policy *policy = &agent->server->policy;

    return (struct agent_rules){.copypaste = policy->agent_copypaste,
                                .file_xfer = policy->agent_file_xfer};
}

/* To the guest. */

void agent_write_chunk(struct agent *agent, uint32_t port, const void *data, uint32_t size,
                       uint32_t owner)
{
    uint8_t *chunk = g_malloc(sizeof(VDIChunkHeader) + size);
    VDIChunkHeader header = {GUINT32_TO_LE(port), GUINT32_TO_LE(size)};

    memcpy(chunk, &header, sizeof(header));
    memcpy(chunk + sizeof(header), data, size);
    char_device_write(&agent->device->base, chunk, sizeof(header) + size, owner);
}

/* A message of the server's own. */
void agent_write_message(struct agent *agent, uint32_t type, const void *data, uint32_t size,
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
        agent_write_chunk(agent, VDP_SERVER_PORT, all + at - piece, piece, at == total ? owner : 0);
    }
    g_free(all);
}

static void send_pointer(void *opaque, const VDAgentMouseState *state)
{
    struct agent *agent = opaque;

    if (agent->device != NULL) {
        agent_write_message(agent, VD_AGENT_MOUSE_STATE, state, sizeof(*state),
                            AGENT_POINTER_OWNER);
    }
}

static void on_taken(void *opaque, uint32_t owner)
{
    struct agent_device *device = opaque;

    if (device->agent == NULL || device->agent->device != device) {
        return;
    }
    if (owner == AGENT_POINTER_OWNER) {
        agent_pointer_taken(&device->agent->pointer);
        return;
    }
    if (owner == AGENT_INFO_OWNER) {
        if (device->info_again) {
            agent_send_device_info(device->agent);
        }
        return;
    }
    for (GList *l = device->agent->clients; l != NULL; l = l->next) {
        struct agent_client *client = l->data;

        if (client->main->client->id == owner) {
            agent_client_return_token(client);
            return;
        }
    }
}

/* Clients and guest are no longer connected to each other. */
static void disconnect(struct agent *agent)
{
    agent->device = NULL;
    agent->speaker = NULL;
    agent_pointer_reset(&agent->pointer);
    for (GList *l = agent->clients; l != NULL; l = l->next) {
        agent_client_disconnect(l->data);
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

/* A whole chunk has been read. */
static void hear_guest(struct agent_device *device, uint32_t port, uint8_t *data, uint32_t size)
{
    struct agent *agent = device->agent;
    struct agent_rules rules = agent_rules_of(agent);

    if (port == VDP_SERVER_PORT) {
        return; /* answers to what the server says; it does not wait for any */
    }
    switch (agent_filter_judge(&device->filter, &rules, data, size)) {
    case AGENT_PASS:
        if (agent_filter_edit_capabilities(&device->filter, &rules, data, size)) {
            device->wants_device_info = true;
            agent_send_device_info(agent);
        }
        agent_forward(agent, data, size);
        break;
    case AGENT_BROKEN:
        give_up(device, "a bad message");
        break;
    case AGENT_DROP:
    case AGENT_MONITORS:
        break;
    }
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
    if (device->in_size == 0 && !agent_clients_are_ready(device->agent)) {
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
        struct agent_client *client = l->data;

        if (client->state != NULL) {
            agent_client_apply(client);
        } else if (!client->arriving) {
            agent_client_announce(client);
        }
    }
    server_update_mouse_mode(agent->server);
    char_device_set_state(&device->base, true);
    if (device->agent != NULL) {
        char_device_wake(&device->base); /* hosts need not say that there is something to read */
    }
}

void agent_hear_partly(struct agent *agent)
{
    struct agent_device *device = agent->device;
    uint32_t received;
    VDIChunkHeader header;

    if (device == NULL || device->in_size <= sizeof(header)) {
        return;
    }
    received = device->in_size - (uint32_t)sizeof(header);
    memcpy(&header, device->in, sizeof(header));
    if (GUINT32_FROM_LE(header.port) == VDP_CLIENT_PORT &&
        !agent_filter_is_inside(&device->filter) && received < sizeof(VDAgentMessage)) {
        return;
    }
    hear_guest(device, GUINT32_FROM_LE(header.port), device->in + sizeof(header), received);
    header.size = GUINT32_TO_LE(GUINT32_FROM_LE(header.size) - received);
    memcpy(device->in, &header, sizeof(header));
    device->in_size = sizeof(header);
}

void agent_restart(struct agent *agent)
{
    struct agent_device *device = agent->device;

    disconnect(agent);
    char_device_drop_writes(&device->base);
    char_device_set_state(&device->base, false);
    if (device->agent == NULL) {
        return; /* the host has removed it */
    }
    agent->device = device;
    device->in_size = 0;
    agent_filter_reset(&device->filter);
    for (GList *l = agent->clients; l != NULL; l = l->next) {
        agent_client_announce(l->data);
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
