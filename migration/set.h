/*
 * What a machine consists of, for migration: blocks of memory and parts with a state.
 *
 * Devices add what is theirs in the same order on both sides; parts are applied in that order.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/state.h"

#define MIGRATION_NAME_MAX   64 /* bytes of a name with its final zero */
#define MIGRATION_BLOCKS_MAX 64
#define MIGRATION_PAGE_SIZE  4096u

struct migration_block {
    char name[MIGRATION_NAME_MAX];
    uint8_t *bytes; /* aligned to pages */
    uint64_t size;  /* a multiple of the page size */
    int memfd;      /* the memory's; -1: none */
    uint64_t memfd_offset;
};

/* Called on the IO thread with the guest standing still, check() of an early part on any thread. */
struct migration_part_ops {
    /* Fills STATE, description->size zero bytes. */
    void (*save)(void *opaque, void *state);
    /*
     * May this machine become what STATE, which came from outside, says? Changes nothing. Memory
     * blocks hold the new content by then, except for an early part.
     */
    bool (*check)(void *opaque, const void *state, GError **error);
    /* Makes it so; cannot fail after a good check(). NULL: nothing to do. */
    void (*apply)(void *opaque, const void *state);
};

struct migration_part {
    char name[MIGRATION_NAME_MAX];
    const struct state_description *description;
    const struct migration_part_ops *ops;
    void *opaque;
    /* Sent before any memory: the configuration. It does not change while the machine exists. */
    bool early;
};

struct migration_set {
    GArray *blocks; /* struct migration_block */
    GArray *parts;  /* struct migration_part */
};

void migration_set_init(struct migration_set *set);
void migration_set_finish(struct migration_set *set);
/* BLOCK and PART are copied. */
void migration_set_add_block(struct migration_set *set, const struct migration_block *block);
void migration_set_add_part(struct migration_set *set, const struct migration_part *part);

struct migration_block *migration_set_block(const struct migration_set *set, unsigned index);
struct migration_part *migration_set_part(const struct migration_set *set, unsigned index);
uint64_t migration_set_memory(const struct migration_set *set); /* bytes in all blocks */
/* Makes all of BLOCK zero, giving back its memory if that can be done. */
void migration_block_clear(const struct migration_block *block);
