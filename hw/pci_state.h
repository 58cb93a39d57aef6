/*
 * A PCI function's configuration space as a part of a migration.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/pci.h"
#include "migration/set.h"

/* NAME is the part's. FUNCTION must outlive SET. */
void pci_function_add_part(struct pci_function *function, const char *name,
                           struct migration_set *set);
