/*
 * The tables of the card's state: what travels, in which order, within which limits.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/state.h"

static const struct state_field config_fields[] = {
    {STATE_FIELD(struct qxl_config_state, primary, STATE_BOOL)},
    {STATE_FIELD(struct qxl_config_state, revision, STATE_U32)},
    {STATE_FIELD(struct qxl_config_state, ram_size, STATE_U64)},
    {STATE_FIELD(struct qxl_config_state, vram_size, STATE_U64)},
    {STATE_FIELD(struct qxl_config_state, vram64_size, STATE_U64)},
    {STATE_FIELD(struct qxl_config_state, vgamem_mb, STATE_U32)},
    {STATE_FIELD(struct qxl_config_state, surfaces, STATE_U32)},
    {STATE_FIELD(struct qxl_config_state, max_outputs, STATE_U16)},
    STATE_END,
};

const struct state_description qxl_config_state_description = {
    .name = "qxl-config",
    .version = 1,
    .oldest = 1,
    .size = sizeof(struct qxl_config_state),
    .fields = config_fields,
};

static bool slot_is_active(const void *object)
{
    return ((const struct qxl_memslot_state *)object)->active;
}

static const struct state_field memslot_fields[] = {
    {STATE_FIELD(struct qxl_memslot_state, active, STATE_BOOL)},
    {STATE_FIELD(struct qxl_memslot_state, start, STATE_U64), .present = slot_is_active},
    {STATE_FIELD(struct qxl_memslot_state, end, STATE_U64), .present = slot_is_active},
    {STATE_FIELD(struct qxl_memslot_state, delta, STATE_U64), .present = slot_is_active},
    {STATE_FIELD(struct qxl_memslot_state, memory, STATE_U32), .max = QXL_MEMORY_KINDS - 1,
     .present = slot_is_active},
    {STATE_FIELD(struct qxl_memslot_state, offset, STATE_U64), .present = slot_is_active},
    STATE_END,
};

static const char *check_memslot(const void *object)
{
    const struct qxl_memslot_state *slot = object;

    if (slot->start > slot->end)
        return "it ends before it starts";
    return slot->active && slot->memory == QXL_MEMORY_NONE ? "it shows no memory" : NULL;
}

static const struct state_description memslot_description = {
    .name = "memory slot",
    .version = 1,
    .oldest = 1,
    .size = sizeof(struct qxl_memslot_state),
    .fields = memslot_fields,
    .check = check_memslot,
};

static const struct state_field surface_fields[] = {
    {STATE_FIELD(struct qxl_surface_state, id, STATE_U32), .max = QXL_STATE_SURFACES - 1},
    {STATE_FIELD(struct qxl_surface_state, width, STATE_U32)},
    {STATE_FIELD(struct qxl_surface_state, height, STATE_U32)},
    {STATE_FIELD(struct qxl_surface_state, stride, STATE_I32)},
    {STATE_FIELD(struct qxl_surface_state, format, STATE_U32)},
    {STATE_FIELD(struct qxl_surface_state, flags, STATE_U32)},
    {STATE_FIELD(struct qxl_surface_state, address, STATE_U64)},
    {STATE_FIELD(struct qxl_surface_state, command, STATE_U64)},
    STATE_END,
};

static const struct state_description surface_description = {
    .name = "surface",
    .version = 1,
    .oldest = 1,
    .size = sizeof(struct qxl_surface_state),
    .fields = surface_fields,
};

static bool async_is_outstanding(const void *object)
{
    return ((const struct qxl_card_state *)object)->async_outstanding;
}

static bool wish_is_held(const void *object)
{
    return ((const struct qxl_card_state *)object)->monitors_held;
}

static const struct state_field card_fields[] = {
    {STATE_FIELD(struct qxl_card_state, mode, STATE_U32), .max = QXL_MODE_NATIVE},
    {STATE_FIELD(struct qxl_card_state, command_flags, STATE_U32),
     .max = QXL_COMMAND_FLAG_COMPAT | QXL_COMMAND_FLAG_COMPAT_16BPP},
    {STATE_FIELD(struct qxl_card_state, frozen, STATE_BOOL)},
    {STATE_FIELD(struct qxl_card_state, async_outstanding, STATE_BOOL)},
    {STATE_FIELD(struct qxl_card_state, async_port, STATE_U32), .max = UINT8_MAX,
     .present = async_is_outstanding},
    {STATE_FIELD(struct qxl_card_state, async_argument, STATE_U32), .max = UINT8_MAX,
     .present = async_is_outstanding},
    {STATE_FIELD(struct qxl_card_state, slots, STATE_LIST), .count = QXL_MEMSLOTS,
     .count_offset = offsetof(struct qxl_card_state, slot_count), .element = &memslot_description},
    {STATE_FIELD(struct qxl_card_state, has_primary, STATE_BOOL)},
    {STATE_FIELD(struct qxl_card_state, primary.width, STATE_U32)},
    {STATE_FIELD(struct qxl_card_state, primary.height, STATE_U32)},
    {STATE_FIELD(struct qxl_card_state, primary.stride, STATE_I32)},
    {STATE_FIELD(struct qxl_card_state, primary.format, STATE_U32)},
    {STATE_FIELD(struct qxl_card_state, primary.flags, STATE_U32)},
    {STATE_FIELD(struct qxl_card_state, primary.address, STATE_U64)},
    {STATE_FIELD(struct qxl_card_state, surfaces, STATE_LIST), .count = QXL_STATE_SURFACES,
     .count_offset = offsetof(struct qxl_card_state, surface_count),
     .element = &surface_description},
    {STATE_FIELD(struct qxl_card_state, cursor_command, STATE_U64)},
    {STATE_FIELD(struct qxl_card_state, monitors_config, STATE_U64)},
    {STATE_FIELD(struct qxl_card_state, monitors_held, STATE_BOOL)},
    {STATE_FIELD(struct qxl_card_state, monitors_wish, STATE_BYTES),
     .count = sizeof(struct qxl_heads), .present = wish_is_held},
    {STATE_FIELD(struct qxl_card_state, command_cons, STATE_U32)},
    {STATE_FIELD(struct qxl_card_state, cursor_cons, STATE_U32)},
    {STATE_FIELD(struct qxl_card_state, release_prod, STATE_U32)},
    {STATE_FIELD(struct qxl_card_state, release_count, STATE_U32)},
    {STATE_FIELD(struct qxl_card_state, release_head, STATE_U64)},
    {STATE_FIELD(struct qxl_card_state, release_tail_memory, STATE_U32),
     .max = QXL_MEMORY_KINDS - 1},
    {STATE_FIELD(struct qxl_card_state, release_tail, STATE_U64)},
    {STATE_FIELD(struct qxl_card_state, shadow_rom, STATE_BYTES), .count = sizeof(QXLRom)},
    {STATE_FIELD(struct qxl_card_state, rom, STATE_BYTES), .count = QXL_STATE_ROM},
    STATE_END,
};

static const char *check_card(const void *object)
{
    const struct qxl_card_state *state = object;
    bool shows = state->mode == QXL_MODE_NATIVE || state->mode == QXL_MODE_COMPAT;

    if (state->slot_count != QXL_MEMSLOTS)
        return "there are not 8 memory slots";
    if (state->has_primary != shows)
        return "mode and primary surface do not fit each other";
    if ((state->release_count != 0) != (state->release_tail_memory != QXL_MEMORY_NONE) ||
        (state->release_count != 0) != (state->release_head != 0))
        return "the chain of released commands has an end only";
    for (uint32_t i = 0; i < state->surface_count; i++) {
        if (state->surfaces[i].id == 0 ||
            (i > 0 && state->surfaces[i].id <= state->surfaces[i - 1].id))
            return "the surfaces are not in order";
    }
    return NULL;
}

const struct state_description qxl_card_state_description = {
    .name = "qxl",
    .version = 1,
    .oldest = 1,
    .size = sizeof(struct qxl_card_state),
    .fields = card_fields,
    .check = check_card,
};
