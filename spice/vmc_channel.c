/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/vmc_channel.h"

#include "spice/char_device.h"
#include "spice/migrate_state.h"
#include "spice/server_state.h"
#include "spice/vmc_data.h"

#include <string.h>

#define WEBDAV_NAME "org.spice-space.webdav.0"

/* What is read from the guest at once, and so a message's size. */
#define READ_SIZE (64 * 1024)
/* A client is not read from while the guest has so much still to take. */
#define MAX_QUEUED (1024 * 1024)
/* What a client that moves may bring: that, and what it has said before it left. */
#define MAX_STATE (16 * 1024 * 1024)

struct vmc {
    SpiceCharDeviceState device;
    struct channel channel;
    char *name; /* of a port, or NULL */
    bool opened;
    struct channel_client *client; /* the one that is served, or NULL */
    uint8_t *spare;                /* of READ_SIZE, to read into; or NULL */
};

static struct vmc *vmc_of(const struct channel_client *cc)
{
    return cc->channel->opaque;
}

/* From the guest: read when the client's socket has room for it. */

static size_t read_guest(struct vmc *vmc)
{
    if (vmc->spare == NULL) {
        vmc->spare = g_malloc(READ_SIZE);
    }
    return char_device_read(&vmc->device, vmc->spare, READ_SIZE);
}

static bool produce(struct channel_client *cc)
{
    struct vmc *vmc = vmc_of(cc);
    bool compress = channel_client_has_cap(cc, SPICE_SPICEVMC_CAP_DATA_COMPRESS_LZ4) &&
                    !channel_client_is_local(cc);
    uint8_t *data;
    size_t n;

    if (vmc->client != cc || (n = read_guest(vmc)) == 0) {
        return false;
    }
    /* Many reads are small, and their messages may wait: they get no more memory than they need. */
    data = n > READ_SIZE / 2 ? g_steal_pointer(&vmc->spare) : g_memdup2(vmc->spare, n);
    channel_client_send(cc, vmc_data_message(data, (uint32_t)n, compress));
    return true;
}

static bool pull(void *opaque)
{
    struct vmc *vmc = opaque;

    /* What is said to nobody waits in the device. */
    if (vmc->client != NULL) {
        channel_client_wake(vmc->client);
    }
    return false;
}

/* To the guest. */

static void write_guest(struct vmc *vmc, uint8_t *data, uint32_t size)
{
    char_device_write(&vmc->device, data, size, 1);
    if (vmc->device.queued > MAX_QUEUED && vmc->client != NULL) {
        channel_client_pause(vmc->client, true);
    }
}

static void on_taken(void *opaque, uint32_t owner G_GNUC_UNUSED)
{
    struct vmc *vmc = opaque;

    if (vmc->client != NULL && vmc->device.queued <= MAX_QUEUED / 2) {
        channel_client_pause(vmc->client, false);
    }
}

static bool receive(struct channel_client *cc, uint16_t type, const uint8_t *body, uint32_t size)
{
    struct vmc *vmc = vmc_of(cc);
    uint8_t *data;

    if (vmc->client != cc) {
        return true; /* the device has gone, or this client is on its way out */
    }
    switch (type) {
    case SPICE_MSGC_SPICEVMC_DATA:
        if (size > VMC_MAX_DATA) {
            return false;
        }
        write_guest(vmc, g_memdup2(body, size), size);
        return true;
    case SPICE_MSGC_SPICEVMC_COMPRESSED_DATA:
        data = vmc_data_expand(body, size, &size);
        if (data != NULL) {
            write_guest(vmc, data, size);
        }
        return data != NULL;
    case SPICE_MSGC_PORT_EVENT:
        if (vmc->name == NULL || size < 1 || body[0] > SPICE_PORT_EVENT_BREAK) {
            return false;
        }
        char_device_send_event(&vmc->device, body[0]);
        return true;
    default:
        return false;
    }
}

/* Clients. */

static void send_port_init(struct channel_client *cc)
{
    struct vmc *vmc = vmc_of(cc);
    struct message *message = message_create(SPICE_MSG_PORT_INIT);
    uint32_t size = (uint32_t)strlen(vmc->name) + 1;
    struct message_pointer name;

    message_add_u32(message, size);
    name = message_add_pointer(message);
    message_add_u8(message, vmc->opened);
    message_point(message, name);
    message_add_bytes(message, vmc->name, size);
    channel_client_send(cc, message);
}

/* The client that was served is not any more. */
static void leave(struct vmc *vmc)
{
    vmc->client = NULL;
    char_device_drop_writes(&vmc->device);
    char_device_set_state(&vmc->device, false);
}

static bool on_connect(struct channel_client *cc)
{
    struct vmc *vmc = vmc_of(cc);

    if (vmc->client != NULL && !channel_client_is_closed(vmc->client)) {
        return false; /* there is one guest's end of it */
    }
    if (vmc->client != NULL) {
        leave(vmc);
    }
    vmc->client = cc;
    if (vmc->name != NULL) {
        send_port_init(cc);
    }
    char_device_set_state(&vmc->device, true);
    return true;
}

static void on_disconnect(struct channel_client *cc)
{
    if (vmc_of(cc)->client == cc) {
        leave(vmc_of(cc));
    }
}

/* Clients that move. */

static void save(struct channel_client *cc, struct message *message)
{
    const struct vmc *vmc = vmc_of(cc);
    struct device_state state = {.connected = vmc->client == cc};
    struct message_pointer written;

    if (state.connected) {
        state.client_tokens = state.send_tokens = UINT32_MAX;
        state.written_size = (uint32_t)vmc->device.queued;
    }
    written = state_add_device(message, &state);
    if (state.written_size > 0) {
        message_point(message, written);
        char_device_save_writes(&vmc->device, message);
    }
}

static bool load(struct channel_client *cc, const uint8_t *data, uint32_t size,
                 struct message_reader *reader)
{
    struct device_state state;

    if (!state_read_device(reader, data, size, &state)) {
        return false;
    }
    if (vmc_of(cc)->client == cc && state.written_size > 0) {
        write_guest(vmc_of(cc), g_memdup2(state.written, state.written_size), state.written_size);
    }
    return true;
}

static const struct channel_ops vmc_ops = {
    .client_size = sizeof(struct channel_client),
    .max_message = VMC_MAX_DATA + 5, /* COMPRESSED_DATA has a header */
    .connect = on_connect,
    .receive = receive,
    .produce = produce,
    .disconnect = on_disconnect,
    .state_magic = STATE_MAGIC('S', 'V', 'M', 'D'),
    .max_state = MAX_STATE,
    .save = save,
    .load = load,
};

/* The device. */

static void on_detach(void *opaque)
{
    struct vmc *vmc = opaque;

    server_remove_channel(vmc->channel.server, &vmc->channel);
    if (vmc->client != NULL) {
        channel_client_close(g_steal_pointer(&vmc->client), "its device was removed");
    }
}

static void release(void *opaque)
{
    struct vmc *vmc = opaque;

    channel_finish(&vmc->channel);
    char_device_finish(&vmc->device);
    g_free(vmc->spare);
    g_free(vmc->name);
    g_free(vmc);
}

static void on_port_event(void *opaque, uint8_t event)
{
    struct vmc *vmc = opaque;
    struct message *message;

    if (event == SPICE_PORT_EVENT_OPENED || event == SPICE_PORT_EVENT_CLOSED) {
        vmc->opened = event == SPICE_PORT_EVENT_OPENED;
    }
    if (vmc->client != NULL) {
        message = message_create(SPICE_MSG_PORT_EVENT);
        message_add_u8(message, event);
        channel_client_send(vmc->client, message);
    }
}

static const struct char_device_ops device_ops = {
    .pull = pull,
    .taken = on_taken,
    .detach = on_detach,
    .release = release,
};
static const struct char_device_ops port_ops = {
    .pull = pull,
    .taken = on_taken,
    .port_event = on_port_event,
    .detach = on_detach,
    .release = release,
};

static void attach(SpiceServer *server, SpiceCharDeviceInstance *instance, uint8_t type,
                   const char *name)
{
    struct vmc *vmc;
    int id = 0;

    while (id <= UINT8_MAX && server_find_channel(server, type, (uint8_t)id) != NULL) {
        id++;
    }
    if (id > UINT8_MAX) {
        g_warning("there are %d %s devices already", id, instance->subtype);
        return;
    }
    vmc = g_new0(struct vmc, 1);
    vmc->name = g_strdup(name);
    char_device_init(&vmc->device, server, instance, name != NULL ? &port_ops : &device_ops, vmc);
    channel_init(&vmc->channel, server, type, (uint8_t)id, &vmc_ops, server->loop, vmc);
#ifdef HAVE_LZ4
    channel_set_capability(&vmc->channel, SPICE_SPICEVMC_CAP_DATA_COMPRESS_LZ4);
#endif
    server_add_channel(server, &vmc->channel);
}

void vmc_attach(SpiceServer *server, SpiceCharDeviceInstance *instance, uint8_t type)
{
    attach(server, instance, type, NULL);
}

void vmc_attach_port(SpiceServer *server, SpiceCharDeviceInstance *instance)
{
    const char *name = instance->portname;

    if (name == NULL) {
        g_warning("a port needs a name");
    } else {
        attach(server, instance,
               strcmp(name, WEBDAV_NAME) == 0 ? SPICE_CHANNEL_WEBDAV : SPICE_CHANNEL_PORT, name);
    }
}
