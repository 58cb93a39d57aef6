/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/blocks.h"

#include <inttypes.h>
#include <string.h>

static const struct state_field block_fields[] = {
    {STATE_FIELD(struct block_state, name, STATE_TEXT), .count = MIGRATION_NAME_MAX},
    {STATE_FIELD(struct block_state, size, STATE_U64)},
    STATE_END,
};

static const struct state_description block_description = {
    .name = "block",
    .version = 1,
    .oldest = 1,
    .size = sizeof(struct block_state),
    .fields = block_fields,
};

static const struct state_field blocks_fields[] = {
    {STATE_FIELD(struct blocks_state, blocks, STATE_LIST), .count = MIGRATION_BLOCKS_MAX,
     .count_offset = offsetof(struct blocks_state, count), .element = &block_description},
    STATE_END,
};

const struct state_description blocks_state_description = {
    .name = BLOCKS_SECTION,
    .version = 1,
    .oldest = 1,
    .size = sizeof(struct blocks_state),
    .fields = blocks_fields,
};

void blocks_state_fill(struct blocks_state *state, const struct migration_set *set)
{
    state->count = set->blocks->len;
    for (unsigned i = 0; i < set->blocks->len; i++) {
        const struct migration_block *block = migration_set_block(set, i);
        g_strlcpy(state->blocks[i].name, block->name, MIGRATION_NAME_MAX);
        state->blocks[i].size = block->size;
    }
}

bool blocks_state_check(const struct blocks_state *state, const struct migration_set *set,
                        GError **error)
{
    for (unsigned i = 0; i < MIN(state->count, set->blocks->len); i++) {
        const struct block_state *theirs = &state->blocks[i];
        const struct migration_block *ours = migration_set_block(set, i);
        if (strcmp(theirs->name, ours->name) != 0)
            return migration_fail(error, "the source has memory block %s where the target has %s",
                                  theirs->name, ours->name);
        if (theirs->size != ours->size)
            return migration_fail(
                error, "the target's memory block %s has %" PRIu64 " bytes, the source's %" PRIu64,
                ours->name, ours->size, theirs->size);
    }
    return state->count == set->blocks->len ||
           migration_fail(error, "the target has %u memory blocks, the source %u", set->blocks->len,
                          state->count);
}
