/*
 * The RAM header at the end of BAR 0: what a reset sets, section 6.5 step 6.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/guest_memory.h"
#include "qxl/internal.h"

void qxl_ram_header_reset(struct qxl_card *card)
{
    QXLRam *ram = card->ram;

    guest_store32(&ram->magic, GUINT32_TO_LE(QXL_RAM_MAGIC));
    guest_store32(&ram->int_pending, 0);
    guest_store32(&ram->int_mask, 0);
    guest_store32(&ram->update_surface, 0);
    memset(&ram->monitors_config, 0, sizeof(ram->monitors_config));
    qxl_ring_reset(&card->command_ring);
    qxl_ring_reset(&card->cursor_ring);
    qxl_release_reset(card);
}
