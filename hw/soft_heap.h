/*
 * The soft guest's memory allocator: pages of a BAR, with a count per page of who uses it.
 *
 * A frame reserves one run of free pages, takes what it needs from it piece by piece and gives the
 * rest back. A piece is freed by itself, in any order; a page is free when no piece touches it.
 * So a frame never runs out of memory halfway, and the counts, which are all the state there is,
 * can live in guest memory: no value in them makes the allocator leave its pages.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SOFT_PAGE_SIZE 4096u

struct soft_heap {
    uint16_t *users; /* of each page; in guest memory */
    uint32_t pages;
    uint64_t base; /* of the first page: an offset in the BAR, not zero */
};

/* A reserved run; lives no longer than a frame. All are offsets in the BAR. */
struct soft_arena {
    uint64_t start, end;
    uint64_t next; /* the next piece begins here */
};

/* Finds the first run of free pages for SIZE bytes. It stays free until pieces of it are held. */
bool soft_heap_reserve(const struct soft_heap *heap, uint64_t size, struct soft_arena *arena);
/* The same, but the last such run. */
bool soft_heap_reserve_last(const struct soft_heap *heap, uint64_t size, struct soft_arena *arena);
/* SIZE bytes at a multiple of ALIGN, a power of two; 0: the run is used up. */
uint64_t soft_arena_take(struct soft_arena *arena, uint64_t size, uint32_t align);

/* Marks a piece as used, and free again. False, nothing done: it does not lie inside the heap. */
bool soft_heap_hold(struct soft_heap *heap, uint64_t offset, uint64_t size);
bool soft_heap_free(struct soft_heap *heap, uint64_t offset, uint64_t size);
/* Pages in use. */
uint32_t soft_heap_used(const struct soft_heap *heap);
