/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/spice_clients.h"

#include <arpa/inet.h>
#include <glib.h>
#include <netinet/in.h>
#include <spice/enums.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

struct spice_clients {
    void (*emit)(void *opaque, const char *event, json_t *data);
    const char *(*auth)(void *opaque);
    void *opaque, *auth_opaque;
    GPtrArray *channels; /* SpiceChannelEventInfo *, between INITIALIZED and DISCONNECTED */
};

/* spice.h calls channel_event without any pointer of ours. */
static struct spice_clients *listening;

struct spice_clients *
spice_clients_create(void (*emit)(void *opaque, const char *event, json_t *data),
                     const char *(*auth)(void *opaque), void *opaque, void *auth_opaque)
{
    struct spice_clients *clients = g_new(struct spice_clients, 1);

    *clients = (struct spice_clients){
        .emit = emit,
        .auth = auth,
        .opaque = opaque,
        .auth_opaque = auth_opaque,
        .channels = g_ptr_array_new(),
    };
    listening = clients;
    return clients;
}

void spice_clients_destroy(struct spice_clients *clients)
{
    if (!clients)
        return;
    if (listening == clients)
        listening = NULL;
    g_ptr_array_unref(clients->channels);
    g_free(clients);
}

/* {"host": ..., "port": ..., "family": ...} */
static json_t *describe_address(const struct sockaddr_storage *address, socklen_t length)
{
    char host[INET6_ADDRSTRLEN] = "";
    char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1] = "";
    char port[8] = "";
    const char *family = "unknown";

    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        family = "ipv4";
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(port, sizeof(port), "%u", ntohs(in->sin_port));
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)address;
        family = "ipv6";
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(port, sizeof(port), "%u", ntohs(in6->sin6_port));
    } else if (address->ss_family == AF_UNIX) {
        const struct sockaddr_un *un = (const void *)address;
        size_t prefix = offsetof(struct sockaddr_un, sun_path);
        family = "unix";
        if (length > prefix)
            memcpy(path, un->sun_path, MIN(length - prefix, sizeof(un->sun_path)));
    }
    return json_pack("{s:s,s:s,s:s}", "host", *path ? path : host, "port", port, "family", family);
}

static json_t *describe_server(const SpiceChannelEventInfo *info)
{
    return describe_address(&info->laddr_ext, info->llen_ext);
}

static json_t *describe_peer(const SpiceChannelEventInfo *info)
{
    return describe_address(&info->paddr_ext, info->plen_ext);
}

static json_t *describe_channel(const SpiceChannelEventInfo *info)
{
    json_t *channel = describe_peer(info);

    if (channel)
        json_object_update_new(channel,
                               json_pack("{s:i,s:i,s:i,s:b}", "connection-id", info->connection_id,
                                         "channel-type", info->type, "channel-id", info->id, "tls",
                                         !!(info->flags & SPICE_CHANNEL_EVENT_FLAG_TLS)));
    return channel;
}

static void emit(struct spice_clients *clients, const char *event, json_t *server, json_t *client)
{
    clients->emit(clients->opaque, event,
                  json_pack("{s:o,s:o}", "server", server, "client", client));
}

void spice_clients_channel_event(int event, SpiceChannelEventInfo *info)
{
    struct spice_clients *clients = listening;
    json_t *server;

    if (!clients || !(info->flags & SPICE_CHANNEL_EVENT_FLAG_ADDR_EXT))
        return;
    server = describe_server(info);
    switch (event) {
    case SPICE_CHANNEL_EVENT_CONNECTED:
        emit(clients, "SPICE_CONNECTED", server, describe_peer(info));
        break;
    case SPICE_CHANNEL_EVENT_INITIALIZED:
        g_ptr_array_add(clients->channels, info);
        json_object_set_new(server, "auth", json_string(clients->auth(clients->auth_opaque)));
        emit(clients, "SPICE_INITIALIZED", server, describe_channel(info));
        break;
    case SPICE_CHANNEL_EVENT_DISCONNECTED:
        g_ptr_array_remove(clients->channels, info);
        emit(clients, "SPICE_DISCONNECTED", server, describe_peer(info));
        break;
    default:
        json_decref(server);
        break;
    }
}

static bool is_main(const SpiceChannelEventInfo *info)
{
    return info->type == SPICE_CHANNEL_MAIN;
}

static json_t *describe_channels(const struct spice_clients *clients, bool main_only)
{
    json_t *list = json_array();

    for (guint i = 0; i < clients->channels->len; i++) {
        const SpiceChannelEventInfo *info = g_ptr_array_index(clients->channels, i);
        if (!main_only || is_main(info))
            json_array_append_new(list, describe_channel(info));
    }
    return list;
}

json_t *spice_clients_query(const struct spice_clients *clients)
{
    return describe_channels(clients, false);
}

json_t *spice_clients_sessions(const struct spice_clients *clients)
{
    return describe_channels(clients, true);
}

unsigned spice_clients_count(const struct spice_clients *clients)
{
    unsigned count = 0;

    for (guint i = 0; i < clients->channels->len; i++)
        count += is_main(g_ptr_array_index(clients->channels, i));
    return count;
}
