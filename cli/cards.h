/*
 * The cards of a machine, and who drives each of them.
 *
 * All of them run or stand still together, but for those that are held. IO thread.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "cli/machine_options.h"
#include "hw/engine.h"
#include "hw/qxl_function.h"

/* A client's caches are made for so many display channels, spice-wire.md and server-abi.md 5.5. */
#define CARDS_MAX 4

struct card {
    const struct device_options *device;
    struct qxl_function *function;
    struct engine *engine; /* NULL until it is set */
    bool held;             /* its guest's own monitor moves it: it stands still */
};

struct cards {
    SpiceServer *server; /* that shows them */
    struct card list[CARDS_MAX];
    unsigned count;
    bool running;
};

/* Ends the engines and the cards. */
void cards_finish(struct cards *cards);

/* As display 0, 1, ... of the server, made as CONFIG says. DEVICE must outlive it. NULL: ERROR. */
struct card *cards_add(struct cards *cards, const struct device_options *device,
                       const struct qxl_config *config, GError **error);
/* The card with the id DEVICE; NULL: there is none. */
struct card *cards_find(struct cards *cards, const char *device);

/* The cards, the server and the guests; the other way round when they stop. */
void cards_start(struct cards *cards);
void cards_stop(struct cards *cards);
/* The guests are as just switched on. */
void cards_reset(struct cards *cards);
/* The guests leave PERCENT (0 to 99) of their time unused, if they can. */
void cards_throttle(struct cards *cards, unsigned percent);

/*
 * Card NUMBER stands still, also while the others run, with all that it has drawn in memory; or
 * need not any more.
 */
void cards_hold(struct cards *cards, unsigned number, bool hold);
bool cards_any_held(const struct cards *cards);
void cards_settle(struct cards *cards); /* see qxl_card_settle() */

/* Can all the guests be moved from here? */
bool cards_can_move(const struct cards *cards, GError **error);
/* Adds what cards and guests consist of, as far as it is ours. */
void cards_add_parts(struct cards *cards, struct migration_set *set);
