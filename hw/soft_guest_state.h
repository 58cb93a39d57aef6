/*
 * The soft guest as a part of a migration. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/soft_driver.h"
#include "migration/set.h"

/* Adds all of the guest that is not in the card's memory: what it was told to do. */
void soft_guest_add_part(struct soft_driver *driver, struct migration_set *set);
