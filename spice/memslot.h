/*
 * Memory slots: how a guest's addresses become ours, and where they end.
 *
 * A slot is a range of our address space that a guest address may fall into. An address names its
 * slot in its top bits, then the slot's generation, then an offset (qxl-device.md section 7,
 * server-abi.md section 4.4). Addresses come from the guest: any value is possible, and every one
 * that does not fit is answered with NULL, never with an abort.
 *
 * One thread (a worker's). SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <spice.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memslot {
    bool active;
    uint32_t generation;
    uintptr_t start, end; /* start <= end; end is exclusive */
    uint64_t delta;       /* added to an address's offset part gives our address, modulo 2^64 */
};

struct memslots {
    unsigned groups, slots; /* slots in each group */
    unsigned id_bits, generation_bits;
    struct memslot *table; /* groups * slots */
};

/* NULL, or why INFO cannot be honoured. */
const char *memslots_init(struct memslots *memslots, const QXLDevInitInfo *info);
void memslots_finish(struct memslots *memslots);

/* NULL, or why it was refused; replaces what the slot was before. */
const char *memslots_add(struct memslots *memslots, const QXLDevMemSlot *slot);
const char *memslots_remove(struct memslots *memslots, uint32_t group, uint32_t id);
void memslots_clear(struct memslots *memslots);

/*
 * Where ADDRESS of GROUP is, if SIZE bytes are there, otherwise NULL. *LEFT, unless NULL, is the
 * number of bytes from there to the end of the slot.
 */
void *memslots_map(const struct memslots *memslots, uint32_t group, QXLPHYSICAL address,
                   size_t size, size_t *left);
