/*
 * The pictures that a client keeps for one of its display channels (spice-wire.md section 4.10), by
 * what they show: the same pixels are sent once, whatever the guest calls them.
 *
 * The display channels of a client share one cache. Each channel has a part of it to itself, with
 * ids of its own, so they need not wait for each other.
 *
 * One thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A hash of all that a picture is. */
struct image_key {
    uint64_t low, high;
};

struct image_cache;

/* PIXELS: of the client's whole cache, not negative; CHANNEL: the display's id. */
struct image_cache *image_cache_create(int64_t pixels, uint8_t channel);
void image_cache_destroy(struct image_cache *cache); /* NULL is allowed */

/* Does the client have it? Then *ID is what it is called, and it is kept longer than others. */
bool image_cache_find(struct image_cache *cache, const struct image_key *key, uint64_t *id);
/* Does the client have it? It is kept no longer for that. */
bool image_cache_has(const struct image_cache *cache, const struct image_key *key);
/* Can a picture of PIXELS be in the cache? Others need no key. */
bool image_cache_accepts(const struct image_cache *cache, int64_t pixels);
/* Is a picture of PIXELS small enough for the cache? */
bool image_cache_has_room(const struct image_cache *cache, int64_t pixels);
/*
 * The client keeps a picture that it does not have, of PIXELS, as *ID. False: it is too large or
 * too small. The client must drop others first: those in image_cache_dropped().
 */
bool image_cache_add(struct image_cache *cache, const struct image_key *key, int64_t pixels,
                     uint64_t *id);
/* Ids (uint64_t) of what the client is to drop before anything else; the caller empties it. */
GArray *image_cache_dropped(struct image_cache *cache);
