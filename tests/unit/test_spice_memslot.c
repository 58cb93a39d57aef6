/*
 * Memory slots: every kind of address that does not fit is refused.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/memslot.h"

#include <glib.h>

static uint8_t memory[4096];

static const QXLDevInitInfo info = {
    .num_memslots_groups = 2, .num_memslots = 8, .memslot_gen_bits = 8, .memslot_id_bits = 8};

/* Slot 2 of group 1, generation 5: MEMORY from offset 0x100000 on. */
static void set_up(struct memslots *memslots)
{
    QXLDevMemSlot slot = {
        .slot_group_id = 1,
        .slot_id = 2,
        .generation = 5,
        .virt_start = (uintptr_t)memory,
        .virt_end = (uintptr_t)memory + sizeof(memory),
        .addr_delta = (uintptr_t)memory - 0x100000,
    };

    g_assert_null(memslots_init(memslots, &info));
    g_assert_null(memslots_add(memslots, &slot));
}

static QXLPHYSICAL address(uint64_t id, uint64_t generation, uint64_t offset)
{
    return id << 56 | generation << 48 | offset;
}

static void test_bounds(void)
{
    struct memslots memslots;
    size_t left;

    set_up(&memslots);
    g_assert_true(memslots_map(&memslots, 1, address(2, 5, 0x100000), 4096, &left) == memory);
    g_assert_cmpuint(left, ==, 4096);
    g_assert_true(memslots_map(&memslots, 1, address(2, 5, 0x100ff0), 16, &left) == memory + 0xff0);
    g_assert_cmpuint(left, ==, 16);
    g_assert_true(memslots_map(&memslots, 1, address(2, 5, 0x101000), 0, &left) == memory + 4096);
    g_assert_cmpuint(left, ==, 0);

    g_assert_null(memslots_map(&memslots, 1, address(2, 5, 0x0fffff), 1, NULL));
    g_assert_null(memslots_map(&memslots, 1, address(2, 5, 0x100000), 4097, NULL));
    g_assert_null(memslots_map(&memslots, 1, address(2, 5, 0x100ff1), 16, NULL));
    g_assert_null(memslots_map(&memslots, 1, address(2, 5, 0x101001), 0, NULL));
    g_assert_null(memslots_map(&memslots, 1, address(2, 5, 0x100000), SIZE_MAX, NULL));
    g_assert_null(memslots_map(&memslots, 1, address(2, 5, 0x100010), SIZE_MAX - 8, NULL));
    memslots_finish(&memslots);
}

static void test_names(void)
{
    struct memslots memslots;

    set_up(&memslots);
    g_assert_null(memslots_map(&memslots, 1, address(2, 4, 0x100000), 1, NULL));
    g_assert_null(memslots_map(&memslots, 1, address(3, 5, 0x100000), 1, NULL));
    g_assert_null(memslots_map(&memslots, 1, address(8, 5, 0x100000), 1, NULL));
    g_assert_null(memslots_map(&memslots, 1, address(255, 255, 0x100000), 1, NULL));
    g_assert_null(memslots_map(&memslots, 0, address(2, 5, 0x100000), 1, NULL));
    g_assert_null(memslots_map(&memslots, 2, address(2, 5, 0x100000), 1, NULL));
    g_assert_null(memslots_map(&memslots, UINT32_MAX, address(2, 5, 0x100000), 1, NULL));

    g_assert_null(memslots_remove(&memslots, 1, 2));
    g_assert_null(memslots_map(&memslots, 1, address(2, 5, 0x100000), 1, NULL));
    g_assert_nonnull(memslots_remove(&memslots, 1, 8));
    memslots_finish(&memslots);
}

/* QEMU's host group: one slot for all of our address space. */
static void test_everything(void)
{
    struct memslots memslots;
    QXLDevMemSlot slot = {.virt_end = UINTPTR_MAX};

    g_assert_null(memslots_init(&memslots, &info));
    g_assert_null(memslots_add(&memslots, &slot));
    g_assert_true(memslots_map(&memslots, 0, (uintptr_t)memory, 4096, NULL) == memory);
    memslots_clear(&memslots);
    g_assert_null(memslots_map(&memslots, 0, (uintptr_t)memory, 4096, NULL));
    memslots_finish(&memslots);
}

static void test_refusals(void)
{
    struct memslots memslots;
    QXLDevInitInfo bad = info;
    QXLDevMemSlot slot = {.slot_group_id = 2};

    bad.memslot_id_bits = 33;
    g_assert_nonnull(memslots_init(&memslots, &bad));
    bad = info;
    bad.num_memslots = 0;
    g_assert_nonnull(memslots_init(&memslots, &bad));
    bad = info;
    bad.num_memslots_groups = UINT32_MAX;
    g_assert_nonnull(memslots_init(&memslots, &bad));

    g_assert_null(memslots_init(&memslots, &info));
    g_assert_nonnull(memslots_add(&memslots, &slot));
    slot = (QXLDevMemSlot){.slot_id = 8};
    g_assert_nonnull(memslots_add(&memslots, &slot));
    slot = (QXLDevMemSlot){.virt_start = 2, .virt_end = 1};
    g_assert_nonnull(memslots_add(&memslots, &slot));
    memslots_finish(&memslots);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/memslot/bounds", test_bounds);
    g_test_add_func("/memslot/names", test_names);
    g_test_add_func("/memslot/everything", test_everything);
    g_test_add_func("/memslot/refusals", test_refusals);
    return g_test_run();
}
