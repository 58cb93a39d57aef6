/*
 * The card's state as it travels, section 15. For state*.c.
 *
 * Addresses inside the card's memory travel as offsets, so the target checks them against its own
 * memory and no bus address matters. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/state.h"
#include "qxl/internal.h"

enum qxl_memory_kind {
    QXL_MEMORY_NONE,
    QXL_MEMORY_RAM,
    QXL_MEMORY_VRAM,
    QXL_MEMORY_KINDS,
};

struct qxl_config_state {
    bool primary;
    uint32_t revision;
    uint64_t ram_size, vram_size, vram64_size; /* bytes */
    uint32_t vgamem_mb;
    uint32_t surfaces;
    uint16_t max_outputs;
};

struct qxl_memslot_state {
    bool active;
    uint64_t start, end, delta;
    uint32_t memory; /* qxl_memory_kind */
    uint64_t offset; /* of START in it */
};

struct qxl_surface_state {
    uint32_t id;
    uint32_t width, height;
    int32_t stride;
    uint32_t format, flags;
    uint64_t address, command;
};

#define QXL_STATE_SURFACES 1024 /* as config.c limits the property */
#define QXL_STATE_ROM      8192 /* bytes, room for the ROM's content */

struct qxl_card_state {
    uint32_t mode; /* qxl_mode */
    uint32_t command_flags;
    bool frozen;
    bool async_outstanding;
    uint32_t async_port, async_argument;
    uint32_t slot_count;
    struct qxl_memslot_state slots[QXL_MEMSLOTS];
    bool has_primary; /* the guest's; that of VGA mode is made again */
    struct qxl_surface_state primary;
    uint32_t surface_count;
    struct qxl_surface_state surfaces[QXL_STATE_SURFACES];
    uint64_t cursor_command;
    uint64_t monitors_config; /* address of the guest's; 0: none */
    bool monitors_held;       /* a client's wish that the guest has not been told */
    uint8_t monitors_wish[sizeof(struct qxl_heads)];
    uint32_t command_cons, cursor_cons;
    uint32_t release_prod, release_count;
    uint64_t release_head;
    uint32_t release_tail_memory;
    uint64_t release_tail;
    uint8_t shadow_rom[sizeof(QXLRom)];
    uint8_t rom[QXL_STATE_ROM]; /* as the guest sees it now */
};

extern const struct state_description qxl_config_state_description;
extern const struct state_description qxl_card_state_description;
