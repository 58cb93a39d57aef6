/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/machine.h"

#include "cli/cards.h"
#include "cli/inputs.h"
#include "cli/machine_state.h"
#include "cli/migrate.h"
#include "cli/migrate_clients.h"
#include "cli/process.h"
#include "cli/qmp.h"
#include "cli/qmp_commands.h"
#include "cli/screen.h"
#include "cli/screendump.h"
#include "cli/spice_host.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>

struct machine {
    const struct machine_options *options;
    struct process process;
    GMainLoop *loop;
    struct spice_host spice;
    struct qmp_server *qmp;
    struct screendumps *screendumps;
    struct inputs *inputs;
    struct screen *screen; /* of the first card; NULL: no window */
    struct cards cards;
    bool has_run, quitting, failed;
    enum machine_phase phase;
    bool autostart;
    struct migrate *migrate;
    struct migrate_clients *migrate_clients;
    void (*watch)(void *opaque, const char *event); /* NULL: nobody */
    void *watch_opaque;
    guint signal_sources[3];
};

/* Takes over DATA. */
static void send_event(void *opaque, const char *event, json_t *data)
{
    struct machine *machine = opaque;

    if (machine->screen)
        screen_set_state(machine->screen, machine_state(machine));
    qmp_server_event(machine->qmp, event, data);
    if (machine->watch)
        machine->watch(machine->watch_opaque, event);
}

static void clients_settled(void *opaque)
{
    struct machine *machine = opaque;

    if (machine->migrate)
        migrate_clients_settled(machine->migrate);
}

static gboolean quit_by_signal(gpointer data)
{
    machine_quit(data, "host-signal");
    return G_SOURCE_CONTINUE;
}

static void take_signals(struct machine *machine)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++)
        machine->signal_sources[i] = g_unix_signal_add(signals[i], quit_by_signal, machine);
    signal(SIGPIPE, SIG_IGN);
}

struct machine *machine_create(const struct machine_options *options, GError **error)
{
    struct machine *machine = g_new0(struct machine, 1);

    machine->options = options;
    if (!process_init(&machine->process, options->daemonize, options->pidfile, options->log_file,
                      error)) {
        machine_destroy(machine);
        return NULL;
    }
    machine->loop = g_main_loop_new(NULL, FALSE);
    machine->migrate = migrate_create(machine);
    machine->qmp = qmp_server_create(qmp_commands, machine);
    machine->screendumps = screendumps_create();
    take_signals(machine);
    if (!spice_host_start(&machine->spice, options, send_event, machine, error)) {
        machine_destroy(machine);
        return NULL;
    }
    machine->cards.server = machine->spice.server;
    const struct migrate_clients_user user = {send_event, clients_settled, machine};
    machine->migrate_clients =
        migrate_clients_create(machine->spice.server, machine->spice.clients, &user);
    return machine;
}

void machine_destroy(struct machine *machine)
{
    if (!machine)
        return;
    screendumps_destroy(machine->screendumps);
    g_clear_pointer(&machine->migrate, migrate_destroy);
    inputs_disconnect(machine->inputs);
    screen_stop(machine->screen);
    cards_finish(&machine->cards);
    screen_destroy(machine->screen);
    spice_host_stop(&machine->spice);
    migrate_clients_destroy(machine->migrate_clients);
    inputs_destroy(machine->inputs);
    spice_host_finish(&machine->spice);
    qmp_server_destroy(machine->qmp);
    for (unsigned i = 0; i < G_N_ELEMENTS(machine->signal_sources); i++)
        g_clear_handle_id(&machine->signal_sources[i], g_source_remove);
    g_clear_pointer(&machine->loop, g_main_loop_unref);
    process_finish(&machine->process);
    g_free(machine);
}

struct qxl_function *machine_add_card(struct machine *machine, const struct device_options *device,
                                      GError **error)
{
    struct qxl_config config = device->config;
    if (!spice_features_limit_card(&machine->options->spice, &config, error))
        return NULL;
    struct card *card = cards_add(&machine->cards, device, &config, error);
    if (!card)
        return NULL;
    if (machine->options->guest_errors)
        qxl_card_set_guest_log(qxl_function_card(card->function), machine->process.log);
    return card->function;
}

void machine_set_engine(struct machine *machine, struct engine *engine)
{
    machine->cards.list[machine->cards.count - 1].engine = engine;
}

static bool open_monitors(struct machine *machine, GError **error)
{
    const GPtrArray *paths = machine->options->monitors;

    for (guint i = 0; i < paths->len; i++) {
        struct listener listener;
        if (!listen_unix(&listener, g_ptr_array_index(paths, i), error)) {
            g_prefix_error(error, "-qmp: ");
            return false;
        }
        qmp_server_listen(machine->qmp, listener);
    }
    return true;
}

static void window_closed(void *opaque)
{
    machine_quit(opaque, "host-ui");
}

static bool open_screen(struct machine *machine, GError **error)
{
    const char *name = machine->options->name ? machine->options->name : "cassia";
    struct screen_user user = {machine->inputs, window_closed, machine};

    if (machine->cards.count > 1) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "-display sdl: shows one card, and there are %u: connect a SPICE client",
                    machine->cards.count);
        return false;
    }
    machine->screen =
        screen_create(qxl_function_card(machine->cards.list[0].function), name, &user, error);
    if (!machine->screen) {
        g_prefix_error(error, "-display sdl: ");
        return false;
    }
    screen_set_state(machine->screen, machine_state(machine));
    return true;
}

bool machine_start(struct machine *machine, GError **error)
{
    /* Several cards belong to one desk: its keyboard and mouse go to the first card's engine. */
    machine->inputs = inputs_create(machine->spice.server, machine->cards.list[0].engine, error);
    if (!machine->inputs || !open_monitors(machine, error) ||
        (machine->options->window && !open_screen(machine, error)))
        return false;
    if (!machine->options->paused)
        machine_cont(machine);
    return true;
}

void machine_run(struct machine *machine)
{
    fflush(stdout);
    process_ready(&machine->process);
    if (!machine->quitting)
        g_main_loop_run(machine->loop);
}

void machine_stop(struct machine *machine)
{
    if (machine->phase == MACHINE_INMIGRATE)
        machine->autostart = false;
    if (!machine->cards.running)
        return;
    cards_stop(&machine->cards);
    send_event(machine, "STOP", NULL);
}

void machine_cont(struct machine *machine)
{
    machine->autostart = true;
    if (machine->cards.running || machine->phase == MACHINE_INMIGRATE ||
        machine->phase == MACHINE_FINISH_MIGRATE)
        return;
    machine->phase = MACHINE_NORMAL;
    machine->has_run = true;
    cards_start(&machine->cards);
    send_event(machine, "RESUME", NULL);
}

void machine_reset(struct machine *machine)
{
    machine_power_on(machine);
    send_event(machine, "RESET",
               json_pack("{s:b,s:s}", "guest", 0, "reason", "host-qmp-system-reset"));
}

void machine_quit(struct machine *machine, const char *reason)
{
    if (machine->quitting)
        return;
    machine->quitting = true;
    send_event(machine, "SHUTDOWN", json_pack("{s:b,s:s}", "guest", 0, "reason", reason));
    g_main_loop_quit(machine->loop);
}

void machine_watch(struct machine *machine, void (*func)(void *opaque, const char *event),
                   void *opaque)
{
    machine->watch = func;
    machine->watch_opaque = opaque;
}

bool machine_running(const struct machine *machine)
{
    return machine->cards.running;
}

const char *machine_state(const struct machine *machine)
{
    switch (machine->phase) {
    case MACHINE_INMIGRATE:
        return "inmigrate";
    case MACHINE_FINISH_MIGRATE:
        return "finish-migrate";
    case MACHINE_POSTMIGRATE:
        return "postmigrate";
    default:
        return machine->cards.running ? "running" : machine->has_run ? "paused" : "prelaunch";
    }
}

void machine_set_phase(struct machine *machine, enum machine_phase phase)
{
    /* A guest that has come is not before its launch. */
    if (machine->phase == MACHINE_INMIGRATE)
        machine->has_run = true;
    machine->phase = phase;
}

enum machine_phase machine_phase(const struct machine *machine)
{
    return machine->phase;
}

bool machine_autostart(const struct machine *machine)
{
    return machine->autostart;
}

struct migrate *machine_migrate(struct machine *machine)
{
    return machine->migrate;
}

struct migrate_clients *machine_migrate_clients(struct machine *machine)
{
    return machine->migrate_clients;
}

bool machine_add_parts(struct machine *machine, struct migration_set *set, GError **error)
{
    if (!cards_can_move(&machine->cards, error))
        return false;
    cards_add_parts(&machine->cards, set);
    return true;
}

json_t *machine_query_state(struct machine *machine, GError **error)
{
    struct migration_set set;

    if (machine->cards.running) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                    "The machine is running: its state would change while it is looked at; 'stop' "
                    "it first");
        return NULL;
    }
    migration_set_init(&set);
    cards_add_parts(&machine->cards, &set);
    json_t *state = machine_state_describe(&set);
    migration_set_finish(&set);
    return state;
}

void machine_settle(struct machine *machine)
{
    cards_settle(&machine->cards);
}

void machine_hold_card(struct machine *machine, unsigned number, bool hold)
{
    cards_hold(&machine->cards, number, hold);
}

bool machine_holds_card(const struct machine *machine)
{
    return cards_any_held(&machine->cards);
}

void machine_throttle(struct machine *machine, unsigned percent)
{
    cards_throttle(&machine->cards, percent);
}

void machine_power_on(struct machine *machine)
{
    cards_reset(&machine->cards);
}

void machine_event(struct machine *machine, const char *event, json_t *data)
{
    send_event(machine, event, data);
}

int machine_take_fd(struct machine *machine, const char *name, GError **error)
{
    return qmp_server_take_fd(machine->qmp, name, error);
}

void machine_fail(struct machine *machine, const char *what, const char *why)
{
    fprintf(stderr, "cassia: %s: %s\n", what, why);
    machine->failed = true;
    machine_quit(machine, "host-error");
}

bool machine_failed(const struct machine *machine)
{
    return machine->failed;
}

const struct machine_options *machine_options(const struct machine *machine)
{
    return machine->options;
}

const struct listener *machine_listener(const struct machine *machine)
{
    return &machine->spice.listener;
}

SpiceServer *machine_spice(struct machine *machine)
{
    return machine->spice.server;
}

struct spice_auth *machine_auth(struct machine *machine)
{
    return &machine->spice.auth;
}

const struct spice_clients *machine_clients(const struct machine *machine)
{
    return machine->spice.clients;
}

bool machine_screendump(struct machine *machine, const char *device,
                        const struct screendump *request, GError **error)
{
    struct card *card = device ? cards_find(&machine->cards, device) : &machine->cards.list[0];
    bool good;

    if (!card) {
        g_set_error(error, QMP_ERROR, QMP_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", device);
        return false;
    }
    /*
     * The picture is what it is between two things the guest does, which also keeps the renderer
     * from following a guest that draws faster than it for ever.
     */
    if (machine->cards.running)
        card->engine->impl->stop(card->engine);
    good =
        screendumps_take(machine->screendumps, qxl_function_card(card->function), request, error);
    if (machine->cards.running)
        card->engine->impl->start(card->engine);
    if (good)
        screendumps_answer(machine->screendumps, qmp_server_defer(machine->qmp));
    return good;
}

void machine_print_address(const struct machine *machine)
{
    spice_host_print_address(&machine->spice);
}
