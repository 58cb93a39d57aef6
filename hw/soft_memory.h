/*
 * The soft guest's main memory: pages that it fills, writes again and again, and can check. What a
 * migration loses or damages shows.
 *
 * A page's content follows from its number and its generation, which is counted in a table at the
 * beginning of the memory; nothing that matters is kept outside of it. The guest's thread, with the
 * exception of create, destroy, clear and add_block.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/set.h"

#define SOFT_MEMORY_MAX_MB 65536

struct soft_memory;

/* SIZE in MiB, 1 to SOFT_MEMORY_MAX_MB. NULL: the system has not so much. */
struct soft_memory *soft_memory_create(uint32_t size, GError **error);
void soft_memory_destroy(struct soft_memory *memory); /* NULL: nothing */
uint32_t soft_memory_size(const struct soft_memory *memory);
void soft_memory_add_block(struct soft_memory *memory, struct migration_set *set);

/* As a guest that boots: all is zero but what it fills, half of the pages. */
void soft_memory_boot(struct soft_memory *memory, uint64_t seed);
/* Has it booted? What came from another machine may be anything. */
bool soft_memory_is_booted(const struct soft_memory *memory);

/* Writes PAGES pages, most of them where it often does. */
void soft_memory_work(struct soft_memory *memory, unsigned pages);

/* Checks up to PAGES pages from *NEXT (0: the first) on; *NEXT is 0 at the end. False: *NEXT is
 * wrong.
 */
bool soft_memory_check(const struct soft_memory *memory, uint32_t pages, uint32_t *next);
/* How many pages there are to check. */
uint32_t soft_memory_pages(const struct soft_memory *memory);
