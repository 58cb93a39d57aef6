/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/pages.h"

#include <string.h>

#define BATCH       256 /* pages in one section */
#define HEAD_SIZE   8
#define ZERO_PAGE   0x80000000u
#define BUFFER_SIZE (HEAD_SIZE + BATCH * (sizeof(uint32_t) + MIGRATION_PAGE_SIZE))

static bool is_zero(const uint8_t *page)
{
    return page[0] == 0 && memcmp(page, page + 1, MIGRATION_PAGE_SIZE - 1) == 0;
}

struct batch {
    uint8_t pages[BATCH][MIGRATION_PAGE_SIZE]; /* copies: the guest goes on writing */
    uint32_t numbers[BATCH];
    uint32_t count, filled;
};

struct sender {
    struct batch batch;
    uint8_t buffer[BUFFER_SIZE];
    uint8_t *packed; /* NULL: nothing is compressed */
    size_t packed_room;
};

static struct sender *sender_create(struct pages_how how)
{
    struct sender *sender = g_new(struct sender, 1);

    sender->packed_room = pages_lz4_bound(BUFFER_SIZE);
    sender->packed = how.lz4 ? g_malloc(sender->packed_room) : NULL;
    return sender;
}

static void sender_destroy(struct sender *sender)
{
    g_free(sender->packed);
    g_free(sender);
}

static bool send_batch(struct migration_channel *channel, unsigned index, struct sender *sender,
                       struct page_counts *counts, GError **error)
{
    struct batch *batch = &sender->batch;
    uint8_t *buffer = sender->buffer;
    uint32_t head[2] = {GUINT32_TO_LE(index), GUINT32_TO_LE(batch->count)};
    size_t numbers = batch->count * sizeof(uint32_t);
    size_t data = (size_t)batch->filled * MIGRATION_PAGE_SIZE;

    if (!batch->count)
        return true;
    memcpy(buffer, head, HEAD_SIZE);
    memcpy(buffer + HEAD_SIZE, batch->numbers, numbers);
    memcpy(buffer + HEAD_SIZE + numbers, batch->pages, data);
    counts->normal += batch->filled;
    counts->zero += batch->count - batch->filled;
    batch->count = batch->filled = 0;
    size_t size = HEAD_SIZE + numbers + data, packed = 0;
    if (sender->packed)
        packed = pages_lz4_pack(buffer, size, sender->packed, sender->packed_room);
    if (packed)
        return stream_write_section(channel, PAGES_LZ4_SECTION, PAGES_VERSION, false,
                                    sender->packed, packed, error);
    return stream_write_section(channel, PAGES_SECTION, PAGES_VERSION, false, buffer, size, error);
}

static void add_page(struct batch *batch, const struct migration_block *block, size_t number,
                     enum pages_zero zero)
{
    uint8_t *copy = batch->pages[batch->filled];
    uint32_t entry = (uint32_t)number;

    memcpy(copy, block->bytes + number * MIGRATION_PAGE_SIZE, MIGRATION_PAGE_SIZE);
    if (zero == PAGES_ZERO_SENT || !is_zero(copy))
        batch->filled++;
    else if (zero == PAGES_ZERO_SKIPPED)
        return;
    else
        entry |= ZERO_PAGE;
    batch->numbers[batch->count++] = GUINT32_TO_LE(entry);
}

static bool send_next(struct migration_channel *channel, const struct migration_set *set,
                      unsigned index, uint64_t *dirty, size_t *word, struct pages_how how,
                      struct page_counts *counts, struct sender *sender, GError **error)
{
    const struct migration_block *block = migration_set_block(set, index);
    struct batch *batch = &sender->batch;

    batch->count = batch->filled = 0;
    for (; *word < pages_bitmap_words(block); ++*word) {
        while (dirty[*word]) {
            if (batch->count == BATCH)
                return send_batch(channel, index, sender, counts, error);
            size_t number = *word * 64 + (size_t)__builtin_ctzll(dirty[*word]);
            dirty[*word] &= dirty[*word] - 1;
            add_page(batch, block, number, how.zero);
        }
    }
    return send_batch(channel, index, sender, counts, error);
}

bool pages_send_next(struct migration_channel *channel, const struct migration_set *set,
                     unsigned index, uint64_t *dirty, size_t *word, struct pages_how how,
                     struct page_counts *counts, GError **error)
{
    struct sender *sender = sender_create(how);
    bool good = send_next(channel, set, index, dirty, word, how, counts, sender, error);

    sender_destroy(sender);
    return good;
}

bool pages_send(struct migration_channel *channel, const struct migration_set *set, unsigned index,
                uint64_t *dirty, struct pages_how how, struct page_counts *counts, GError **error)
{
    size_t words = pages_bitmap_words(migration_set_block(set, index)), word = 0;
    struct sender *sender = sender_create(how);
    bool good = true;

    while (good && word < words)
        good = send_next(channel, set, index, dirty, &word, how, counts, sender, error);
    sender_destroy(sender);
    return good;
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return GUINT32_FROM_LE(value);
}

bool pages_store(const struct migration_set *set, const struct stream_section *section,
                 struct page_counts *counts, GError **error)
{
    const uint8_t *content = section->content->data;
    uint64_t size = section->content->len, filled = 0;

    if (section->version != PAGES_VERSION)
        return migration_fail(error, "section pages has version %u: this release reads %u",
                              section->version, PAGES_VERSION);
    if (size < HEAD_SIZE)
        return migration_fail(error, "a section of pages is cut off");
    uint32_t index = get32(content), count = get32(content + 4);
    if (index >= set->blocks->len)
        return migration_fail(error, "there are pages of memory block %u: this machine has %u",
                              index, set->blocks->len);
    const struct migration_block *block = migration_set_block(set, index);
    const uint8_t *numbers = content + HEAD_SIZE;
    if (count > (size - HEAD_SIZE) / sizeof(uint32_t))
        return migration_fail(error, "a section of pages is cut off");
    for (uint32_t i = 0; i < count; i++) {
        uint32_t entry = get32(numbers + i * sizeof(uint32_t));
        if ((entry & ~ZERO_PAGE) >= pages_in(block))
            return migration_fail(error, "there is page %u of memory block %s: it has %zu",
                                  entry & ~ZERO_PAGE, block->name, pages_in(block));
        filled += !(entry & ZERO_PAGE);
    }
    if (size != HEAD_SIZE + count * sizeof(uint32_t) + filled * MIGRATION_PAGE_SIZE)
        return migration_fail(error, "a section of pages has the wrong length");

    const uint8_t *page = numbers + count * sizeof(uint32_t);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t entry = get32(numbers + i * sizeof(uint32_t));
        uint8_t *to = block->bytes + (uint64_t)(entry & ~ZERO_PAGE) * MIGRATION_PAGE_SIZE;
        if (entry & ZERO_PAGE) {
            memset(to, 0, MIGRATION_PAGE_SIZE);
            continue;
        }
        memcpy(to, page, MIGRATION_PAGE_SIZE);
        page += MIGRATION_PAGE_SIZE;
    }
    counts->normal += filled;
    counts->zero += count - filled;
    return true;
}
