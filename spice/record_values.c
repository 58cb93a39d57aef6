/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/record_values.h"

#include <inttypes.h>
#include <spice/enums.h>

#define MAX_EVENT (256u << 20) /* bytes; more is no drawing but an attack on our memory */

/* The reading side of the format scans with %d: large unsigned values are written as negative. */
void record_field(struct record_writer *r, const char *name, uint32_t value)
{
    g_string_append_printf(r->out, "%s %" PRId32 "\n", name, (int32_t)value);
}

void record_field64(struct record_writer *r, const char *name, uint64_t value)
{
    g_string_append_printf(r->out, "%s %" PRIu64 "\n", name, value);
}

void record_rect(struct record_writer *r, const char *name, const QXLRect *rect)
{
    g_string_append_printf(r->out, "rect %s %d %d %d %d\n", name, rect->top, rect->left,
                           rect->bottom, rect->right);
}

void record_point(struct record_writer *r, const QXLPoint *point)
{
    g_string_append_printf(r->out, "point %d %d\n", point->x, point->y);
}

void record_point16(struct record_writer *r, const char *name, const QXLPoint16 *point)
{
    g_string_append_printf(r->out, "%s %d %d\n", name, point->x, point->y);
}

bool record_end(struct record_writer *r, const char *why)
{
    if (!r->why)
        r->why = why;
    return false;
}

static bool has_room(struct record_writer *r, uint64_t size)
{
    return r->out->len + size <= MAX_EVENT ||
           record_end(r, "a command has more than 256 MiB of data");
}

bool record_read(struct record_writer *r, QXLPHYSICAL address, void *to, size_t size)
{
    return parser_read(&r->memory, address, to, size, "unreadable");
}

bool record_memory(struct record_writer *r, const char *name, QXLPHYSICAL address, uint64_t size)
{
    const void *data = size <= INT32_MAX ? memslots_map(r->memory.memslots, r->memory.group,
                                                        address, (size_t)size, NULL)
                                         : NULL;

    if (!data)
        return parser_fail(&r->memory, "unreadable");
    if (!has_room(r, size))
        return false;
    record_binary(r->out, name, data, (size_t)size);
    return true;
}

bool record_chunks(struct record_writer *r, const char *name, QXLPHYSICAL address)
{
    struct draw_bytes bytes;

    if (!parser_chunks(&r->memory, address, &bytes) || !has_room(r, bytes.size))
        return false;
    g_string_append_printf(r->out, "data_chunks %u %zu\n", MAX(bytes.count, 1) - 1,
                           (size_t)bytes.size);
    for (unsigned i = 0; i < bytes.count; i++)
        record_binary(r->out, name, bytes.pieces[i].iov_base, bytes.pieces[i].iov_len);
    if (bytes.count == 0)
        record_binary(r->out, name, "", 0);
    return true;
}

static bool put_palette(struct record_writer *r, QXLPHYSICAL address)
{
    QXLPalette header;
    uint32_t colors[256];

    if (!record_read(r, address, &header, sizeof(header)))
        return false;
    if (header.num_ents > G_N_ELEMENTS(colors))
        return parser_fail(&r->memory, "too large");
    if (!record_read(r, address + sizeof(header), colors, header.num_ents * sizeof(colors[0])))
        return false;
    record_field(r, "qp.num_ents", header.num_ents);
    record_field64(r, "unique", header.unique);
    for (unsigned i = 0; i < header.num_ents; i++)
        record_field(r, "ents", colors[i]);
    return true;
}

static bool put_bitmap(struct record_writer *r, QXLPHYSICAL address)
{
    QXLBitmap bitmap;

    if (!record_read(r, address + offsetof(QXLImage, bitmap), &bitmap, sizeof(bitmap)))
        return false;
    record_field(r, "bitmap.format", bitmap.format);
    record_field(r, "bitmap.flags", bitmap.flags);
    record_field(r, "bitmap.x", bitmap.x);
    record_field(r, "bitmap.y", bitmap.y);
    record_field(r, "bitmap.stride", bitmap.stride);
    record_field(r, "has_palette", bitmap.palette != 0);
    if (bitmap.palette && !put_palette(r, bitmap.palette))
        return false;
    if (bitmap.flags & QXL_BITMAP_DIRECT)
        return record_memory(r, "image_data_flat", bitmap.data, (uint64_t)bitmap.y * bitmap.stride);
    return record_chunks(r, "bitmap.data", bitmap.data);
}

bool record_image(struct record_writer *r, QXLPHYSICAL address)
{
    QXLImageDescriptor head;
    uint32_t word;

    record_field(r, "image", address != 0);
    if (!address)
        return true;
    if (!record_read(r, address, &head, sizeof(head)))
        return false;
    record_field64(r, "descriptor.id", head.id);
    record_field(r, "descriptor.type", head.type);
    record_field(r, "descriptor.flags", head.flags);
    record_field(r, "descriptor.width", head.width);
    record_field(r, "descriptor.height", head.height);
    switch (head.type) {
    case SPICE_IMAGE_TYPE_BITMAP:
        return put_bitmap(r, address);
    case SPICE_IMAGE_TYPE_SURFACE:
        if (!record_read(r, address + offsetof(QXLImage, surface_image), &word, sizeof(word)))
            return false;
        record_field(r, "surface_image.surface_id", word);
        return true;
    case SPICE_IMAGE_TYPE_QUIC:
        if (!record_read(r, address + offsetof(QXLImage, quic), &word, sizeof(word)))
            return false;
        record_field(r, "quic.data_size", word);
        return record_chunks(r, "quic.data", address + offsetof(QXLImage, quic.data));
    default:
        return record_end(r, "an image has a type that recordings cannot hold");
    }
}

bool record_brush(struct record_writer *r, const QXLBrush *brush)
{
    record_field(r, "type", brush->type);
    if (brush->type == SPICE_BRUSH_TYPE_SOLID) {
        record_field(r, "u.color", brush->u.color);
    } else if (brush->type == SPICE_BRUSH_TYPE_PATTERN) {
        if (!record_image(r, brush->u.pattern.pat))
            return false;
        record_point(r, &brush->u.pattern.pos);
    }
    return true;
}

bool record_mask(struct record_writer *r, const QXLQMask *mask)
{
    record_field(r, "flags", mask->flags);
    record_point(r, &mask->pos);
    return record_image(r, mask->bitmap);
}
