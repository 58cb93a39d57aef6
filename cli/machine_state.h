/*
 * What a machine's parts hold, for people to read. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/set.h"

#include <jansson.h>

/* [{"name": ..., "version": ..., "fields": {...}}] of every part of SET, which stands still. */
json_t *machine_state_describe(const struct migration_set *set);
