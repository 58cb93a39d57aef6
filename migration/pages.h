/*
 * Pages of memory blocks as sections of the stream, many in one.
 *
 *   "pages": u32 index of the block, u32 count, count times u32 (page number, top bit: it is zero),
 *            the pages that are not zero
 *   "pages.lz4": u32 size of the content of a section "pages", that content as an LZ4 block
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/stream.h"

#define PAGES_SECTION     "pages"
#define PAGES_LZ4_SECTION "pages.lz4"
#define PAGES_VERSION     1 /* of both */

struct page_counts {
    uint64_t normal, zero; /* pages sent */
};

enum pages_zero {
    PAGES_ZERO_NAMED,   /* their numbers are sent */
    PAGES_ZERO_SKIPPED, /* nothing: the target's memory is all zero yet */
    PAGES_ZERO_SENT,    /* as if they were not */
};

struct pages_how {
    enum pages_zero zero; /* what is done with pages that are all zero */
    bool lz4;             /* only where pages_can_lz4() */
};

bool pages_can_lz4(void);

/*
 * Sends the pages of block INDEX whose bits are set in DIRTY and clears those bits. Adds to COUNTS.
 */
bool pages_send(struct migration_channel *channel, const struct migration_set *set, unsigned index,
                uint64_t *dirty, struct pages_how how, struct page_counts *counts, GError **error);

/*
 * The same, but at most one section: begins at word *WORD of DIRTY and sets it to where the next
 * call shall begin, pages_bitmap_words() at the end.
 */
bool pages_send_next(struct migration_channel *channel, const struct migration_set *set,
                     unsigned index, uint64_t *dirty, size_t *word, struct pages_how how,
                     struct page_counts *counts, GError **error);

/* Stores what a section holds into the blocks; all of it is checked before any of it is stored. */
bool pages_store(const struct migration_set *set, const struct stream_section *section,
                 struct page_counts *counts, GError **error);

/* pages_lz4.c. OUT has room for BOUND bytes of SIZE at least; 0: it does not become smaller. */
size_t pages_lz4_bound(size_t size);
size_t pages_lz4_pack(const void *content, size_t size, void *out, size_t room);
/* Puts into PLAIN the section that PACKED holds. */
bool pages_lz4_unpack(const struct stream_section *packed, struct stream_section *plain,
                      GError **error);

/* Bitmaps: one bit a page. */
static inline size_t pages_in(const struct migration_block *block)
{
    return block->size / MIGRATION_PAGE_SIZE;
}

static inline size_t pages_bitmap_words(const struct migration_block *block)
{
    return (pages_in(block) + 63) / 64;
}
