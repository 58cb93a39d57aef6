/*
 * Saving and loading a card that stands still. Section 15.
 *
 * Loading builds a card of its own from the state, with all checks that a guest's commands get, and
 * only when that is sound becomes it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/state.h"

#include "qxl/guest_memory.h"
#include "qxl/state_parts.h"

#include <stdio.h>

#define MAX_MODE_SIDE 32767 /* pixels; of a mode in the ROM */

/* --- saving --- */

static enum qxl_memory_kind locate(const struct qxl_card *card, const uint8_t *bytes,
                                   uint64_t *offset)
{
    static const enum qxl_memory_kind kinds[] = {QXL_MEMORY_RAM, QXL_MEMORY_VRAM};
    const struct qxl_memory *memories[] = {&card->ram_memory, &card->vram_memory};

    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        uintptr_t start = (uintptr_t)memories[i]->bytes, at = (uintptr_t)bytes;
        if (bytes && at >= start && at - start <= memories[i]->size) {
            *offset = at - start;
            return kinds[i];
        }
    }
    *offset = 0;
    return QXL_MEMORY_NONE;
}

static void save_surface(const struct qxl_surface *surface, uint32_t id,
                         struct qxl_surface_state *state)
{
    *state = (struct qxl_surface_state){
        .id = id,
        .width = surface->width,
        .height = surface->height,
        .stride = surface->stride,
        .format = surface->format,
        .flags = surface->flags,
        .address = surface->address,
        .command = surface->command,
    };
}

static void save_slots(const struct qxl_card *card, struct qxl_card_state *state)
{
    state->slot_count = QXL_MEMSLOTS;
    for (unsigned i = 0; i < QXL_MEMSLOTS; i++) {
        const struct qxl_memslot *slot = &card->slots[i];
        if (!slot->active)
            continue;
        state->slots[i] = (struct qxl_memslot_state){
            .active = true, .start = slot->start, .end = slot->end, .delta = slot->delta};
        state->slots[i].memory = locate(card, slot->bytes, &state->slots[i].offset);
    }
}

static void save_card(void *opaque, void *saved)
{
    struct qxl_card *card = opaque;
    struct qxl_card_state *state = saved;

    qxl_lock(card);
    state->mode = card->mode;
    state->command_flags = card->command_flags;
    state->frozen = card->frozen;
    state->async_outstanding = card->async.outstanding;
    state->async_port = card->async.port;
    state->async_argument = card->async.argument;
    save_slots(card, state);
    state->has_primary = card->primary.exists && card->mode != QXL_MODE_VGA;
    if (state->has_primary)
        save_surface(&card->primary, 0, &state->primary);
    for (uint32_t id = 1; id < card->config.surfaces; id++) {
        if (card->surfaces[id].exists)
            save_surface(&card->surfaces[id], id, &state->surfaces[state->surface_count++]);
    }
    state->cursor_command = card->cursor.command;
    state->monitors_config = card->monitors.guest_config;
    state->monitors_held = card->monitors.held;
    memcpy(state->monitors_wish, &card->monitors.config, sizeof(state->monitors_wish));
    state->command_cons = card->command_ring.cons;
    state->cursor_cons = card->cursor_ring.cons;
    state->release_prod = card->release.prod;
    state->release_count = card->release.count;
    state->release_head = card->release.head;
    state->release_tail_memory = locate(card, card->release.tail, &state->release_tail);
    memcpy(state->shadow_rom, &card->shadow_rom, sizeof(state->shadow_rom));
    memcpy(state->rom, card->rom_memory.bytes, MIN(card->rom_memory.size, QXL_STATE_ROM));
    qxl_unlock(card);
}

/* --- checking --- */

/* A card with our memory and the state's everything else; not a working one. */
struct candidate {
    struct qxl_card card;
    struct qxl_surface surfaces[QXL_STATE_SURFACES];
};

static uint8_t *memory_at(const struct qxl_card *card, uint32_t kind, uint64_t offset,
                          uint64_t size)
{
    const struct qxl_memory *memory =
        kind == QXL_MEMORY_RAM ? &card->ram_memory : &card->vram_memory;

    if (kind == QXL_MEMORY_NONE || offset > memory->size || size > memory->size - offset)
        return NULL;
    return memory->bytes + offset;
}

static bool check_slots(struct qxl_card *card, const struct qxl_card_state *state, GError **error)
{
    for (unsigned i = 0; i < QXL_MEMSLOTS; i++) {
        const struct qxl_memslot_state *slot = &state->slots[i];
        if (!slot->active)
            continue;
        uint8_t *bytes = memory_at(card, slot->memory, slot->offset, slot->end - slot->start);
        if (!bytes)
            return migration_fail(error, "memory slot %u is not inside the card's memory", i);
        card->slots[i] = (struct qxl_memslot){.active = true,
                                              .start = slot->start,
                                              .end = slot->end,
                                              .delta = slot->delta,
                                              .bytes = bytes};
    }
    return true;
}

static struct qxl_surface surface_from(const struct qxl_surface_state *state)
{
    return (struct qxl_surface){
        .width = state->width,
        .height = state->height,
        .stride = state->stride,
        .format = state->format,
        .flags = state->flags,
        .address = state->address,
        .command = state->command,
    };
}

static bool check_surfaces(struct qxl_card *card, const struct qxl_card_state *state,
                           GError **error)
{
    enum qxl_fault fault;

    if (state->has_primary) {
        card->primary = surface_from(&state->primary);
        const char *wrong = qxl_surface_check(card, &card->primary, &fault);
        if (wrong)
            return migration_fail(error, "primary surface: %s", wrong);
    }
    for (uint32_t i = 0; i < state->surface_count; i++) {
        uint32_t id = state->surfaces[i].id;
        if (id >= card->config.surfaces)
            return migration_fail(error, "there is surface %u: the card has %u", id,
                                  card->config.surfaces);
        card->surfaces[id] = surface_from(&state->surfaces[i]);
        const char *wrong = qxl_surface_check(card, &card->surfaces[id], &fault);
        if (wrong)
            return migration_fail(error, "surface %u: %s", id, wrong);
    }
    return true;
}

static bool check_release(struct qxl_card *card, const struct qxl_card_state *state, GError **error)
{
    if (state->release_count) {
        card->release.tail = memory_at(card, state->release_tail_memory, state->release_tail,
                                       sizeof(QXLReleaseInfo));
        if (!card->release.tail)
            return migration_fail(error, "the last released command is not in the card's memory");
    }
    card->release.prod = state->release_prod;
    card->release.head = state->release_head;
    card->release.count = state->release_count;
    return true;
}

/* Does ROM describe this card? What does not follow from the configuration may differ. */
static bool same_card(const QXLRom *rom, const QXLRom *ours)
{
    return rom->magic == ours->magic && rom->modes_offset >= sizeof(QXLRom) &&
           rom->num_pages == ours->num_pages && rom->pages_offset == ours->pages_offset &&
           rom->draw_area_offset == ours->draw_area_offset &&
           rom->surface0_area_size == ours->surface0_area_size &&
           rom->ram_header_offset == ours->ram_header_offset &&
           rom->slot_gen_bits == ours->slot_gen_bits && rom->slot_id_bits == ours->slot_id_bits &&
           rom->slots_start == ours->slots_start && rom->slots_end == ours->slots_end &&
           rom->n_surfaces == ours->n_surfaces;
}

/* The mode list is the ROM's the guest has seen, which may be that of another release. */
static bool check_modes(struct qxl_card *card, const struct qxl_card_state *state, GError **error)
{
    uint64_t at = card->shadow_rom.modes_offset;
    uint64_t room = MIN(card->rom_memory.size, QXL_STATE_ROM);

    if (at > room - sizeof(QXLModes))
        return migration_fail(error, "the ROM's mode list is not inside it");
    memcpy(&card->mode_count, state->rom + at, sizeof(card->mode_count));
    at += sizeof(QXLModes);
    if (card->mode_count > QXL_MAX_MODES || card->mode_count * sizeof(QXLMode) > room - at)
        return migration_fail(error, "the ROM lists %u modes, more than fit", card->mode_count);
    memcpy(card->modes, state->rom + at, card->mode_count * sizeof(QXLMode));
    for (uint32_t i = 0; i < card->mode_count; i++) {
        const QXLMode *mode = &card->modes[i];
        if (!mode->x_res || mode->x_res > MAX_MODE_SIDE || !mode->y_res ||
            mode->y_res > MAX_MODE_SIDE)
            return migration_fail(error, "the ROM's mode %u has %ux%u pixels", i, mode->x_res,
                                  mode->y_res);
    }
    return true;
}

static bool check_rom(struct qxl_card *card, const struct qxl_card_state *state, const QXLRom *ours,
                      GError **error)
{
    QXLRom live;

    memcpy(&card->shadow_rom, state->shadow_rom, sizeof(card->shadow_rom));
    memcpy(&live, state->rom, sizeof(live));
    if (!same_card(&card->shadow_rom, ours) || !same_card(&live, ours) ||
        live.modes_offset != card->shadow_rom.modes_offset)
        return migration_fail(error, "the source's ROM describes another card");
    return check_modes(card, state, error);
}

/* Is the command that made the surface still what it was? A guest may have written over it. */
static bool still_creates(const struct qxl_card *card, uint32_t id)
{
    const struct qxl_surface *surface = &card->surfaces[id];
    QXLSurfaceCmd command;
    enum qxl_fault fault;
    const uint8_t *bytes = qxl_memslot_translate(card, surface->command, sizeof(command), &fault);

    if (!bytes)
        return false;
    guest_copy_in(&command, bytes, sizeof(command));
    const QXLSurface *create = &command.u.surface_create;
    return command.type == QXL_SURFACE_CMD_CREATE && command.surface_id == id &&
           create->width == surface->width && create->height == surface->height &&
           create->stride == surface->stride && create->format == surface->format &&
           create->data == surface->address;
}

static bool build(struct candidate *candidate, const struct qxl_card *ours,
                  const struct qxl_card_state *state, GError **error)
{
    struct qxl_card *card = &candidate->card;

    card->config = ours->config;
    card->ram_memory = ours->ram_memory;
    card->vram_memory = ours->vram_memory;
    card->rom_memory = ours->rom_memory;
    card->surfaces = candidate->surfaces;
    if (state->mode == QXL_MODE_VGA && !card->config.primary)
        return migration_fail(error, "the mode is VGA, which this card does not have");
    return check_slots(card, state, error) && check_surfaces(card, state, error) &&
           check_release(card, state, error) && check_rom(card, state, &ours->shadow_rom, error);
}

static bool check_card(void *opaque, const void *loaded, GError **error)
{
    struct candidate *candidate = g_new0(struct candidate, 1);
    bool good = build(candidate, opaque, loaded, error);

    g_free(candidate);
    if (!good)
        g_prefix_error(error, "qxl: ");
    return good;
}

/* --- loading --- */

static void add_command(GArray *commands, const struct qxl_card *card, uint32_t type,
                        QXLPHYSICAL address)
{
    QXLCommandExt command = {
        .cmd = {.data = address, .type = type},
        .group_id = card->guest_group,
        .flags = card->command_flags,
    };
    g_array_append_val(commands, command);
}

static void list_surfaces(struct qxl_card *card, GArray *commands)
{
    for (uint32_t id = 1; id < card->config.surfaces; id++) {
        if (!card->surfaces[id].exists)
            continue;
        if (still_creates(card, id)) {
            add_command(commands, card, QXL_CMD_SURFACE, card->surfaces[id].command);
            continue;
        }
        qxl_bug(card, QXL_BUG_SURFACE_COMMAND,
                "surface %u: the command that made it was written over; it is lost on migration",
                id);
        card->surfaces[id].exists = false;
    }
}

static void list_cursor(struct qxl_card *card, GArray *commands)
{
    enum qxl_fault fault;
    const uint8_t *bytes;

    if (!card->cursor.command)
        return;
    bytes = qxl_memslot_translate(card, card->cursor.command, sizeof(QXLCursorCmd), &fault);
    if (bytes && qxl_cursor_track(card, card->cursor.command, bytes))
        add_command(commands, card, QXL_CMD_CURSOR, card->cursor.command);
    else
        card->cursor.command = 0;
}

static void tell_slots(struct qxl_card *card)
{
    for (unsigned i = 0; i < QXL_MEMSLOTS; i++) {
        if (!card->slots[i].active)
            continue;
        QXLDevMemSlot slot = qxl_memslot_describe(card, i);
        spice_qxl_add_memslot(&card->instance, &slot);
    }
}

/* All that needs no server. [state] */
static void take_over(struct qxl_card *card, const struct candidate *candidate,
                      const struct qxl_card_state *state)
{
    memcpy(card->slots, candidate->card.slots, sizeof(card->slots));
    memcpy(card->surfaces, candidate->surfaces, card->config.surfaces * sizeof(*card->surfaces));
    card->command_flags = state->command_flags;
    card->frozen = state->frozen;
    card->cursor.command = state->cursor_command;
    card->shadow_rom = candidate->card.shadow_rom;
    memcpy(card->modes, candidate->card.modes, sizeof(card->modes));
    card->mode_count = candidate->card.mode_count;
    qxl_rom_write(card, 0, state->rom, MIN(card->rom_memory.size, QXL_STATE_ROM));
    qxl_monitors_reset(card);
    memcpy(&card->monitors.shown, &((const QXLRom *)state->rom)->client_monitors_config,
           sizeof(card->monitors.shown));
    memcpy(&card->monitors.config, state->monitors_wish, sizeof(card->monitors.config));
    card->monitors.held = state->monitors_held;
    card->monitors.guest_config = state->monitors_config;
    card->command_ring.cons = state->command_cons;
    card->cursor_ring.cons = state->cursor_cons;
    card->release.prod = candidate->card.release.prod;
    card->release.head = candidate->card.release.head;
    card->release.count = candidate->card.release.count;
    card->release.tail = candidate->card.release.tail;
    /* The server that had the request is not ours: it has done it, or will never. */
    if (state->async_outstanding)
        card->held_interrupts |= QXL_INTERRUPT_IO_CMD;
    qxl_irq_update(card);
}

static void apply_card(void *opaque, const void *loaded)
{
    struct qxl_card *card = opaque;
    const struct qxl_card_state *state = loaded;
    struct candidate *candidate = g_new0(struct candidate, 1);
    GArray *commands = g_array_new(FALSE, FALSE, sizeof(QXLCommandExt));

    /* It was good when it was checked, and the memory has not changed since. */
    build(candidate, card, state, NULL);
    pthread_mutex_lock(&card->io_lock);
    qxl_mode_clear(card);
    qxl_lock(card);
    take_over(card, candidate, state);
    list_surfaces(card, commands);
    list_cursor(card, commands);
    qxl_unlock(card);
    tell_slots(card);
    qxl_mode_restore(card, (enum qxl_mode)state->mode, &candidate->card.primary);
    if (commands->len)
        spice_qxl_loadvm_commands(&card->instance, (QXLCommandExt *)(void *)commands->data,
                                  commands->len);
    qxl_lock(card);
    enum qxl_fault fault;
    bool has_monitors =
        state->monitors_config && state->has_primary &&
        qxl_memslot_translate(card, state->monitors_config, sizeof(QXLMonitorsConfig), &fault);
    if (has_monitors)
        qxl_monitors_view(card, state->monitors_config);
    int group = (int)card->guest_group;
    qxl_unlock(card);
    if (has_monitors) {
        spice_qxl_monitors_config_async(&card->instance, state->monitors_config, group,
                                        qxl_async_own_cookie(card));
        qxl_async_wait(card);
    }
    pthread_mutex_unlock(&card->io_lock);
    g_array_unref(commands);
    g_free(candidate);
    qxl_card_notify_host(card);
}

const struct migration_part_ops qxl_card_part = {
    .save = save_card, .check = check_card, .apply = apply_card};

/* --- the card's interface --- */

void qxl_card_settle(struct qxl_card *card)
{
    pthread_mutex_lock(&card->io_lock);
    qxl_lock(card);
    if (!card->running) {
        /* As at the next start, so that it is in the memory that travels. */
        card->running = true;
        qxl_release_resume(card);
        if (card->held_interrupts)
            qxl_irq_raise(card, card->held_interrupts);
        card->held_interrupts = 0;
        card->running = false;
    }
    qxl_unlock(card);
    pthread_mutex_unlock(&card->io_lock);
    qxl_card_notify_host(card);
}

static void add_block(struct migration_set *set, const char *card, const char *name,
                      const struct qxl_memory *memory)
{
    struct migration_block block = {
        .bytes = memory->bytes, .size = memory->size, .memfd = memory->memfd};

    snprintf(block.name, sizeof(block.name), "%s/%s", card, name);
    migration_set_add_block(set, &block);
}

void qxl_card_add_parts(struct qxl_card *card, const char *name, struct migration_set *set)
{
    struct migration_part config = {.description = &qxl_config_state_description,
                                    .ops = &qxl_config_part,
                                    .opaque = card,
                                    .early = true};
    struct migration_part state = {
        .description = &qxl_card_state_description, .ops = &qxl_card_part, .opaque = card};

    snprintf(config.name, sizeof(config.name), "%s/config", name);
    snprintf(state.name, sizeof(state.name), "%s", name);
    migration_set_add_part(set, &config);
    migration_set_add_part(set, &state);
    add_block(set, name, "ram", &card->ram_memory);
    add_block(set, name, "vram", &card->vram_memory);
}
