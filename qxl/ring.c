/*
 * The rings the guest fills: command and cursor ring. Section 4.3.
 *
 * The header is the guest's to scribble on. Its size is known, our index is our own, an item is
 * read once.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/guest_memory.h"
#include "qxl/internal.h"

#define RING_SIZE QXL_COMMAND_RING_SIZE
G_STATIC_ASSERT(QXL_CURSOR_RING_SIZE == RING_SIZE);
G_STATIC_ASSERT(sizeof(QXLCursorRing) == sizeof(QXLCommandRing));

void qxl_ring_init(struct qxl_ring *ring, const char *name, QXLCommandRing *shared,
                   uint32_t interrupt)
{
    *ring = (struct qxl_ring){.name = name, .shared = shared, .interrupt = interrupt};
}

void qxl_ring_reset(struct qxl_ring *ring)
{
    ring->cons = 0;
    guest_store32(&ring->shared->num_items, RING_SIZE);
    guest_store32(&ring->shared->prod, 0);
    guest_store32(&ring->shared->cons, 0);
    guest_store32(&ring->shared->notify_on_prod, 1);
    guest_store32(&ring->shared->notify_on_cons, 0);
}

bool qxl_ring_fetch(struct qxl_card *card, struct qxl_ring *ring, QXLCommand *command)
{
    uint32_t waiting = guest_load32(&ring->shared->prod) - ring->cons;

    if (waiting == 0)
        return false;
    if (waiting > RING_SIZE) {
        qxl_bug(card, QXL_BUG_RING_OVERRUN, "%u entries in the %s ring: it holds %u", waiting,
                ring->name, RING_SIZE);
        return false;
    }
    guest_copy_in(command, &ring->shared->items[ring->cons % RING_SIZE].el, sizeof(*command));
    ring->cons++;
    guest_store32_full(&ring->shared->cons, ring->cons);
    if (guest_load32(&ring->shared->notify_on_cons) == ring->cons)
        qxl_irq_raise(card, ring->interrupt);
    return true;
}

bool qxl_ring_arm(struct qxl_ring *ring)
{
    /* An impossible producer index is nothing to wait for: the next fetch reports it. */
    uint32_t waiting = guest_load32(&ring->shared->prod) - ring->cons;

    if (waiting == 0) {
        guest_store32_full(&ring->shared->notify_on_prod, ring->cons + 1);
        waiting = guest_load32(&ring->shared->prod) - ring->cons;
    }
    return waiting == 0 || waiting > RING_SIZE;
}

void qxl_ring_discard(struct qxl_ring *ring)
{
    ring->cons = guest_load32(&ring->shared->prod);
    guest_store32(&ring->shared->cons, ring->cons);
}
