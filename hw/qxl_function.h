/*
 * A QXL card as a PCI function: what an engine drives.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/pci.h"
#include "migration/set.h"
#include "qxl/card.h"

struct qxl_function;

/* As qxl_card_create(). IO thread. */
struct qxl_function *qxl_function_create(const struct qxl_config *config, SpiceServer *server,
                                         int id, GError **error);
void qxl_function_destroy(struct qxl_function *function);
struct pci_function *qxl_function_pci(struct qxl_function *function);
struct qxl_card *qxl_function_card(struct qxl_function *function);
/*
 * Adds what the function and its card consist of, as card NUMBER of those in SET; it must outlive
 * SET. See qxl_card_settle().
 */
void qxl_function_add_parts(struct qxl_function *function, unsigned number,
                            struct migration_set *set);
