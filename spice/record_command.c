/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/record_command.h"

#include "spice/parse_memory.h"

#include <inttypes.h>
#include <spice/enums.h>
#include <spice/qxl_dev.h>
#include <string.h>

#define MAX_EVENT (256u << 20) /* bytes; more is no drawing but an attack on our memory */

struct record {
    GString *out;
    struct parser memory; /* .wrong: what is not readable */
    struct drawable scratch;
    const char *why; /* RECORD_END */
};

/* The reading side of the format scans with %d: large unsigned values are written as negative. */
static void put_field(struct record *r, const char *name, uint32_t value)
{
    g_string_append_printf(r->out, "%s %" PRId32 "\n", name, (int32_t)value);
}

static void put_field64(struct record *r, const char *name, uint64_t value)
{
    g_string_append_printf(r->out, "%s %" PRIu64 "\n", name, value);
}

static void put_rect(struct record *r, const char *name, const QXLRect *rect)
{
    g_string_append_printf(r->out, "rect %s %d %d %d %d\n", name, rect->top, rect->left,
                           rect->bottom, rect->right);
}

static void put_point(struct record *r, const QXLPoint *point)
{
    g_string_append_printf(r->out, "point %d %d\n", point->x, point->y);
}

static void put_point16(struct record *r, const char *name, const QXLPoint16 *point)
{
    g_string_append_printf(r->out, "%s %d %d\n", name, point->x, point->y);
}

static void put_binary_head(GString *out, const char *name, size_t size)
{
    g_string_append_printf(out, "binary 0 %s %zu:", name, size);
}

void record_binary(GString *out, const char *name, const void *data, size_t size)
{
    put_binary_head(out, name, size);
    g_string_append_len(out, data, (gssize)size);
    g_string_append_c(out, '\n');
}

static bool end_recording(struct record *r, const char *why)
{
    if (!r->why)
        r->why = why;
    return false;
}

static bool has_room(struct record *r, uint64_t size)
{
    return r->out->len + size <= MAX_EVENT ||
           end_recording(r, "a command has more than 256 MiB of data");
}

static bool get(struct record *r, QXLPHYSICAL address, void *to, size_t size)
{
    return parser_read(&r->memory, address, to, size, "unreadable");
}

/* SIZE bytes at ADDRESS. */
static bool put_memory(struct record *r, const char *name, QXLPHYSICAL address, uint64_t size)
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

static bool put_chunks(struct record *r, const char *name, QXLPHYSICAL address)
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

static bool put_palette(struct record *r, QXLPHYSICAL address)
{
    QXLPalette header;
    uint32_t colors[256];

    if (!get(r, address, &header, sizeof(header)))
        return false;
    if (header.num_ents > G_N_ELEMENTS(colors))
        return parser_fail(&r->memory, "too large");
    if (!get(r, address + sizeof(header), colors, header.num_ents * sizeof(colors[0])))
        return false;
    put_field(r, "qp.num_ents", header.num_ents);
    put_field64(r, "unique", header.unique);
    for (unsigned i = 0; i < header.num_ents; i++)
        put_field(r, "ents", colors[i]);
    return true;
}

static bool put_bitmap(struct record *r, QXLPHYSICAL address)
{
    QXLBitmap bitmap;

    if (!get(r, address + offsetof(QXLImage, bitmap), &bitmap, sizeof(bitmap)))
        return false;
    put_field(r, "bitmap.format", bitmap.format);
    put_field(r, "bitmap.flags", bitmap.flags);
    put_field(r, "bitmap.x", bitmap.x);
    put_field(r, "bitmap.y", bitmap.y);
    put_field(r, "bitmap.stride", bitmap.stride);
    put_field(r, "has_palette", bitmap.palette != 0);
    if (bitmap.palette && !put_palette(r, bitmap.palette))
        return false;
    if (bitmap.flags & QXL_BITMAP_DIRECT)
        return put_memory(r, "image_data_flat", bitmap.data, (uint64_t)bitmap.y * bitmap.stride);
    return put_chunks(r, "bitmap.data", bitmap.data);
}

static bool put_image(struct record *r, QXLPHYSICAL address)
{
    QXLImageDescriptor head;
    uint32_t word;

    put_field(r, "image", address != 0);
    if (!address)
        return true;
    if (!get(r, address, &head, sizeof(head)))
        return false;
    put_field64(r, "descriptor.id", head.id);
    put_field(r, "descriptor.type", head.type);
    put_field(r, "descriptor.flags", head.flags);
    put_field(r, "descriptor.width", head.width);
    put_field(r, "descriptor.height", head.height);
    switch (head.type) {
    case SPICE_IMAGE_TYPE_BITMAP:
        return put_bitmap(r, address);
    case SPICE_IMAGE_TYPE_SURFACE:
        if (!get(r, address + offsetof(QXLImage, surface_image), &word, sizeof(word)))
            return false;
        put_field(r, "surface_image.surface_id", word);
        return true;
    case SPICE_IMAGE_TYPE_QUIC:
        if (!get(r, address + offsetof(QXLImage, quic), &word, sizeof(word)))
            return false;
        put_field(r, "quic.data_size", word);
        return put_chunks(r, "quic.data", address + offsetof(QXLImage, quic.data));
    default:
        return end_recording(r, "an image has a type that recordings cannot hold");
    }
}

static bool put_brush(struct record *r, const QXLBrush *brush)
{
    put_field(r, "type", brush->type);
    if (brush->type == SPICE_BRUSH_TYPE_SOLID) {
        put_field(r, "u.color", brush->u.color);
    } else if (brush->type == SPICE_BRUSH_TYPE_PATTERN) {
        if (!put_image(r, brush->u.pattern.pat))
            return false;
        put_point(r, &brush->u.pattern.pos);
    }
    return true;
}

static bool put_mask(struct record *r, const QXLQMask *mask)
{
    put_field(r, "flags", mask->flags);
    put_point(r, &mask->pos);
    return put_image(r, mask->bitmap);
}

static bool put_fill(struct record *r, const QXLFill *fill)
{
    if (!put_brush(r, &fill->brush))
        return false;
    put_field(r, "rop_descriptor", fill->rop_descriptor);
    return put_mask(r, &fill->mask);
}

static bool put_copy(struct record *r, const QXLCopy *copy)
{
    if (!put_image(r, copy->src_bitmap))
        return false;
    put_rect(r, "src_area", &copy->src_area);
    put_field(r, "rop_descriptor", copy->rop_descriptor);
    put_field(r, "scale_mode", copy->scale_mode);
    return put_mask(r, &copy->mask);
}

static bool put_opaque(struct record *r, const QXLOpaque *opaque)
{
    if (!put_image(r, opaque->src_bitmap))
        return false;
    put_rect(r, "src_area", &opaque->src_area);
    if (!put_brush(r, &opaque->brush))
        return false;
    put_field(r, "rop_descriptor", opaque->rop_descriptor);
    put_field(r, "scale_mode", opaque->scale_mode);
    return put_mask(r, &opaque->mask);
}

static bool put_rop3(struct record *r, const QXLRop3 *rop3)
{
    if (!put_image(r, rop3->src_bitmap))
        return false;
    put_rect(r, "src_area", &rop3->src_area);
    if (!put_brush(r, &rop3->brush))
        return false;
    put_field(r, "rop3", rop3->rop3);
    put_field(r, "scale_mode", rop3->scale_mode);
    return put_mask(r, &rop3->mask);
}

static bool put_stroke(struct record *r, const QXLStroke *stroke)
{
    if (!put_chunks(r, "path", stroke->path + offsetof(QXLPath, chunk)))
        return false;
    put_field(r, "attr.flags", stroke->attr.flags);
    if (stroke->attr.flags & SPICE_LINE_FLAGS_STYLED) {
        size_t size = stroke->attr.style ? stroke->attr.style_nseg * sizeof(QXLFIXED) : 0;

        put_field(r, "attr.style_nseg", (uint32_t)(size / sizeof(QXLFIXED)));
        if (!size)
            record_binary(r->out, "style", "", 0);
        else if (!put_memory(r, "style", stroke->attr.style, size))
            return false;
    }
    if (!put_brush(r, &stroke->brush))
        return false;
    put_field(r, "fore_mode", stroke->fore_mode);
    put_field(r, "back_mode", stroke->back_mode);
    return true;
}

static bool put_text(struct record *r, const QXLText *text)
{
    QXLString header;

    if (!get(r, text->str, &header, sizeof(header)))
        return false;
    put_field(r, "data_size", header.data_size);
    put_field(r, "length", header.length);
    put_field(r, "flags", header.flags);
    if (!put_chunks(r, "string", text->str + offsetof(QXLString, chunk)))
        return false;
    put_rect(r, "back_area", &text->back_area);
    if (!put_brush(r, &text->fore_brush) || !put_brush(r, &text->back_brush))
        return false;
    put_field(r, "fore_mode", text->fore_mode);
    put_field(r, "back_mode", text->back_mode);
    return true;
}

static bool put_transparent(struct record *r, const QXLTransparent *transparent)
{
    if (!put_image(r, transparent->src_bitmap))
        return false;
    put_rect(r, "src_area", &transparent->src_area);
    put_field(r, "src_color", transparent->src_color);
    put_field(r, "true_color", transparent->true_color);
    return true;
}

static bool put_alpha_blend(struct record *r, const QXLAlphaBlend *blend)
{
    put_field(r, "alpha_flags", blend->alpha_flags);
    put_field(r, "alpha", blend->alpha);
    if (!put_image(r, blend->src_bitmap))
        return false;
    put_rect(r, "src_area", &blend->src_area);
    return true;
}

static bool put_transform(struct record *r, const char *name, QXLPHYSICAL address)
{
    put_field(r, name, address != 0);
    return !address || put_memory(r, "transform", address, sizeof(QXLTransform));
}

static bool put_composite(struct record *r, const QXLComposite *composite)
{
    put_field(r, "flags", composite->flags);
    if (!put_image(r, composite->src) ||
        !put_transform(r, "src_transform", composite->src_transform))
        return false;
    put_field(r, "mask", composite->mask != 0);
    if ((composite->mask && !put_image(r, composite->mask)) ||
        !put_transform(r, "mask_transform", composite->mask_transform))
        return false;
    put_point16(r, "src_origin", &composite->src_origin);
    put_point16(r, "mask_origin", &composite->mask_origin);
    return true;
}

static bool put_body(struct record *r, const QXLDrawable *draw)
{
    switch (draw->type) {
    case QXL_DRAW_NOP:
        return true;
    case QXL_DRAW_FILL:
        return put_fill(r, &draw->u.fill);
    case QXL_DRAW_OPAQUE:
        return put_opaque(r, &draw->u.opaque);
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
        return put_copy(r, &draw->u.copy);
    case QXL_COPY_BITS:
        put_point(r, &draw->u.copy_bits.src_pos);
        return true;
    case QXL_DRAW_BLACKNESS:
    case QXL_DRAW_WHITENESS:
    case QXL_DRAW_INVERS:
        return put_mask(r, &draw->u.blackness.mask);
    case QXL_DRAW_ROP3:
        return put_rop3(r, &draw->u.rop3);
    case QXL_DRAW_STROKE:
        return put_stroke(r, &draw->u.stroke);
    case QXL_DRAW_TEXT:
        return put_text(r, &draw->u.text);
    case QXL_DRAW_TRANSPARENT:
        return put_transparent(r, &draw->u.transparent);
    case QXL_DRAW_ALPHA_BLEND:
        return put_alpha_blend(r, &draw->u.alpha_blend);
    case QXL_DRAW_COMPOSITE:
        return put_composite(r, &draw->u.composite);
    default:
        return parser_fail(&r->memory, "unknown");
    }
}

static bool put_clip(struct record *r, const QXLClip *clip)
{
    uint32_t count;

    put_field(r, "type", clip->type);
    if (clip->type != SPICE_CLIP_TYPE_RECTS)
        return true;
    if (!get(r, clip->data, &count, sizeof(count)))
        return false;
    put_field(r, "num_rects", count);
    return put_chunks(r, "clip_rects", clip->data + offsetof(QXLClipRects, chunk));
}

static bool put_draw(struct record *r, const QXLCommandExt *command)
{
    QXLDrawable draw;

    if (command->flags & QXL_COMMAND_FLAG_COMPAT)
        return end_recording(r, "commands of old drivers (compat mode) cannot be told apart");
    if (!get(r, command->cmd.data, &draw, sizeof(draw)))
        return false;
    g_string_append(r->out, "drawable\n");
    put_rect(r, "bbox", &draw.bbox);
    if (!put_clip(r, &draw.clip))
        return false;
    put_field(r, "effect", draw.effect);
    put_field(r, "mm_time", draw.mm_time);
    put_field(r, "self_bitmap", draw.self_bitmap);
    put_rect(r, "self_bitmap_area", &draw.self_bitmap_area);
    put_field(r, "surface_id", draw.surface_id);
    for (unsigned i = 0; i < G_N_ELEMENTS(draw.surfaces_dest); i++) {
        put_field(r, "surfaces_dest", (uint32_t)draw.surfaces_dest[i]);
        put_rect(r, "surfaces_rects", &draw.surfaces_rects[i]);
    }
    put_field(r, "type", draw.type);
    return put_body(r, &draw);
}

static bool put_update(struct record *r, const QXLCommandExt *command)
{
    QXLUpdateCmd update;

    if (!get(r, command->cmd.data, &update, sizeof(update)))
        return false;
    g_string_append(r->out, "update\n");
    put_rect(r, "area", &update.area);
    put_field(r, "update_id", update.update_id);
    put_field(r, "surface_id", update.surface_id);
    return true;
}

static bool put_message(struct record *r, const QXLCommandExt *command)
{
    struct guest_resource resource = {0};
    g_autofree char *text = NULL;

    if (parse_message(r->memory.memslots, command, &resource, &text))
        return parser_fail(&r->memory, "unreadable");
    /* With its end: who reads it may look for that. */
    record_binary(r->out, "message", text, strlen(text) + 1);
    return true;
}

static bool put_surface(struct record *r, const QXLCommandExt *command)
{
    QXLSurfaceCmd surface;
    const QXLSurface *create = &surface.u.surface_create;
    const char *wrong;

    if (!get(r, command->cmd.data, &surface, sizeof(surface)))
        return false;
    if (surface.type != QXL_SURFACE_CMD_CREATE && surface.type != QXL_SURFACE_CMD_DESTROY)
        return parser_fail(&r->memory, "unknown");
    g_string_append(r->out, "surface_cmd\n");
    put_field(r, "surface_id", surface.surface_id);
    put_field(r, "type", surface.type);
    put_field(r, "flags", surface.flags);
    if (surface.type == QXL_SURFACE_CMD_DESTROY)
        return true;
    put_field(r, "u.surface_create.format", create->format);
    put_field(r, "u.surface_create.width", create->width);
    put_field(r, "u.surface_create.height", create->height);
    put_field(r, "u.surface_create.stride", (uint32_t)create->stride);
    if (!parse_surface_memory(r->memory.memslots, r->memory.group, create->width, create->height,
                              create->stride, create->format, create->data, &wrong))
        return parser_fail(&r->memory, wrong);
    if (!(surface.flags & QXL_SURF_FLAG_KEEP_DATA))
        return true;
    uint64_t pitch = (uint64_t)ABS((int64_t)create->stride);
    return put_memory(r, "data", create->data, pitch * create->height);
}

static bool put_cursor_shape(struct record *r, const QXLCursorCmd *cursor)
{
    QXLCursor shape;

    if (!get(r, cursor->u.set.shape, &shape, sizeof(shape)))
        return false;
    put_point16(r, "point16", &cursor->u.set.position);
    put_field(r, "u.set.visible", cursor->u.set.visible);
    put_field64(r, "header.unique", shape.header.unique);
    put_field(r, "header.type", shape.header.type);
    put_field(r, "header.width", shape.header.width);
    put_field(r, "header.height", shape.header.height);
    put_field(r, "header.hot_spot_x", shape.header.hot_spot_x);
    put_field(r, "header.hot_spot_y", shape.header.hot_spot_y);
    put_field(r, "data_size", shape.data_size);
    return put_chunks(r, "cursor", cursor->u.set.shape + offsetof(QXLCursor, chunk));
}

static bool put_cursor(struct record *r, const QXLCommandExt *command)
{
    QXLCursorCmd cursor;

    if (!get(r, command->cmd.data, &cursor, sizeof(cursor)))
        return false;
    g_string_append(r->out, "cursor_cmd\n");
    put_field(r, "type", cursor.type);
    switch (cursor.type) {
    case QXL_CURSOR_SET:
        return put_cursor_shape(r, &cursor);
    case QXL_CURSOR_MOVE:
        put_point16(r, "point16", &cursor.u.position);
        return true;
    case QXL_CURSOR_TRAIL:
        put_field(r, "u.trail.length", cursor.u.trail.length);
        put_field(r, "u.trail.frequency", cursor.u.trail.frequency);
        return true;
    case QXL_CURSOR_HIDE:
        return true;
    default:
        return parser_fail(&r->memory, "unknown");
    }
}

static bool put_command(struct record *r, const QXLCommandExt *command)
{
    switch (command->cmd.type) {
    case QXL_CMD_DRAW:
        return put_draw(r, command);
    case QXL_CMD_UPDATE:
        return put_update(r, command);
    case QXL_CMD_MESSAGE:
        return put_message(r, command);
    case QXL_CMD_SURFACE:
        return put_surface(r, command);
    case QXL_CMD_CURSOR:
        return put_cursor(r, command);
    default:
        return parser_fail(&r->memory, "unknown");
    }
}

enum record_result record_command(GString *out, const struct memslots *memslots,
                                  const QXLCommandExt *command, const char **why)
{
    struct record r = {.out = out, .memory = {.memslots = memslots, .group = command->group_id}};

    r.memory.drawable = &r.scratch;
    arena_init(&r.scratch.arena, r.scratch.memory, sizeof(r.scratch.memory));
    bool good = put_command(&r, command);
    arena_finish(&r.scratch.arena);
    *why = r.why;
    return good ? RECORD_DONE : (r.why ? RECORD_END : RECORD_SKIP);
}
