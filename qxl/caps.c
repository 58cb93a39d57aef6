/*
 * What the connected clients can do, as the guest reads it in the ROM. Section 3.3.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/internal.h"

static void store(QXLRom *rom, bool present, const uint8_t *caps)
{
    rom->client_present = present;
    memcpy(rom->client_capabilities, caps, sizeof(rom->client_capabilities));
}

void qxl_caps_set(struct qxl_card *card, bool present, const uint8_t *caps)
{
    /* A stopped card keeps still: the server says it again when the card starts. */
    if (card->config.revision < QXL_REVISION_STABLE_V12 || !card->running)
        return;
    store(&card->shadow_rom, present, caps);
    store(card->rom, present, caps);
    qxl_irq_raise(card, QXL_INTERRUPT_CLIENT);
}
