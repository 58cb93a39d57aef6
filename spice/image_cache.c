/*
 * The pictures that a client keeps. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/image_cache.h"

#include <spice/qxl_dev.h>
#include <spice/macros.h>

/* Smaller pictures cost no more than their mention. */
#define MIN_PIXELS 256
/* Of our part; a larger one would leave no room for those that come back. */
#define MAX_SHARE 4
/* What we remember of them is bounded, too. */
#define MAX_IMAGES 4096
/* An id: the group of the server's own pictures, the channel and a count. */
#define CHANNEL_SHIFT 32
#define COUNT_SHIFT   40

struct cached_image {
    struct image_key key;
    uint64_t id;
    int64_t pixels;
    GList link; /* in the cache's list */
};

struct image_cache {
    uint8_t channel;
    int64_t pixels, capacity;
    uint64_t count; /* of all pictures ever */
    GHashTable *images;
    GQueue recent; /* the least recently used one last */
    GArray *dropped;
};

static guint hash_of(gconstpointer key)
{
    return ((const struct image_key *)key)->low;
}

static gboolean is_same(gconstpointer a, gconstpointer b)
{
    const struct image_key *x = a, *y = b;

    return x->low == y->low && x->high == y->high;
}

struct image_cache *image_cache_create(int64_t pixels, uint8_t channel)
{
    struct image_cache *cache = g_new0(struct image_cache, 1);

    cache->channel = channel;
    /* Half of it, a quarter, an eighth, ...: together they never have more than there is. */
    cache->capacity = channel < 32 ? pixels >> (channel + 1) : 0;
    /* A client may still keep what another connection of its called by the ids from 1 on. */
    cache->count = g_random_int() & 0x7fffff;
    cache->images = g_hash_table_new(hash_of, is_same);
    g_queue_init(&cache->recent);
    cache->dropped = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    return cache;
}

void image_cache_destroy(struct image_cache *cache)
{
    GList *link;

    if (cache == NULL)
        return;
    g_hash_table_destroy(cache->images);
    while ((link = g_queue_pop_head_link(&cache->recent)) != NULL)
        g_free(SPICE_CONTAINEROF(link, struct cached_image, link));
    g_array_free(cache->dropped, TRUE);
    g_free(cache);
}

bool image_cache_find(struct image_cache *cache, const struct image_key *key, uint64_t *id)
{
    struct cached_image *image = g_hash_table_lookup(cache->images, key);

    if (image == NULL)
        return false;
    g_queue_unlink(&cache->recent, &image->link);
    g_queue_push_head_link(&cache->recent, &image->link);
    *id = image->id;
    return true;
}

bool image_cache_has(const struct image_cache *cache, const struct image_key *key)
{
    return g_hash_table_contains(cache->images, key);
}

bool image_cache_has_room(const struct image_cache *cache, int64_t pixels)
{
    return pixels <= cache->capacity / MAX_SHARE;
}

bool image_cache_accepts(const struct image_cache *cache, int64_t pixels)
{
    return pixels >= MIN_PIXELS && image_cache_has_room(cache, pixels);
}

static void drop_oldest(struct image_cache *cache)
{
    GList *link = g_queue_pop_tail_link(&cache->recent);
    struct cached_image *image = SPICE_CONTAINEROF(link, struct cached_image, link);

    g_hash_table_remove(cache->images, &image->key);
    g_array_append_val(cache->dropped, image->id);
    cache->pixels -= image->pixels;
    g_free(image);
}

bool image_cache_add(struct image_cache *cache, const struct image_key *key, int64_t pixels,
                     uint64_t *id)
{
    struct cached_image *image;

    if (!image_cache_accepts(cache, pixels))
        return false;
    while (cache->recent.length > 0 &&
           (cache->pixels + pixels > cache->capacity || cache->recent.length >= MAX_IMAGES))
        drop_oldest(cache);
    image = g_new0(struct cached_image, 1);
    image->key = *key;
    image->pixels = pixels;
    image->id = ++cache->count << COUNT_SHIFT | (uint64_t)cache->channel << CHANNEL_SHIFT |
                QXL_IMAGE_GROUP_RED;
    g_hash_table_insert(cache->images, &image->key, image);
    g_queue_push_head_link(&cache->recent, &image->link);
    cache->pixels += pixels;
    *id = image->id;
    return true;
}

GArray *image_cache_dropped(struct image_cache *cache)
{
    return cache->dropped;
}
