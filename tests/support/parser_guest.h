/*
 * The memory of a guest whose commands are parsed without a card, and what is released of them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/guest_resource.h"
#include "spice/memslot.h"

#include <stddef.h>

#define PARSER_GUEST_BASE 0x1000 /* its first address, so that 0 is nothing */

struct parser_guest {
    uint8_t *memory; /* zeroed; slot 0 of group 0 */
    size_t size;
    size_t used; /* bytes that have been placed */
    struct memslots memslots;
    QXLInstance qxl;
    struct releases releases; /* where commands go; none is held */
    unsigned released;        /* commands */
};

/* With SIZE bytes. The instance points to itself: it must stay where it is. */
void parser_guest_init(struct parser_guest *guest, size_t size);
void parser_guest_finish(struct parser_guest *guest);

/* Copies SIZE bytes behind what is there already; their address. */
QXLPHYSICAL parser_guest_place(struct parser_guest *guest, const void *data, size_t size);
