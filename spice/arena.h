/*
 * Memory that is given back all at once: what one command's parser needs.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct arena_block;

struct arena {
    uint8_t *next, *end; /* what is free of the newest block */
    struct arena_block *blocks;
};

/* FIRST of SIZE bytes, aligned as max_align_t, is used before anything is allocated. */
void arena_init(struct arena *arena, void *first, size_t size);
void arena_finish(struct arena *arena);

/* SIZE bytes, aligned as max_align_t, not initialised; at least one. */
void *arena_alloc(struct arena *arena, size_t size);
/* The same, all zero. */
void *arena_alloc0(struct arena *arena, size_t size);
