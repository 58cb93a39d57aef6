/*
 * What is known of a bitmap besides its pixels. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/drawable.h"
#include "spice/hash.h"

#include "display/few_colors.h"

const struct image_key *guest_image_key(struct guest_image *guest)
{
    const struct draw_image *image = &guest->image;
    const struct draw_palette *palette = image->bitmap.palette;
    const uint32_t header[] = {image->width,         image->height,          image->bitmap.stride,
                               image->bitmap.format, image->bitmap.top_down, image->flags};
    XXH3_state_t state;
    XXH128_hash_t hash;

    if (guest->has_key)
        return &guest->key;
    XXH3_128bits_reset(&state);
    XXH3_128bits_update(&state, header, sizeof(header));
    if (palette != NULL)
        XXH3_128bits_update(&state, palette->colors, sizeof(palette->colors));
    for (unsigned i = 0; i < image->bitmap.data.count; i++)
        XXH3_128bits_update(&state, image->bitmap.data.pieces[i].iov_base,
                            image->bitmap.data.pieces[i].iov_len);
    hash = XXH3_128bits_digest(&state);
    guest->has_key = true;
    guest->key = (struct image_key){hash.low64, hash.high64};
    return &guest->key;
}

/* Pixels of SIZE bytes for a smaller form of an image of DRAWABLE. */
static struct guest_image *new_form(struct drawable *drawable, const struct draw_image *image,
                                    uint8_t format, uint32_t stride)
{
    struct guest_image *form = arena_alloc0(&drawable->arena, sizeof(*form));
    struct iovec *piece = arena_alloc(&drawable->arena, sizeof(*piece));
    size_t size = (size_t)stride * image->height;

    *piece = (struct iovec){arena_alloc(&drawable->arena, size), size};
    form->image = *image;
    form->image.bitmap.format = format;
    form->image.bitmap.stride = stride;
    form->image.bitmap.data = (struct draw_bytes){.size = size, .count = 1, .pieces = piece};
    form->next = drawable->images;
    drawable->images = form;
    return form;
}

static struct guest_image *make_smaller(struct drawable *drawable, const struct draw_image *image)
{
    const uint8_t *pixels = image->bitmap.data.pieces[0].iov_base;
    struct draw_palette *palette;
    struct guest_image *form;
    struct few_colors few;

    if (!few_colors_find(pixels, image->width, image->height, &few)) {
        form = new_form(drawable, image, SPICE_BITMAP_FMT_24BIT, image->width * 3);
        pack_24bit(pixels, (size_t)image->width * image->height,
                   form->image.bitmap.data.pieces[0].iov_base);
        return form;
    }
    form = new_form(drawable, image, few.format, few.stride);
    palette = arena_alloc0(&drawable->arena, sizeof(*palette));
    palette->count = few.count;
    memcpy(palette->colors, few.colors, few.count * sizeof(few.colors[0]));
    form->image.bitmap.palette = palette;
    few_colors_write(pixels, image->width, image->height, &few,
                     form->image.bitmap.data.pieces[0].iov_base);
    return form;
}

/* Are there whole pixels in each piece, and nothing else? */
static bool is_dense(const struct draw_image *image)
{
    const struct draw_bytes *data = &image->bitmap.data;
    size_t size = (size_t)image->width * 4 * image->height;

    if (image->bitmap.stride != image->width * 4 || data->size != size)
        return false;
    for (unsigned i = 0; i < data->count; i++) {
        if (data->pieces[i].iov_len % 4 != 0 || data->pieces[i].iov_len > size)
            return false;
        size -= data->pieces[i].iov_len;
    }
    return size == 0;
}

/* The guest may change its pixels, so they are read once: nobody looks for how many colours. */
static struct guest_image *make_packed(struct drawable *drawable, const struct draw_image *image)
{
    struct guest_image *form = new_form(drawable, image, SPICE_BITMAP_FMT_24BIT, image->width * 3);
    uint8_t *to = form->image.bitmap.data.pieces[0].iov_base;

    for (unsigned i = 0; i < image->bitmap.data.count; i++) {
        const struct iovec *piece = &image->bitmap.data.pieces[i];

        pack_24bit(piece->iov_base, piece->iov_len / 4, to);
        to += piece->iov_len / 4 * 3;
    }
    return form;
}

struct guest_image *guest_image_smaller(struct guest_image *guest, struct drawable *drawable)
{
    if (guest->smaller == NULL) {
        if (guest->is_private)
            guest->smaller = make_smaller(drawable, &guest->image);
        else if (guest->no_alpha && is_dense(&guest->image))
            guest->smaller = make_packed(drawable, &guest->image);
        else
            guest->smaller = guest;
    }
    return guest->smaller;
}
