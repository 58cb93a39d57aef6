/*
 * Memory slots. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/memslot.h"

#include <glib.h>

/* What a host may ask for; QEMU has 2 groups of 8. */
#define MAX_GROUPS 16
#define MAX_SLOTS  256

const char *memslots_init(struct memslots *memslots, const QXLDevInitInfo *info)
{
    if (info->num_memslots_groups < 1 || info->num_memslots_groups > MAX_GROUPS)
        return "the number of memory slot groups is not 1 to 16";
    if (info->num_memslots < 1 || info->num_memslots > MAX_SLOTS)
        return "the number of memory slots is not 1 to 256";
    if (info->memslot_id_bits + info->memslot_gen_bits > 32)
        return "memory slot id and generation take more than 32 bits";

    *memslots = (struct memslots){
        .groups = info->num_memslots_groups,
        .slots = info->num_memslots,
        .id_bits = info->memslot_id_bits,
        .generation_bits = info->memslot_gen_bits,
        .table = g_new0(struct memslot, info->num_memslots_groups * info->num_memslots),
    };
    return NULL;
}

void memslots_finish(struct memslots *memslots)
{
    g_free(memslots->table);
    memslots->table = NULL;
}

static struct memslot *find(const struct memslots *memslots, uint32_t group, uint32_t id)
{
    if (group >= memslots->groups || id >= memslots->slots)
        return NULL;
    return &memslots->table[group * memslots->slots + id];
}

const char *memslots_add(struct memslots *memslots, const QXLDevMemSlot *slot)
{
    struct memslot *place = find(memslots, slot->slot_group_id, slot->slot_id);

    if (place == NULL)
        return "there is no such memory slot or group";
    if (slot->virt_start > slot->virt_end)
        return "the memory slot ends before it starts";
    *place = (struct memslot){
        .active = true,
        .generation = slot->generation,
        .start = slot->virt_start,
        .end = slot->virt_end,
        .delta = slot->addr_delta,
    };
    return NULL;
}

const char *memslots_remove(struct memslots *memslots, uint32_t group, uint32_t id)
{
    struct memslot *place = find(memslots, group, id);

    if (place == NULL)
        return "there is no such memory slot or group";
    *place = (struct memslot){0};
    return NULL;
}

void memslots_clear(struct memslots *memslots)
{
    for (unsigned i = 0; i < memslots->groups * memslots->slots; i++)
        memslots->table[i] = (struct memslot){0};
}

/* Bits FROM (counted from the top) to FROM + COUNT of ADDRESS; shifts by 64 are undefined in C. */
static uint32_t top_bits(QXLPHYSICAL address, unsigned from, unsigned count)
{
    return count == 0 ? 0 : (address << from) >> (64 - count);
}

void *memslots_map(const struct memslots *memslots, uint32_t group, QXLPHYSICAL address,
                   size_t size, size_t *left)
{
    const struct memslot *slot = find(memslots, group, top_bits(address, 0, memslots->id_bits));
    unsigned header_bits = memslots->id_bits + memslots->generation_bits;

    if (slot == NULL || !slot->active)
        return NULL;
    if (top_bits(address, memslots->id_bits, memslots->generation_bits) != slot->generation)
        return NULL;

    uintptr_t start = (address & (UINT64_MAX >> header_bits)) + slot->delta;
    if (start < slot->start || start > slot->end || size > slot->end - start)
        return NULL;
    if (left != NULL)
        *left = slot->end - start;
    return (void *)start;
}
