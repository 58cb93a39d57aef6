/*
 * Interrupts: pending bits and the line, section 10.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/guest_memory.h"
#include "qxl/internal.h"

void qxl_irq_update(struct qxl_card *card)
{
    uint32_t pending = guest_load32(&card->ram->int_pending);
    uint32_t mask = guest_load32(&card->ram->int_mask);

    card->irq_level = (pending & mask) != 0;
    if (card->irq_level != card->told_irq_level)
        __atomic_store_n(&card->news, true, __ATOMIC_RELEASE);
}

void qxl_irq_raise(struct qxl_card *card, uint32_t bits)
{
    if (!card->running) {
        card->held_interrupts |= bits;
        return;
    }
    uint32_t before = guest_fetch_or32(&card->ram->int_pending, bits);
    /* A guest that leaves a bit pending writes UPDATE_IRQ when it wants to know of it again. */
    if ((before & bits) != bits)
        qxl_irq_update(card);
}
