/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/loader.h"

#include "migration/arrival.h"
#include "migration/blocks.h"

#include <string.h>

struct migration_loader {
    const struct migration_set *set;
    struct migration_channel *channel; /* what has come and is not taken in yet */
    struct stream_section section;
    struct arrival arrival;
    bool headed, ended, broken;
};

struct migration_loader *migration_loader_create(const struct migration_set *set)
{
    struct migration_loader *loader = g_new0(struct migration_loader, 1);

    loader->set = set;
    loader->channel = migration_channel_create_memory();
    stream_section_init(&loader->section);
    arrival_init(&loader->arrival, set);
    return loader;
}

void migration_loader_destroy(struct migration_loader *loader)
{
    if (!loader)
        return;
    migration_channel_destroy(loader->channel);
    stream_section_finish(&loader->section);
    arrival_finish(&loader->arrival);
    g_free(loader);
}

/* A stream may be preceded by heads of streams; each starts over. */
static bool take_header(struct migration_loader *loader, GError **error)
{
    uint32_t flags;

    if (!stream_read_header(loader->channel, &flags, error))
        return false;
    arrival_clear(&loader->arrival);
    loader->headed = true;
    return true;
}

static bool take_section(struct migration_loader *loader, GError **error)
{
    if (!stream_read_section(loader->channel, &loader->section, error))
        return false;
    if (strcmp(loader->section.name, END_SECTION) != 0)
        return arrival_take(&loader->arrival, &loader->section, error);
    loader->ended = true;
    return arrival_is_complete(&loader->arrival, error);
}

/* Takes in what is complete. */
static bool take(struct migration_loader *loader, GError **error)
{
    uint8_t head[STREAM_LOOK_AHEAD];

    for (;;) {
        size_t size = migration_channel_peek(loader->channel, head, sizeof(head));
        if (!size)
            return true;
        if (loader->ended)
            return migration_fail(error, "something follows the end of the stream");
        bool header = !loader->headed || stream_looks_like_header(head, size);
        size_t needed = header ? STREAM_HEADER_SIZE : stream_section_size(head, size);
        if (migration_channel_pending(loader->channel) < needed)
            return true;
        if (!(header ? take_header : take_section)(loader, error))
            return false;
    }
}

bool migration_loader_write(struct migration_loader *loader, const void *data, size_t size,
                            GError **error)
{
    if (loader->broken)
        return migration_fail(error, "the stream was wrong already");
    migration_channel_write(loader->channel, data, size, NULL);
    loader->broken = !take(loader, error);
    return !loader->broken;
}

bool migration_loader_commit(struct migration_loader *loader, GError **error)
{
    if (loader->broken)
        return migration_fail(error, "the stream was wrong already");
    loader->broken = true; /* nothing more can follow */
    if (!loader->ended)
        return migration_fail(error, "the stream is cut off after %" G_GUINT64_FORMAT " bytes",
                              loader->channel->received +
                                  migration_channel_pending(loader->channel));
    return arrival_apply(&loader->arrival, error);
}
