/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/soft_heap.h"

bool soft_heap_reserve(const struct soft_heap *heap, uint64_t size, struct soft_arena *arena)
{
    uint64_t wanted = size / SOFT_PAGE_SIZE + (size % SOFT_PAGE_SIZE != 0);
    uint64_t run = 0;

    /* The lowest run: the memory in use stays small, which caches and migration like. */
    for (uint32_t page = 0; page < heap->pages && run < wanted; page++) {
        run = heap->users[page] ? 0 : run + 1;
        if (run == wanted) {
            arena->end = heap->base + (page + 1ull) * SOFT_PAGE_SIZE;
            arena->start = arena->end - wanted * SOFT_PAGE_SIZE;
            arena->next = arena->start;
        }
    }
    if (wanted == 0)
        *arena = (struct soft_arena){.start = 0};
    return run == wanted;
}

bool soft_heap_reserve_last(const struct soft_heap *heap, uint64_t size, struct soft_arena *arena)
{
    uint64_t wanted = size / SOFT_PAGE_SIZE + (size % SOFT_PAGE_SIZE != 0);
    uint64_t run = 0;

    for (uint32_t page = heap->pages; page-- > 0 && run < wanted;) {
        run = heap->users[page] ? 0 : run + 1;
        if (run == wanted) {
            arena->start = arena->next = heap->base + page * (uint64_t)SOFT_PAGE_SIZE;
            arena->end = arena->start + wanted * SOFT_PAGE_SIZE;
        }
    }
    return wanted > 0 && run == wanted;
}

uint64_t soft_arena_take(struct soft_arena *arena, uint64_t size, uint32_t align)
{
    uint64_t offset = (arena->next + align - 1) & ~((uint64_t)align - 1);

    if (offset > arena->end || size > arena->end - offset)
        return 0;
    arena->next = offset + size;
    return offset;
}

static bool pages_of(const struct soft_heap *heap, uint64_t offset, uint64_t size, uint32_t *first,
                     uint32_t *last)
{
    uint64_t bytes = (uint64_t)heap->pages * SOFT_PAGE_SIZE;

    if (size == 0 || offset < heap->base || offset - heap->base >= bytes ||
        size > bytes - (offset - heap->base))
        return false;
    *first = (uint32_t)((offset - heap->base) / SOFT_PAGE_SIZE);
    *last = (uint32_t)((offset - heap->base + size - 1) / SOFT_PAGE_SIZE);
    return true;
}

bool soft_heap_hold(struct soft_heap *heap, uint64_t offset, uint64_t size)
{
    uint32_t first, last;

    if (!pages_of(heap, offset, size, &first, &last))
        return false;
    for (uint32_t page = first; page <= last; page++)
        heap->users[page]++;
    return true;
}

bool soft_heap_free(struct soft_heap *heap, uint64_t offset, uint64_t size)
{
    uint32_t first, last;

    if (!pages_of(heap, offset, size, &first, &last))
        return false;
    for (uint32_t page = first; page <= last; page++)
        if (heap->users[page])
            heap->users[page]--;
    return true;
}

uint32_t soft_heap_used(const struct soft_heap *heap)
{
    uint32_t used = 0;

    for (uint32_t page = 0; page < heap->pages; page++)
        used += heap->users[page] != 0;
    return used;
}
