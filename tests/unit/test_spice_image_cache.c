/*
 * What a client is told to keep and to drop adds up. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/image_cache.h"

#define PIXELS 100000 /* of which display 0 has half */

/* A client, as it would be with our messages: id -> pixels. */
struct model {
    struct image_cache *cache;
    GHashTable *kept;
    int64_t pixels;
};

static void set_up(struct model *model, gconstpointer data)
{
    (void)data;
    model->cache = image_cache_create(PIXELS, 0);
    model->kept = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    model->pixels = 0;
}

static void tear_down(struct model *model, gconstpointer data)
{
    (void)data;
    g_hash_table_destroy(model->kept);
    image_cache_destroy(model->cache);
}

static void drop(struct model *model)
{
    GArray *dropped = image_cache_dropped(model->cache);

    for (unsigned i = 0; i < dropped->len; i++) {
        uint64_t id = g_array_index(dropped, uint64_t, i);
        gpointer pixels;

        g_assert_true(g_hash_table_lookup_extended(model->kept, &id, NULL, &pixels));
        model->pixels -= GPOINTER_TO_INT(pixels);
        g_hash_table_remove(model->kept, &id);
    }
    g_array_set_size(dropped, 0);
}

static bool add(struct model *model, unsigned name, int pixels)
{
    const struct image_key key = {name * 0x9e3779b97f4a7c15, name};
    uint64_t id;

    if (!image_cache_add(model->cache, &key, pixels, &id))
        return false;
    drop(model);
    g_assert_true(
        g_hash_table_insert(model->kept, g_memdup2(&id, sizeof(id)), GINT_TO_POINTER(pixels)));
    model->pixels += pixels;
    g_assert_cmpint(model->pixels, <=, PIXELS / 2);
    return true;
}

static bool find(struct model *model, unsigned name)
{
    const struct image_key key = {name * 0x9e3779b97f4a7c15, name};
    uint64_t id;

    if (!image_cache_find(model->cache, &key, &id))
        return false;
    g_assert_true(g_hash_table_contains(model->kept, &id)); /* else a client waits for ever */
    return true;
}

static void test_random(struct model *model, gconstpointer data)
{
    GRand *rand = g_rand_new_with_seed(5);
    unsigned found = 0, added = 0;

    (void)data;
    for (unsigned i = 0; i < 20000; i++) {
        unsigned name = g_rand_int_range(rand, 0, 150);

        if (find(model, name))
            found++;
        else if (add(model, name, 300 + name * 5))
            added++;
    }
    g_assert_cmpuint(found, >, 1000);
    g_assert_cmpuint(added, >, 1000);
    g_rand_free(rand);
}

static void test_least_recent(struct model *model, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 5; i++)
        g_assert_true(add(model, i, 10000));
    g_assert_true(find(model, 0));
    g_assert_true(add(model, 5, 10000));
    g_assert_true(find(model, 0));
    g_assert_false(find(model, 1));
    g_assert_false(add(model, 6, 20000)); /* too large a part of it */
    g_assert_false(add(model, 7, 16));    /* too small to be worth it */
}

/* Displays of one client never have the same id, nor more than there is together. */
static void test_channels(void)
{
    GHashTable *ids = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    int64_t sum = 0;

    for (unsigned channel = 0; channel < 256; channel += channel < 8 ? 1 : 31) {
        struct image_cache *cache = image_cache_create(PIXELS, channel);

        for (unsigned i = 1; i < 200; i++) {
            const struct image_key key = {i, channel};
            uint64_t id;

            if (!image_cache_add(cache, &key, 256, &id))
                break;
            g_assert_cmphex((uint32_t)id, ==, 2); /* the group of the server's pictures */
            g_assert_true(g_hash_table_add(ids, g_memdup2(&id, sizeof(id))));
            sum += 256;
            if (image_cache_dropped(cache)->len > 0) {
                sum -= 256;
                break;
            }
        }
        image_cache_destroy(cache);
    }
    g_assert_cmpint(sum, <=, PIXELS);
    g_hash_table_destroy(ids);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/image-cache/random", struct model, NULL, set_up, test_random, tear_down);
    g_test_add("/image-cache/least-recent", struct model, NULL, set_up, test_least_recent,
               tear_down);
    g_test_add_func("/image-cache/channels", test_channels);
    return g_test_run();
}
