/*
 * The soft guest's main memory: what is lost or damaged is found.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/soft_memory.h"

#include <string.h>

#define SIZE 2 /* MiB */

struct fixture {
    struct soft_memory *memory;
    struct migration_set set;
    struct migration_block *block;
};

static void set_up(struct fixture *fixture, gconstpointer data)
{
    GError *error = NULL;
    (void)data;

    fixture->memory = soft_memory_create(SIZE, &error);
    g_assert_no_error(error);
    migration_set_init(&fixture->set);
    soft_memory_add_block(fixture->memory, &fixture->set);
    fixture->block = migration_set_block(&fixture->set, 0);
    g_assert_cmpuint(fixture->block->size, ==, SIZE << 20);
}

static void tear_down(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    migration_set_finish(&fixture->set);
    soft_memory_destroy(fixture->memory);
}

/* The page that is wrong; -1: none. */
static int64_t find_wrong(const struct fixture *fixture, uint32_t step)
{
    uint32_t next = 0, steps = 0;

    do {
        if (!soft_memory_check(fixture->memory, step, &next))
            return next;
        steps++;
    } while (next);
    g_assert_cmpuint(steps, ==, (soft_memory_pages(fixture->memory) + step - 1) / step);
    return -1;
}

static void test_right(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    g_assert_false(soft_memory_is_booted(fixture->memory));
    soft_memory_boot(fixture->memory, 1);
    g_assert_true(soft_memory_is_booted(fixture->memory));
    g_assert_cmpint(find_wrong(fixture, 7), ==, -1);
    for (int i = 0; i < 100; i++)
        soft_memory_work(fixture->memory, 10);
    g_assert_cmpint(find_wrong(fixture, 4096), ==, -1);
    soft_memory_boot(fixture->memory, 2);
    g_assert_cmpint(find_wrong(fixture, 100), ==, -1);
}

/* One bit anywhere in the pages that count: in what was written, and in what never was. */
static void test_damage(struct fixture *fixture, gconstpointer data)
{
    uint32_t pages = soft_memory_pages(fixture->memory);
    uint64_t first = fixture->block->size / MIGRATION_PAGE_SIZE - pages;
    (void)data;

    soft_memory_boot(fixture->memory, 1);
    soft_memory_work(fixture->memory, 50);
    for (uint32_t page = 0; page < pages; page += pages / 9) {
        uint8_t *byte =
            fixture->block->bytes + (first + page) * MIGRATION_PAGE_SIZE + page * 37 % 4096;
        *byte ^= 0x10;
        g_assert_cmpint(find_wrong(fixture, 64), ==, page);
        *byte ^= 0x10;
    }
    g_assert_cmpint(find_wrong(fixture, 64), ==, -1);
}

/* A page as it was before it was written again: what a dirty page that was not sent looks like. */
static void test_old_page(struct fixture *fixture, gconstpointer data)
{
    size_t size = fixture->block->size;
    g_autofree uint8_t *before = g_malloc(size);
    unsigned changed = 0;
    (void)data;

    soft_memory_boot(fixture->memory, 1);
    memcpy(before, fixture->block->bytes, size);
    soft_memory_work(fixture->memory, 20);
    uint64_t first = size / MIGRATION_PAGE_SIZE - soft_memory_pages(fixture->memory);
    for (uint64_t page = first; page < size / MIGRATION_PAGE_SIZE; page++) {
        uint8_t *now = fixture->block->bytes + page * MIGRATION_PAGE_SIZE;
        uint8_t *old = before + page * MIGRATION_PAGE_SIZE, saved[MIGRATION_PAGE_SIZE];
        if (!memcmp(now, old, sizeof(saved)))
            continue;
        memcpy(saved, now, sizeof(saved));
        memcpy(now, old, sizeof(saved));
        g_assert_cmpint(find_wrong(fixture, 64), ==, (int64_t)(page - first));
        memcpy(now, saved, sizeof(saved));
        changed++;
    }
    g_assert_cmpuint(changed, >, 5);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/soft-memory/right", struct fixture, NULL, set_up, test_right, tear_down);
    g_test_add("/soft-memory/damage", struct fixture, NULL, set_up, test_damage, tear_down);
    g_test_add("/soft-memory/old-page", struct fixture, NULL, set_up, test_old_page, tear_down);
    return g_test_run();
}
