/*
 * Pictures that are encoded by several threads. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/display_encode.h"

#include <spice/macros.h>
#include <spice/protocol.h>

/* Less is done before another thread has woken up. */
#define MIN_AHEAD_BYTES (32 * 1024)
/* Enough to do for all threads until the next look. */
#define ENOUGH_WAITING 4

/* The picture of DRAW that may be worth another thread; NULL: none. */
static struct guest_image *picture_of(const struct draw *draw)
{
    struct draw_image *image = draw->type == QXL_DRAW_COPY ? draw->copy.image : NULL;

    return image != NULL && image->type == SPICE_IMAGE_TYPE_BITMAP &&
                   image->bitmap.data.size >= MIN_AHEAD_BYTES
               ? SPICE_CONTAINEROF(image, struct guest_image, image)
               : NULL;
}

static enum image_method method_of(const struct display_encoder *encoder,
                                   struct guest_image *picture, const struct image_policy *policy)
{
    struct codec_source source = guest_image_source(picture);

    return encoded_image_method(
        &picture->encoded, compressor_choose(&encoder->compressor, policy, &source, true), &source);
}

const struct draw *display_encode_parts(struct display_encoder *encoder, struct drawable *drawable,
                                        const struct image_policy *policy, unsigned *count)
{
    struct guest_image *picture = encoder->pool != NULL ? picture_of(&drawable->draw) : NULL;
    enum image_method method = picture != NULL ? method_of(encoder, picture, policy) : IMAGE_RAW;

    /* The others lose too much with what they could refer to, or go out one after the other. */
    *count = method == IMAGE_QUIC || method == IMAGE_LZ4 ? drawable_cut(drawable) : 0;
    if (*count > 0)
        return drawable->bands;
    *count = 1;
    return &drawable->draw;
}

void display_encode_ahead(struct display_encoder *encoder, const struct draw *draw,
                          const struct image_policy *policy)
{
    struct guest_image *picture = encoder->pool != NULL ? picture_of(draw) : NULL;
    struct codec_source source;
    enum image_method method;

    if (picture == NULL || picture->job != NULL)
        return;
    method = method_of(encoder, picture, policy);
    if (method == IMAGE_RAW || method == IMAGE_GLZ || method == picture->encoded.method ||
        (policy->cache != NULL && image_cache_has(policy->cache, guest_image_key(picture))))
        return;
    source = guest_image_source(picture);
    picture->job = encode_pool_start(encoder->pool, method, &source);
}

bool display_encode_is_idle(const struct display_encoder *encoder)
{
    return encoder->pool != NULL && encode_pool_waiting(encoder->pool) < ENOUGH_WAITING;
}
