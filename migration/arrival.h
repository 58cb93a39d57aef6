/*
 * What has arrived of a machine, section by section, and its coming to life.
 *
 * Memory is stored as it comes; everything else is kept until all of it is there. One thread,
 * except for what is the IO thread's.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/pages.h"
#include "migration/stream.h"

struct arrival {
    const struct migration_set *set;
    void **states; /* of each part, decoded; NULL: it has not come */
    bool blocks_known;
    struct page_counts pages;
    struct stream_section unpacked; /* the last one that came compressed */
};

void arrival_init(struct arrival *arrival, const struct migration_set *set);
void arrival_finish(struct arrival *arrival);
/* Forgets what has come. Memory stays as it is. */
void arrival_clear(struct arrival *arrival);

bool arrival_take(struct arrival *arrival, const struct stream_section *section, GError **error);
/* Is everything there that this machine consists of? */
bool arrival_is_complete(const struct arrival *arrival, GError **error);
/* The machine becomes what has arrived, or nothing but its memory changes. IO thread. */
bool arrival_apply(const struct arrival *arrival, GError **error);
