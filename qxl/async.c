/*
 * Requests that the server completes later: the guest's, of which one may be outstanding, and our
 * own. Section 13.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/internal.h"

/* A cookie: whose request it is above, which one below. */
#define COOKIE_OWN        (UINT64_C(1) << 63)
#define COOKIE_PORT_SHIFT 32

bool qxl_async_begin(struct qxl_card *card, uint8_t port, uint8_t argument)
{
    struct qxl_async *async = &card->async;

    if (async->outstanding) {
        qxl_bug(card, QXL_BUG_ASYNC_BUSY, "port %u is written while port %u is not complete", port,
                async->port);
        return false;
    }
    async->outstanding = true;
    async->port = port;
    async->argument = argument;
    return true;
}

uint64_t qxl_async_cookie(const struct qxl_card *card)
{
    return (uint64_t)card->async.port << COOKIE_PORT_SHIFT | card->async.generation;
}

void qxl_async_finish(struct qxl_card *card)
{
    card->async.outstanding = false;
    qxl_irq_raise(card, QXL_INTERRUPT_IO_CMD);
}

void qxl_async_reset(struct qxl_card *card)
{
    card->async.generation++;
    card->async.outstanding = false;
}

/* What remains to be done for the guest's request. */
static void complete_for_guest(struct qxl_card *card)
{
    switch (card->async.port) {
    case QXL_IO_CREATE_PRIMARY_ASYNC:
        card->commands_held = false;
        break;
    case QXL_IO_DESTROY_SURFACE_ASYNC:
        if (card->async.argument != 0)
            card->surfaces[card->async.argument].exists = false;
        break;
    case QXL_IO_DESTROY_PRIMARY_ASYNC:
        card->cursor.command = 0;
        break;
    case QXL_IO_DESTROY_ALL_SURFACES_ASYNC:
        card->cursor.command = 0;
        qxl_surfaces_forget(card);
        break;
    default:
        break;
    }
    qxl_async_finish(card);
}

void qxl_async_complete(struct qxl_card *card, uint64_t cookie)
{
    qxl_lock(card);
    if (cookie & COOKIE_OWN) {
        card->async.own_finished = cookie & ~COOKIE_OWN;
        pthread_cond_broadcast(&card->async.finished);
    } else if (card->async.outstanding && cookie == qxl_async_cookie(card)) {
        complete_for_guest(card);
    } /* else it is of before a reset */
    qxl_unlock(card);
    qxl_card_notify_host(card);
}

uint64_t qxl_async_own_cookie(struct qxl_card *card)
{
    qxl_lock(card);
    uint64_t number = ++card->async.own_issued;
    qxl_unlock(card);
    return COOKIE_OWN | number;
}

void qxl_async_wait(struct qxl_card *card)
{
    qxl_lock(card);
    while (card->async.own_finished != card->async.own_issued)
        pthread_cond_wait(&card->async.finished, &card->state_lock);
    qxl_unlock(card);
}
