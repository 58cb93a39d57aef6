/*
 * What a display client takes along to another server: spice-wire.md section 7.6, "DCMD".
 *
 * The target does not wait for it. From the moment on in which the machine runs there, what is
 * drawn is damage; the client's state then says which surfaces it has, which is what they showed
 * at that moment.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/client.h"
#include "spice/display_client.h"
#include "spice/migrate_state.h"
#include "spice/video_client.h"

#include <spice/protocol.h>
#include <string.h>

/* The peer's, spice-wire.md section 7.6: serials that other channels have of the image cache. */
#define CACHE_CLIENTS 4
/* Encoders that may share a dictionary; another one is no limit. */
#define MAX_ENCODERS 4
#define PREFERENCES  STATE_MAGIC('P', 'R', 'E', 'F')
/* Of a surface in the list: its id, and perhaps a rectangle with lossy pixels. */
#define LOSSLESS_ENTRY 4
#define LOSSY_ENTRY    20

/* The source. Everything has been sent: what the client has of a surface is what it shows. */

/* Where losses are allowed, each surface has a rectangle with all that it has of them. */
static void add_lossy_rectangle(struct client_surface *known, struct message *message)
{
    pixman_region32_t lossy;

    pixman_region32_init(&lossy);
    pixman_region32_union(&lossy, &known->lossy, &known->exact);
    message_add_u32(message, lossy.extents.x1);
    message_add_u32(message, lossy.extents.y1);
    message_add_u32(message, lossy.extents.x2);
    message_add_u32(message, lossy.extents.y2);
    pixman_region32_fini(&lossy);
}

static void add_surfaces(const struct display_client *client, struct message *message)
{
    const struct surfaces *surfaces = ((struct display *)client->base.channel->opaque)->surfaces;
    size_t at = message_size(message);
    uint32_t count = 0;

    message_add_u32(message, 0);
    for (uint32_t id = 0; id < surfaces->count; id++) {
        if (client->surfaces[id] != NULL && client->surfaces[id]->sent) {
            message_add_u32(message, id);
            if (display_client_wants_jpeg(client))
                add_lossy_rectangle(client->surfaces[id], message);
            count++;
        }
    }
    message_patch_u32(message, at, count);
}

/* What it prefers, in a place of ours: other servers pass over what comes before the list. */
static void add_preferences(const struct display_client *client, struct message *message)
{
    uint8_t codecs = 0;

    while (codecs < VIDEO_PREFERENCES && client->preferred_codecs[codecs] != 0)
        codecs++;
    if (codecs == 0 && !client->prefers_compression)
        return;
    message_add_u32(message, PREFERENCES);
    message_add_u8(message, client->prefers_compression ? client->compression
                                                        : SPICE_IMAGE_COMPRESSION_INVALID);
    message_add_u8(message, codecs);
    message_add_bytes(message, client->preferred_codecs, codecs);
}

void display_client_save(struct channel_client *cc, struct message *message)
{
    const struct display_client *client = (struct display_client *)cc;
    struct message_pointer surfaces;

    message_add_u64(message, channel_client_next_serial(cc)); /* this message's */
    message_add_u8(message, client_is_slow(cc->client));
    message_add_u8(message, client->cache_id);
    message_add_u64(message, (uint64_t)client->cache_pixels);
    message_add_u8(message, cc->channel->id == 0); /* one of the channels activates the cache */
    for (int i = 0; i < CACHE_CLIENTS; i++) {
        message_add_u64(message, 0);
    }
    message_add_u8(message, client->dictionary_id);
    message_add_u32(message, client->dictionary_pixels);
    message_add_u32(message, MAX_ENCODERS);
    message_add_u64(message, client->glz != NULL ? glz_dictionary_next(client->glz) : 0);
    surfaces = message_add_pointer(message);
    add_preferences(client, message);
    message_point(message, surfaces);
    add_surfaces(client, message);
}

/* The target. */

static void look(const struct surfaces *surfaces)
{
    struct surface *primary = surfaces_find(surfaces, 0);

    if (primary != NULL)
        surface_open_front(primary);
}

void display_client_compare(struct display_client *client)
{
    const struct surfaces *surfaces = display_client_display(client)->surfaces;

    client->compared = true;
    look(surfaces);
    for (uint32_t id = 0; id < surfaces->count; id++) {
        const struct surface *surface = surfaces_find(surfaces, id);

        if (surface == NULL || !display_client_can_have(client, surface))
            continue;
        display_client_has_surface(client, id);
        /* Nothing has come of its pixels, so they are not what the client has. */
        if (surface->blank)
            display_client_damage_all(client, surface);
    }
}

/* What a client has of SURFACE is not exact in a rectangle, which is sent anew. */
static void damage_lossy(struct display_client *client, uint32_t id, const int32_t sides[4])
{
    const struct surface *surface = surfaces_find(display_client_display(client)->surfaces, id);
    int x1, y1, x2, y2;
    pixman_region32_t region;

    if (surface == NULL || client->surfaces[id] == NULL || !client->surfaces[id]->sent)
        return;
    x1 = CLAMP(sides[0], 0, (int32_t)surface->width);
    y1 = CLAMP(sides[1], 0, (int32_t)surface->height);
    x2 = CLAMP(sides[2], x1, (int32_t)surface->width);
    y2 = CLAMP(sides[3], y1, (int32_t)surface->height);
    if (x1 == x2 || y1 == y2)
        return;
    pixman_region32_init_rect(&region, x1, y1, x2 - x1, y2 - y1);
    display_client_damage(client, surface, &region);
    pixman_region32_fini(&region);
}

/* Of a list that read_list() has found right. */
static void damage_losses(struct display_client *client, const uint8_t *state, uint32_t size,
                          uint32_t at)
{
    struct message_reader reader = message_reader(state + at, size - at);
    uint32_t count = message_read_u32(&reader);

    if (count == 0 || reader.left / count < LOSSY_ENTRY)
        return;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t id = message_read_u32(&reader);
        int32_t sides[4];

        for (unsigned side = 0; side < 4; side++)
            sides[side] = (int32_t)message_read_u32(&reader);
        damage_lossy(client, id, sides);
    }
}

/* Which surfaces the client has, by id; NULL: the list is wrong. */
static bool *read_list(const struct display_client *client, const uint8_t *state, uint32_t size,
                       uint32_t at)
{
    uint32_t limit = ((struct display *)client->base.channel->opaque)->surfaces->count;
    const uint8_t *list = state_at(state, size, at, sizeof(uint32_t));
    struct message_reader reader;
    uint32_t count, entry;
    bool *has;

    if (list == NULL)
        return NULL;
    reader = message_reader(list, size - at);
    count = message_read_u32(&reader);
    /* Nothing else tells in which form it is. */
    entry = count > 0 && reader.left / count >= LOSSY_ENTRY ? LOSSY_ENTRY : LOSSLESS_ENTRY;
    if (count > limit || reader.left < count * entry)
        return NULL;
    has = g_new0(bool, limit);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t id = message_read_u32(&reader);

        if (id >= limit || has[id]) {
            g_free(has);
            return NULL;
        }
        has[id] = true;
        reader.data += entry - LOSSLESS_ENTRY;
        reader.left -= entry - LOSSLESS_ENTRY;
    }
    return has;
}

/* Of what has been destroyed meanwhile, the client had only what it says. */
static void drop_destroyed(struct display_client *client, bool *has)
{
    for (unsigned i = client->queue_sent; i < client->queue->len;) {
        const struct display_item *item = &g_array_index(client->queue, struct display_item, i);

        if (has[item->surface_id]) {
            has[item->surface_id] = false; /* it will not have it when this is sent */
            i++;
        } else {
            g_array_remove_index(client->queue, i);
        }
    }
}

static void push_destroy(struct display_client *client, uint32_t id)
{
    struct display_item item = {.type = ITEM_SURFACE_DESTROY, .surface_id = id};

    g_array_append_val(client->queue, item);
}

static void apply_list(struct display_client *client, bool *has)
{
    const struct surfaces *surfaces = display_client_display(client)->surfaces;

    drop_destroyed(client, has);
    look(surfaces);
    for (uint32_t id = 0; id < surfaces->count; id++) {
        const struct surface *surface = surfaces_find(surfaces, id);
        struct client_surface *known = client->surfaces[id];
        bool exists = surface != NULL && display_client_can_have(client, surface);
        bool same = exists && has[id] && (!client->compared || (known != NULL && known->sent));

        if (has[id] && !same)
            push_destroy(client, id); /* there is none, or another one */
        if (same && !client->compared) {
            display_client_has_surface(client, id);
            display_client_damage_all(client, surface);
        } else if (exists && !same) {
            bool changed = known != NULL && known->damaged;

            if (known != NULL)
                known->sent = false;
            if (changed || id == 0)
                display_client_damage_all(client, surface);
        }
    }
}

/* READER is behind all fields of the peer's; the list begins at LIST of SIZE bytes. */
static bool load_preferences(struct display_client *client, uint32_t size, uint32_t list,
                             const struct message_reader *reader)
{
    uint32_t at = size - reader->left;
    struct message_reader own = message_reader(reader->data, list > at ? list - at : 0);

    if (message_read_u32(&own) != PREFERENCES)
        return true; /* there are none */
    display_client_prefer_compression(client, message_read_u8(&own));
    return video_client_prefer(client, &own);
}

bool display_client_load(struct channel_client *cc, const uint8_t *state, uint32_t size,
                         struct message_reader *reader)
{
    struct display_client *client = (struct display_client *)cc;
    struct display *display = display_client_display(client);
    uint64_t serial = message_read_u64(reader), next;
    uint32_t list;
    bool slow = message_read_u8(reader) != 0, freezer, *has;
    uint8_t cache_id = message_read_u8(reader), dictionary_id;
    int64_t cache_pixels = message_read_u64(reader);
    int32_t dictionary_pixels;

    freezer = message_read_u8(reader) != 0;
    for (int i = 0; i < CACHE_CLIENTS; i++)
        message_read_u64(reader); /* serials of other channels, which there is no need to know */
    dictionary_id = message_read_u8(reader);
    dictionary_pixels = message_read_u32(reader);
    message_read_u32(reader); /* encoders */
    next = message_read_u64(reader);
    list = message_read_u32(reader);
    has = read_list(client, state, size, list);
    if (reader->failed || has == NULL || !load_preferences(client, size, list, reader) ||
        !display_client_set_caches(client, cache_id, cache_pixels, dictionary_id, dictionary_pixels,
                                   next)) {
        g_free(has);
        return false;
    }
    client_set_slow(cc->client, slow);
    channel_client_set_next_serial(cc, serial + 1);
    apply_list(client, has);
    damage_losses(client, state, size, list);
    g_free(has);

    client->arriving = false;
    client->ready = true;
    client->palettes_pending = true;
    client->caches_pending = freezer;
    /* What the others keep may be gone when the client has seen that message. */
    if (freezer && client->cache_pixels > 0 && !(display->switches & DISPLAY_NO_IMAGE_CACHE))
        client->cache = image_cache_create(client->cache_pixels, cc->channel->id);
    client->monitors_pending = true;
    client->mark_pending = client->surfaces[0] == NULL || !client->surfaces[0]->sent;
    display_gl_client_start(&display->gl, client);
    display->clients_changed(display->opaque);
    return true;
}
