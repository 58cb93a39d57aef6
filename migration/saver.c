/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/saver.h"

#include "migration/blocks.h"
#include "migration/dirty.h"
#include "migration/pages.h"
#include "migration/parts.h"

struct migration_saver {
    const struct migration_set *set;
    struct migration_channel *channel; /* what is made and not read yet; never fails */
    struct dirty_tracker *tracker;     /* which pages are used; NULL: the head only */
    GPtrArray *states;                 /* GByteArray of each part; NULL: it was early */
    unsigned block;                    /* the next one with pages to send ... */
    size_t word;                       /* ... from this word of its bitmap on */
    bool live;                         /* the guest runs */
    bool looked;                       /* all of memory has been sent once */
    bool read, ended;
    struct page_counts pages;
};

static void free_state(void *state)
{
    if (state)
        g_byte_array_unref(state);
}

struct migration_saver *migration_saver_create_head(const struct migration_set *set)
{
    struct migration_saver *saver = g_new0(struct migration_saver, 1);

    saver->set = set;
    saver->channel = migration_channel_create_memory();
    saver->states = g_ptr_array_new_with_free_func(free_state);
    stream_write_header(saver->channel, 0, NULL);
    parts_send_early(saver->channel, set, NULL);
    saver->ended = true;
    return saver;
}

static void save_parts(struct migration_saver *saver)
{
    for (unsigned i = 0; i < saver->set->parts->len; i++) {
        const struct migration_part *part = migration_set_part(saver->set, i);
        g_ptr_array_add(saver->states, part->early ? NULL : part_save(part));
    }
}

struct migration_saver *migration_saver_create(const struct migration_set *set)
{
    struct migration_saver *saver = migration_saver_create_head(set);

    save_parts(saver);
    saver->tracker = dirty_tracker_create(set, DIRTY_ONCE);
    saver->ended = false;
    return saver;
}

struct migration_saver *migration_saver_create_live(const struct migration_set *set,
                                                    enum dirty_method method)
{
    struct migration_saver *saver = migration_saver_create_head(set);

    saver->tracker = dirty_tracker_create(set, method);
    saver->live = true;
    saver->ended = false;
    return saver;
}

/* Begins with memory again, as far as it has been written to since. False: it has not. */
static bool look_again(struct migration_saver *saver)
{
    saver->looked = true;
    saver->block = 0;
    saver->word = 0;
    return dirty_tracker_look(saver->tracker) != 0;
}

void migration_saver_stop(struct migration_saver *saver)
{
    save_parts(saver);
    saver->live = false;
    look_again(saver); /* what of the pass before has not been sent is still noted */
}

void migration_saver_destroy(struct migration_saver *saver)
{
    if (!saver)
        return;
    migration_channel_destroy(saver->channel);
    dirty_tracker_destroy(saver->tracker);
    g_ptr_array_unref(saver->states);
    g_free(saver);
}

static void send_end(struct migration_saver *saver)
{
    for (unsigned i = 0; i < saver->set->parts->len; i++) {
        if (saver->states->pdata[i])
            part_send(saver->channel, migration_set_part(saver->set, i), saver->states->pdata[i],
                      NULL);
    }
    stream_write_section(saver->channel, END_SECTION, 1, false, NULL, 0, NULL);
    saver->ended = true;
}

/* Makes the next section or two. */
static void make_more(struct migration_saver *saver)
{
    /* The target's memory is all zero until something has been sent. */
    struct pages_how how = {.zero = saver->looked ? PAGES_ZERO_NAMED : PAGES_ZERO_SKIPPED};

    if (saver->block == saver->set->blocks->len) {
        send_end(saver);
    } else if (pages_send_next(saver->channel, saver->set, saver->block,
                               dirty_tracker_bitmap(saver->tracker, saver->block), &saver->word,
                               how, &saver->pages, NULL) &&
               saver->word == pages_bitmap_words(migration_set_block(saver->set, saver->block))) {
        saver->block++;
        saver->word = 0;
    }
}

size_t migration_saver_read(struct migration_saver *saver, void *data, size_t size)
{
    bool may_look = true; /* once a call: a guest could write for ever */

    while (!saver->ended && migration_channel_pending(saver->channel) < size) {
        if (saver->live && saver->block == saver->set->blocks->len) {
            if (!may_look || !look_again(saver))
                break;
            may_look = false;
        }
        make_more(saver);
    }
    size = MIN(size, migration_channel_pending(saver->channel));
    if (size && migration_channel_read(saver->channel, data, size, NULL))
        saver->read = true;
    return size;
}

bool migration_saver_is_midway(const struct migration_saver *saver)
{
    return saver->read && !(saver->ended && migration_channel_pending(saver->channel) == 0);
}
