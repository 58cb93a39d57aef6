/*
 * The server object: from spice_server_new() to spice_server_destroy(), channels, sessions.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/char_device.h"
#include "spice/client.h"
#include "spice/link.h"
#include "spice/migrate.h"
#include "spice/mouse_mode.h"
#include "spice/sasl.h"
#include "spice/record.h"
#include "spice/playback_channel.h"
#include "spice/record_channel.h"
#include "spice/smartcard.h"
#include "spice/server_state.h"

#include <stdlib.h>
#include <unistd.h>

SpiceServer *spice_server_new(void)
{
    SpiceServer *server = g_new0(SpiceServer, 1);

    server_settings_init(server);
    ticket_init(&server->ticket);
    server->recorder = recorder_create_from_environment();
    server->address.port = -1;
    server->mouse_mode = SPICE_MOUSE_MODE_SERVER;
    server->mouse_modes = SPICE_MOUSE_MODE_SERVER;
    server->running = true; /* for hosts that never call spice_server_vm_start() */
    server->displays = g_array_new(FALSE, FALSE, sizeof(struct server_display));
    g_queue_init(&server->links);
    return server;
}

static void start_link(SpiceServer *server, int fd, unsigned flags)
{
    char *reason = NULL;

    if (!link_start(server, fd, flags, &reason)) {
        g_info("link dropped: %s", reason);
        g_free(reason);
        close(fd);
    }
}

static void accepted(void *opaque, int fd)
{
    start_link(opaque, fd, 0);
}

static void accepted_tls(void *opaque, int fd)
{
    start_link(opaque, fd, LINK_TLS);
}

/* True when every socket that the host has asked for is open. */
static bool open_sockets(SpiceServer *server)
{
    const struct listen_address *address = &server->address;
    bool wanted = address->port >= 0 || address->family == SPICE_ADDR_FLAG_UNIX_ONLY;

    if (wanted && (server->adopted_fd < 0 || address->family == SPICE_ADDR_FLAG_UNIX_ONLY)) {
        server->listener = listener_create(server->loop, address, accepted, server);
        if (server->listener == NULL) {
            return false;
        }
    }
    if (server->adopted_fd >= 0) {
        server->adopted_listener =
            listener_adopt(server->loop, server->adopted_fd, accepted, server);
        if (server->adopted_listener == NULL) {
            return false;
        }
    }
    if (server->tls_port > 0) {
        struct listen_address secure = *address;

        secure.port = server->tls_port;
        if (secure.family == SPICE_ADDR_FLAG_UNIX_ONLY) {
            secure.address = NULL; /* the path is the plain socket's */
            secure.family = 0;
        }
        server->tls_listener = listener_create(server->loop, &secure, accepted_tls, server);
        if (server->tls_listener == NULL) {
            return false;
        }
    }
    return true;
}

static void close_sockets(SpiceServer *server)
{
    listener_destroy(g_steal_pointer(&server->listener));
    listener_destroy(g_steal_pointer(&server->adopted_listener));
    listener_destroy(g_steal_pointer(&server->tls_listener));
}

static bool create_tls(SpiceServer *server)
{
    if (server->tls_port > 0) {
        server->tls = tls_context_create(&server->tls_settings);
    }
    return server->tls_port == 0 || server->tls != NULL;
}

int spice_server_init(SpiceServer *server, SpiceCoreInterface *core)
{
    if (core->base.major_version != SPICE_INTERFACE_CORE_MAJOR) {
        g_warning("bad core interface version %u.%u, this server has %u.%u",
                  core->base.major_version, core->base.minor_version, SPICE_INTERFACE_CORE_MAJOR,
                  SPICE_INTERFACE_CORE_MINOR);
        return -1;
    }
    if (server->loop != NULL) {
        g_warning("the server has been initialised already");
        return -1;
    }
    server->core = core;
    server->loop = event_loop_create_core(core);
    if (server->loop == NULL) {
        return -1;
    }
    if (!open_sockets(server)) {
        g_warning("Failed to open SPICE sockets");
        close_sockets(server);
        event_loop_destroy(g_steal_pointer(&server->loop));
        return -1;
    }
    if (!create_tls(server)) {
        close_sockets(server);
        event_loop_destroy(g_steal_pointer(&server->loop));
        return -1;
    }
#ifdef HAVE_SASL
    sasl_session_setup(server->sasl_appname != NULL ? server->sasl_appname : "spice");
#endif
    if (server->policy.video_codecs == NULL) {
        spice_server_set_video_codecs(server, "auto");
    }
    server->multi_client = g_getenv("SPICE_DEBUG_ALLOW_MC") != NULL;
    server->agent = agent_create(server);
    server->migrate = migrate_create(server);
    server->main = main_channel_create(server);
    server->inputs = inputs_create(server);
    return 0;
}

void spice_server_destroy(SpiceServer *server)
{
    server->destroying = true;
    close_sockets(server);
    link_close_all(server);
    server_disconnect_all(server);
    while (server->qxls != NULL) {
        QXLInstance *qxl = server->qxls->data;

        server->qxls = g_list_delete_link(server->qxls, server->qxls);
        display_worker_detach(qxl);
    }
    char_device_detach_all(server);
    smartcards_destroy(g_steal_pointer(&server->smartcards));
    playback_detach(g_steal_pointer(&server->playback));
    record_detach(g_steal_pointer(&server->record));
    inputs_destroy(g_steal_pointer(&server->inputs));
    main_channel_destroy(g_steal_pointer(&server->main));
    migrate_destroy(g_steal_pointer(&server->migrate));
    event_loop_destroy(server->loop); /* what workers had posted is done here */
    agent_destroy(server->agent);
    tls_context_destroy(server->tls);
    g_list_free(server->channels);
    g_array_free(server->displays, TRUE);
    server_settings_finish(server);
    ticket_finish(&server->ticket);
    recorder_destroy(server->recorder);
    g_free(server->address.address);
    g_free(server);
}

struct event_loop *server_loop(SpiceServer *server)
{
    return server->loop;
}

struct recorder *server_recorder(SpiceServer *server)
{
    return server->recorder;
}

uint32_t server_mm_time(SpiceServer *server G_GNUC_UNUSED)
{
    return (uint32_t)(g_get_monotonic_time() / 1000);
}

/* Channels. */

void server_add_channel(SpiceServer *server, struct channel *channel)
{
    server->channels = g_list_append(server->channels, channel);
    if (server->main != NULL) {
        main_channel_announce(server->main, channel);
    }
    server_update_mouse_mode(server);
}

void server_remove_channel(SpiceServer *server, struct channel *channel)
{
    server->channels = g_list_remove(server->channels, channel);
    server_update_mouse_mode(server);
}

struct channel *server_find_channel(SpiceServer *server, uint8_t type, uint8_t id)
{
    for (GList *l = server->channels; l != NULL; l = l->next) {
        struct channel *channel = l->data;

        if (channel->type == type && channel->id == id) {
            return channel;
        }
    }
    return NULL;
}

unsigned server_count_channels(SpiceServer *server, uint8_t type)
{
    unsigned count = 0;

    for (GList *l = server->channels; l != NULL; l = l->next) {
        count += ((struct channel *)l->data)->type == type;
    }
    return count;
}

/* Connections and sessions. */

void server_channel_event(SpiceServer *server, int event, struct stream *stream)
{
    const SpiceCoreInterface *core = server->core;

    if (core->base.minor_version >= 3 && core->channel_event != NULL) {
        core->channel_event(event, stream_info(stream));
    }
}

struct release {
    SpiceServer *server;
    struct stream *stream;
};

static void release_stream(void *opaque)
{
    struct release *release = opaque;

    server_channel_event(release->server, SPICE_CHANNEL_EVENT_DISCONNECTED, release->stream);
    stream_destroy(release->stream);
    g_free(release);
}

void server_release_stream(SpiceServer *server, struct stream *stream)
{
    struct release *release = g_new(struct release, 1);

    *release = (struct release){server, stream};
    /* The client shall not wait for our IO thread to learn that it has been disconnected. */
    stream_shutdown(stream, SHUT_RDWR);
    if (event_loop_is_current(server->loop)) {
        release_stream(release);
    } else {
        event_loop_post(server->loop, release_stream, release);
    }
}

struct client *server_new_client(SpiceServer *server, uint32_t id)
{
    struct client *client;

    if (!server->multi_client) {
        server_disconnect_all(server);
    } else if (id != 0) {
        server_disconnect_client(server, server_find_client(server, id));
    }
    client = client_create();
    while (server_find_client(server, client->id) != NULL) {
        client_unref(client);
        client = client_create();
    }
    if (id != 0) {
        client->id = id;
        client->arriving = true;
    }
    server->clients = g_list_append(server->clients, client);
    if (client->arriving) {
        migrate_client_expected(server);
    }
    return client;
}

void server_attach(struct channel *channel, const struct channel_link *link)
{
    if (channel->type == SPICE_CHANNEL_INPUTS && !stream_is_secure(link->stream) &&
        !stream_is_local(link->stream)) {
        main_channel_notify(link->client, "keyboard channel is insecure");
    }
    channel_attach(channel, link);
}

struct client *server_find_client(SpiceServer *server, uint32_t id)
{
    for (GList *l = server->clients; l != NULL; l = l->next) {
        struct client *client = l->data;

        if (client->id == id) {
            return client;
        }
    }
    return NULL;
}

void server_disconnect_client(SpiceServer *server, struct client *client)
{
    GList *link = g_list_find(server->clients, client);

    if (link == NULL) {
        return;
    }
    server->clients = g_list_delete_link(server->clients, link);
    for (GList *l = server->channels; l != NULL; l = l->next) {
        channel_detach(l->data, client);
    }
    migrate_client_gone(server, client);
    client_unref(client);
    if (server->policy.exit_on_disconnect && !server->destroying) {
        exit(0); /* as asked for; server-abi.md section 1.7.2 */
    }
}

void server_disconnect_all(SpiceServer *server)
{
    while (server->clients != NULL) {
        server_disconnect_client(server, server->clients->data);
    }
}

void server_set_device_info(SpiceServer *server, int id, const char *address, uint32_t first,
                            uint32_t count)
{
    agent_set_device_info(server->agent, id, address, first, count);
}

/* The machine runs or not. */

void spice_server_vm_start(SpiceServer *server)
{
    char_device_set_running(server, true);
    migrate_machine_runs(server);
    for (GList *l = server->qxls; l != NULL; l = l->next) {
        QXLInstance *qxl = l->data;

        if (qxl->st != NULL) {
            display_worker_start(qxl);
        }
    }
}

void spice_server_vm_stop(SpiceServer *server)
{
    char_device_set_running(server, false);
    for (GList *l = server->qxls; l != NULL; l = l->next) {
        QXLInstance *qxl = l->data;

        if (qxl->st != NULL) {
            display_worker_stop(qxl);
        }
    }
}
