/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/cards.h"

#include <string.h>

static struct qxl_card *qxl_of(const struct card *card)
{
    return qxl_function_card(card->function);
}

void cards_finish(struct cards *cards)
{
    for (unsigned i = 0; i < cards->count; i++) {
        engine_destroy(cards->list[i].engine);
        qxl_function_destroy(cards->list[i].function);
    }
    cards->count = 0;
}

struct card *cards_add(struct cards *cards, const struct device_options *device,
                       const struct qxl_config *config, GError **error)
{
    if (cards->count == CARDS_MAX) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "at most %d cards are possible", CARDS_MAX);
        return NULL;
    }
    struct qxl_function *function =
        qxl_function_create(config, cards->server, (int)cards->count, error);
    if (!function) {
        g_prefix_error(error, "-device: ");
        return NULL;
    }
    struct card *card = &cards->list[cards->count++];
    *card = (struct card){.device = device, .function = function};
    return card;
}

struct card *cards_find(struct cards *cards, const char *device)
{
    for (unsigned i = 0; i < cards->count; i++) {
        const char *id = cards->list[i].device->id;
        if (id && !strcmp(id, device))
            return &cards->list[i];
    }
    return NULL;
}

void cards_start(struct cards *cards)
{
    cards->running = true;
    for (unsigned i = 0; i < cards->count; i++) {
        if (!cards->list[i].held)
            qxl_card_start(qxl_of(&cards->list[i]));
    }
    spice_server_vm_start(cards->server);
    for (unsigned i = 0; i < cards->count; i++)
        cards->list[i].engine->impl->start(cards->list[i].engine);
}

void cards_stop(struct cards *cards)
{
    cards->running = false;
    for (unsigned i = 0; i < cards->count; i++) {
        cards->list[i].engine->impl->stop(cards->list[i].engine);
        qxl_card_stop(qxl_of(&cards->list[i]));
    }
    spice_server_vm_stop(cards->server);
}

void cards_reset(struct cards *cards)
{
    for (unsigned i = 0; i < cards->count; i++)
        cards->list[i].engine->impl->reset(cards->list[i].engine);
}

void cards_throttle(struct cards *cards, unsigned percent)
{
    for (unsigned i = 0; i < cards->count; i++) {
        struct engine *engine = cards->list[i].engine;
        if (engine->impl->throttle)
            engine->impl->throttle(engine, percent);
    }
}

void cards_hold(struct cards *cards, unsigned number, bool hold)
{
    struct card *card = &cards->list[number];

    card->held = hold;
    if (hold) {
        qxl_card_stop(qxl_of(card));
        qxl_card_settle(qxl_of(card));
    } else if (cards->running) {
        qxl_card_start(qxl_of(card));
    }
}

bool cards_any_held(const struct cards *cards)
{
    for (unsigned i = 0; i < cards->count; i++) {
        if (cards->list[i].held)
            return true;
    }
    return false;
}

void cards_settle(struct cards *cards)
{
    for (unsigned i = 0; i < cards->count; i++)
        qxl_card_settle(qxl_of(&cards->list[i]));
}

static bool can_move(const struct engine *engine)
{
    return engine && engine->impl->add_parts;
}

bool cards_can_move(const struct cards *cards, GError **error)
{
    for (unsigned i = 0; i < cards->count; i++) {
        const struct engine *engine = cards->list[i].engine;
        if (!can_move(engine)) {
            g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                        "the guest cannot be moved from here (engine '%s'): it lives in another "
                        "monitor",
                        engine ? engine->impl->name : "none");
            return false;
        }
    }
    return true;
}

void cards_add_parts(struct cards *cards, struct migration_set *set)
{
    for (unsigned i = 0; i < cards->count; i++) {
        struct card *card = &cards->list[i];

        qxl_function_add_parts(card->function, i, set);
        if (can_move(card->engine))
            card->engine->impl->add_parts(card->engine, set);
    }
}
