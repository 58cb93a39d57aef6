/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/set.h"

#include <fcntl.h>
#include <string.h>

void migration_set_init(struct migration_set *set)
{
    set->blocks = g_array_new(FALSE, FALSE, sizeof(struct migration_block));
    set->parts = g_array_new(FALSE, FALSE, sizeof(struct migration_part));
}

void migration_set_finish(struct migration_set *set)
{
    g_clear_pointer(&set->blocks, g_array_unref);
    g_clear_pointer(&set->parts, g_array_unref);
}

void migration_set_add_block(struct migration_set *set, const struct migration_block *block)
{
    g_array_append_val(set->blocks, *block);
}

void migration_set_add_part(struct migration_set *set, const struct migration_part *part)
{
    g_array_append_val(set->parts, *part);
}

struct migration_block *migration_set_block(const struct migration_set *set, unsigned index)
{
    return &g_array_index(set->blocks, struct migration_block, index);
}

struct migration_part *migration_set_part(const struct migration_set *set, unsigned index)
{
    return &g_array_index(set->parts, struct migration_part, index);
}

uint64_t migration_set_memory(const struct migration_set *set)
{
    uint64_t size = 0;

    for (unsigned i = 0; i < set->blocks->len; i++)
        size += migration_set_block(set, i)->size;
    return size;
}

void migration_block_clear(const struct migration_block *block)
{
    if (block->memfd < 0 || fallocate(block->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                      (off_t)block->memfd_offset, (off_t)block->size) != 0)
        memset(block->bytes, 0, block->size);
}
