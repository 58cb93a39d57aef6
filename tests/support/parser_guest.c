/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/parser_guest.h"

#include <glib.h>
#include <spice/macros.h>
#include <string.h>

static void release(QXLInstance *qxl, QXLReleaseInfoExt info)
{
    (void)info;
    SPICE_CONTAINEROF(qxl, struct parser_guest, qxl)->released++;
}

static const QXLInterface interface = {.release_resource = release};

void parser_guest_init(struct parser_guest *guest, size_t size)
{
    static const QXLDevInitInfo info = {
        .num_memslots_groups = 1, .num_memslots = 1, .memslot_gen_bits = 8, .memslot_id_bits = 8};

    *guest = (struct parser_guest){
        .memory = g_malloc0(size), .size = size, .qxl.base.sif = &interface.base};
    guest->releases.qxl = &guest->qxl;
    QXLDevMemSlot slot = {.virt_start = (uintptr_t)guest->memory,
                          .virt_end = (uintptr_t)guest->memory + size,
                          .addr_delta = (uintptr_t)guest->memory - PARSER_GUEST_BASE};
    g_assert_null(memslots_init(&guest->memslots, &info));
    g_assert_null(memslots_add(&guest->memslots, &slot));
}

void parser_guest_finish(struct parser_guest *guest)
{
    memslots_finish(&guest->memslots);
    g_free(guest->memory);
}

QXLPHYSICAL parser_guest_place(struct parser_guest *guest, const void *data, size_t size)
{
    QXLPHYSICAL address = PARSER_GUEST_BASE + guest->used;

    g_assert_cmpuint(guest->used + size, <=, guest->size);
    if (size > 0)
        memcpy(guest->memory + guest->used, data, size);
    guest->used += size;
    return address;
}
