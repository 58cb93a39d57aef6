/*
 * Drawables. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/drawable.h"

#include <glib.h>

struct drawable *drawable_create(struct releases *to)
{
    struct drawable *drawable = g_malloc(sizeof(*drawable));

    memset(drawable, 0, offsetof(struct drawable, memory));
    drawable->refs = 1;
    drawable->resource.to = to;
    arena_init(&drawable->arena, drawable->memory, sizeof(drawable->memory));
    return drawable;
}

struct drawable *drawable_ref(struct drawable *drawable)
{
    drawable->refs++;
    return drawable;
}

void drawable_unref(struct drawable *drawable)
{
    if (--drawable->refs > 0)
        return;
    for (struct guest_image *image = drawable->images; image != NULL; image = image->next) {
        if (image->job != NULL)
            encode_job_drop(image->job);
        encoded_image_finish(&image->encoded);
    }
    guest_resource_release(&drawable->resource);
    arena_finish(&drawable->arena);
    g_free(drawable);
}

void drawable_unref_opaque(void *drawable)
{
    drawable_unref(drawable);
}
