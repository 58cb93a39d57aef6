/*
 * A PCI function with a device that tests can look through.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/fake_pci.h"

#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const uint64_t sizes[PCI_BAR_COUNT] = {1 << 20, 64 << 10, 8 << 10, 32, 2 << 20, 0};

struct fake_pci {
    struct pci_function *function;
    struct pci_bar bars[PCI_BAR_COUNT];
    uint8_t *memory;
    size_t size;
    int memfd;
    gint count, value, resets; /* atomic */
};

static uint64_t io_read(void *device, unsigned bar, uint64_t offset, unsigned size)
{
    struct fake_pci *fake = device;

    (void)bar;
    (void)size;
    switch (offset) {
    case FAKE_PCI_COUNT:
        return g_atomic_int_get(&fake->count);
    case FAKE_PCI_VALUE:
        return g_atomic_int_get(&fake->value);
    case FAKE_PCI_RESETS:
        return g_atomic_int_get(&fake->resets);
    default:
        return UINT64_MAX;
    }
}

static void io_write(void *device, unsigned bar, uint64_t offset, unsigned size, uint64_t value)
{
    struct fake_pci *fake = device;

    (void)bar;
    (void)size;
    if (offset == FAKE_PCI_IRQ)
        pci_intx_set(fake->function, value & 1);
    else if (offset == FAKE_PCI_SLEEP)
        g_usleep(value * 1000);
    else if (offset == FAKE_PCI_VALUE)
        g_atomic_int_set(&fake->value, (gint)value);
    g_atomic_int_inc(&fake->count);
}

static void reset(void *device)
{
    struct fake_pci *fake = device;

    memset(fake->bars[0].memory, 0, fake->bars[0].size);
    pci_intx_set(fake->function, false);
    g_atomic_int_inc(&fake->resets);
}

struct fake_pci *fake_pci_create(void)
{
    static const struct pci_identity identity = {
        .vendor = 0x1b36,
        .device = 0x0100,
        .subsystem_vendor = 0x1af4,
        .subsystem = 0x1100,
        .class_code = 0x038000,
        .revision = 5,
        .interrupt_pin = 1,
    };
    static const struct pci_device_ops ops = {io_read, io_write, reset};
    static const enum pci_bar_type types[PCI_BAR_COUNT] = {
        PCI_BAR_MEM32, PCI_BAR_MEM32, PCI_BAR_MEM32, PCI_BAR_IO, PCI_BAR_MEM64_PREFETCH,
    };
    struct fake_pci *fake = g_new0(struct fake_pci, 1);

    for (unsigned i = 0; i < PCI_BAR_COUNT; i++)
        fake->size += types[i] == PCI_BAR_IO ? 0 : sizes[i];
    fake->memfd = memfd_create("fake-pci", MFD_CLOEXEC);
    if (fake->memfd < 0 || ftruncate(fake->memfd, fake->size) < 0)
        g_error("no memory for the test device");
    fake->memory = mmap(NULL, fake->size, PROT_READ | PROT_WRITE, MAP_SHARED, fake->memfd, 0);
    if (fake->memory == MAP_FAILED)
        g_error("cannot map the test device's memory");

    uint64_t offset = 0;
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        struct pci_bar *bar = &fake->bars[i];
        *bar = (struct pci_bar){.type = types[i], .size = sizes[i], .memfd = -1};
        if (types[i] == PCI_BAR_ABSENT || types[i] == PCI_BAR_IO)
            continue;
        bar->memory = fake->memory + offset;
        bar->memfd = fake->memfd;
        bar->memfd_offset = offset;
        bar->read_only = i == 2;
        offset += sizes[i];
    }
    for (unsigned i = 0; i < sizes[2]; i++)
        fake->bars[2].memory[i] = i % 251;
    fake->function = pci_function_create(&identity, fake->bars, &ops, fake);
    return fake;
}

void fake_pci_destroy(struct fake_pci *fake)
{
    pci_function_destroy(fake->function);
    munmap(fake->memory, fake->size);
    close(fake->memfd);
    g_free(fake);
}

struct pci_function *fake_pci_function(struct fake_pci *fake)
{
    return fake->function;
}
