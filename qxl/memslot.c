/*
 * Memory slots: the one place that turns guest addresses into memory. Section 7.
 *
 * Slots only ever show the card's own RAM and VRAM, which stay where they are as long as the card
 * lives: a pointer made here may outlive its slot.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/guest_memory.h"
#include "qxl/internal.h"

#include <inttypes.h>

#define ADDRESS_SHIFT_ID  (64 - QXL_MEMSLOT_ID_BITS)
#define ADDRESS_SHIFT_GEN (ADDRESS_SHIFT_ID - QXL_MEMSLOT_GEN_BITS)
#define ADDRESS_OFFSET    ((UINT64_C(1) << ADDRESS_SHIFT_GEN) - 1)
#define SLOT_GENERATION   0 /* of every slot; the ROM says so */

uint8_t *qxl_memslot_translate(const struct qxl_card *card, QXLPHYSICAL address, uint64_t size,
                               enum qxl_fault *fault)
{
    uint64_t id = address >> ADDRESS_SHIFT_ID;
    uint64_t generation = address >> ADDRESS_SHIFT_GEN & ((1u << QXL_MEMSLOT_GEN_BITS) - 1);
    uint64_t offset = address & ADDRESS_OFFSET;

    *fault = QXL_FAULT_SLOT;
    if (id >= QXL_MEMSLOTS || generation != SLOT_GENERATION)
        return NULL;
    *fault = QXL_FAULT_RANGE;
    const struct qxl_memslot *slot = &card->slots[id];
    if (!slot->active || offset < slot->delta)
        return NULL;
    offset -= slot->delta;
    uint64_t slot_size = slot->end - slot->start;
    if (offset > slot_size || size > slot_size - offset)
        return NULL;
    *fault = QXL_FAULT_NONE;
    return slot->bytes + offset;
}

/* The memory behind [START, END) on the bus; NULL when no BAR covers it. */
static uint8_t *bus_memory(struct qxl_card *card, uint64_t start, uint64_t end)
{
    static const enum qxl_bar bars[] = {QXL_BAR_RAM, QXL_BAR_VRAM32, QXL_BAR_VRAM64};

    for (size_t i = 0; i < G_N_ELEMENTS(bars); i++) {
        struct qxl_bar_info bar = qxl_card_bar(card, bars[i]);
        uint64_t base;
        if (!bar.size || !card->host->bar_address(card->host_opaque, bars[i], &base))
            continue;
        if (start >= base && start - base <= bar.size && end >= base && end - base <= bar.size)
            return bar.memory + (start - base);
    }
    return NULL;
}

bool qxl_memslot_add(struct qxl_card *card, uint32_t id, bool *already_there)
{
    uint64_t start = guest_load64(&card->ram->mem_slot.mem_start);
    uint64_t end = guest_load64(&card->ram->mem_slot.mem_end);

    *already_there = false;
    if (id >= QXL_MEMSLOTS) {
        qxl_bug(card, QXL_BUG_MEMSLOT_ID, "MEMSLOT_ADD of slot %u: there are %u", id, QXL_MEMSLOTS);
        return false;
    }
    uint8_t *bytes = start <= end ? bus_memory(card, start, end) : NULL;
    if (!bytes) {
        qxl_bug(card, QXL_BUG_MEMSLOT_RANGE,
                "MEMSLOT_ADD of slot %u: 0x%" PRIx64 "..0x%" PRIx64 " is not inside one BAR", id,
                start, end);
        return false;
    }
    struct qxl_memslot *slot = &card->slots[id];
    struct qxl_memslot added = {.active = true, .start = start, .end = end, .bytes = bytes};
    if (slot->active) {
        /* Windows adds its slots again after a resume that did not reset the card. */
        if (slot->start == start && slot->end == end && slot->bytes == bytes && !slot->delta) {
            *already_there = true;
            return true;
        }
        qxl_bug(card, QXL_BUG_MEMSLOT_ACTIVE,
                "MEMSLOT_ADD of slot %u: it is active with other bounds", id);
        return false;
    }
    *slot = added;
    return true;
}

bool qxl_memslot_add_ram(struct qxl_card *card)
{
    uint64_t base;

    if (!card->host->bar_address(card->host_opaque, QXL_BAR_RAM, &base))
        return false;
    card->slots[0] = (struct qxl_memslot){
        .active = true,
        .start = base,
        .end = base + card->ram_memory.size,
        .delta = base,
        .bytes = card->ram_memory.bytes,
    };
    return true;
}

QXLDevMemSlot qxl_memslot_describe(const struct qxl_card *card, uint32_t id)
{
    const struct qxl_memslot *slot = &card->slots[id];
    uintptr_t bytes = (uintptr_t)slot->bytes;

    return (QXLDevMemSlot){
        .slot_group_id = card->guest_group,
        .slot_id = id,
        .generation = SLOT_GENERATION,
        .virt_start = bytes,
        .virt_end = bytes + (slot->end - slot->start),
        .addr_delta = bytes - slot->delta,
        .qxl_ram_size = (uint32_t)card->config.ram_size,
    };
}
