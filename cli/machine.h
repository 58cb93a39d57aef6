/*
 * A SPICE server, the cards it shows, the engines that drive them, the monitor; and their run
 * state.
 *
 * IO thread (GLib's default main context), unless a function says otherwise.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "cli/machine_options.h"
#include "cli/spice_auth.h"
#include "cli/spice_clients.h"
#include "hw/engine.h"
#include "hw/qxl_function.h"

#include <jansson.h>

struct machine;

/*
 * A server that listens, without cards. OPTIONS must outlive the machine. With -daemonize this is
 * the background process when it returns; no thread may exist before.
 */
struct machine *machine_create(const struct machine_options *options, GError **error);
/* Ends engines, cards, clients, monitors. */
void machine_destroy(struct machine *machine);

/* Plugs in a card as display 0, 1, ...; it stays the machine's. */
struct qxl_function *machine_add_card(struct machine *machine, const struct device_options *device,
                                      GError **error);
/* Says who drives the card that was added last. ENGINE becomes the machine's. */
void machine_set_engine(struct machine *machine, struct engine *engine);

/* Plugs in inputs, opens the monitors, runs unless -S was given. */
bool machine_start(struct machine *machine, GError **error);
/* The main loop, until machine_quit() or a signal. */
void machine_run(struct machine *machine);

/* The run state. Each tells the monitors when it changes something. */
void machine_stop(struct machine *machine);
void machine_cont(struct machine *machine);
void machine_reset(struct machine *machine);
/* REASON: QEMU's ShutdownCause, a static text. */
void machine_quit(struct machine *machine, const char *reason);

/* FUNC hears of every event that monitors hear of, by QEMU's name. One watcher; NULL: none. */
void machine_watch(struct machine *machine, void (*func)(void *opaque, const char *event),
                   void *opaque);

bool machine_running(const struct machine *machine);

/*
 * Where the machine is between two hosts. Waiting for a guest, machine_cont() only notes that it
 * shall run when it is here; about to leave, it does nothing; afterwards it takes the guest back.
 */
enum machine_phase {
    MACHINE_NORMAL,
    MACHINE_INMIGRATE,
    MACHINE_FINISH_MIGRATE,
    MACHINE_POSTMIGRATE,
};
void machine_set_phase(struct machine *machine, enum machine_phase phase);
enum machine_phase machine_phase(const struct machine *machine);
bool machine_autostart(const struct machine *machine); /* a guest that comes in shall run */
struct migrate *machine_migrate(struct machine *machine);
struct migrate_clients *machine_migrate_clients(struct machine *machine);

/* For migration. Adds all that moves; false and ERROR: this guest cannot move. */
bool machine_add_parts(struct machine *machine, struct migration_set *set, GError **error);
/*
 * The state of all cards and guests as migration would take it along, as [{"name", "version",
 * "fields": {name: text}}]. The machine must not be running.
 */
json_t *machine_query_state(struct machine *machine, GError **error);
void machine_settle(struct machine *machine); /* see qxl_card_settle() */
/*
 * Card NUMBER stands still, also while the machine runs, with all that it has drawn in memory; or
 * need not any more.
 */
void machine_hold_card(struct machine *machine, unsigned number, bool hold);
bool machine_holds_card(const struct machine *machine); /* any */
void machine_throttle(struct machine *machine, unsigned percent);
/* As just switched on, without telling anybody. */
void machine_power_on(struct machine *machine);
/* Sends an event to the monitors. DATA is stolen; NULL: none. */
void machine_event(struct machine *machine, const char *event, json_t *data);
/* As qmp_server_take_fd(). */
int machine_take_fd(struct machine *machine, const char *name, GError **error);
/* Ends the program with exit code 1 and "WHAT: WHY" on standard error. */
void machine_fail(struct machine *machine, const char *what, const char *why);
bool machine_failed(const struct machine *machine);
/* "running", "paused", "prelaunch", "inmigrate", "finish-migrate" or "postmigrate". */
const char *machine_state(const struct machine *machine);

const struct machine_options *machine_options(const struct machine *machine);
const struct listener *machine_listener(const struct machine *machine);
SpiceServer *machine_spice(struct machine *machine);
struct spice_auth *machine_auth(struct machine *machine);
const struct spice_clients *machine_clients(const struct machine *machine);

/*
 * While a monitor's command runs: saves a picture of the card with the id DEVICE (NULL: the first
 * card) and answers the command later. DeviceNotFound when there is no such card.
 */
struct screendump;
bool machine_screendump(struct machine *machine, const char *device,
                        const struct screendump *request, GError **error);

/* Prints where the server listens and how to connect. */
void machine_print_address(const struct machine *machine);
