/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/migrate_clients.h"

#include "cli/options.h"

enum stage {
    IDLE,
    ASKING,  /* clients have been asked */
    READY,   /* all have answered, or had their time */
    LEAVING, /* they have been told to go */
};

struct migrate_clients {
    SpiceMigrateInterface interface;
    SpiceMigrateInstance instance;
    SpiceServer *server;
    const struct spice_clients *clients;
    struct migrate_clients_user user;
    bool plugged; /* the server has taken the interface */
    enum stage stage;
    guint ready_source; /* the event about it has not been sent yet; 0: none */
};

static struct migrate_clients *from_instance(SpiceMigrateInstance *instance)
{
    return SPICE_CONTAINEROF(instance, struct migrate_clients, instance);
}

/* --- what became of them --- */

struct verdict {
    const char *outcome;
    const char *reason; /* NULL: nothing to add */
};

static struct verdict verdict_on(SpiceServer *server, uint32_t connection_id)
{
#ifdef HAVE_EMBEDDED_SPICE
    switch (spice_server_get_migrate_outcome(server, connection_id)) {
    case SPICE_MIGRATE_OUTCOME_CONNECTED:
        return (struct verdict){"connected", NULL};
    case SPICE_MIGRATE_OUTCOME_ERROR:
        return (struct verdict){"error", "the client could not connect to the target"};
    case SPICE_MIGRATE_OUTCOME_UNABLE:
        return (struct verdict){"error", "the client cannot connect ahead, it reconnects"};
    case SPICE_MIGRATE_OUTCOME_PENDING:
    case SPICE_MIGRATE_OUTCOME_TIMEOUT:
        return (struct verdict){"timeout", "the client did not answer in time"};
    case SPICE_MIGRATE_OUTCOME_NONE:
        break; /* it came too late to be asked */
    }
    return (struct verdict){NULL, NULL};
#else
    (void)server;
    (void)connection_id;
    return (struct verdict){"unknown", "libspice-server only says that all have had their time"};
#endif
}

/* The worst that happened to one is what happened to all. */
static const char *worse(const char *one, const char *other)
{
    static const char *const order[] = {"timeout", "error", "unknown", "connected", NULL};

    for (const char *const *at = order; *at; at++) {
        if (!g_strcmp0(*at, one) || !g_strcmp0(*at, other))
            return *at;
    }
    return "no-client";
}

static json_t *describe_outcomes(const struct migrate_clients *clients)
{
    json_t *all = spice_clients_sessions(clients->clients), *asked = json_array(), *client;
    const char *outcome = NULL;
    size_t index;

    json_array_foreach(all, index, client)
    {
        uint32_t id = (uint32_t)json_integer_value(json_object_get(client, "connection-id"));
        struct verdict verdict = verdict_on(clients->server, id);
        if (!verdict.outcome)
            continue;
        json_object_set_new(client, "outcome", json_string(verdict.outcome));
        if (verdict.reason)
            json_object_set_new(client, "reason", json_string(verdict.reason));
        json_array_append(asked, client);
        outcome = worse(outcome, verdict.outcome);
    }
    json_decref(all);
    return json_pack("{s:s,s:o}", "outcome", worse(outcome, NULL), "clients", asked);
}

/* --- what the server says --- */

static gboolean tell_ready(gpointer opaque)
{
    struct migrate_clients *clients = opaque;

    clients->ready_source = 0;
    clients->user.emit(clients->user.opaque, "SPICE_CLIENT_MIGRATE_READY",
                       describe_outcomes(clients));
    return G_SOURCE_REMOVE;
}

/* Called in the middle of spice_server_migrate_*(), too, when there is nothing to wait for. */
static void connect_complete(SpiceMigrateInstance *instance)
{
    struct migrate_clients *clients = from_instance(instance);

    if (clients->stage != ASKING)
        return;
    clients->stage = READY;
    /* Later: the answer to the command that asked comes first. */
    clients->ready_source = g_idle_add(tell_ready, clients);
    clients->user.settled(clients->user.opaque);
}

static void end_complete(SpiceMigrateInstance *instance)
{
    struct migrate_clients *clients = from_instance(instance);

    if (clients->stage != LEAVING)
        return;
    clients->stage = IDLE;
    clients->user.emit(clients->user.opaque, "SPICE_MIGRATE_COMPLETED", NULL);
}

/* --- what the machine says --- */

struct migrate_clients *migrate_clients_create(SpiceServer *server,
                                               const struct spice_clients *spice_clients,
                                               const struct migrate_clients_user *user)
{
    struct migrate_clients *clients = g_new(struct migrate_clients, 1);

    *clients = (struct migrate_clients){
        .interface =
            {
                .base = {.type = SPICE_INTERFACE_MIGRATION,
                         .description = "migration of clients",
                         .major_version = SPICE_INTERFACE_MIGRATION_MAJOR,
                         .minor_version = SPICE_INTERFACE_MIGRATION_MINOR},
                .migrate_connect_complete = connect_complete,
                .migrate_end_complete = end_complete,
            },
        .server = server,
        .clients = spice_clients,
        .user = *user,
    };
    clients->instance.base.sif = &clients->interface.base;
    clients->plugged = !spice_server_add_interface(server, &clients->instance.base);
    return clients;
}

void migrate_clients_destroy(struct migrate_clients *clients)
{
    if (!clients)
        return;
    g_clear_handle_id(&clients->ready_source, g_source_remove);
    g_free(clients);
}

bool migrate_clients_ask(struct migrate_clients *clients, const char *host, int port, int tls_port,
                         const char *subject, GError **error)
{
    if (clients->stage == LEAVING) {
        g_set_error_literal(error, CLI_ERROR, CLI_ERROR_FAILED,
                            "Clients are on their way to the last target; SPICE_MIGRATE_COMPLETED "
                            "says when they are there");
        return false;
    }
    migrate_clients_cancel(clients);
    clients->stage = ASKING;
    if (clients->plugged &&
        !spice_server_migrate_connect(clients->server, host, port, tls_port, subject))
        return true;
    g_clear_handle_id(&clients->ready_source, g_source_remove);
    clients->stage = IDLE;
    g_set_error_literal(error, CLI_ERROR, CLI_ERROR_FAILED,
                        "The SPICE server cannot send clients there");
    return false;
}

void migrate_clients_cancel(struct migrate_clients *clients)
{
    bool pending = clients->stage == ASKING;

    if (clients->stage == IDLE || clients->stage == LEAVING)
        return;
    g_clear_handle_id(&clients->ready_source, g_source_remove);
    clients->stage = IDLE; /* what the server calls us for now is about nothing any more */
    spice_server_migrate_end(clients->server, 0);
    if (pending)
        clients->user.settled(clients->user.opaque);
}

bool migrate_clients_pending(const struct migrate_clients *clients)
{
    return clients->stage == ASKING;
}

void migrate_clients_start(struct migrate_clients *clients)
{
    if (clients->stage == ASKING || clients->stage == READY)
        spice_server_migrate_start(clients->server);
}

void migrate_clients_end(struct migrate_clients *clients, bool moved)
{
    if (!moved) {
        migrate_clients_cancel(clients);
    } else if (clients->stage == ASKING || clients->stage == READY) {
        clients->stage = LEAVING;
        spice_server_migrate_end(clients->server, 1);
    }
}
