/*
 * The list of memory blocks as a section, and the names of the sections that belong to no part.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/set.h"

#define BLOCKS_SECTION  "memory"
#define END_SECTION     "end"
#define READY_SECTION   "ready"   /* target: everything is here and checked */
#define ERROR_SECTION   "error"   /* target: no, and why */
#define GO_SECTION      "go"      /* source: the guest is yours */
#define STARTED_SECTION "started" /* target: it runs (or stands still, as it did) */

struct block_state {
    char name[MIGRATION_NAME_MAX];
    uint64_t size;
};

struct blocks_state {
    uint32_t count;
    struct block_state blocks[MIGRATION_BLOCKS_MAX];
};

extern const struct state_description blocks_state_description;

void blocks_state_fill(struct blocks_state *state, const struct migration_set *set);
/* Has this machine the same blocks in the same order? */
bool blocks_state_check(const struct blocks_state *state, const struct migration_set *set,
                        GError **error);
