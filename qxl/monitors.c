/*
 * Monitor layouts: the guest's to the server, the clients' wishes to the guest. Section 12.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/guest_memory.h"
#include "qxl/internal.h"

#include <zlib.h>

G_STATIC_ASSERT(sizeof(((struct qxl_card *)0)->monitors.config) ==
                sizeof(((QXLRom *)0)->client_monitors_config));

/* CRC-32 without the inversions zlib adds, as the kernel's crc32(0, ...). */
static uint32_t config_crc(const void *config, size_t size)
{
    return (uint32_t)crc32(0xffffffff, config, (uInt)size) ^ 0xffffffff;
}

void qxl_monitors_preset(const struct qxl_config *config, QXLRom *rom)
{
    if (!config->xres || !config->yres)
        return;
    rom->client_monitors_config.count = 1;
    rom->client_monitors_config.heads[0].right = config->xres;
    rom->client_monitors_config.heads[0].bottom = config->yres;
    rom->client_monitors_config_crc =
        config_crc(&rom->client_monitors_config, sizeof(rom->client_monitors_config));
}

void qxl_monitors_view(struct qxl_card *card, QXLPHYSICAL address)
{
    QXLMonitorsConfig config;
    enum qxl_fault fault;
    const uint8_t *bytes = qxl_memslot_translate(card, address, sizeof(config), &fault);

    if (!bytes)
        return;
    guest_copy_in(&config, bytes, sizeof(config));
    unsigned count = MIN(config.count, QXL_MAX_HEADS);
    if (qxl_memslot_translate(card, address, sizeof(config) + count * sizeof(QXLHead), &fault))
        qxl_view_set_heads(card, bytes + sizeof(config), count);
}

bool qxl_monitors_from_guest(struct qxl_card *card, QXLPHYSICAL *address)
{
    struct {
        QXLMonitorsConfig config;
        QXLHead head;
    } first;
    enum qxl_fault fault;

    *address = guest_load64(&card->ram->monitors_config);
    const uint8_t *bytes = qxl_memslot_translate(card, *address, sizeof(first), &fault);
    if (!bytes) {
        qxl_bug(card, QXL_BUG_MONITORS_ADDRESS,
                "the monitors config at 0x%" G_GINT64_MODIFIER "x is not in a memory slot",
                *address);
        return false;
    }
    card->monitors.guest_config = *address;
    guest_copy_in(&first, bytes, sizeof(first));
    qxl_monitors_view(card, *address);
    if (first.config.count == 1 && first.head.width && first.head.height && card->primary.exists)
        qxl_card_set_size(card, MIN(first.head.width, card->primary.width),
                          MIN(first.head.height, card->primary.height));
    return true;
}

/* Does the driver listen? Some old Windows drivers set the mask to all or nothing. */
static bool driver_listens(const struct qxl_card *card)
{
    uint32_t mask = guest_load32(&card->ram->int_mask);

    return card->config.revision >= QXL_REVISION_STABLE_V12 && mask != 0 && mask != UINT32_MAX &&
           mask & QXL_INTERRUPT_CLIENT_MONITORS_CONFIG;
}

static void publish(struct qxl_card *card)
{
    struct qxl_monitors *monitors = &card->monitors;
    bool changed = memcmp(&monitors->shown, &monitors->config, sizeof(monitors->config)) != 0;
    uint32_t crc = config_crc(&monitors->config, sizeof(monitors->config));

    /* The sum last: a guest that reads meanwhile sees by it that it has to read again. */
    monitors->shown = monitors->config;
    qxl_rom_write(card, offsetof(QXLRom, client_monitors_config), &monitors->config,
                  sizeof(monitors->config));
    qxl_rom_write(card, offsetof(QXLRom, client_monitors_config_crc), &crc, sizeof(crc));
    if (changed)
        qxl_irq_raise(card, QXL_INTERRUPT_CLIENT_MONITORS_CONFIG);
}

bool qxl_monitors_from_client(struct qxl_card *card, const VDAgentMonitorsConfig *config)
{
    uint32_t limit = card->config.max_outputs ? card->config.max_outputs : QXL_MAX_HEADS;

    if (!driver_listens(card))
        return false;
    if (!config)
        return true;
    struct qxl_monitors *monitors = &card->monitors;
    memset(&monitors->config, 0, sizeof(monitors->config));
    monitors->config.count = (uint16_t)MIN(config->num_of_monitors, limit);
    for (unsigned i = 0; i < monitors->config.count; i++) {
        const VDAgentMonConfig *monitor = &config->monitors[i];
        monitors->config.heads[i] = (QXLURect){
            .left = (uint32_t)monitor->x,
            .top = (uint32_t)monitor->y,
            .right = (uint32_t)monitor->x + monitor->width,
            .bottom = (uint32_t)monitor->y + monitor->height,
        };
    }
    if (card->running)
        publish(card);
    else
        monitors->held = true;
    return true;
}

void qxl_monitors_reset(struct qxl_card *card)
{
    card->monitors = (struct qxl_monitors){0};
    memcpy(&card->monitors.shown, &card->shadow_rom.client_monitors_config,
           sizeof(card->monitors.shown));
}

void qxl_monitors_resume(struct qxl_card *card)
{
    if (card->monitors.held)
        publish(card);
    card->monitors.held = false;
}
