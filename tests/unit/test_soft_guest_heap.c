/*
 * The soft guest's memory allocator.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/soft_heap.h"

#include <glib.h>

#define PAGES 16
#define BASE  (8 * SOFT_PAGE_SIZE)

static struct soft_heap make_heap(uint16_t users[PAGES])
{
    for (int page = 0; page < PAGES; page++)
        users[page] = 0;
    return (struct soft_heap){.users = users, .pages = PAGES, .base = BASE};
}

static void test_runs(void)
{
    uint16_t users[PAGES];
    struct soft_heap heap = make_heap(users);
    struct soft_arena arena;

    g_assert_true(soft_heap_reserve(&heap, PAGES * SOFT_PAGE_SIZE, &arena));
    g_assert_cmpuint(arena.start, ==, BASE);
    g_assert_cmpuint(arena.end, ==, BASE + PAGES * SOFT_PAGE_SIZE);
    g_assert_false(soft_heap_reserve(&heap, PAGES * SOFT_PAGE_SIZE + 1, &arena));
    g_assert_false(soft_heap_reserve(&heap, UINT64_MAX, &arena));

    /* A page in the middle leaves runs of 5 and 10. */
    g_assert_true(soft_heap_hold(&heap, BASE + 5 * SOFT_PAGE_SIZE + 100, 8));
    g_assert_cmpuint(soft_heap_used(&heap), ==, 1);
    g_assert_true(soft_heap_reserve(&heap, 5 * SOFT_PAGE_SIZE, &arena));
    g_assert_cmpuint(arena.start, ==, BASE);
    g_assert_true(soft_heap_reserve(&heap, 5 * SOFT_PAGE_SIZE + 1, &arena));
    g_assert_cmpuint(arena.start, ==, BASE + 6 * SOFT_PAGE_SIZE);
    g_assert_false(soft_heap_reserve(&heap, 11 * SOFT_PAGE_SIZE, &arena));

    g_assert_true(soft_heap_reserve_last(&heap, 2 * SOFT_PAGE_SIZE, &arena));
    g_assert_cmpuint(arena.start, ==, BASE + 14 * SOFT_PAGE_SIZE);
    g_assert_cmpuint(arena.end, ==, BASE + 16 * SOFT_PAGE_SIZE);
    g_assert_true(soft_heap_hold(&heap, BASE + 13 * SOFT_PAGE_SIZE, 8));
    g_assert_true(soft_heap_reserve_last(&heap, 3 * SOFT_PAGE_SIZE, &arena));
    g_assert_cmpuint(arena.start, ==, BASE + 10 * SOFT_PAGE_SIZE);
    g_assert_false(soft_heap_reserve_last(&heap, 8 * SOFT_PAGE_SIZE, &arena));
    g_assert_false(soft_heap_reserve_last(&heap, UINT64_MAX, &arena));
}

static void test_pieces(void)
{
    uint16_t users[PAGES];
    struct soft_heap heap = make_heap(users);
    struct soft_arena arena;

    g_assert_true(soft_heap_reserve(&heap, 2 * SOFT_PAGE_SIZE, &arena));
    uint64_t first = soft_arena_take(&arena, 100, 16);
    uint64_t second = soft_arena_take(&arena, SOFT_PAGE_SIZE, 64);
    g_assert_cmpuint(first, ==, BASE);
    g_assert_cmpuint(second, ==, BASE + 128);
    g_assert_cmpuint(soft_arena_take(&arena, SOFT_PAGE_SIZE, 1), ==, 0);
    g_assert_cmpuint(soft_arena_take(&arena, UINT64_MAX, 1), ==, 0);
    g_assert_cmpuint(soft_arena_take(&arena, SOFT_PAGE_SIZE - 128, 1), ==,
                     BASE + SOFT_PAGE_SIZE + 128);

    /* Both touch the first page: it is free when both are. */
    g_assert_true(soft_heap_hold(&heap, first, 100));
    g_assert_true(soft_heap_hold(&heap, second, SOFT_PAGE_SIZE));
    g_assert_cmpuint(soft_heap_used(&heap), ==, 2);
    g_assert_true(soft_heap_free(&heap, second, SOFT_PAGE_SIZE));
    g_assert_cmpuint(soft_heap_used(&heap), ==, 1);
    g_assert_true(soft_heap_free(&heap, first, 100));
    g_assert_cmpuint(soft_heap_used(&heap), ==, 0);
}

static void test_outside(void)
{
    static const struct {
        uint64_t offset, size;
    } outside[] = {
        {0, 1},
        {BASE - 1, 1},
        {BASE - 1, 2},
        {BASE, 0},
        {BASE, PAGES * SOFT_PAGE_SIZE + 1},
        {BASE + PAGES * SOFT_PAGE_SIZE, 1},
        {BASE + SOFT_PAGE_SIZE, UINT64_MAX},
        {UINT64_MAX, 1},
    };
    uint16_t users[PAGES];
    struct soft_heap heap = make_heap(users);

    for (unsigned i = 0; i < G_N_ELEMENTS(outside); i++) {
        g_assert_false(soft_heap_hold(&heap, outside[i].offset, outside[i].size));
        g_assert_false(soft_heap_free(&heap, outside[i].offset, outside[i].size));
    }
    g_assert_true(soft_heap_free(&heap, BASE, SOFT_PAGE_SIZE)); /* what is free stays free */
    g_assert_cmpuint(soft_heap_used(&heap), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/soft-guest-heap/runs", test_runs);
    g_test_add_func("/soft-guest-heap/pieces", test_pieces);
    g_test_add_func("/soft-guest-heap/outside", test_outside);
    return g_test_run();
}
