/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/parts.h"

#include "migration/blocks.h"

GByteArray *part_save(const struct migration_part *part)
{
    GByteArray *out = g_byte_array_new();
    void *state = g_malloc0(part->description->size);

    part->ops->save(part->opaque, state);
    state_save(part->description, state, out);
    g_free(state);
    return out;
}

bool part_send(struct migration_channel *channel, const struct migration_part *part,
               const GByteArray *state, GError **error)
{
    return stream_write_section(channel, part->name, part->description->version, false, state->data,
                                state->len, error);
}

static bool send_blocks(struct migration_channel *channel, const struct migration_set *set,
                        GError **error)
{
    struct blocks_state *state = g_new0(struct blocks_state, 1);
    GByteArray *out = g_byte_array_new();

    blocks_state_fill(state, set);
    state_save(&blocks_state_description, state, out);
    bool good = stream_write_section(channel, BLOCKS_SECTION, blocks_state_description.version,
                                     false, out->data, out->len, error);
    g_byte_array_unref(out);
    g_free(state);
    return good;
}

bool parts_send_early(struct migration_channel *channel, const struct migration_set *set,
                      GError **error)
{
    bool good = true;

    for (unsigned i = 0; good && i < set->parts->len; i++) {
        const struct migration_part *part = migration_set_part(set, i);
        if (!part->early)
            continue;
        GByteArray *state = part_save(part);
        good = part_send(channel, part, state, error);
        g_byte_array_unref(state);
    }
    return good && send_blocks(channel, set, error);
}
