/*
 * A PCI function with a device that tests can look through: memory BARs and a few ports.
 *
 * BAR 0: 1 MiB memory. BAR 1: 64 KiB memory. BAR 2: 8 KiB read-only, byte i is i mod 251. BAR 3: 32
 * bytes of ports. BAR 4: 2 MiB 64-bit memory. A reset clears BAR 0 and lowers the interrupt.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/pci.h"

enum fake_pci_port {
    FAKE_PCI_IRQ = 0,     /* write: the interrupt condition */
    FAKE_PCI_SLEEP = 4,   /* write: takes so many milliseconds */
    FAKE_PCI_COUNT = 8,   /* read: port writes that have ended */
    FAKE_PCI_VALUE = 12,  /* read: what was written here last */
    FAKE_PCI_RESETS = 16, /* read: resets so far */
};

struct fake_pci;

struct fake_pci *fake_pci_create(void);
void fake_pci_destroy(struct fake_pci *fake);
struct pci_function *fake_pci_function(struct fake_pci *fake);
