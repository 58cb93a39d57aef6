/*
 * Memory that is given back all at once. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/arena.h"

#include <glib.h>
#include <string.h>

#define ALIGNMENT  _Alignof(max_align_t)
#define BLOCK_SIZE 4096

struct arena_block {
    struct arena_block *older;
    max_align_t data[];
};

void arena_init(struct arena *arena, void *first, size_t size)
{
    arena->next = first;
    arena->end = arena->next + size;
    arena->blocks = NULL;
}

void arena_finish(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *block = arena->blocks;

        arena->blocks = block->older;
        g_free(block);
    }
}

static struct arena_block *add_block(struct arena *arena, size_t size)
{
    struct arena_block *block = g_malloc(sizeof(*block) + size);

    block->older = arena->blocks;
    arena->blocks = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size = MAX(size + ALIGNMENT - 1, ALIGNMENT) & ~(ALIGNMENT - 1);
    if (size > BLOCK_SIZE / 2 && size > (size_t)(arena->end - arena->next))
        return add_block(arena, size)->data; /* alone; the rest of the current block stays in use */

    if (size > (size_t)(arena->end - arena->next)) {
        arena->next = (uint8_t *)add_block(arena, BLOCK_SIZE)->data;
        arena->end = arena->next + BLOCK_SIZE;
    }
    void *memory = arena->next;
    arena->next += size;
    return memory;
}

void *arena_alloc0(struct arena *arena, size_t size)
{
    return memset(arena_alloc(arena, size), 0, size);
}
