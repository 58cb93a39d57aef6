/*
 * Modes: VGA, undefined, native and compat; the primary surface; resets. Section 6.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/guest_memory.h"
#include "qxl/internal.h"

/* The picture of VGA mode, as long as there is no VGA core: a blank text screen. */
#define BLANK_WIDTH  720
#define BLANK_HEIGHT 400
#define BLANK_STRIDE (BLANK_WIDTH * 4)
#define BLANK_SIZE   (BLANK_STRIDE * BLANK_HEIGHT)
/* Where it begins in its slot: address 0 means "none" in places. */
#define BLANK_OFFSET QXL_PAGE_SIZE

static void add_host_slot(struct qxl_card *card)
{
    uintptr_t start = (uintptr_t)card->blank;
    QXLDevMemSlot slot = {
        .slot_group_id = QXL_GROUP_HOST,
        .slot_id = 0,
        .virt_start = start,
        .virt_end = start + BLANK_SIZE,
        .addr_delta = start - BLANK_OFFSET,
        .qxl_ram_size = (uint32_t)card->config.ram_size,
    };

    spice_qxl_add_memslot(&card->instance, &slot);
}

static void set_mode(struct qxl_card *card, enum qxl_mode mode, const struct qxl_surface *primary)
{
    card->mode = mode;
    card->primary = primary ? *primary : (struct qxl_surface){0};
    qxl_card_set_size(card, card->primary.width, card->primary.height);
    qxl_view_mode_changed(card);
}

static void enter_vga(struct qxl_card *card)
{
    struct qxl_surface primary = {
        .exists = true,
        .width = BLANK_WIDTH,
        .height = BLANK_HEIGHT,
        .stride = BLANK_STRIDE,
        .format = SPICE_SURFACE_FMT_32_xRGB,
        .address = BLANK_OFFSET,
    };
    QXLDevSurfaceCreate create = {
        .width = primary.width,
        .height = primary.height,
        .stride = primary.stride,
        .format = primary.format,
        .mouse_mode = 1,
        .type = QXL_SURF_TYPE_PRIMARY,
        .mem = primary.address,
        .group_id = QXL_GROUP_HOST,
    };

    if (!card->blank)
        card->blank = g_malloc0(BLANK_SIZE);
    primary.pixels = card->blank;
    add_host_slot(card);
    spice_qxl_driver_unload(&card->instance);
    qxl_lock(card);
    set_mode(card, QXL_MODE_VGA, &primary);
    qxl_unlock(card);
    spice_qxl_create_primary_surface(&card->instance, 0, &create);
}

/* Ends whatever shows a picture now. */
static void drop_primary(struct qxl_card *card)
{
    qxl_lock(card);
    bool exists = card->primary.exists;
    qxl_unlock(card);

    /* The rings are drained first, in the layout of the mode that ends. */
    if (exists)
        spice_qxl_destroy_primary_surface(&card->instance, 0);
    qxl_lock(card);
    card->cursor.command = 0;
    set_mode(card, QXL_MODE_UNDEFINED, NULL);
    qxl_unlock(card);
}

/* The server forgets all that the guest gave it. */
static void clear_server(struct qxl_card *card)
{
    spice_qxl_reset_cursor(&card->instance);
    spice_qxl_reset_image_cache(&card->instance);
    spice_qxl_destroy_surfaces(&card->instance);
    spice_qxl_reset_memslots(&card->instance);
    spice_qxl_driver_unload(&card->instance);
}

/* So does the card. [state] */
static void clear_state(struct qxl_card *card)
{
    set_mode(card, QXL_MODE_UNDEFINED, NULL);
    card->command_flags = 0;
    card->commands_held = false;
    card->frozen = false;
    card->guest_group =
        card->guest_group == QXL_GROUP_GUEST_EVEN ? QXL_GROUP_GUEST_ODD : QXL_GROUP_GUEST_EVEN;
    card->cursor.command = 0;
    qxl_monitors_reset(card);
    card->held_interrupts = 0;
    memset(card->slots, 0, sizeof(card->slots));
    qxl_surfaces_forget(card);
}

void qxl_mode_hard_reset(struct qxl_card *card)
{
    bool restart = card->renderer_running;

    qxl_lock(card);
    card->resetting = true;
    qxl_async_reset(card);
    qxl_unlock(card);
    /* From here until the end the worker touches no ring. */
    if (restart)
        spice_qxl_stop(&card->instance);
    clear_server(card);

    qxl_lock(card);
    clear_state(card);
    qxl_rom_reset(card);
    qxl_ram_header_reset(card);
    qxl_irq_update(card);
    card->resetting = false;
    qxl_unlock(card);

    if (card->config.primary)
        enter_vga(card);
    if (restart)
        spice_qxl_start(&card->instance);
}

void qxl_mode_clear(struct qxl_card *card)
{
    qxl_lock(card);
    card->resetting = true;
    qxl_async_reset(card);
    qxl_unlock(card);
    clear_server(card);
    qxl_lock(card);
    clear_state(card);
    g_ptr_array_set_size(card->release.held, 0);
    card->resetting = false;
    qxl_unlock(card);
}

/*
 * Makes PRIMARY the screen. The mode changes at once; commands are fetched only when the surface
 * exists, or those pushed in VGA mode would find none.
 */
static bool install_primary(struct qxl_card *card, const struct qxl_surface *primary,
                            enum qxl_mode mode, uint32_t command_flags, bool async)
{
    QXLDevSurfaceCreate create = {
        .width = primary->width,
        .height = primary->height,
        .stride = primary->stride,
        .format = primary->format,
        .mouse_mode = 1,
        .flags = primary->flags,
        .type = QXL_SURF_TYPE_PRIMARY,
        .mem = primary->address,
    };

    drop_primary(card);
    qxl_lock(card);
    card->commands_held = true;
    card->command_flags = command_flags;
    set_mode(card, mode, primary);
    create.group_id = card->guest_group;
    uint64_t cookie = qxl_async_cookie(card);
    qxl_unlock(card);

    if (async) {
        spice_qxl_create_primary_surface_async(&card->instance, 0, &create, cookie);
    } else {
        spice_qxl_create_primary_surface(&card->instance, 0, &create);
        qxl_lock(card);
        card->commands_held = false;
        qxl_unlock(card);
    }
    spice_qxl_wakeup(&card->instance);
    return !async;
}

void qxl_mode_restore(struct qxl_card *card, enum qxl_mode mode, const struct qxl_surface *primary)
{
    struct qxl_surface kept = *primary;
    uint32_t flags = card->command_flags;

    if (mode == QXL_MODE_VGA)
        enter_vga(card);
    if (mode != QXL_MODE_NATIVE && mode != QXL_MODE_COMPAT)
        return;
    kept.flags |= QXL_SURF_FLAG_KEEP_DATA;
    qxl_lock(card);
    QXLPHYSICAL cursor = card->cursor.command;
    qxl_unlock(card);
    install_primary(card, &kept, mode, flags, false);
    qxl_lock(card);
    card->cursor.command = cursor;
    card->primary.flags = primary->flags; /* those that the guest gave */
    qxl_unlock(card);
}

/* Fills in where the pixels are; false: a guest bug, reported. [state] */
static bool check_primary(struct qxl_card *card, struct qxl_surface *primary)
{
    uint64_t stride = (uint64_t)ABS((int64_t)primary->stride);
    enum qxl_fault fault = QXL_FAULT_NONE;
    const char *wrong = stride * primary->height > card->vgamem_size
                            ? "it does not fit into the frame buffer (vgamem)"
                            : qxl_surface_check(card, primary, &fault);

    if (!wrong)
        return true;
    qxl_bug(card, fault == QXL_FAULT_NONE ? QXL_BUG_PRIMARY_GEOMETRY : QXL_BUG_PRIMARY_MEMORY,
            "primary surface (%ux%u, stride %d, format %u): %s", primary->width, primary->height,
            primary->stride, primary->format, wrong);
    return false;
}

bool qxl_mode_create_primary(struct qxl_card *card, bool async)
{
    QXLSurfaceCreate create;

    guest_copy_in(&create, &card->ram->create_surface, sizeof(create));
    struct qxl_surface primary = {
        .width = create.width,
        .height = create.height,
        .stride = create.stride,
        .format = create.format,
        .flags = create.flags & QXL_SURF_FLAG_KEEP_DATA,
        .address = create.mem,
    };
    qxl_lock(card);
    bool refused = card->mode == QXL_MODE_NATIVE;
    if (refused)
        qxl_bug(card, QXL_BUG_PRIMARY_EXISTS, "CREATE_PRIMARY while there is one");
    else
        refused = !check_primary(card, &primary);
    qxl_unlock(card);
    return refused || install_primary(card, &primary, QXL_MODE_NATIVE, 0, async);
}

bool qxl_mode_set(struct qxl_card *card, uint8_t position)
{
    qxl_lock(card);
    if (position >= card->mode_count) {
        qxl_bug(card, QXL_BUG_SET_MODE_POSITION, "SET_MODE %u: there are %u modes", position,
                card->mode_count);
        qxl_unlock(card);
        return true;
    }
    QXLMode mode = card->modes[position];
    qxl_unlock(card);

    qxl_mode_hard_reset(card);
    qxl_lock(card);
    if (!qxl_memslot_add_ram(card)) {
        qxl_bug(card, QXL_BUG_SET_MODE_UNMAPPED, "SET_MODE while the RAM BAR is not mapped");
        qxl_unlock(card);
        return true;
    }
    QXLDevMemSlot slot = qxl_memslot_describe(card, 0);
    struct qxl_surface primary = {
        .width = mode.x_res,
        .height = mode.y_res,
        .stride = -4 * (int32_t)mode.x_res,
        .format = SPICE_SURFACE_FMT_32_xRGB,
        .address = card->slots[0].start + card->shadow_rom.draw_area_offset,
    };
    bool fits = check_primary(card, &primary);
    qxl_unlock(card);

    spice_qxl_add_memslot(&card->instance, &slot);
    if (!fits) { /* a 16-bit mode whose picture is too large with 32 */
        drop_primary(card);
        return true;
    }
    uint32_t flags = QXL_COMMAND_FLAG_COMPAT;
    if (mode.bits == 16)
        flags |= QXL_COMMAND_FLAG_COMPAT_16BPP;
    install_primary(card, &primary, QXL_MODE_COMPAT, flags, false);
    qxl_lock(card);
    uint32_t current = position;
    card->shadow_rom.mode = current;
    qxl_rom_write(card, offsetof(QXLRom, mode), &current, sizeof(current));
    qxl_unlock(card);
    return true;
}

bool qxl_mode_destroy_primary(struct qxl_card *card, bool async)
{
    qxl_lock(card);
    bool exists = card->mode != QXL_MODE_UNDEFINED;
    uint64_t cookie = qxl_async_cookie(card);
    if (exists && async)
        set_mode(card, QXL_MODE_UNDEFINED, NULL);
    qxl_unlock(card);

    if (!exists)
        return true;
    if (async)
        spice_qxl_destroy_primary_surface_async(&card->instance, 0, cookie);
    else
        drop_primary(card);
    return !async;
}

bool qxl_mode_destroy_all(struct qxl_card *card, bool async)
{
    qxl_lock(card);
    uint64_t cookie = qxl_async_cookie(card);
    set_mode(card, QXL_MODE_UNDEFINED, NULL);
    qxl_unlock(card);

    if (async) {
        spice_qxl_destroy_surfaces_async(&card->instance, cookie);
        return false;
    }
    spice_qxl_destroy_surfaces(&card->instance);
    qxl_lock(card);
    card->cursor.command = 0;
    qxl_surfaces_forget(card);
    qxl_unlock(card);
    return true;
}

void qxl_card_vga_port_write(struct qxl_card *card)
{
    if (!card->config.primary || card->config.revision > QXL_REVISION_STABLE_V12)
        return;
    pthread_mutex_lock(&card->io_lock);
    qxl_lock(card);
    bool leaves = card->mode != QXL_MODE_VGA;
    qxl_unlock(card);
    if (leaves) {
        drop_primary(card);
        qxl_lock(card);
        qxl_async_reset(card);
        card->frozen = false;
        card->commands_held = false;
        qxl_ring_discard(&card->command_ring);
        qxl_ring_discard(&card->cursor_ring);
        qxl_unlock(card);
        enter_vga(card);
    }
    pthread_mutex_unlock(&card->io_lock);
    qxl_card_notify_host(card);
}
