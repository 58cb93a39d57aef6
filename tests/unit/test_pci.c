/*
 * A PCI function with a made-up device: configuration space, BAR accesses, INTx.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/pci.h"

#include <glib.h>
#include <linux/pci_regs.h>
#include <string.h>

struct device {
    struct pci_function *pci;
    uint8_t memory[8192];
    uint8_t rom[4096];
    unsigned reads, writes, resets;
    uint64_t last_offset, last_value;
    unsigned last_size;
    unsigned levels; /* how often the sink was called */
    bool level;
    bool reenter; /* the sink calls back into the function */
};

static uint64_t io_read(void *opaque, unsigned bar, uint64_t offset, unsigned size)
{
    struct device *device = opaque;

    g_assert_cmpuint(bar, ==, 3);
    device->reads++;
    device->last_offset = offset;
    device->last_size = size;
    return 0x44332211 + offset;
}

static void io_write(void *opaque, unsigned bar, uint64_t offset, unsigned size, uint64_t value)
{
    struct device *device = opaque;

    g_assert_cmpuint(bar, ==, 3);
    device->writes++;
    device->last_offset = offset;
    device->last_size = size;
    device->last_value = value;
}

static void reset(void *opaque)
{
    ((struct device *)opaque)->resets++;
}

static void begin(struct device *device)
{
    static const struct pci_device_ops ops = {io_read, io_write, reset};
    const struct pci_identity identity = {
        .vendor = 0x1b36,
        .device = 0x0100,
        .subsystem_vendor = 0x1af4,
        .subsystem = 0x1100,
        .class_code = 0x030000,
        .revision = 5,
        .interrupt_pin = 1,
    };
    struct pci_bar bars[PCI_BAR_COUNT] = {
        {.type = PCI_BAR_MEM32, .size = 8192, .memory = device->memory, .memfd = -1},
        {.type = PCI_BAR_ABSENT, .memfd = -1},
        {.type = PCI_BAR_MEM32,
         .size = 4096,
         .memory = device->rom,
         .memfd = -1,
         .read_only = true},
        {.type = PCI_BAR_IO, .size = 32, .memfd = -1},
        {.type = PCI_BAR_MEM64_PREFETCH,
         .size = UINT64_C(8) << 30,
         .memory = device->memory,
         .memfd = -1},
    };

    memset(device, 0, sizeof(*device));
    device->pci = pci_function_create(&identity, bars, &ops, device);
}

static uint32_t config32(struct device *device, unsigned offset)
{
    uint32_t value;
    pci_config_read(device->pci, offset, &value, 4);
    return value;
}

static void set_config32(struct device *device, unsigned offset, uint32_t value)
{
    pci_config_write(device->pci, offset, &value, 4);
}

static void test_identity(void)
{
    struct device device;

    begin(&device);
    g_assert_cmphex(config32(&device, 0x00), ==, 0x01001b36);
    g_assert_cmphex(config32(&device, 0x04), ==, 0); /* nothing decoded, no capability list */
    g_assert_cmphex(config32(&device, 0x08), ==, 0x03000005);
    g_assert_cmphex(config32(&device, 0x0c), ==, 0);
    g_assert_cmphex(config32(&device, 0x2c), ==, 0x11001af4);
    g_assert_cmphex(config32(&device, 0x34), ==, 0);
    g_assert_cmphex(config32(&device, 0x3c), ==, 0x00000100);
    pci_function_destroy(device.pci);
}

static void test_write_masks(void)
{
    struct device device;
    uint8_t ones[PCI_CONFIG_SIZE];

    begin(&device);
    memset(ones, 0xff, sizeof(ones));
    pci_config_write(device.pci, 0, ones, sizeof(ones));
    g_assert_cmphex(config32(&device, 0x00), ==, 0x01001b36);
    g_assert_cmphex(config32(&device, 0x04), ==, 0x0507);
    g_assert_cmphex(config32(&device, 0x08), ==, 0x03000005);
    g_assert_cmphex(config32(&device, 0x0c), ==, 0xffff); /* cache line, latency timer */
    /* Sizing: ones where the address may vary. */
    g_assert_cmphex(config32(&device, 0x10), ==, 0xffffe000);
    g_assert_cmphex(config32(&device, 0x14), ==, 0);
    g_assert_cmphex(config32(&device, 0x18), ==, 0xfffff000);
    g_assert_cmphex(config32(&device, 0x1c), ==, 0xffffffe1);
    g_assert_cmphex(config32(&device, 0x20), ==, 0x0000000c);
    g_assert_cmphex(config32(&device, 0x24), ==, 0xfffffffe);
    g_assert_cmphex(config32(&device, 0x30), ==, 0);
    g_assert_cmphex(config32(&device, 0x3c), ==, 0x000001ff);
    for (unsigned offset = 0x40; offset < PCI_CONFIG_SIZE; offset += 4)
        g_assert_cmphex(config32(&device, offset), ==, 0);
    pci_function_destroy(device.pci);
}

static void test_config_edges(void)
{
    struct device device;
    uint8_t bytes[8];
    uint16_t half;

    begin(&device);
    memset(bytes, 0xaa, sizeof(bytes));
    pci_config_read(device.pci, 0xfc, bytes, 8);
    g_assert_cmpint(bytes[7], ==, 0);
    memset(bytes, 0xaa, sizeof(bytes));
    pci_config_read(device.pci, UINT32_MAX, bytes, 8);
    for (unsigned i = 0; i < 8; i++)
        g_assert_cmpint(bytes[i], ==, 0);
    pci_config_write(device.pci, UINT32_MAX - 1, bytes, 8);
    pci_config_write(device.pci, 256, bytes, 8);
    /* Any alignment: the upper half of BAR 0 without its type bits. */
    half = 0xc000;
    pci_config_write(device.pci, 0x12, &half, 2);
    g_assert_cmphex(config32(&device, 0x10), ==, 0xc0000000);
    pci_config_read(device.pci, 0x12, &half, 2);
    g_assert_cmphex(half, ==, 0xc000);
    pci_function_destroy(device.pci);
}

static void test_addresses(void)
{
    struct device device;
    uint64_t address;

    begin(&device);
    set_config32(&device, 0x10, 0xc0000000);
    set_config32(&device, 0x1c, 0xc041);
    set_config32(&device, 0x20, 0);
    set_config32(&device, 0x24, 8);
    for (unsigned bar = 0; bar < 8; bar++)
        g_assert_false(pci_bar_address(device.pci, bar, &address));
    set_config32(&device, 0x04, PCI_COMMAND_MEMORY);
    g_assert_true(pci_bar_address(device.pci, 0, &address));
    g_assert_cmphex(address, ==, 0xc0000000);
    g_assert_true(pci_bar_address(device.pci, 4, &address));
    g_assert_cmphex(address, ==, UINT64_C(0x800000000));
    g_assert_false(pci_bar_address(device.pci, 2, &address)); /* not placed yet */
    g_assert_false(pci_bar_address(device.pci, 3, &address));
    set_config32(&device, 0x04, PCI_COMMAND_IO);
    g_assert_true(pci_bar_address(device.pci, 3, &address));
    g_assert_cmphex(address, ==, 0xc040);
    g_assert_false(pci_bar_address(device.pci, 0, &address));
    set_config32(&device, 0x04, PCI_COMMAND_MEMORY);
    set_config32(&device, 0x10, 0xffffffff); /* being sized */
    g_assert_false(pci_bar_address(device.pci, 0, &address));
    pci_function_destroy(device.pci);
}

static void test_memory(void)
{
    struct device device;
    uint8_t bytes[16] = "0123456789abcde", back[16];

    begin(&device);
    for (unsigned size = 1; size <= 16; size++) {
        for (unsigned offset = 100; offset < 108; offset++) {
            g_assert_true(pci_bar_write(device.pci, 0, offset, bytes, size));
            g_assert_true(pci_bar_read(device.pci, 0, offset, back, size));
            g_assert_cmpmem(bytes, size, back, size);
            g_assert_cmpmem(device.memory + offset, size, bytes, size);
        }
    }
    g_assert_true(pci_bar_write(device.pci, 0, 8184, bytes, 8));
    g_assert_true(pci_bar_write(device.pci, 0, 8192, bytes, 0));
    g_assert_false(pci_bar_write(device.pci, 0, 8185, bytes, 8));
    g_assert_false(pci_bar_write(device.pci, 0, UINT64_MAX, bytes, 8));
    g_assert_false(pci_bar_read(device.pci, 0, 8190, back, 4));
    g_assert_false(pci_bar_read(device.pci, 1, 0, back, 1));
    g_assert_false(pci_bar_read(device.pci, 5, 0, back, 1)); /* upper half of BAR 4 */
    g_assert_false(pci_bar_read(device.pci, 7, 0, back, 1));
    g_assert_true(pci_bar_write(device.pci, 2, 0, bytes, 8)); /* accepted and dropped */
    g_assert_cmpint(device.rom[0], ==, 0);
    pci_function_destroy(device.pci);
}

static void test_ports(void)
{
    struct device device;
    uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint32_t word;

    begin(&device);
    g_assert_true(pci_bar_write(device.pci, 3, 4, bytes, 2));
    g_assert_cmpuint(device.writes, ==, 1);
    g_assert_cmphex(device.last_value, ==, 0x0201);
    g_assert_true(pci_bar_write(device.pci, 3, 4, bytes, 3)); /* byte by byte */
    g_assert_cmpuint(device.writes, ==, 4);
    g_assert_cmphex(device.last_offset, ==, 6);
    g_assert_cmphex(device.last_value, ==, 3);
    g_assert_true(pci_bar_read(device.pci, 3, 0, &word, 4));
    g_assert_cmphex(word, ==, 0x44332211);
    g_assert_cmpuint(device.reads, ==, 1);
    g_assert_false(pci_bar_read(device.pci, 3, 29, &word, 4));
    g_assert_false(pci_bar_write(device.pci, 3, 32, bytes, 1));
    g_assert_cmpuint(device.reads, ==, 1);
    g_assert_cmpuint(device.writes, ==, 4);
    pci_function_destroy(device.pci);
}

static void sink(void *opaque, bool level)
{
    struct device *device = opaque;

    device->levels++;
    device->level = level;
    if (device->reenter) {
        device->reenter = false;
        uint16_t command = PCI_COMMAND_INTX_DISABLE;
        pci_config_write(device->pci, PCI_COMMAND, &command, 2);
    }
}

static void test_intx(void)
{
    struct device device;

    begin(&device);
    pci_intx_set_sink(device.pci, sink, &device);
    pci_intx_set(device.pci, true);
    g_assert_true(device.level);
    g_assert_true(pci_intx_level(device.pci));
    g_assert_cmphex(config32(&device, 4) >> 16, ==, PCI_STATUS_INTERRUPT);
    pci_intx_set(device.pci, true); /* heard again */
    g_assert_cmpuint(device.levels, ==, 2);
    set_config32(&device, 4, PCI_COMMAND_INTX_DISABLE);
    g_assert_false(device.level);
    g_assert_false(pci_intx_level(device.pci));
    /* The status bit shows what the device wants, disabled or not. */
    g_assert_cmphex(config32(&device, 4) >> 16, ==, PCI_STATUS_INTERRUPT);
    set_config32(&device, 4, 0);
    g_assert_true(device.level);
    unsigned heard = device.levels;
    set_config32(&device, 4, PCI_COMMAND_MEMORY); /* no business of the line's */
    g_assert_cmpuint(device.levels, ==, heard);
    device.reenter = true;
    pci_intx_set(device.pci, true);
    g_assert_false(device.level); /* the last word counts */
    pci_intx_set(device.pci, false);
    g_assert_cmphex(config32(&device, 4) >> 16, ==, 0);
    pci_intx_set_sink(device.pci, NULL, NULL);
    heard = device.levels;
    pci_intx_set(device.pci, true);
    g_assert_cmpuint(device.levels, ==, heard);
    pci_function_destroy(device.pci);
}

static void test_reset(void)
{
    struct device device;

    begin(&device);
    set_config32(&device, 0x04, 0x0507);
    set_config32(&device, 0x10, 0xc0000000);
    set_config32(&device, 0x3c, 11);
    pci_function_reset(device.pci);
    g_assert_cmpuint(device.resets, ==, 1);
    g_assert_cmphex(config32(&device, 0x04), ==, 0);
    g_assert_cmphex(config32(&device, 0x10), ==, 0);
    g_assert_cmphex(config32(&device, 0x1c), ==, 1);
    g_assert_cmphex(config32(&device, 0x3c), ==, 0x100);
    pci_function_destroy(device.pci);
}

static gpointer toggle(gpointer data)
{
    for (unsigned i = 0; i < 2000; i++)
        pci_intx_set(data, i % 2);
    return NULL;
}

static void test_threads(void)
{
    struct device device;

    begin(&device);
    pci_intx_set_sink(device.pci, sink, &device);
    GThread *one = g_thread_new("one", toggle, device.pci);
    GThread *two = g_thread_new("two", toggle, device.pci);
    g_thread_join(one);
    g_thread_join(two);
    pci_intx_set_sink(device.pci, NULL, NULL); /* waits for a sink that still runs */
    g_assert_true(device.level == pci_intx_level(device.pci));
    g_assert_true(device.level); /* both ended with it */
    pci_function_destroy(device.pci);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pci/identity", test_identity);
    g_test_add_func("/pci/write-masks", test_write_masks);
    g_test_add_func("/pci/config-edges", test_config_edges);
    g_test_add_func("/pci/addresses", test_addresses);
    g_test_add_func("/pci/memory", test_memory);
    g_test_add_func("/pci/ports", test_ports);
    g_test_add_func("/pci/intx", test_intx);
    g_test_add_func("/pci/reset", test_reset);
    g_test_add_func("/pci/threads", test_threads);
    return g_test_run();
}
