/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/replay_values.h"

#include <spice/enums.h>

#define MAX_CHUNKS 65536

void *replay_own(struct replay_builder *b, void *block)
{
    if (block)
        g_ptr_array_add(b->command->blocks, block);
    return block;
}

void *replay_new_block(struct replay_builder *b, size_t size)
{
    return replay_own(b, g_malloc0(size));
}

uint64_t replay_field(struct replay_builder *b, const char *name)
{
    return replay_read_field(b->in, name);
}

uint32_t replay_surface(struct replay_builder *b, uint32_t recorded)
{
    return b->surfaces->find(b->surfaces->opaque, recorded);
}

QXLRect replay_rect(struct replay_builder *b, const char *name)
{
    QXLRect rect = {0};
    if (replay_read_word(b->in, "rect") && replay_read_word(b->in, name)) {
        rect.top = (int32_t)replay_read_number(b->in);
        rect.left = (int32_t)replay_read_number(b->in);
        rect.bottom = (int32_t)replay_read_number(b->in);
        rect.right = (int32_t)replay_read_number(b->in);
    }
    return rect;
}

QXLPoint replay_point(struct replay_builder *b)
{
    QXLPoint point = {0};
    point.x = (int32_t)replay_field(b, "point");
    point.y = (int32_t)replay_read_number(b->in);
    return point;
}

QXLPoint16 replay_point16(struct replay_builder *b, const char *name)
{
    QXLPoint16 point = {0};
    point.x = (int16_t)replay_field(b, name);
    point.y = (int16_t)replay_read_number(b->in);
    return point;
}

void *replay_data(struct replay_builder *b, const char *name, size_t header, size_t *size)
{
    return replay_own(b, replay_read_binary(b->in, name, header, size));
}

void *replay_chunks(struct replay_builder *b, const char *name, size_t header, size_t *total)
{
    uint64_t extra = replay_field(b, "data_chunks");
    *total = (size_t)replay_read_number(b->in);
    if (extra > MAX_CHUNKS)
        replay_reader_fail(b->in, "%" G_GUINT64_FORMAT " chunks; the limit is %d", extra,
                           MAX_CHUNKS);

    uint8_t *first = NULL;
    QXLDataChunk *previous = NULL;
    size_t sum = 0;
    for (uint64_t i = 0; i <= extra && !replay_reader_failed(b->in); i++) {
        size_t before = i == 0 ? header : 0, size;
        uint8_t *block = replay_data(b, name, before + sizeof(QXLDataChunk), &size);
        if (!block)
            return NULL;
        QXLDataChunk *chunk = (QXLDataChunk *)(block + before);
        chunk->data_size = (uint32_t)size;
        chunk->prev_chunk = replay_address(previous);
        if (previous)
            previous->next_chunk = replay_address(chunk);
        else
            first = block;
        previous = chunk;
        sum += size;
    }
    if (sum != *total)
        replay_reader_fail(b->in, "chunks of %zu bytes where %zu were announced", sum, *total);
    return replay_reader_failed(b->in) ? NULL : first;
}

static QXLPHYSICAL read_palette(struct replay_builder *b)
{
    uint64_t count = replay_field(b, "qp.num_ents");
    if (count > 256)
        replay_reader_fail(b->in, "a palette of %" G_GUINT64_FORMAT " colours; the limit is 256",
                           count);
    if (replay_reader_failed(b->in))
        return 0;
    QXLPalette *palette = replay_new_block(b, sizeof(*palette) + count * sizeof(palette->ents[0]));
    palette->num_ents = (uint16_t)count;
    palette->unique = replay_field(b, "unique");
    for (uint64_t i = 0; i < count; i++)
        palette->ents[i] = (uint32_t)replay_field(b, "ents");
    return replay_address(palette);
}

static void read_bitmap(struct replay_builder *b, QXLBitmap *bitmap)
{
    size_t size;
    bitmap->format = (uint8_t)replay_field(b, "bitmap.format");
    bitmap->flags = (uint8_t)replay_field(b, "bitmap.flags");
    bitmap->x = (uint32_t)replay_field(b, "bitmap.x");
    bitmap->y = (uint32_t)replay_field(b, "bitmap.y");
    bitmap->stride = (uint32_t)replay_field(b, "bitmap.stride");
    if (replay_field(b, "has_palette"))
        bitmap->palette = read_palette(b);
    if (bitmap->flags & QXL_BITMAP_DIRECT)
        bitmap->data = replay_address(replay_data(b, "image_data_flat", 0, &size));
    else
        bitmap->data = replay_address(replay_chunks(b, "bitmap.data", 0, &size));
    /* The worker takes stride * height bytes of direct data for granted. */
    if (!replay_reader_failed(b->in) && size != (uint64_t)bitmap->y * bitmap->stride)
        replay_reader_fail(b->in, "%zu bytes of pixels for %u rows of %u bytes", size, bitmap->y,
                           bitmap->stride);
}

QXLPHYSICAL replay_image(struct replay_builder *b)
{
    if (!replay_field(b, "image") || replay_reader_failed(b->in))
        return 0;
    QXLImageDescriptor head = {0};
    head.id = replay_field(b, "descriptor.id");
    head.type = (uint8_t)replay_field(b, "descriptor.type");
    head.flags = (uint8_t)replay_field(b, "descriptor.flags");
    head.width = (uint32_t)replay_field(b, "descriptor.width");
    head.height = (uint32_t)replay_field(b, "descriptor.height");

    QXLImage *image = NULL;
    size_t size;
    switch (head.type) {
    case SPICE_IMAGE_TYPE_BITMAP:
        image = replay_new_block(b, sizeof(*image));
        read_bitmap(b, &image->bitmap);
        break;
    case SPICE_IMAGE_TYPE_SURFACE:
        image = replay_new_block(b, sizeof(*image));
        image->surface_image.surface_id =
            replay_surface(b, (uint32_t)replay_field(b, "surface_image.surface_id"));
        break;
    case SPICE_IMAGE_TYPE_QUIC: {
        uint32_t announced = (uint32_t)replay_field(b, "quic.data_size");
        image = replay_chunks(b, "quic.data", offsetof(QXLImage, quic.data), &size);
        if (image)
            image->quic.data_size = announced;
        break;
    }
    default:
        replay_reader_fail(b->in, "image type %u cannot be in a recording", head.type);
        break;
    }
    if (!image || replay_reader_failed(b->in))
        return 0;
    image->descriptor = head;
    return replay_address(image);
}

void replay_brush(struct replay_builder *b, QXLBrush *brush)
{
    brush->type = (uint32_t)replay_field(b, "type");
    if (brush->type == SPICE_BRUSH_TYPE_SOLID) {
        brush->u.color = (uint32_t)replay_field(b, "u.color");
    } else if (brush->type == SPICE_BRUSH_TYPE_PATTERN) {
        brush->u.pattern.pat = replay_image(b);
        brush->u.pattern.pos = replay_point(b);
    }
}

void replay_mask(struct replay_builder *b, QXLQMask *mask)
{
    mask->flags = (uint8_t)replay_field(b, "flags");
    mask->pos = replay_point(b);
    mask->bitmap = replay_image(b);
}
