/*
 * A PCI function: configuration space, BARs, INTx; what every engine plugs into its bus.
 *
 * Facts: qxl-device.md sections 1 and 2, vfio-user.md sections 6.3 and 8.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCI_CONFIG_SIZE 256
#define PCI_BAR_COUNT 6

enum pci_bar_type {
    PCI_BAR_ABSENT,
    PCI_BAR_MEM32,
    PCI_BAR_MEM64_PREFETCH, /* takes two BAR registers */
    PCI_BAR_IO,
};

struct pci_bar {
    enum pci_bar_type type;
    uint64_t size; /* bytes, a power of two */
    uint8_t *memory; /* NULL: every access goes to the device */
    int memfd; /* shares memory; -1: none */
    uint64_t memfd_offset;
    bool read_only; /* guest writes are dropped */
};

struct pci_function;

/* The device behind the function. Calls come from the engine's thread. */
struct pci_device_ops {
    /* An access to a BAR without memory; SIZE 1, 2 or 4, inside the BAR. */
    uint64_t (*io_read)(void *device, unsigned bar, uint64_t offset, unsigned size);
    void (*io_write)(void *device, unsigned bar, uint64_t offset, unsigned size, uint64_t value);
    void (*reset)(void *device);
};

struct pci_identity {
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint32_t class_code; /* 24 bits: class, subclass, programming interface */
    uint8_t revision;
    uint8_t interrupt_pin; /* 0: none, 1: INTA# */
};

struct pci_function *pci_function_create(const struct pci_identity *identity,
                                         const struct pci_bar bars[PCI_BAR_COUNT],
                                         const struct pci_device_ops *ops, void *device);
void pci_function_destroy(struct pci_function *function);

const struct pci_bar *pci_function_bar(const struct pci_function *function, unsigned bar);

/*
 * Configuration space. An access outside the 256 bytes reads zeros and is dropped when written.
 * Writable bits are those real hardware has; BAR type bits are always present when read. Any thread.
 */
void pci_config_read(struct pci_function *function, uint32_t offset, void *data, uint32_t size);
void pci_config_write(struct pci_function *function, uint32_t offset, const void *data,
                      uint32_t size);

/*
 * A BAR access of SIZE bytes at OFFSET. False when there is no such BAR or the access does not lie
 * inside it; then nothing was done. Memory BARs: any size, read-only ones ignore writes. Any thread.
 */
bool pci_bar_read(struct pci_function *function, unsigned bar, uint64_t offset, void *data,
                  uint64_t size);
bool pci_bar_write(struct pci_function *function, unsigned bar, uint64_t offset, const void *data,
                   uint64_t size);

/* Where the guest has mapped BAR: false while the command register does not decode it. Any thread. */
bool pci_bar_address(struct pci_function *function, unsigned bar, uint64_t *address);

/* Power-on state of configuration space, then the device's. */
void pci_function_reset(struct pci_function *function);

/*
 * INTx. The device sets its condition; the line is condition AND NOT interrupt-disable (command bit
 * 10), shown in status bit 3. SINK hears the line's level whenever condition or disable bit may have
 * changed it, also when it stays the same; from any thread, NULL: nobody listens.
 */
typedef void (*pci_intx_sink)(void *opaque, bool level);
void pci_intx_set_sink(struct pci_function *function, pci_intx_sink sink, void *opaque);
void pci_intx_set(struct pci_function *function, bool condition);
bool pci_intx_level(struct pci_function *function);
