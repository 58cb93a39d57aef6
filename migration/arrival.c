/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/arrival.h"

#include "migration/blocks.h"

#include <string.h>

void arrival_init(struct arrival *arrival, const struct migration_set *set)
{
    *arrival = (struct arrival){.set = set, .states = g_new0(void *, set->parts->len)};
    stream_section_init(&arrival->unpacked);
}

void arrival_clear(struct arrival *arrival)
{
    for (unsigned i = 0; i < arrival->set->parts->len; i++)
        g_clear_pointer(&arrival->states[i], g_free);
    arrival->blocks_known = false;
    arrival->pages = (struct page_counts){0};
}

void arrival_finish(struct arrival *arrival)
{
    arrival_clear(arrival);
    stream_section_finish(&arrival->unpacked);
    g_free(arrival->states);
}

static bool take_blocks(struct arrival *arrival, const struct stream_section *section,
                        GError **error)
{
    struct blocks_state *state = g_new(struct blocks_state, 1);
    bool good = state_load(&blocks_state_description, section->version, section->content->data,
                           section->content->len, state, error) &&
                blocks_state_check(state, arrival->set, error);

    g_free(state);
    arrival->blocks_known = good;
    return good;
}

static bool take_part(struct arrival *arrival, unsigned index, const struct stream_section *section,
                      GError **error)
{
    const struct migration_part *part = migration_set_part(arrival->set, index);

    if (arrival->states[index])
        return migration_fail(error, "section %s comes twice", section->name);
    arrival->states[index] = g_malloc(part->description->size);
    return state_load(part->description, section->version, section->content->data,
                      section->content->len, arrival->states[index], error) &&
           (!part->early || part->ops->check(part->opaque, arrival->states[index], error));
}

bool arrival_take(struct arrival *arrival, const struct stream_section *section, GError **error)
{
    const struct migration_set *set = arrival->set;

    if (!strcmp(section->name, PAGES_LZ4_SECTION))
        return pages_lz4_unpack(section, &arrival->unpacked, error) &&
               arrival_take(arrival, &arrival->unpacked, error);
    if (!strcmp(section->name, PAGES_SECTION))
        return (arrival->blocks_known ||
                migration_fail(error, "memory comes before the list of its blocks")) &&
               pages_store(set, section, &arrival->pages, error);
    if (!strcmp(section->name, BLOCKS_SECTION))
        return take_blocks(arrival, section, error);
    for (unsigned i = 0; i < set->parts->len; i++) {
        if (!strcmp(section->name, migration_set_part(set, i)->name))
            return take_part(arrival, i, section, error);
    }
    return section->optional ||
           migration_fail(error, "the source sends %s, which this machine does not have",
                          section->name);
}

bool arrival_is_complete(const struct arrival *arrival, GError **error)
{
    for (unsigned i = 0; i < arrival->set->parts->len; i++) {
        if (!arrival->states[i])
            return migration_fail(error, "the source does not send %s, which this machine has",
                                  migration_set_part(arrival->set, i)->name);
    }
    return arrival->blocks_known || migration_fail(error, "the source sends no memory");
}

/* Every part agrees before the first is changed. */
bool arrival_apply(const struct arrival *arrival, GError **error)
{
    const struct migration_set *set = arrival->set;

    for (unsigned i = 0; i < set->parts->len; i++) {
        const struct migration_part *part = migration_set_part(set, i);
        if (!part->early && part->ops->check &&
            !part->ops->check(part->opaque, arrival->states[i], error))
            return false;
    }
    for (unsigned i = 0; i < set->parts->len; i++) {
        const struct migration_part *part = migration_set_part(set, i);
        if (part->ops->apply)
            part->ops->apply(part->opaque, arrival->states[i]);
    }
    return true;
}
