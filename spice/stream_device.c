/*
 * A port through which a guest shows a film: what it is told, and its life.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/stream_device.h"

#include "spice/server_state.h"
#include "spice/stream_device_private.h"

#include <string.h>

/* Whose a write is, for on_taken(). */
enum {
    WRITE_CAPABILITIES = 1,
    WRITE_START,
    WRITE_ERROR,
};

/* ---- What the guest is told ---- */

static void write_guest(struct stream_device *device, uint32_t owner, uint16_t type,
                        const void *body, size_t size)
{
    StreamDevHeader header = {
        .protocol_version = STREAM_DEVICE_PROTOCOL,
        .type = GUINT16_TO_LE(type),
        .size = GUINT32_TO_LE(size),
    };
    uint8_t *data = g_malloc(sizeof(header) + size);

    memcpy(data, &header, sizeof(header));
    memcpy(data + sizeof(header), body, size);
    char_device_write(&device->device, data, sizeof(header) + size, owner);
}

static void write_capabilities(struct stream_device *device)
{
    uint8_t none[(STREAM_CAP_END + 7) / 8] = {0};

    write_guest(device, WRITE_CAPABILITIES, STREAM_TYPE_CAPABILITIES, none, sizeof(none));
}

/* Clients have come or gone: the guest shall begin a stream for those there are. */
static void ask_guest(void *opaque)
{
    struct stream_device *device = opaque;
    uint8_t start[1 + STREAM_CHANNEL_CODECS]; /* the count is first */

    if (!device->opened || device->failed)
        return;
    /* However often clients come and go, it is asked once for what is true when it listens. */
    device->ask_again = char_device_count_writes(&device->device, WRITE_START) > 0;
    if (device->ask_again)
        return;
    start[0] = (uint8_t)stream_channel_codecs(&device->stream, start + 1);
    write_guest(device, WRITE_START, STREAM_TYPE_START_STOP, start, 1 + (size_t)start[0]);
}

void stream_device_fail(struct stream_device *device, const char *format, ...)
{
    const uint32_t code = 0; /* none is defined */
    g_autofree char *what = NULL;
    GByteArray *body = g_byte_array_new();
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    g_log(G_LOG_DOMAIN, device->warned ? G_LOG_LEVEL_INFO : G_LOG_LEVEL_WARNING,
          "the guest's stream device, port %s: %s; ignored until the guest opens it again",
          STREAM_DEVICE_NAME, what);
    device->warned = true;
    device->failed = true;
    g_byte_array_append(body, (const guint8 *)&code, sizeof(code));
    g_byte_array_append(body, (const guint8 *)what, (guint)strlen(what) + 1);
    write_guest(device, WRITE_ERROR, STREAM_TYPE_NOTIFY_ERROR, body->data, body->len);
    g_byte_array_free(body, TRUE);
}

/* Not from inside a call of the host's, for it may close the port in this one. */
static void close_port(void *opaque)
{
    struct stream_device *device = opaque;

    if (device->failed)
        char_device_set_state(&device->device, false);
}

static void on_taken(void *opaque, uint32_t owner)
{
    struct stream_device *device = opaque;

    if (owner == WRITE_START && device->ask_again)
        ask_guest(device);
    else if (owner == WRITE_ERROR && device->failed)
        event_loop_post(device->device.server->loop, close_port, device);
}

static void on_room(void *opaque)
{
    struct stream_device *device = opaque;

    char_device_wake(&device->device);
}

/* ---- The channels ---- */

/* Free for displays as well as for pointers; -1: there is none. */
static int free_id(SpiceServer *server)
{
    for (int id = 0; id <= UINT8_MAX; id++) {
        if (server_find_channel(server, SPICE_CHANNEL_DISPLAY, (uint8_t)id) == NULL &&
            server_find_channel(server, SPICE_CHANNEL_CURSOR, (uint8_t)id) == NULL)
            return id;
    }
    return -1;
}

static void create_channels(struct stream_device *device)
{
    SpiceServer *server = device->device.server;
    int id = free_id(server);

    if (id < 0) {
        g_warning("no display id is free for the guest's stream device");
        return;
    }
    stream_channel_init(&device->stream, server, (uint8_t)id, ask_guest, on_room, device);
    cursor_init(&device->cursor, server, id, server->loop);
    cursor_machine_runs(&device->cursor);
    device->has_channel = true;
    server_add_channel(server, &device->stream.channel);
    server_add_channel(server, &device->cursor.channel);
}

/* ---- The port ---- */

/* The guest has opened or closed it: nothing of before counts. */
static void port_event(struct stream_device *device, uint8_t event)
{
    device->opened = event == SPICE_PORT_EVENT_OPENED;
    device->failed = false;
    device->ask_again = false;
    stream_device_reset_input(device);
    char_device_reset_writes(&device->device);
    if (device->opened && !device->has_channel)
        create_channels(device);
    if (device->has_channel) {
        stream_channel_stop(&device->stream);
        cursor_reset(&device->cursor);
    }
    if (device->opened && device->has_channel) {
        uint8_t codecs[STREAM_CHANNEL_CODECS];

        write_capabilities(device);
        if (stream_channel_codecs(&device->stream, codecs) > 0)
            ask_guest(device);
    }
    /* It can be opened again also after it was closed because of what the guest said. */
    char_device_set_state(&device->device, true);
}

bool stream_device_late_event(struct stream_device *device)
{
    int event = device->late_event;

    if (event < 0)
        return false;
    device->late_event = -1;
    port_event(device, (uint8_t)event);
    return true;
}

static void see_to_late_event(void *opaque)
{
    struct stream_device *device = opaque;

    stream_device_late_event(device);
    char_device_wake(&device->device);
}

static void on_port_event(void *opaque, uint8_t event)
{
    struct stream_device *device = opaque;

    if (event != SPICE_PORT_EVENT_OPENED && event != SPICE_PORT_EVENT_CLOSED)
        return;
    if (device->device.calling) {
        /* The call is at work on what is forgotten then. */
        device->late_event = event;
        event_loop_post(device->device.server->loop, see_to_late_event, device);
    } else {
        port_event(device, event);
    }
}

static bool pull(void *opaque)
{
    return stream_device_read(opaque);
}

static void close_clients(const struct channel *channel)
{
    for (GList *l = channel->clients; l != NULL; l = l->next)
        channel_client_close(l->data, "its device was removed");
}

static void on_detach(void *opaque)
{
    struct stream_device *device = opaque;
    SpiceServer *server = device->device.server;

    device->opened = false;
    if (!device->has_channel)
        return;
    server_remove_channel(server, &device->stream.channel);
    server_remove_channel(server, &device->cursor.channel);
    server_set_device_info(server, device->stream.channel.id, NULL, 0, 0);
    close_clients(&device->stream.channel);
    close_clients(&device->cursor.channel);
}

static void release(void *opaque)
{
    struct stream_device *device = opaque;

    if (device->has_channel) {
        stream_channel_finish(&device->stream);
        cursor_finish(&device->cursor);
    }
    stream_device_reset_input(device);
    char_device_finish(&device->device);
    g_free(device);
}

static const struct char_device_ops device_ops = {
    .pull = pull,
    .taken = on_taken,
    .port_event = on_port_event,
    .detach = on_detach,
    .release = release,
};

void stream_device_attach(SpiceServer *server, SpiceCharDeviceInstance *instance)
{
    struct stream_device *device = g_new0(struct stream_device, 1);

    device->late_event = -1;
    char_device_init(&device->device, server, instance, &device_ops, device);
    char_device_set_state(&device->device, true);
}
