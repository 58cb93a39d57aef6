/*
 * Which pages of memory have been written since the last look.
 *
 * Where the kernel can (Linux 6.7), it write-protects the pages and notes who is written, without
 * stopping the writer; elsewhere a look compares a hash of each page. Both see every writer of this
 * process; the second one also those of others that share the memory.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/set.h"

struct dirty_tracker;

enum dirty_method {
    DIRTY_AUTO,
    DIRTY_HASH, /* everywhere */
    DIRTY_ONCE, /* not at all: dirty_tracker_look() must not be called */
};

/*
 * Starts to watch the blocks of SET. Never fails: at worst looks are slow.
 */
struct dirty_tracker *dirty_tracker_create(const struct migration_set *set,
                                           enum dirty_method method);
void dirty_tracker_destroy(struct dirty_tracker *tracker); /* NULL: nothing */

/* One bit a page of block INDEX; the owner clears what it has dealt with. */
uint64_t *dirty_tracker_bitmap(struct dirty_tracker *tracker, unsigned index);
/*
 * Adds to the bitmaps what has been written since the last call (the first time: since creation;
 * every page that may be other than zero is set from the beginning). Returns how many bits are set.
 */
uint64_t dirty_tracker_look(struct dirty_tracker *tracker);

/* "write protection" or "hashes". */
const char *dirty_tracker_method(const struct dirty_tracker *tracker);
