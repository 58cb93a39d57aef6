/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/palette_cache.h"

#include "spice/hash.h"

#include <glib.h>
#include <string.h>

bool palette_cache_use(struct palette_cache *cache, const struct draw_palette *palette,
                       uint64_t *id)
{
    unsigned at = 0;
    bool found;

    *id = XXH3_64bits(palette->colors, palette->count * sizeof(palette->colors[0])) | 1;
    while (at < cache->count && cache->ids[at] != *id)
        at++;
    found = at < cache->count;
    if (!found && at < PALETTE_CACHE_SIZE) {
        cache->count++;
    } else if (!found) {
        at--;
        g_return_val_if_fail(cache->dropped_count < G_N_ELEMENTS(cache->dropped), false);
        cache->dropped[cache->dropped_count++] = cache->ids[at];
    }
    memmove(cache->ids + 1, cache->ids, at * sizeof(cache->ids[0]));
    cache->ids[0] = *id;
    return found;
}
