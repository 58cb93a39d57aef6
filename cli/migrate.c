/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/migrate.h"

#include "cli/listen.h"
#include "cli/machine.h"
#include "cli/migrate_clients.h"
#include "cli/options.h"
#include "migration/incoming.h"
#include "migration/rdma.h"

#include <stdlib.h>

struct migrate {
    struct machine *machine;
    bool has_set;
    struct migration_set set;
    struct migration_parameters parameters;
    bool events;
    char *texts[MIGRATE_TEXTS];

    struct migration_outgoing *outgoing; /* the last one; NULL: none yet */
    struct migration_incoming *incoming; /* the same */
    struct listener listener;
    char *waits_at; /* NULL: nowhere */
    bool exit_on_error;
    bool was_running; /* the guest, when it was stopped for good; on both sides */
};

struct migrate *migrate_create(struct machine *machine)
{
    struct migrate *migrate = g_new0(struct migrate, 1);

    migrate->machine = machine;
    for (unsigned i = 0; i < MIGRATE_TEXTS; i++)
        migrate->texts[i] = g_strdup("");
    migrate->listener.fd = -1;
    migrate->parameters = (struct migration_parameters){
        .max_bandwidth = 128 << 20,
        .downtime_limit = 300,
        .throttle_initial = 20,
        .throttle_increment = 10,
        .throttle_max = 99,
        .throttle_trigger = 50,
    };
    return migrate;
}

void migrate_destroy(struct migrate *migrate)
{
    if (!migrate)
        return;
    migration_outgoing_destroy(migrate->outgoing);
    migration_incoming_destroy(migrate->incoming);
    listener_finish(&migrate->listener);
    if (migrate->has_set)
        migration_set_finish(&migrate->set);
    for (unsigned i = 0; i < MIGRATE_TEXTS; i++)
        g_free(migrate->texts[i]);
    g_free(migrate->waits_at);
    g_free(migrate);
}

/* --- what travels --- */

struct machine_state {
    bool running;
};

static const struct state_field machine_fields[] = {
    {STATE_FIELD(struct machine_state, running, STATE_BOOL)},
    STATE_END,
};

static const struct state_description machine_description = {
    .name = "machine",
    .version = 1,
    .oldest = 1,
    .size = sizeof(struct machine_state),
    .fields = machine_fields,
};

static void save_machine(void *opaque, void *state)
{
    ((struct machine_state *)state)->running = ((struct migrate *)opaque)->was_running;
}

static void apply_machine(void *opaque, const void *state)
{
    ((struct migrate *)opaque)->was_running = ((const struct machine_state *)state)->running;
}

static const struct migration_part_ops machine_ops = {.save = save_machine, .apply = apply_machine};

static bool make_set(struct migrate *migrate, GError **error)
{
    struct migration_part part = {.name = "machine",
                                  .description = &machine_description,
                                  .ops = &machine_ops,
                                  .opaque = migrate};

    if (migrate->has_set)
        return true;
    migration_set_init(&migrate->set);
    if (!machine_add_parts(migrate->machine, &migrate->set, error)) {
        migration_set_finish(&migrate->set);
        return false;
    }
    migration_set_add_part(&migrate->set, &part);
    return migrate->has_set = true;
}

/* Gives ADDRESS the credentials that have been set. */
static bool add_tls(struct migrate *migrate, struct migration_address *address, bool server,
                    GError **error)
{
    const char *id = migrate->texts[MIGRATE_TLS_CREDS];
    const char *hostname = migrate->texts[MIGRATE_TLS_HOSTNAME];

    if (!*id)
        return true;
    struct migration_tls *tls =
        g_hash_table_lookup(machine_options(migrate->machine)->tls_creds, id);
    if (!tls)
        return migration_fail(error, "Parameter 'tls-creds': there is no -object '%s'", id);
    if (migration_tls_is_server(tls) != server)
        return migration_fail(error,
                              "Parameter 'tls-creds': -object '%s' has endpoint=%s: it is "
                              "needed with endpoint=%s",
                              id, server ? "client" : "server", server ? "server" : "client");
    if (address->transport != MIGRATION_TCP)
        return migration_fail(error, "Parameter 'tls-creds': TLS is for tcp: addresses only; set "
                                     "it to '' for others");
    address->tls = migration_tls_ref(tls);
    if (*hostname)
        address->tls_hostname = g_strdup(hostname);
    return true;
}

static void tell_status(void *opaque, enum migration_status status)
{
    struct migrate *migrate = opaque;

    if (migrate->events)
        machine_event(migrate->machine, "MIGRATION",
                      json_pack("{s:s}", "status", migration_status_name(status)));
}

/* --- leaving --- */

static void stop_guest(void *opaque)
{
    struct migrate *migrate = opaque;

    migrate->was_running = machine_running(migrate->machine);
    machine_set_phase(migrate->machine, MACHINE_FINISH_MIGRATE);
    machine_stop(migrate->machine);
    machine_settle(migrate->machine);
}

static void throttle_guest(void *opaque, unsigned percent)
{
    machine_throttle(((struct migrate *)opaque)->machine, percent);
}

static void has_left(void *opaque, bool stopped, bool moved)
{
    struct migrate *migrate = opaque;
    struct migration_progress progress = migration_outgoing_progress(migrate->outgoing);

    /* Where the guest may be, but perhaps is not, clients are not sent. */
    migrate_clients_end(machine_migrate_clients(migrate->machine), moved && !progress.error);
    g_free(progress.error);
    if (moved) {
        machine_set_phase(migrate->machine, MACHINE_POSTMIGRATE);
    } else if (stopped) {
        machine_set_phase(migrate->machine, MACHINE_NORMAL);
        if (migrate->was_running)
            machine_cont(migrate->machine);
    }
}

static const struct migration_outgoing_ops outgoing_ops = {
    .stop = stop_guest,
    .throttle = throttle_guest,
    .status_changed = tell_status,
    .finished = has_left,
};

static bool can_start(struct migrate *migrate, GError **error)
{
    enum machine_phase phase = machine_phase(migrate->machine);

    if (migrate->outgoing && !migration_outgoing_is_over(migrate->outgoing))
        return migration_fail(error, "There's a migration process in progress");
    if (phase == MACHINE_INMIGRATE)
        return migration_fail(error, "Guest is waiting for an incoming migration");
    if (phase == MACHINE_POSTMIGRATE)
        return migration_fail(error,
                              "Can't migrate the vm that was paused due to previous migration");
    return make_set(migrate, error);
}

bool migrate_start(struct migrate *migrate, struct migration_address *address, GError **error)
{
    if (!can_start(migrate, error) || !add_tls(migrate, address, false, error)) {
        migration_address_finish(address);
        return false;
    }
    struct migrate_clients *clients = machine_migrate_clients(migrate->machine);
    migration_outgoing_destroy(migrate->outgoing);
    migrate_clients_start(clients);
    migrate->parameters.hold = migrate_clients_pending(clients);
    migrate->outgoing = migration_outgoing_start(&migrate->set, address, &migrate->parameters,
                                                 &outgoing_ops, migrate);
    return true;
}

void migrate_clients_settled(struct migrate *migrate)
{
    if (migrate->outgoing)
        migration_outgoing_release(migrate->outgoing);
}

void migrate_cancel(struct migrate *migrate)
{
    if (migrate->outgoing)
        migration_outgoing_cancel(migrate->outgoing);
}

bool migrate_continue(struct migrate *migrate, GError **error)
{
    return (migrate->outgoing && migration_outgoing_continue(migrate->outgoing)) ||
           migration_fail(error, "Migration is not in the expected state: pre-switchover");
}

/* --- coming in --- */

static void stop_waiting(struct migrate *migrate)
{
    listener_finish(&migrate->listener);
    g_clear_pointer(&migrate->waits_at, g_free);
}

static void has_arrived(void *opaque)
{
    struct migrate *migrate = opaque;
    bool autostart = machine_autostart(migrate->machine);

    stop_waiting(migrate);
    machine_set_phase(migrate->machine, MACHINE_NORMAL);
    if (migrate->was_running && autostart)
        machine_cont(migrate->machine);
}

static void has_failed(void *opaque, const char *why)
{
    struct migrate *migrate = opaque;

    stop_waiting(migrate);
    for (unsigned i = 0; i < migrate->set.blocks->len; i++)
        migration_block_clear(migration_set_block(&migrate->set, i));
    machine_power_on(migrate->machine);
    if (migrate->exit_on_error)
        machine_fail(migrate->machine, "the incoming migration failed", why);
}

static const struct migration_incoming_ops incoming_ops = {
    .status_changed = tell_status,
    .arrived = has_arrived,
    .failed = has_failed,
};

static bool listen_for(struct migrate *migrate, struct migration_address *address, GError **error)
{
    switch (address->transport) {
    case MIGRATION_TCP:
        if (!listen_tcp(&migrate->listener, address->host, atoi(address->port), 1, LISTEN_ANY,
                        error))
            return false;
        g_free(address->host);
        g_free(address->port);
        address->host = g_strdup(migrate->listener.host);
        address->port = g_strdup_printf("%d", migrate->listener.port);
        return true;
    case MIGRATION_UNIX:
        return listen_unix(&migrate->listener, address->path, error);
    case MIGRATION_VSOCK:
        migrate->listener = (struct listener){.fd = migration_address_listen_vsock(address, error)};
        return migrate->listener.fd >= 0;
    case MIGRATION_RDMA:
        migrate->listener = (struct listener){.fd = migration_rdma_listen(address, error),
                                              .close = migration_rdma_close};
        return migrate->listener.fd >= 0;
    default:
        return true;
    }
}

static bool can_receive(struct migrate *migrate, GError **error)
{
    if (machine_phase(migrate->machine) != MACHINE_INMIGRATE)
        return migration_fail(error, "'-incoming' was not specified on the command line");
    if (migrate->waits_at)
        return migration_fail(error, "The incoming migration has already been started");
    return make_set(migrate, error);
}

bool migrate_receive(struct migrate *migrate, struct migration_address *address, bool exit_on_error,
                     GError **error)
{
    if (!can_receive(migrate, error) || !add_tls(migrate, address, true, error) ||
        !listen_for(migrate, address, error)) {
        migration_address_finish(address);
        return false;
    }
    migration_incoming_destroy(migrate->incoming);
    migrate->exit_on_error = exit_on_error;
    migrate->waits_at = migration_address_describe(address);
    migrate->incoming = migration_incoming_start(&migrate->set, address, migrate->listener.fd,
                                                 &incoming_ops, migrate);
    return true;
}

const char *migrate_waits_at(const struct migrate *migrate)
{
    return migrate->waits_at;
}

/* --- what the monitor asks --- */

struct migration_parameters *migrate_parameters(struct migrate *migrate)
{
    return &migrate->parameters;
}

void migrate_parameters_changed(struct migrate *migrate)
{
    if (migrate->outgoing)
        migration_outgoing_set_parameters(migrate->outgoing, &migrate->parameters);
}

void migrate_set_text(struct migrate *migrate, enum migrate_text which, const char *text)
{
    g_free(migrate->texts[which]);
    migrate->texts[which] = g_strdup(text);
}

const char *migrate_text(const struct migrate *migrate, enum migrate_text which)
{
    return migrate->texts[which];
}

bool *migrate_events(struct migrate *migrate)
{
    return &migrate->events;
}

static json_int_t milliseconds(int64_t microseconds)
{
    return (json_int_t)((microseconds + 500) / 1000);
}

/* What QEMU tells besides; of what there is not here, there is none. */
static void add_bytes(json_t *ram, const struct migration_progress *progress)
{
    uint64_t precopied = progress->precopied ? progress->precopied : progress->transferred;

    json_object_update_new(
        ram, json_pack("{s:I,s:I,s:i,s:i,s:i,s:i,s:I}", "precopy-bytes", (json_int_t)precopied,
                       "downtime-bytes", (json_int_t)(progress->transferred - precopied),
                       "postcopy-bytes", 0, "postcopy-requests", 0, "multifd-bytes", 0,
                       "dirty-sync-missed-zero-copy", 0, "pages-per-second",
                       (json_int_t)(progress->bandwidth / MIGRATION_PAGE_SIZE)));
}

static void add_ram(json_t *info, const struct migration_progress *progress)
{
    json_int_t pages = (json_int_t)progress->normal_pages;
    double mbps = (double)progress->bandwidth * 8 / 1e6;

    json_object_set_new(
        info, "ram",
        json_pack(
            "{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:i}", "transferred",
            (json_int_t)progress->transferred, "remaining", (json_int_t)progress->remaining,
            "total", (json_int_t)progress->total, "duplicate", (json_int_t)progress->zero_pages,
            "normal", pages, "normal-bytes", pages * (json_int_t)MIGRATION_PAGE_SIZE,
            "dirty-sync-count", (json_int_t)progress->passes, "dirty-pages-rate",
            (json_int_t)progress->dirty_rate, "mbps", mbps, "page-size", (int)MIGRATION_PAGE_SIZE));
    add_bytes(json_object_get(info, "ram"), progress);
}

static bool is_in(enum migration_status status, enum migration_status from)
{
    return status >= from && status != MIGRATION_FAILED;
}

static json_t *describe(const struct migration_progress *progress, bool outgoing)
{
    json_t *info = json_pack("{s:s}", "status", migration_status_name(progress->status));

    if (progress->error)
        json_object_set_new(info, "error-desc", json_string(progress->error));
    if (is_in(progress->status, MIGRATION_ACTIVE))
        add_ram(info, progress);
    if (!outgoing)
        return info;
    if (progress->status != MIGRATION_SETUP) {
        json_object_set_new(info, "total-time", json_integer(milliseconds(progress->total_time)));
        json_object_set_new(info, "setup-time", json_integer(milliseconds(progress->setup_time)));
    }
    if (progress->status == MIGRATION_COMPLETED)
        json_object_set_new(info, "downtime", json_integer(milliseconds(progress->downtime)));
    else if (is_in(progress->status, MIGRATION_ACTIVE))
        json_object_set_new(info, "expected-downtime",
                            json_integer(milliseconds(progress->expected_downtime)));
    if (progress->throttle)
        json_object_set_new(info, "cpu-throttle-percentage",
                            json_integer((json_int_t)progress->throttle));
    return info;
}

json_t *migrate_query(struct migrate *migrate)
{
    struct migration_progress progress = {.status = MIGRATION_NONE};

    if (migrate->outgoing)
        progress = migration_outgoing_progress(migrate->outgoing);
    else if (migrate->incoming)
        progress = migration_incoming_progress(migrate->incoming);
    else
        return json_object(); /* as QEMU when there never was one */
    json_t *info = describe(&progress, migrate->outgoing);
    g_free(progress.error);
    if (migrate->waits_at && migrate->listener.host && !migrate->listener.path)
        json_object_set_new(info, "socket-address",
                            json_pack("[{s:s,s:s,s:o}]", "type", "inet", "host",
                                      migrate->listener.host, "port",
                                      json_sprintf("%d", migrate->listener.port)));
    return info;
}
