/*
 * The kernel's tracking of writes to this process's memory: asynchronous write protection of
 * userfaultfd with the scan of pagemap.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_dirty {
    int fault, pagemap; /* descriptors; -1: not there */
};

/* False: this kernel, or this process in it, cannot. */
bool kernel_dirty_init(struct kernel_dirty *dirty);
void kernel_dirty_finish(struct kernel_dirty *dirty);
/* Watches SIZE bytes of a shared mapping; both are multiples of the page size. */
bool kernel_dirty_watch(struct kernel_dirty *dirty, void *bytes, size_t size);
/*
 * Calls FOUND with each range, as offsets, that may have been written since the last call. False:
 * it did not work.
 */
bool kernel_dirty_scan(struct kernel_dirty *dirty, void *bytes, size_t size,
                       void (*found)(void *opaque, size_t start, size_t end), void *opaque);
