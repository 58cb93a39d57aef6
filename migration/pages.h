/*
 * Pages of memory blocks as sections of the stream, many in one.
 *
 *   "pages": u32 index of the block, u32 count, count times u32 (page number, top bit: it is zero),
 *            the pages that are not zero
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/stream.h"

#define PAGES_SECTION "pages"
#define PAGES_VERSION 1

struct page_counts {
    uint64_t normal, zero; /* pages sent */
};

enum pages_zero {
    PAGES_ZERO_NAMED,   /* their numbers are sent */
    PAGES_ZERO_SKIPPED, /* nothing: the target's memory is all zero yet */
    PAGES_ZERO_SENT,    /* as if they were not */
};

/*
 * Sends the pages of block INDEX whose bits are set in DIRTY and clears those bits. ZERO: what is
 * done with pages that are all zero. Adds to COUNTS.
 */
bool pages_send(struct migration_channel *channel, const struct migration_set *set, unsigned index,
                uint64_t *dirty, enum pages_zero zero, struct page_counts *counts, GError **error);

/*
 * The same, but at most one section: begins at word *WORD of DIRTY and sets it to where the next
 * call shall begin, pages_bitmap_words() at the end.
 */
bool pages_send_next(struct migration_channel *channel, const struct migration_set *set,
                     unsigned index, uint64_t *dirty, size_t *word, enum pages_zero zero,
                     struct page_counts *counts, GError **error);

/* Stores what a section holds into the blocks; all of it is checked before any of it is stored. */
bool pages_store(const struct migration_set *set, const struct stream_section *section,
                 struct page_counts *counts, GError **error);

/* Bitmaps: one bit a page. */
static inline size_t pages_in(const struct migration_block *block)
{
    return block->size / MIGRATION_PAGE_SIZE;
}

static inline size_t pages_bitmap_words(const struct migration_block *block)
{
    return (pages_in(block) + 63) / 64;
}
