/*
 * A QXL card as a PCI function: identity, BARs, ports and the interrupt line.
 *
 * Facts: qxl-device.md sections 1.1, 2.1 and 5.1.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/qxl_function.h"

#include "hw/pci_state.h"

#include <stdio.h>

/* Section 1.1; no installed header has them. */
#define QXL_SUBSYSTEM_VENDOR_ID 0x1af4
#define QXL_SUBSYSTEM_ID        0x1100
#define QXL_CLASS_PRIMARY       0x030000 /* VGA controller */
#define QXL_CLASS_SECONDARY     0x038000 /* display controller, other */
#define INTERRUPT_PIN_INTA      1

struct qxl_function {
    struct qxl_card *card;
    struct pci_function *pci;
};

static void set_irq(void *opaque, bool level)
{
    struct qxl_function *function = opaque;
    pci_intx_set(function->pci, level);
}

static bool bar_address(void *opaque, enum qxl_bar bar, uint64_t *address)
{
    struct qxl_function *function = opaque;
    return pci_bar_address(function->pci, bar, address);
}

static const struct qxl_host card_host = {
    .set_irq = set_irq,
    .bar_address = bar_address,
};

static uint64_t io_read(void *device, unsigned bar, uint64_t offset, unsigned size)
{
    struct qxl_function *function = device;
    uint64_t value = 0;

    (void)bar; /* only the port BAR has no memory */
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)qxl_card_io_read(function->card, (uint32_t)offset + i) << (8 * i);
    return value;
}

/* Ports are bytes: a wider write is one to each port, the low byte to the lowest. */
static void io_write(void *device, unsigned bar, uint64_t offset, unsigned size, uint64_t value)
{
    struct qxl_function *function = device;

    (void)bar;
    for (unsigned i = 0; i < size; i++)
        qxl_card_io_write(function->card, (uint32_t)offset + i, value >> (8 * i) & 0xff);
}

static void reset(void *device)
{
    struct qxl_function *function = device;
    qxl_card_reset(function->card);
}

static const struct pci_device_ops device_ops = {
    .io_read = io_read,
    .io_write = io_write,
    .reset = reset,
};

static void describe_bars(const struct qxl_card *card, struct pci_bar bars[PCI_BAR_COUNT])
{
    static const enum pci_bar_type types[QXL_BAR_COUNT] = {
        [QXL_BAR_RAM] = PCI_BAR_MEM32,
        [QXL_BAR_VRAM32] = PCI_BAR_MEM32,
        [QXL_BAR_ROM] = PCI_BAR_MEM32,
        [QXL_BAR_IO] = PCI_BAR_IO,
        [QXL_BAR_VRAM64] = PCI_BAR_MEM64_PREFETCH,
    };

    for (unsigned i = 0; i < QXL_BAR_COUNT; i++) {
        struct qxl_bar_info info = qxl_card_bar(card, i);
        bars[i] = (struct pci_bar){
            .type = info.size ? types[i] : PCI_BAR_ABSENT,
            .size = info.size,
            .memory = info.memory,
            .memfd = info.memfd,
            .memfd_offset = info.memfd_offset,
            .read_only = i == QXL_BAR_ROM,
        };
    }
    for (unsigned i = QXL_BAR_COUNT; i < PCI_BAR_COUNT; i++)
        bars[i] = (struct pci_bar){.type = PCI_BAR_ABSENT, .memfd = -1};
}

struct qxl_function *qxl_function_create(const struct qxl_config *config, SpiceServer *server,
                                         int id, GError **error)
{
    struct qxl_function *function = g_new0(struct qxl_function, 1);
    struct pci_bar bars[PCI_BAR_COUNT];

    /* A card is created stopped and calls its host no sooner than it is started or reset. */
    function->card = qxl_card_create(config, server, id, &card_host, function, error);
    if (!function->card) {
        g_free(function);
        return NULL;
    }
    const struct qxl_config *complete = qxl_card_config(function->card);
    struct pci_identity identity = {
        .vendor = REDHAT_PCI_VENDOR_ID,
        .device = QXL_DEVICE_ID_STABLE,
        .subsystem_vendor = QXL_SUBSYSTEM_VENDOR_ID,
        .subsystem = QXL_SUBSYSTEM_ID,
        .class_code = complete->primary ? QXL_CLASS_PRIMARY : QXL_CLASS_SECONDARY,
        .revision = (uint8_t)complete->revision,
        .interrupt_pin = INTERRUPT_PIN_INTA,
    };
    describe_bars(function->card, bars);
    function->pci = pci_function_create(&identity, bars, &device_ops, function);
    return function;
}

void qxl_function_destroy(struct qxl_function *function)
{
    if (!function)
        return;
    qxl_card_destroy(function->card);
    pci_function_destroy(function->pci);
    g_free(function);
}

struct pci_function *qxl_function_pci(struct qxl_function *function)
{
    return function->pci;
}

struct qxl_card *qxl_function_card(struct qxl_function *function)
{
    return function->card;
}

void qxl_function_add_parts(struct qxl_function *function, unsigned number,
                            struct migration_set *set)
{
    char card[16], pci[MIGRATION_NAME_MAX];

    snprintf(card, sizeof(card), "qxl-%u", number);
    snprintf(pci, sizeof(pci), "pci/%s", card);
    pci_function_add_part(function->pci, pci, set);
    qxl_card_add_parts(function->card, card, set);
}
