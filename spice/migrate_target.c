/*
 * Clients that come from another server.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/client.h"
#include "spice/migrate_private.h"

/* For clients to come to a target on which the machine runs. */
#define ARRIVE_MS 30000
/* Of states that we understand. */
#define MIGRATION_VERSION 1

/* A connection that an arriving client has made. */
struct parked {
    uint8_t type, id;
    bool waits; /* for its client; else LINK has been handed on */
    struct channel_link link;
};

bool migrate_is_arriving(const struct client *client)
{
    return client->arriving || client->awaited > 0;
}

void migrate_on_arrive_timeout(void *opaque)
{
    migrate_disconnect(opaque, migrate_is_arriving);
}

static void start_arrive_timer(struct migrate *migrate)
{
    for (GList *l = migrate->server->clients; l != NULL; l = l->next) {
        if (migrate->machine_runs && migrate_is_arriving(l->data)) {
            loop_timer_start(migrate->arrive_timer, ARRIVE_MS);
            return;
        }
    }
}

void migrate_client_expected(SpiceServer *server)
{
    start_arrive_timer(server->migrate);
}

void migrate_machine_runs(SpiceServer *server)
{
    if (server->migrate != NULL) {
        server->migrate->machine_runs = true;
        start_arrive_timer(server->migrate);
    }
}

void migrate_release_parked(SpiceServer *server, struct client *client)
{
    for (GList *l = client->parked; l != NULL; l = l->next) {
        struct parked *parked = l->data;

        if (parked->waits) {
            server_release_stream(server, parked->link.stream);
        }
        g_free(parked);
    }
    g_list_free(g_steal_pointer(&client->parked));
}

static void hand_on(SpiceServer *server, struct client *client, struct parked *parked)
{
    struct channel *channel = server_find_channel(server, parked->type, parked->id);

    parked->waits = false;
    if (channel == NULL) {
        server_release_stream(server, parked->link.stream);
    } else if (client->resumes) {
        parked->link.resumes = true;
        client->awaited += channel->ops->state_magic != 0;
        channel_attach(channel, &parked->link);
    } else {
        server_attach(channel, &parked->link);
    }
}

static void hand_on_all(SpiceServer *server, struct client *client)
{
    for (GList *l = client->parked; l != NULL; l = l->next) {
        hand_on(server, client, l->data);
    }
}

void migrate_park(struct client *client, struct channel *channel, const struct channel_link *link)
{
    struct parked *parked;

    for (GList *l = client->parked; l != NULL; l = l->next) {
        parked = l->data;
        if (parked->type == channel->type && parked->id == channel->id) {
            g_info("client %08x, channel %u:%u: connected already", client->id, channel->type,
                   channel->id);
            server_release_stream(channel->server, link->stream);
            return;
        }
    }
    parked = g_new(struct parked, 1);
    *parked = (struct parked){channel->type, channel->id, true, *link};
    client->parked = g_list_append(client->parked, parked);
    if (client->resumes) {
        hand_on(channel->server, client, parked);
    }
}

/* The client is where the machine is. */
static void end_arrival(SpiceServer *server, struct client *client)
{
    if (!migrate_is_arriving(client) && client->move == CLIENT_WAITS && client->main != NULL) {
        migrate_tell_to_connect(server->migrate, client);
    }
}

void migrate_client_arrived(SpiceServer *server, struct client *client)
{
    if (!client->arriving) {
        g_info("client %08x says that it has come from another server, which it has not",
               client->id);
        return;
    }
    client->arriving = false;
    main_channel_arrived(client);
    hand_on_all(server, client);
    migrate_release_parked(server, client);
    end_arrival(server, client);
}

bool migrate_client_resumes(SpiceServer *server, struct client *client, uint32_t version)
{
    if (!client->arriving || client->resumes || !server->policy.seamless || server->multi_client ||
        version > MIGRATION_VERSION) {
        return false;
    }
    client->resumes = true;
    client->awaited = 1; /* the main channel's */
    hand_on_all(server, client);
    return true;
}

void migrate_client_resumed(struct client *client)
{
    SpiceServer *server = client->main->channel->server;

    client->arriving = false;
    migrate_release_parked(server, client);
}

void migrate_state_arrived(SpiceServer *server, struct client *client)
{
    if (client->awaited > 0 && --client->awaited == 0 && server->migrate != NULL) {
        g_info("client %08x has come from another server, with all that it had there", client->id);
        end_arrival(server, client);
    }
}
