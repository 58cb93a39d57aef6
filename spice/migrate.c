/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/migrate.h"

#include "spice/client.h"
#include "spice/migrate_private.h"

#include <string.h>

/* For all clients to connect to the target, and to leave in the end. */
#define CONNECT_MS 10000
#define LEAVE_MS   10000
/* Of what clients take along, in the message that tells them to connect. */
#define MIGRATION_VERSION 1

/* Telling the host. */

static void call_host(struct migrate *migrate, bool end)
{
    const SpiceMigrateInterface *host;

    if (migrate->instance == NULL) {
        return;
    }
    host = SPICE_CONTAINEROF(migrate->instance->base.sif, SpiceMigrateInterface, base);
    if (!end) {
        host->migrate_connect_complete(migrate->instance);
    } else if (host->migrate_end_complete != NULL) {
        host->migrate_end_complete(migrate->instance);
    }
}

static void end_connecting(struct migrate *migrate)
{
    if (migrate->connecting) {
        migrate->connecting = false;
        loop_timer_cancel(migrate->connect_timer);
        call_host(migrate, false);
    }
}

static void end_leaving(struct migrate *migrate)
{
    if (migrate->leaving) {
        migrate->leaving = false;
        loop_timer_cancel(migrate->leave_timer);
        call_host(migrate, true);
    }
}

static bool any_client(const struct migrate *migrate, enum client_move move)
{
    for (GList *l = migrate->server->clients; l != NULL; l = l->next) {
        if (((struct client *)l->data)->move == move) {
            return true;
        }
    }
    return false;
}

static void check_progress(struct migrate *migrate)
{
    if (!any_client(migrate, CLIENT_CONNECTS) && !any_client(migrate, CLIENT_WAITS)) {
        end_connecting(migrate);
    }
    if (!any_client(migrate, CLIENT_LEAVES)) {
        end_leaving(migrate);
    }
}

/* Telling clients. */

static void add_string(struct message *message, struct message_pointer pointer, const char *text)
{
    message_point(message, pointer);
    message_add_bytes(message, text, strlen(text) + 1);
}

/* A message that says where to go, spice-wire.md section 3.3. */
static void send_target(const struct migrate *migrate, struct client *client, uint16_t type)
{
    struct message *message = message_create(type);
    struct message_pointer host, subject;

    message_add_u16(message, migrate->port);
    message_add_u16(message, migrate->tls_port);
    message_add_u32(message, (uint32_t)strlen(migrate->host) + 1);
    host = message_add_pointer(message);
    message_add_u32(message, migrate->subject ? (uint32_t)strlen(migrate->subject) + 1 : 0);
    subject = message_add_pointer(message);
    if (type == SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS) {
        message_add_u32(message, MIGRATION_VERSION);
    }
    add_string(message, host, migrate->host);
    if (migrate->subject != NULL) {
        add_string(message, subject, migrate->subject);
    }
    channel_client_send(client->main, message);
}

static void send_empty(struct client *client, uint16_t type)
{
    channel_client_send(client->main, message_create(type));
}

static bool can_connect(const struct client *client)
{
    return client->main != NULL &&
           channel_client_has_cap(client->main, SPICE_MAIN_CAP_SEMI_SEAMLESS_MIGRATE);
}

static bool has_connected(const struct client *client)
{
    return client->move == CLIENT_CONNECTED || client->move == CLIENT_CONNECTED_SEAMLESS;
}

/* States are for one client (server-abi.md section 6.1), which knows what becomes of the agent. */
static bool can_take_state(const struct migrate *migrate, const struct client *client)
{
    const SpiceServer *server = migrate->server;

    return server->policy.seamless && !server->multi_client && server->clients->next == NULL &&
           channel_client_has_cap(client->main, SPICE_MAIN_CAP_AGENT_CONNECTED_TOKENS) &&
           channel_client_has_cap(client->main, SPICE_MAIN_CAP_SEAMLESS_MIGRATE);
}

static void forget_target(struct migrate *migrate)
{
    g_clear_pointer(&migrate->host, g_free);
    g_clear_pointer(&migrate->subject, g_free);
}

static bool set_target(struct migrate *migrate, const char *host, int port, int tls_port,
                       const char *subject)
{
    forget_target(migrate);
    if (host == NULL || (port == -1 && tls_port == -1)) {
        return false;
    }
    if (port < -1 || port > UINT16_MAX || tls_port < -1 || tls_port > UINT16_MAX) {
        g_warning("migration target %s: ports %d and %d are not in the range 0 to %u", host, port,
                  tls_port, UINT16_MAX);
        return false;
    }
    migrate->host = g_strdup(host);
    migrate->port = port == -1 ? 0 : (uint16_t)port;
    migrate->tls_port = tls_port == -1 ? 0 : (uint16_t)tls_port;
    migrate->subject = subject != NULL && subject[0] ? g_strdup(subject) : NULL;
    return true;
}

/* Back to before migrate_connect(): those who have connected are told to forget it. */
static void cancel(struct migrate *migrate)
{
    for (GList *l = migrate->server->clients; l != NULL; l = l->next) {
        struct client *client = l->data;

        if (has_connected(client) && client->main != NULL) {
            send_empty(client, SPICE_MSG_MAIN_MIGRATE_CANCEL);
        }
        /* Who still connects is told when the answer comes. */
        if (client->move == CLIENT_CONNECTS) {
            client->late_answers++;
        }
        if (client->move != CLIENT_LEAVES) {
            client->move = CLIENT_STAYS;
        }
        client->outcome = SPICE_MIGRATE_OUTCOME_NONE;
    }
    forget_target(migrate);
    migrate->expected = false;
    end_connecting(migrate);
}

static void on_connect_timeout(void *opaque)
{
    struct migrate *migrate = opaque;

    for (GList *l = migrate->server->clients; l != NULL; l = l->next) {
        struct client *client = l->data;

        if (client->move == CLIENT_CONNECTS || client->move == CLIENT_WAITS) {
            g_info("client %08x has not connected to the migration target within %d s", client->id,
                   CONNECT_MS / 1000);
            client->late_answers += client->move == CLIENT_CONNECTS;
            client->move = CLIENT_STAYS;
            client->outcome = SPICE_MIGRATE_OUTCOME_TIMEOUT;
        }
    }
    end_connecting(migrate);
}

void migrate_disconnect(struct migrate *migrate, bool (*applies)(const struct client *client))
{
    GList *clients = g_list_copy(migrate->server->clients);

    for (GList *l = clients; l != NULL; l = l->next) {
        /* One's end may be another's. */
        if (g_list_find(migrate->server->clients, l->data) != NULL && applies(l->data)) {
            server_disconnect_client(migrate->server, l->data);
        }
    }
    g_list_free(clients);
}

static bool leaves(const struct client *client)
{
    return client->move == CLIENT_LEAVES;
}

static void on_leave_timeout(void *opaque)
{
    struct migrate *migrate = opaque;

    migrate_disconnect(migrate, leaves);
    end_leaving(migrate);
}

struct migrate *migrate_create(SpiceServer *server)
{
    struct migrate *migrate = g_new0(struct migrate, 1);

    migrate->server = server;
    migrate->connect_timer = loop_timer_create(server->loop, on_connect_timeout, migrate);
    migrate->leave_timer = loop_timer_create(server->loop, on_leave_timeout, migrate);
    migrate->arrive_timer = loop_timer_create(server->loop, migrate_on_arrive_timeout, migrate);
    return migrate;
}

void migrate_destroy(struct migrate *migrate)
{
    if (migrate == NULL) {
        return;
    }
    loop_timer_destroy(migrate->connect_timer);
    loop_timer_destroy(migrate->leave_timer);
    loop_timer_destroy(migrate->arrive_timer);
    forget_target(migrate);
    g_free(migrate);
}

bool migrate_attach(SpiceServer *server, SpiceMigrateInstance *instance)
{
    const SpiceMigrateInterface *host =
        SPICE_CONTAINEROF(instance->base.sif, SpiceMigrateInterface, base);

    if (server->migrate->instance != NULL) {
        g_warning("there is a migration interface already");
        return false;
    }
    if (host->migrate_connect_complete == NULL) {
        g_warning("the migration interface has no migrate_connect_complete");
        return false;
    }
    server->migrate->instance = instance;
    return true;
}

/* The source's public functions. */

static struct migrate *migrate_of(SpiceServer *s)
{
    if (s->migrate == NULL) {
        g_warning("clients cannot be migrated before the server is initialised");
    }
    return s->migrate;
}

static bool is_attached(const struct migrate *migrate)
{
    if (migrate != NULL && migrate->instance == NULL) {
        g_warning("clients cannot be migrated without a migration interface");
    }
    return migrate != NULL && migrate->instance != NULL;
}

void migrate_tell_to_connect(struct migrate *migrate, struct client *client)
{
    client->outcome = SPICE_MIGRATE_OUTCOME_PENDING;
    if (migrate_is_arriving(client)) {
        client->move = CLIENT_WAITS;
    } else {
        client->move = CLIENT_CONNECTS;
        send_target(migrate, client,
                    can_take_state(migrate, client) ? SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS
                                                    : SPICE_MSG_MAIN_MIGRATE_BEGIN);
    }
}

int spice_server_migrate_connect(SpiceServer *s, const char *dest, int port, int secure_port,
                                 const char *cert_subject)
{
    struct migrate *migrate = migrate_of(s);

    if (!is_attached(migrate)) {
        return -1;
    }
    if (migrate->expected) {
        g_info("a new migration target takes the place of the old one");
        cancel(migrate);
    }
    migrate->expected = set_target(migrate, dest, port, secure_port, cert_subject);
    if (!migrate->expected) {
        call_host(migrate, false);
        return -1;
    }
    migrate->connecting = true;
    for (GList *l = s->clients; l != NULL; l = l->next) {
        struct client *client = l->data;

        client->outcome = SPICE_MIGRATE_OUTCOME_UNABLE;
        if (can_connect(client)) {
            migrate_tell_to_connect(migrate, client);
        }
    }
    loop_timer_start(migrate->connect_timer, CONNECT_MS);
    check_progress(migrate);
    return 0;
}

SpiceMigrateOutcome spice_server_get_migrate_outcome(SpiceServer *s, uint32_t connection_id)
{
    for (GList *l = s->clients; l != NULL; l = l->next) {
        const struct client *client = l->data;

        if (client->id == connection_id) {
            return client->outcome;
        }
    }
    return SPICE_MIGRATE_OUTCOME_NONE;
}

int spice_server_migrate_info(SpiceServer *s, const char *dest, int port, int secure_port,
                              const char *cert_subject)
{
    struct migrate *migrate = migrate_of(s);

    return migrate != NULL && set_target(migrate, dest, port, secure_port, cert_subject) ? 0 : -1;
}

int spice_server_migrate_start(SpiceServer *s)
{
    struct migrate *migrate = migrate_of(s);

    return migrate != NULL && migrate->host != NULL ? 0 : -1;
}

static void leave_with_state(struct client *client)
{
    SpiceServer *server = client->main->channel->server;

    for (GList *l = server->channels; l != NULL; l = l->next) {
        channel_leave(l->data, client);
    }
}

/* Sends all clients to the target. */
static void leave(struct migrate *migrate)
{
    for (GList *l = migrate->server->clients; l != NULL; l = l->next) {
        struct client *client = l->data;

        if (client->main == NULL) {
            continue;
        }
        if (client->move == CLIENT_CONNECTED_SEAMLESS) {
            leave_with_state(client);
        } else if (client->move == CLIENT_CONNECTED) {
            send_empty(client, SPICE_MSG_MAIN_MIGRATE_END);
        } else {
            send_target(migrate, client, SPICE_MSG_MAIN_MIGRATE_SWITCH_HOST);
        }
        client->move = CLIENT_LEAVES;
    }
    migrate->leaving = true;
    loop_timer_start(migrate->leave_timer, LEAVE_MS);
    end_connecting(migrate);
    forget_target(migrate);
    migrate->expected = false;
    check_progress(migrate);
}

int spice_server_migrate_end(SpiceServer *s, int completed)
{
    struct migrate *migrate = migrate_of(s);

    if (!is_attached(migrate)) {
        return -1;
    }
    if (s->clients == NULL) {
        cancel(migrate);
        call_host(migrate, true);
        return 0;
    }
    if (!completed) {
        cancel(migrate);
        return 0;
    }
    if (!migrate->expected) {
        g_warning("the machine has moved, but clients were not told where to: they are "
                  "disconnected");
        server_disconnect_all(s);
        call_host(migrate, true);
        return -1;
    }
    leave(migrate);
    return 0;
}

int spice_server_migrate_switch(SpiceServer *s)
{
    struct migrate *migrate = migrate_of(s);

    if (migrate == NULL || migrate->host == NULL) {
        return 0;
    }
    for (GList *l = s->clients; l != NULL; l = l->next) {
        struct client *client = l->data;

        if (client->main != NULL) {
            send_target(migrate, client, SPICE_MSG_MAIN_MIGRATE_SWITCH_HOST);
        }
    }
    forget_target(migrate);
    migrate->expected = false;
    return 0;
}

void spice_server_set_seamless_migration(SpiceServer *s, int enable)
{
    s->policy.seamless = enable != 0;
}

/* What clients do. */

void migrate_client_answered(struct client *client, enum client_move answer)
{
    struct migrate *migrate = client->main->channel->server->migrate;
    bool connected = answer != CLIENT_STAYS;
    bool late = client->late_answers > 0;

    client->late_answers -= late;
    if (late && client->move == CLIENT_CONNECTS) {
        return; /* to an earlier question */
    }
    if (client->move == CLIENT_CONNECTS) {
        client->move = answer == CLIENT_CONNECTED_SEAMLESS && !can_take_state(migrate, client)
                           ? CLIENT_CONNECTED
                           : answer;
        client->outcome = connected ? SPICE_MIGRATE_OUTCOME_CONNECTED : SPICE_MIGRATE_OUTCOME_ERROR;
        g_info("client %08x %s the migration target", client->id,
               connected ? "has connected to" : "cannot connect to");
        check_progress(migrate);
    } else if (connected && client->move == CLIENT_STAYS) {
        /* Too late, or never asked for. */
        send_empty(client, SPICE_MSG_MAIN_MIGRATE_CANCEL);
    }
}

void migrate_client_gone(SpiceServer *server, struct client *client)
{
    migrate_release_parked(server, client);
    client->move = CLIENT_STAYS;
    if (server->migrate != NULL) {
        check_progress(server->migrate);
    }
}
