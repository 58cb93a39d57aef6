/*
 * Large pictures in parts. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/drawable.h"

#include <spice/macros.h>
#include <spice/protocol.h>

/*
 * A part has that many pixels at least: QUIC, which learns much from its first twenty thousand, is
 * slow there, as are clients.
 */
#define MIN_BAND_PIXELS (256 * 1024)
#define MAX_BANDS       16

static bool can_be_cut(const struct draw *draw)
{
    const struct draw_image *image = draw->copy.image;
    const draw_rect *area = &draw->copy.area, *box = &draw->box;

    return draw->type == QXL_DRAW_COPY && draw->copy.rop == SPICE_ROPD_OP_PUT &&
           draw->copy.mask.image == NULL && image->type == SPICE_IMAGE_TYPE_BITMAP &&
           area->x2 - area->x1 == box->x2 - box->x1 && area->y2 - area->y1 == box->y2 - box->y1 &&
           area->x1 >= 0 && area->y1 >= 0 && (uint32_t)area->x2 <= image->width &&
           (uint32_t)area->y2 <= image->height &&
           (uint64_t)image->bitmap.stride * image->height <= image->bitmap.data.size;
}

/* SIZE bytes of WHOLE from START on. */
static struct draw_bytes part_of(struct arena *arena, const struct draw_bytes *whole, size_t start,
                                 size_t size)
{
    struct draw_bytes part = {.size = size};
    unsigned first = 0, last;
    size_t end;

    while (start >= whole->pieces[first].iov_len)
        start -= whole->pieces[first++].iov_len;
    end = start + size;
    for (last = first; end > whole->pieces[last].iov_len; last++)
        end -= whole->pieces[last].iov_len;
    part.count = last - first + 1;
    part.pieces = arena_alloc(arena, part.count * sizeof(*part.pieces));
    memcpy(part.pieces, whole->pieces + first, part.count * sizeof(*part.pieces));
    part.pieces[part.count - 1].iov_len = end;
    part.pieces[0].iov_base = (uint8_t *)part.pieces[0].iov_base + start;
    part.pieces[0].iov_len -= start;
    return part;
}

/* Rows FIRST to END of a picture of DRAWABLE. */
static struct draw_image *cut_image(struct drawable *drawable, struct draw_image *image,
                                    uint32_t first, uint32_t end)
{
    const struct guest_image *guest = SPICE_CONTAINEROF(image, struct guest_image, image);
    struct guest_image *part = arena_alloc0(&drawable->arena, sizeof(*part));
    uint32_t in_memory = image->bitmap.top_down ? first : image->height - end;

    part->image = *image;
    part->image.id = QXL_IMAGE_GROUP_RED; /* qxl-device.md section 8.8 */
    part->image.height = end - first;
    part->image.bitmap.data =
        part_of(&drawable->arena, &image->bitmap.data, (size_t)image->bitmap.stride * in_memory,
                (size_t)image->bitmap.stride * (end - first));
    part->no_alpha = guest->no_alpha;
    part->whole = (int64_t)image->width * image->height;
    part->next = drawable->images;
    drawable->images = part;
    return &part->image;
}

unsigned drawable_cut(struct drawable *drawable)
{
    const struct draw *draw = &drawable->draw;
    int height = draw->box.y2 - draw->box.y1, rows;
    int64_t bands = (int64_t)(draw->box.x2 - draw->box.x1) * height / MIN_BAND_PIXELS;

    if (bands < 2 || drawable->band_count > 0 || !can_be_cut(draw))
        return drawable->band_count;
    bands = MIN(bands, MIN(height, MAX_BANDS));
    rows = (int)((height + bands - 1) / bands);
    drawable->band_count = (height + rows - 1) / rows;
    drawable->bands = arena_alloc(&drawable->arena, drawable->band_count * sizeof(struct draw));
    for (unsigned i = 0; i < drawable->band_count; i++) {
        struct draw *band = &drawable->bands[i];
        int first = (int)i * rows, end = MIN(first + rows, height);

        *band = *draw;
        band->box.y1 = draw->box.y1 + first;
        band->box.y2 = draw->box.y1 + end;
        band->copy.image = cut_image(drawable, draw->copy.image, draw->copy.area.y1 + first,
                                     draw->copy.area.y1 + end);
        band->copy.area.y1 = 0;
        band->copy.area.y2 = end - first;
    }
    return drawable->band_count;
}
