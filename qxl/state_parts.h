/*
 * The parts of a card, for migration/. For state*.c. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/set.h"

extern const struct migration_part_ops qxl_config_part;
extern const struct migration_part_ops qxl_card_part;
