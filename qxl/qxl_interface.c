/*
 * The callbacks of the SPICE server. Most come from its worker thread, possibly while another
 * thread waits for that worker with io_lock held: only state_lock is taken here.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "qxl/internal.h"

static struct qxl_card *card_of(QXLInstance *instance)
{
    return SPICE_CONTAINEROF(instance, struct qxl_card, instance);
}

static void set_compression_level(QXLInstance *instance, int level)
{
    struct qxl_card *card = card_of(instance);
    uint32_t value = (uint32_t)level;

    qxl_lock(card);
    card->shadow_rom.compression_level = value;
    qxl_rom_write(card, offsetof(QXLRom, compression_level), &value, sizeof(value));
    qxl_unlock(card);
}

static void get_init_info(QXLInstance *instance, QXLDevInitInfo *info)
{
    const struct qxl_card *card = card_of(instance);

    *info = (QXLDevInitInfo){
        .num_memslots_groups = QXL_GROUPS,
        .num_memslots = QXL_MEMSLOTS,
        .memslot_gen_bits = QXL_MEMSLOT_GEN_BITS,
        .memslot_id_bits = QXL_MEMSLOT_ID_BITS,
        .qxl_ram_size = card->shadow_rom.num_pages * QXL_PAGE_SIZE,
        .internal_groupslot_id = QXL_GROUP_HOST,
        .n_surfaces = card->config.surfaces,
    };
}

/* In VGA mode the screen is the host's; a stopped card stands still. */
static bool rings_are_read(const struct qxl_card *card)
{
    return card->running && card->mode != QXL_MODE_VGA && !card->commands_held;
}

/* The size of a command's fixed part; 0: no such command on the command ring. */
static size_t command_size(const struct qxl_card *card, uint32_t type)
{
    switch (type) {
    case QXL_CMD_DRAW:
        return card->command_flags & QXL_COMMAND_FLAG_COMPAT ? sizeof(QXLCompatDrawable)
                                                             : sizeof(QXLDrawable);
    case QXL_CMD_UPDATE:
        return sizeof(QXLUpdateCmd);
    case QXL_CMD_MESSAGE:
        return sizeof(QXLMessage);
    case QXL_CMD_SURFACE:
        return sizeof(QXLSurfaceCmd);
    default:
        return 0;
    }
}

/* The memory of a command; NULL, and reported, when its address is bad. */
static uint8_t *locate(struct qxl_card *card, const char *ring, const QXLCommand *command,
                       size_t size)
{
    enum qxl_fault fault;
    uint8_t *bytes = qxl_memslot_translate(card, command->data, size, &fault);

    if (bytes)
        return bytes;
    qxl_bug(card, fault == QXL_FAULT_SLOT ? QXL_BUG_COMMAND_SLOT : QXL_BUG_COMMAND_RANGE,
            "%s ring: command of type %u at 0x%" G_GINT64_MODIFIER "x is not in a memory slot",
            ring, command->type, command->data);
    return NULL;
}

/* Returns a command that the server is not shown. */
static void give_back(struct qxl_card *card, const QXLCommand *command)
{
    enum qxl_fault fault;
    uint8_t *info = qxl_memslot_translate(card, command->data, sizeof(QXLReleaseInfo), &fault);

    if (info)
        qxl_release_command(card, info);
}

/* Decides whether the server gets COMMAND. */
static bool accept_command(struct qxl_card *card, const QXLCommand *command)
{
    size_t size = command_size(card, command->type);

    if (!size) {
        qxl_bug(card, QXL_BUG_COMMAND_TYPE, "command of unknown type %u", command->type);
        give_back(card, command);
        return false;
    }
    const uint8_t *bytes = locate(card, card->command_ring.name, command, size);
    if (!bytes)
        return false;
    if (command->type == QXL_CMD_SURFACE && !qxl_surfaces_track(card, command->data, bytes)) {
        give_back(card, command);
        return false;
    }
    return true;
}

static bool accept_cursor_command(struct qxl_card *card, const QXLCommand *command)
{
    if (command->type != QXL_CMD_CURSOR) {
        qxl_bug(card, QXL_BUG_CURSOR_RING_TYPE, "command of type %u on the cursor ring",
                command->type);
        give_back(card, command);
        return false;
    }
    const uint8_t *bytes = locate(card, card->cursor_ring.name, command, sizeof(QXLCursorCmd));
    if (!bytes)
        return false;
    if (!qxl_cursor_track(card, command->data, bytes)) {
        give_back(card, command);
        return false;
    }
    return true;
}

static void hand_over(const struct qxl_card *card, const QXLCommand *command, QXLCommandExt *out)
{
    *out = (QXLCommandExt){
        .cmd = *command,
        .group_id = card->guest_group,
        .flags = card->command_flags,
    };
}

static int get_command(QXLInstance *instance, QXLCommandExt *out)
{
    struct qxl_card *card = card_of(instance);
    QXLCommand command;
    bool found = false;

    qxl_lock(card);
    /* A frozen card does not read this ring; looked at each time, for a command may freeze it. */
    while (!found && rings_are_read(card) && !card->frozen &&
           qxl_ring_fetch(card, &card->command_ring, &command))
        found = accept_command(card, &command);
    if (found) {
        hand_over(card, &command, out);
        qxl_view_stir(card);
    }
    qxl_unlock(card);
    qxl_card_notify_host(card);
    return found;
}

static int req_cmd_notification(QXLInstance *instance)
{
    struct qxl_card *card = card_of(instance);

    qxl_lock(card);
    /* What is not read now is looked at again when that changes, without notification. */
    bool asleep = !rings_are_read(card) || card->frozen || qxl_ring_arm(&card->command_ring);
    qxl_unlock(card);
    return asleep;
}

static int get_cursor_command(QXLInstance *instance, QXLCommandExt *out)
{
    struct qxl_card *card = card_of(instance);
    QXLCommand command;
    bool found = false;

    qxl_lock(card);
    while (!found && rings_are_read(card) && qxl_ring_fetch(card, &card->cursor_ring, &command))
        found = accept_cursor_command(card, &command);
    if (found)
        hand_over(card, &command, out);
    qxl_unlock(card);
    qxl_card_notify_host(card);
    return found;
}

static int req_cursor_notification(QXLInstance *instance)
{
    struct qxl_card *card = card_of(instance);

    qxl_lock(card);
    bool asleep = !rings_are_read(card) || qxl_ring_arm(&card->cursor_ring);
    qxl_unlock(card);
    return asleep;
}

static void release_resource(QXLInstance *instance, QXLReleaseInfoExt released)
{
    struct qxl_card *card = card_of(instance);

    qxl_lock(card);
    /* Of before a reset, its memory is the guest's again. */
    if (released.info && released.group_id == card->guest_group)
        qxl_release_command(card, (uint8_t *)released.info);
    qxl_unlock(card);
    qxl_card_notify_host(card);
}

/* The meaning QXL_CMD_UPDATE had when drivers used it: the guest waits for its id in the ROM. */
static void notify_update(QXLInstance *instance, uint32_t update_id)
{
    struct qxl_card *card = card_of(instance);

    qxl_lock(card);
    qxl_rom_write(card, offsetof(QXLRom, update_id), &update_id, sizeof(update_id));
    qxl_irq_raise(card, QXL_INTERRUPT_DISPLAY);
    qxl_unlock(card);
    qxl_card_notify_host(card);
}

static int flush_resources(QXLInstance *instance)
{
    struct qxl_card *card = card_of(instance);

    qxl_lock(card);
    uint32_t count = card->running ? qxl_release_flush(card) : 0;
    qxl_unlock(card);
    qxl_card_notify_host(card);
    return (int)count;
}

static void async_complete(QXLInstance *instance, uint64_t cookie)
{
    qxl_async_complete(card_of(instance), cookie);
}

static void update_area_complete(QXLInstance *instance, uint32_t surface_id, QXLRect *rects,
                                 uint32_t count)
{
    /* The guest is told by async_complete. */
    if (surface_id == 0)
        qxl_view_updated(card_of(instance), rects, count);
}

static void set_client_capabilities(QXLInstance *instance, uint8_t present,
                                    uint8_t caps[SPICE_CAPABILITIES_SIZE])
{
    struct qxl_card *card = card_of(instance);

    qxl_lock(card);
    qxl_caps_set(card, present != 0, caps);
    qxl_unlock(card);
    qxl_card_notify_host(card);
}

static int client_monitors_config(QXLInstance *instance, VDAgentMonitorsConfig *config)
{
    struct qxl_card *card = card_of(instance);

    qxl_lock(card);
    bool listens = qxl_monitors_from_client(card, config);
    qxl_unlock(card);
    qxl_card_notify_host(card);
    return listens;
}

static void attached_worker(QXLInstance *instance)
{
    (void)instance; /* slots follow with the first reset */
}

const QXLInterface qxl_interface = {
    .base =
        {
            .type = SPICE_INTERFACE_QXL,
            .description = "QXL card",
            .major_version = SPICE_INTERFACE_QXL_MAJOR,
            .minor_version = SPICE_INTERFACE_QXL_MINOR,
        },
    .attached_worker = attached_worker,
    .set_compression_level = set_compression_level,
    .get_init_info = get_init_info,
    .get_command = get_command,
    .req_cmd_notification = req_cmd_notification,
    .release_resource = release_resource,
    .get_cursor_command = get_cursor_command,
    .req_cursor_notification = req_cursor_notification,
    .notify_update = notify_update,
    .flush_resources = flush_resources,
    .async_complete = async_complete,
    .update_area_complete = update_area_complete,
    .set_client_capabilities = set_client_capabilities,
    .client_monitors_config = client_monitors_config,
};
