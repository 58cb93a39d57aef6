/*
 * What the connected clients can do, as the guest reads it in the ROM. Section 3.3.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/internal.h"

/* The words that hold the field before the capabilities, which never changes, and them. */
#define CAPS_WORDS      offsetof(QXLRom, slot_generation)
#define CAPS_WORDS_SIZE (offsetof(QXLRom, client_monitors_config_crc) - CAPS_WORDS)
G_STATIC_ASSERT(CAPS_WORDS % 4 == 0 && CAPS_WORDS_SIZE % 4 == 0);

void qxl_caps_set(struct qxl_card *card, bool present, const uint8_t *caps)
{
    QXLRom *shadow = &card->shadow_rom;

    /* A stopped card keeps still: the server says it again when the card starts. */
    if (card->config.revision < QXL_REVISION_STABLE_V12 || !card->running)
        return;
    shadow->client_present = present;
    memcpy(shadow->client_capabilities, caps, sizeof(shadow->client_capabilities));
    qxl_rom_write(card, CAPS_WORDS, (const uint8_t *)shadow + CAPS_WORDS, CAPS_WORDS_SIZE);
    qxl_irq_raise(card, QXL_INTERRUPT_CLIENT);
}
