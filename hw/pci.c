/*
 * A PCI function: configuration space with write masks, BAR accesses, the INTx line.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/pci.h"

#include <glib.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <string.h>

/* What real hardware lets software change in the command register. */
#define COMMAND_WRITABLE                                                                           \
    (PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_SERR |                 \
     PCI_COMMAND_INTX_DISABLE)

struct pci_function {
    struct pci_identity identity;
    struct pci_bar bars[PCI_BAR_COUNT]; /* never changes: BAR accesses need no lock */
    struct pci_device_ops ops;
    void *device;

    pthread_mutex_t lock; /* guards all below */
    uint8_t config[PCI_CONFIG_SIZE];
    uint8_t writable[PCI_CONFIG_SIZE]; /* one bits: software may change them */
    bool condition;                    /* what the device asks of the INTx line */
    pci_intx_sink sink;
    void *sink_opaque;
    bool announcing;     /* a thread is calling the sink, without the lock */
    bool announce_again; /* ... and has to call it once more */
    pthread_cond_t announced;
};

static void put16(uint8_t *config, unsigned offset, uint16_t value)
{
    config[offset] = value & 0xff;
    config[offset + 1] = value >> 8;
}

static void put32(uint8_t *config, unsigned offset, uint32_t value)
{
    put16(config, offset, value & 0xffff);
    put16(config, offset + 2, value >> 16);
}

static uint16_t get16(const uint8_t *config, unsigned offset)
{
    return config[offset] | config[offset + 1] << 8;
}

static uint32_t get32(const uint8_t *config, unsigned offset)
{
    return get16(config, offset) | (uint32_t)get16(config, offset + 2) << 16;
}

static unsigned bar_register(unsigned bar)
{
    return PCI_BASE_ADDRESS_0 + 4 * bar;
}

/* Fills the BAR registers' type bits and write masks. */
static void init_bars(struct pci_function *function)
{
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        const struct pci_bar *bar = &function->bars[i];
        uint64_t mask = ~(bar->size - 1);
        switch (bar->type) {
        case PCI_BAR_ABSENT:
            break;
        case PCI_BAR_IO:
            put32(function->config, bar_register(i), PCI_BASE_ADDRESS_SPACE_IO);
            put32(function->writable, bar_register(i), (uint32_t)mask & PCI_BASE_ADDRESS_IO_MASK);
            break;
        case PCI_BAR_MEM32:
            put32(function->writable, bar_register(i), (uint32_t)mask & PCI_BASE_ADDRESS_MEM_MASK);
            break;
        case PCI_BAR_MEM64_PREFETCH:
            put32(function->config, bar_register(i),
                  PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH);
            put32(function->writable, bar_register(i), (uint32_t)mask & PCI_BASE_ADDRESS_MEM_MASK);
            put32(function->writable, bar_register(i + 1), mask >> 32);
            i++; /* the next register is the upper half */
            break;
        }
    }
}

static void init_config(struct pci_function *function)
{
    const struct pci_identity *identity = &function->identity;

    memset(function->config, 0, sizeof(function->config));
    memset(function->writable, 0, sizeof(function->writable));
    put16(function->config, PCI_VENDOR_ID, identity->vendor);
    put16(function->config, PCI_DEVICE_ID, identity->device);
    put32(function->config, PCI_CLASS_REVISION, identity->class_code << 8 | identity->revision);
    put16(function->config, PCI_SUBSYSTEM_VENDOR_ID, identity->subsystem_vendor);
    put16(function->config, PCI_SUBSYSTEM_ID, identity->subsystem);
    function->config[PCI_INTERRUPT_PIN] = identity->interrupt_pin;

    put16(function->writable, PCI_COMMAND, COMMAND_WRITABLE);
    function->writable[PCI_CACHE_LINE_SIZE] = 0xff;
    function->writable[PCI_LATENCY_TIMER] = 0xff;
    function->writable[PCI_INTERRUPT_LINE] = 0xff;
    init_bars(function);
}

struct pci_function *pci_function_create(const struct pci_identity *identity,
                                         const struct pci_bar bars[PCI_BAR_COUNT],
                                         const struct pci_device_ops *ops, void *device)
{
    struct pci_function *function = g_new0(struct pci_function, 1);

    function->identity = *identity;
    memcpy(function->bars, bars, sizeof(function->bars));
    function->ops = *ops;
    function->device = device;
    pthread_mutex_init(&function->lock, NULL);
    pthread_cond_init(&function->announced, NULL);
    init_config(function);
    return function;
}

void pci_function_destroy(struct pci_function *function)
{
    if (!function)
        return;
    pthread_cond_destroy(&function->announced);
    pthread_mutex_destroy(&function->lock);
    g_free(function);
}

const struct pci_bar *pci_function_bar(const struct pci_function *function, unsigned bar)
{
    static const struct pci_bar absent = {.type = PCI_BAR_ABSENT, .memfd = -1};
    return bar < PCI_BAR_COUNT ? &function->bars[bar] : &absent;
}

/* The line's level. The lock is held. */
static bool line_level(const struct pci_function *function)
{
    return function->condition &&
           !(get16(function->config, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
}

/*
 * Tells the sink the line's level. The lock is held and dropped meanwhile: the sink may have locks
 * of its own that are held elsewhere while this module is called. Of several threads one announces
 * for all, so the sink never hears an old level last.
 */
static void announce_level(struct pci_function *function)
{
    function->announce_again = true;
    if (function->announcing)
        return;
    function->announcing = true;
    while (function->announce_again) {
        pci_intx_sink sink = function->sink;
        void *opaque = function->sink_opaque;
        bool level = line_level(function);
        function->announce_again = false;
        if (!sink)
            continue;
        pthread_mutex_unlock(&function->lock);
        sink(opaque, level);
        pthread_mutex_lock(&function->lock);
    }
    function->announcing = false;
    pthread_cond_broadcast(&function->announced);
}

void pci_config_read(struct pci_function *function, uint32_t offset, void *data, uint32_t size)
{
    uint8_t image[PCI_CONFIG_SIZE];
    uint8_t *out = data;

    pthread_mutex_lock(&function->lock);
    memcpy(image, function->config, sizeof(image));
    if (function->condition)
        image[PCI_STATUS] |= PCI_STATUS_INTERRUPT;
    pthread_mutex_unlock(&function->lock);

    for (uint32_t i = 0; i < size; i++) {
        uint64_t at = (uint64_t)offset + i;
        out[i] = at < sizeof(image) ? image[at] : 0;
    }
}

void pci_config_write(struct pci_function *function, uint32_t offset, const void *data,
                      uint32_t size)
{
    const uint8_t *in = data;

    pthread_mutex_lock(&function->lock);
    uint16_t old_command = get16(function->config, PCI_COMMAND);
    for (uint32_t i = 0; i < size && (uint64_t)offset + i < PCI_CONFIG_SIZE; i++) {
        uint8_t *byte = &function->config[offset + i];
        uint8_t mask = function->writable[offset + i];
        *byte = (*byte & ~mask) | (in[i] & mask);
    }
    if ((old_command ^ get16(function->config, PCI_COMMAND)) & PCI_COMMAND_INTX_DISABLE)
        announce_level(function);
    pthread_mutex_unlock(&function->lock);
}

/* The BAR an access goes to; NULL when there is none or the access does not lie inside it. */
static const struct pci_bar *bar_of_access(const struct pci_function *function, unsigned bar,
                                           uint64_t offset, uint64_t size)
{
    const struct pci_bar *found = pci_function_bar(function, bar);

    if (found->type == PCI_BAR_ABSENT || offset > found->size || size > found->size - offset)
        return NULL;
    return found;
}

/*
 * Naturally aligned accesses of a machine word are one access, ordered as an x86 processor orders
 * its own: rings and interrupt words are shared with the device's threads.
 */
static void load_memory(void *data, const uint8_t *memory, uint64_t size)
{
    bool aligned = size && ((uintptr_t)memory & (size - 1)) == 0;

    if (aligned && size == 8) {
        uint64_t value = __atomic_load_n((const uint64_t *)memory, __ATOMIC_ACQUIRE);
        memcpy(data, &value, sizeof(value));
    } else if (aligned && size == 4) {
        uint32_t value = __atomic_load_n((const uint32_t *)memory, __ATOMIC_ACQUIRE);
        memcpy(data, &value, sizeof(value));
    } else if (aligned && size == 2) {
        uint16_t value = __atomic_load_n((const uint16_t *)memory, __ATOMIC_ACQUIRE);
        memcpy(data, &value, sizeof(value));
    } else {
        memcpy(data, memory, size);
    }
}

static void store_memory(uint8_t *memory, const void *data, uint64_t size)
{
    bool aligned = size && ((uintptr_t)memory & (size - 1)) == 0;

    if (aligned && size == 8) {
        uint64_t value;
        memcpy(&value, data, sizeof(value));
        __atomic_store_n((uint64_t *)memory, value, __ATOMIC_RELEASE);
    } else if (aligned && size == 4) {
        uint32_t value;
        memcpy(&value, data, sizeof(value));
        __atomic_store_n((uint32_t *)memory, value, __ATOMIC_RELEASE);
    } else if (aligned && size == 2) {
        uint16_t value;
        memcpy(&value, data, sizeof(value));
        __atomic_store_n((uint16_t *)memory, value, __ATOMIC_RELEASE);
    } else {
        memcpy(memory, data, size);
    }
}

/* Devices see accesses of 1, 2 or 4 bytes; anything else reaches them byte by byte. */
static unsigned device_access_size(uint64_t size)
{
    return size == 2 || size == 4 ? (unsigned)size : 1;
}

bool pci_bar_read(struct pci_function *function, unsigned bar, uint64_t offset, void *data,
                  uint64_t size)
{
    const struct pci_bar *from = bar_of_access(function, bar, offset, size);
    uint8_t *out = data;

    if (!from)
        return false;
    if (from->memory) {
        load_memory(data, from->memory + offset, size);
        return true;
    }
    unsigned step = device_access_size(size);
    for (uint64_t done = 0; done < size; done += step) {
        uint64_t value = function->ops.io_read(function->device, bar, offset + done, step);
        for (unsigned i = 0; i < step; i++)
            out[done + i] = value >> (8 * i) & 0xff;
    }
    return true;
}

bool pci_bar_write(struct pci_function *function, unsigned bar, uint64_t offset, const void *data,
                   uint64_t size)
{
    const struct pci_bar *to = bar_of_access(function, bar, offset, size);
    const uint8_t *in = data;

    if (!to)
        return false;
    if (to->read_only)
        return true;
    if (to->memory) {
        store_memory(to->memory + offset, data, size);
        return true;
    }
    unsigned step = device_access_size(size);
    for (uint64_t done = 0; done < size; done += step) {
        uint64_t value = 0;
        for (unsigned i = 0; i < step; i++)
            value |= (uint64_t)in[done + i] << (8 * i);
        function->ops.io_write(function->device, bar, offset + done, step, value);
    }
    return true;
}

bool pci_bar_address(struct pci_function *function, unsigned bar, uint64_t *address)
{
    const struct pci_bar *mapped = pci_function_bar(function, bar);

    if (mapped->type == PCI_BAR_ABSENT)
        return false;
    pthread_mutex_lock(&function->lock);
    uint16_t command = get16(function->config, PCI_COMMAND);
    uint64_t base = get32(function->config, bar_register(bar));
    if (mapped->type == PCI_BAR_MEM64_PREFETCH)
        base |= (uint64_t)get32(function->config, bar_register(bar + 1)) << 32;
    pthread_mutex_unlock(&function->lock);

    bool io = mapped->type == PCI_BAR_IO;
    base &= io ? PCI_BASE_ADDRESS_IO_MASK : PCI_BASE_ADDRESS_MEM_MASK;
    /* Zero and the all-ones of sizing are no places for a BAR. */
    uint64_t top = mapped->type == PCI_BAR_MEM64_PREFETCH ? UINT64_MAX : UINT32_MAX;
    if (!(command & (io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY)) || base == 0 ||
        base > top - mapped->size)
        return false;
    *address = base;
    return true;
}

void pci_function_reset(struct pci_function *function)
{
    pthread_mutex_lock(&function->lock);
    init_config(function);
    announce_level(function);
    pthread_mutex_unlock(&function->lock);
    function->ops.reset(function->device);
}

void pci_intx_set_sink(struct pci_function *function, pci_intx_sink sink, void *opaque)
{
    pthread_mutex_lock(&function->lock);
    while (function->announcing)
        pthread_cond_wait(&function->announced, &function->lock);
    function->sink = sink;
    function->sink_opaque = opaque;
    pthread_mutex_unlock(&function->lock);
}

void pci_intx_set(struct pci_function *function, bool condition)
{
    pthread_mutex_lock(&function->lock);
    function->condition = condition;
    announce_level(function);
    pthread_mutex_unlock(&function->lock);
}

bool pci_intx_level(struct pci_function *function)
{
    pthread_mutex_lock(&function->lock);
    bool level = line_level(function);
    pthread_mutex_unlock(&function->lock);
    return level;
}
