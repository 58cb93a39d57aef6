/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/soft_memory.h"

#include "hw/soft_art.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAGIC         0x6d656d30u
#define PAGE_WORDS    (MIGRATION_PAGE_SIZE / sizeof(uint64_t))
#define MIB           ((uint64_t)1 << 20)
#define FILLED_PART   2  /* one page in so many is filled at boot */
#define WORKING_PART  16 /* the pages that are written often are one in so many */
#define WORKING_SHARE 10 /* and all but one write in so many go there */

struct head {
    uint32_t magic, pages;
    uint64_t seed;
    struct soft_random random;
};

/*
 * First the head, in a page of its own, then the generations of all pages, then the pages that
 * count. Generation 0: the page has never been written and is zero.
 */
struct soft_memory {
    uint64_t size;
    int memfd;
    uint8_t *bytes;
    struct head *head;
    uint32_t *generations; /* of page FIRST and those that follow */
    uint32_t first, pages; /* FIRST: counted from the start of the memory */
};

struct soft_memory *soft_memory_create(uint32_t size, GError **error)
{
    struct soft_memory *memory = g_new0(struct soft_memory, 1);
    uint32_t all = (uint32_t)(size * MIB / MIGRATION_PAGE_SIZE);

    memory->size = size * MIB;
    memory->memfd = memfd_create("guest-memory", MFD_CLOEXEC);
    memory->bytes = MAP_FAILED;
    if (memory->memfd >= 0 && !ftruncate(memory->memfd, (off_t)memory->size))
        memory->bytes =
            mmap(NULL, memory->size, PROT_READ | PROT_WRITE, MAP_SHARED, memory->memfd, 0);
    if (memory->bytes == MAP_FAILED) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOMEM, "no memory of %u MiB: %s", size,
                    g_strerror(errno));
        soft_memory_destroy(memory);
        return NULL;
    }
    memory->head = (struct head *)memory->bytes;
    memory->generations = (uint32_t *)(memory->bytes + MIGRATION_PAGE_SIZE);
    memory->first = 1 + all * sizeof(uint32_t) / MIGRATION_PAGE_SIZE + 1;
    memory->pages = all - memory->first;
    return memory;
}

void soft_memory_destroy(struct soft_memory *memory)
{
    if (!memory)
        return;
    if (memory->bytes != MAP_FAILED)
        munmap(memory->bytes, memory->size);
    if (memory->memfd >= 0)
        close(memory->memfd);
    g_free(memory);
}

uint32_t soft_memory_size(const struct soft_memory *memory)
{
    return (uint32_t)(memory->size / MIB);
}

uint32_t soft_memory_pages(const struct soft_memory *memory)
{
    return memory->pages;
}

static struct migration_block block_of(const struct soft_memory *memory)
{
    return (struct migration_block){
        .name = "guest-memory",
        .bytes = memory->bytes,
        .size = memory->size,
        .memfd = memory->memfd,
    };
}

void soft_memory_add_block(struct soft_memory *memory, struct migration_set *set)
{
    struct migration_block block = block_of(memory);
    migration_set_add_block(set, &block);
}

static uint64_t *page_at(const struct soft_memory *memory, uint32_t page)
{
    return (uint64_t *)(memory->bytes + (uint64_t)(memory->first + page) * MIGRATION_PAGE_SIZE);
}

/* The next of the words that a page holds. */
static uint64_t step(uint64_t word)
{
    return word * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
}

static uint64_t first_word(const struct soft_memory *memory, uint32_t page)
{
    return step(memory->head->seed ^ ((uint64_t)page << 32 | memory->generations[page]));
}

static void write_page(struct soft_memory *memory, uint32_t page)
{
    uint64_t *words = page_at(memory, page);

    memory->generations[page] += memory->generations[page] == UINT32_MAX ? 2 : 1;
    uint64_t word = first_word(memory, page);
    for (unsigned i = 0; i < PAGE_WORDS; i++, word = step(word))
        words[i] = word;
}

void soft_memory_boot(struct soft_memory *memory, uint64_t seed)
{
    struct migration_block block = block_of(memory);

    migration_block_clear(&block);
    *memory->head = (struct head){.magic = MAGIC, .pages = memory->pages, .seed = seed};
    memory->head->random.state = ~seed;
    for (uint32_t page = 0; page < memory->pages; page += FILLED_PART)
        write_page(memory, page);
}

bool soft_memory_is_booted(const struct soft_memory *memory)
{
    return memory->head->magic == MAGIC && memory->head->pages == memory->pages;
}

void soft_memory_work(struct soft_memory *memory, unsigned pages)
{
    struct soft_random *random = &memory->head->random;

    for (unsigned i = 0; i < pages; i++) {
        uint32_t chance = soft_random_next(random);
        uint32_t range = chance % WORKING_SHARE ? memory->pages / WORKING_PART : memory->pages;
        write_page(memory, soft_random_next(random) % range);
    }
}

static bool is_right(const struct soft_memory *memory, uint32_t page)
{
    const uint64_t *words = page_at(memory, page);
    bool written = memory->generations[page];
    uint64_t word = written ? first_word(memory, page) : 0, wrong = 0;

    for (unsigned i = 0; i < PAGE_WORDS; i++) {
        wrong |= words[i] ^ word;
        word = written ? step(word) : 0;
    }
    return !wrong;
}

bool soft_memory_check(const struct soft_memory *memory, uint32_t pages, uint32_t *next)
{
    for (; pages && *next < memory->pages; pages--, *next += 1) {
        if (!is_right(memory, *next))
            return false;
    }
    if (*next == memory->pages)
        *next = 0;
    return true;
}
