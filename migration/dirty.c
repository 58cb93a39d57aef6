/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/dirty.h"

#include "migration/kernel_dirty.h"
#include "migration/pages.h"

#include <string.h>
#include <unistd.h>
#include <xxhash.h>

struct watched {
    const struct migration_block *block;
    uint64_t *bitmap;
    XXH64_hash_t *hashes; /* of each page as it was last seen; NULL: the kernel watches */
};

struct dirty_tracker {
    struct kernel_dirty kernel;
    bool by_kernel;
    unsigned count;
    struct watched watched[MIGRATION_BLOCKS_MAX];
};

static void mark(struct watched *watched, size_t from, size_t to)
{
    for (size_t page = from; page < to; page++)
        watched->bitmap[page / 64] |= UINT64_C(1) << (page % 64);
}

static void mark_range(void *opaque, size_t start, size_t end)
{
    mark(opaque, start / MIGRATION_PAGE_SIZE, end / MIGRATION_PAGE_SIZE);
}

/* Calls FOUND with the pages that have memory behind them; the others are zero. */
static void for_each_used(struct watched *watched,
                          void (*found)(struct watched *watched, size_t from, size_t to))
{
    const struct migration_block *block = watched->block;
    off_t base = (off_t)block->memfd_offset, end = base + (off_t)block->size, at = base;

    if (block->memfd < 0) {
        found(watched, 0, pages_in(block));
        return;
    }
    while (at < end && (at = lseek(block->memfd, at, SEEK_DATA)) >= 0 && at < end) {
        off_t hole = lseek(block->memfd, at, SEEK_HOLE);
        hole = hole < 0 || hole > end ? end : hole;
        found(watched, (size_t)(at - base) / MIGRATION_PAGE_SIZE,
              ((size_t)(hole - base) + MIGRATION_PAGE_SIZE - 1) / MIGRATION_PAGE_SIZE);
        at = hole;
    }
}

static XXH64_hash_t hash_page(const struct migration_block *block, size_t page)
{
    return XXH3_64bits(block->bytes + page * MIGRATION_PAGE_SIZE, MIGRATION_PAGE_SIZE);
}

static void note(struct watched *watched, size_t from, size_t to)
{
    for (size_t page = from; page < to; page++)
        watched->hashes[page] = hash_page(watched->block, page);
}

static void compare(struct watched *watched, size_t from, size_t to)
{
    for (size_t page = from; page < to; page++) {
        XXH64_hash_t hash = hash_page(watched->block, page);
        if (hash == watched->hashes[page])
            continue;
        watched->hashes[page] = hash;
        mark(watched, page, page + 1);
    }
}

static void watch_by_hash(struct watched *watched)
{
    static const uint8_t zeros[MIGRATION_PAGE_SIZE];
    XXH64_hash_t zero = XXH3_64bits(zeros, sizeof(zeros));

    watched->hashes = g_new(XXH64_hash_t, pages_in(watched->block));
    for (size_t page = 0; page < pages_in(watched->block); page++)
        watched->hashes[page] = zero;
    for_each_used(watched, note);
}

static bool watch_by_kernel(struct dirty_tracker *tracker)
{
    for (unsigned i = 0; i < tracker->count; i++) {
        const struct migration_block *block = tracker->watched[i].block;
        if (!kernel_dirty_watch(&tracker->kernel, block->bytes, block->size))
            return false;
    }
    return true;
}

struct dirty_tracker *dirty_tracker_create(const struct migration_set *set,
                                           enum dirty_method method)
{
    struct dirty_tracker *tracker = g_new0(struct dirty_tracker, 1);

    tracker->kernel = (struct kernel_dirty){.fault = -1, .pagemap = -1};
    tracker->count = MIN(set->blocks->len, MIGRATION_BLOCKS_MAX);
    for (unsigned i = 0; i < tracker->count; i++) {
        const struct migration_block *block = migration_set_block(set, i);
        tracker->watched[i].block = block;
        tracker->watched[i].bitmap = g_new0(uint64_t, pages_bitmap_words(block));
    }
    tracker->by_kernel =
        method == DIRTY_AUTO && kernel_dirty_init(&tracker->kernel) && watch_by_kernel(tracker);
    if (!tracker->by_kernel)
        kernel_dirty_finish(&tracker->kernel);
    for (unsigned i = 0; i < tracker->count; i++) {
        struct watched *watched = &tracker->watched[i];
        if (!tracker->by_kernel && method != DIRTY_ONCE)
            watch_by_hash(watched);
        for_each_used(watched, mark);
    }
    return tracker;
}

void dirty_tracker_destroy(struct dirty_tracker *tracker)
{
    if (!tracker)
        return;
    kernel_dirty_finish(&tracker->kernel);
    for (unsigned i = 0; i < tracker->count; i++) {
        g_free(tracker->watched[i].bitmap);
        g_free(tracker->watched[i].hashes);
    }
    g_free(tracker);
}

uint64_t *dirty_tracker_bitmap(struct dirty_tracker *tracker, unsigned index)
{
    return tracker->watched[index].bitmap;
}

uint64_t dirty_tracker_look(struct dirty_tracker *tracker)
{
    uint64_t pages = 0;

    for (unsigned i = 0; i < tracker->count; i++) {
        struct watched *watched = &tracker->watched[i];
        const struct migration_block *block = watched->block;
        if (!tracker->by_kernel)
            for_each_used(watched, compare);
        else if (!kernel_dirty_scan(&tracker->kernel, block->bytes, block->size, mark_range,
                                    watched))
            mark(watched, 0, pages_in(block)); /* it does not tell: all of them, then */
        for (size_t word = 0; word < pages_bitmap_words(block); word++)
            pages += (uint64_t)__builtin_popcountll(watched->bitmap[word]);
    }
    return pages;
}

const char *dirty_tracker_method(const struct dirty_tracker *tracker)
{
    return tracker->by_kernel ? "write protection" : "hashes";
}
