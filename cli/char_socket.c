/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/char_socket.h"

#include "cli/options.h"

#include <spice/protocol.h>
#include <string.h>

#define WEBDAV_PORT   "org.spice-space.webdav.0"
#define STREAM_PORT   "org.spice-space.stream.0"
#define RECONNECT_MS  1000
#define RECONNECT_MAX (24 * 60 * 60 * 1000)

struct char_socket {
    SpiceCharDeviceInstance instance; /* first */
    const struct char_socket_options *options;
    SpiceServer *server;
    struct peer *peer;
    bool plugged; /* the server knows the device */
};

static const char *option_of(enum char_socket_kind kind)
{
    static const char *const names[] = {"-agent", "-usbredir", "-port", "-webdav"};

    return names[kind];
}

/* Options */

struct values {
    struct peer_options peer;
    char *name;
};

#define FIELD(field) offsetof(struct values, field)
static const struct option_key keys[] = {
    {"path", OPTION_STRING, FIELD(peer.path), 0, 0, NULL, NULL},
    {"server", OPTION_BOOL, FIELD(peer.server), 0, 0, NULL, NULL},
    {"reconnect-ms", OPTION_NUMBER, FIELD(peer.reconnect_ms), 1, RECONNECT_MAX, NULL, NULL},
    {"name", OPTION_STRING, FIELD(name), 0, 0, NULL, NULL},
    OPTION_END,
};

static const char *what_is_wrong(enum char_socket_kind kind, const struct values *values)
{
    if (!values->peer.path || !*values->peer.path)
        return "needs path=PATH, a unix socket";
    if (kind != CHAR_SOCKET_PORT)
        return values->name ? "takes no name: what it is for says it all" : NULL;
    if (!values->name || !*values->name)
        return "needs name=NAME, by which clients find the port";
    if (!strcmp(values->name, WEBDAV_PORT))
        return "name: for " WEBDAV_PORT " there is -webdav";
    return NULL;
}

struct char_socket_options *char_socket_options_parse(enum char_socket_kind kind, const char *value,
                                                      GError **error)
{
    struct values values = {.peer = {.server = true, .reconnect_ms = RECONNECT_MS}};

    if (option_list_parse(option_of(kind), value, keys, "path", &values, error)) {
        const char *wrong = what_is_wrong(kind, &values);
        if (!wrong) {
            struct char_socket_options *options = g_new(struct char_socket_options, 1);
            *options = (struct char_socket_options){kind, values.name, values.peer};
            return options;
        }
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "%s: %s", option_of(kind), wrong);
    }
    option_list_clear(keys, &values);
    return NULL;
}

void char_socket_options_free(struct char_socket_options *options)
{
    if (!options)
        return;
    g_free(options->name);
    g_free(options->peer.path);
    g_free(options);
}

/* The server's side */

static bool is_port(const struct char_socket *device)
{
    return device->options->kind == CHAR_SOCKET_PORT || device->options->kind == CHAR_SOCKET_WEBDAV;
}

static int device_write(SpiceCharDeviceInstance *instance, const uint8_t *data, int size)
{
    return size > 0 ? (int)peer_write(((struct char_socket *)instance)->peer, data, (size_t)size)
                    : 0;
}

static int device_read(SpiceCharDeviceInstance *instance, uint8_t *data, int size)
{
    return size > 0 ? (int)peer_read(((struct char_socket *)instance)->peer, data, (size_t)size)
                    : 0;
}

/* These shall know when clients come, so they are there before. */
static bool is_always_wanted(const struct char_socket *device)
{
    return device->options->kind == CHAR_SOCKET_AGENT ||
           g_strcmp0(device->options->name, STREAM_PORT) == 0;
}

/* Somebody listens to the device, or nobody any more. */
static void device_state(SpiceCharDeviceInstance *instance, int connected)
{
    struct char_socket *device = (struct char_socket *)instance;

    if (!is_always_wanted(device)) {
        bool leaves = !connected && is_port(device) && peer_is_open(device->peer);
        peer_want(device->peer, connected);
        if (leaves && device->plugged)
            spice_server_port_event(instance, SPICE_PORT_EVENT_CLOSED);
        return;
    }
    /* It has said what makes no sense: it is to begin anew. */
    if (!connected && device->plugged)
        peer_break(device->peer);
}

static const SpiceCharDeviceInterface interface = {
    .base = {SPICE_INTERFACE_CHAR_DEVICE, "unix socket", SPICE_INTERFACE_CHAR_DEVICE_MAJOR,
             SPICE_INTERFACE_CHAR_DEVICE_MINOR},
    .state = device_state,
    .write = device_write,
    .read = device_read,
    .flags = SPICE_CHAR_DEVICE_NOTIFY_WRITABLE,
};

static bool plug(struct char_socket *device)
{
    if (device->plugged)
        return true;
    device->plugged = true;
    spice_server_add_interface(device->server, &device->instance.base);
    /* The only sign of a refusal. */
    device->plugged = device->instance.st != NULL;
    return device->plugged;
}

static void unplug(struct char_socket *device)
{
    if (!device->plugged)
        return;
    /* What the server says on the way is none of the peer's doing. */
    device->plugged = false;
    spice_server_remove_interface(&device->instance.base);
    device->instance.st = NULL;
}

static void wake_server(void *opaque)
{
    struct char_socket *device = opaque;

    if (device->plugged)
        spice_server_char_device_wakeup(&device->instance);
}

/* The peer's side */

static void opened(void *opaque)
{
    struct char_socket *device = opaque;

    if (is_port(device))
        spice_server_port_event(&device->instance, SPICE_PORT_EVENT_OPENED);
    /* What a client has said meanwhile. */
    wake_server(device);
}

static void readable(void *opaque)
{
    struct char_socket *device = opaque;

    if (!plug(device))
        peer_drop(device->peer);
    wake_server(device);
}

static void closed(void *opaque)
{
    struct char_socket *device = opaque;

    if (is_port(device)) {
        spice_server_port_event(&device->instance, SPICE_PORT_EVENT_CLOSED);
        return;
    }
    unplug(device);
    if (device->options->kind == CHAR_SOCKET_USBREDIR) {
        /* Not every server says that with its device the client has gone. */
        peer_want(device->peer, false);
        peer_await(device->peer);
    }
}

static void waiting(void *opaque)
{
    plug(opaque);
}

static const struct peer_user peer_user = {
    .waiting = waiting,
    .opened = opened,
    .readable = readable,
    .writable = wake_server,
    .closed = closed,
};

struct char_socket *char_socket_create(const struct char_socket_options *options,
                                       SpiceServer *server, GError **error)
{
    static const char *const subtypes[] = {"vdagent", "usbredir", "port", "port"};
    struct char_socket *device = g_new0(struct char_socket, 1);

    device->options = options;
    device->server = server;
    device->instance.base.sif = &interface.base;
    device->instance.subtype = subtypes[options->kind];
    device->instance.portname = options->kind == CHAR_SOCKET_WEBDAV ? WEBDAV_PORT : options->name;
    device->peer = peer_create(&options->peer, option_of(options->kind), &peer_user, device, error);
    if (!device->peer) {
        g_free(device);
        return NULL;
    }
    if (is_always_wanted(device))
        peer_want(device->peer, true);
    if (options->kind == CHAR_SOCKET_USBREDIR) {
        peer_await(device->peer);
    } else if (is_port(device) && !plug(device)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED, "%s: the server takes no such device",
                    option_of(options->kind));
        char_socket_destroy(device);
        return NULL;
    }
    return device;
}

void char_socket_destroy(struct char_socket *device)
{
    if (!device)
        return;
    unplug(device);
    peer_destroy(device->peer);
    g_free(device);
}
