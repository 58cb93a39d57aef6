/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/replay_command.h"

#include <spice/enums.h>
#include <spice/qxl_dev.h>
#include <string.h>

#define MAX_CHUNKS 65536

/* What is being read: where from, and the command that owns what is made. */
struct build {
    struct replay_reader *in;
    struct replay_command *command;
    const struct replay_surfaces *surfaces;
};

static QXLPHYSICAL address(const void *host)
{
    return (QXLPHYSICAL)(uintptr_t)host;
}

static void *own(struct build *b, void *block)
{
    if (block)
        g_ptr_array_add(b->command->blocks, block);
    return block;
}

static void *new_block(struct build *b, size_t size)
{
    return own(b, g_malloc0(size));
}

static uint64_t field(struct build *b, const char *name)
{
    return replay_read_field(b->in, name);
}

static QXLRect read_rect(struct build *b, const char *name)
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

static QXLPoint read_point(struct build *b)
{
    QXLPoint point = {0};
    point.x = (int32_t)field(b, "point");
    point.y = (int32_t)replay_read_number(b->in);
    return point;
}

static QXLPoint16 read_point16(struct build *b, const char *name)
{
    QXLPoint16 point = {0};
    point.x = (int16_t)field(b, name);
    point.y = (int16_t)replay_read_number(b->in);
    return point;
}

/* A piece with HEADER bytes before it, owned by the command. */
static void *read_binary(struct build *b, const char *name, size_t header, size_t *size)
{
    return own(b, replay_read_binary(b->in, name, header, size));
}

/*
 * A chunk chain whose first chunk lies HEADER bytes into the returned block, as in the structures
 * that embed it. *TOTAL is the payload's size.
 */
static void *read_chunks(struct build *b, const char *name, size_t header, size_t *total)
{
    uint64_t extra = field(b, "data_chunks");
    *total = (size_t)replay_read_number(b->in);
    if (extra > MAX_CHUNKS)
        replay_reader_fail(b->in, "%" G_GUINT64_FORMAT " chunks; the limit is %d", extra,
                           MAX_CHUNKS);

    uint8_t *first = NULL;
    QXLDataChunk *previous = NULL;
    size_t sum = 0;
    for (uint64_t i = 0; i <= extra && !replay_reader_failed(b->in); i++) {
        size_t before = i == 0 ? header : 0, size;
        uint8_t *block = read_binary(b, name, before + sizeof(QXLDataChunk), &size);
        if (!block)
            return NULL;
        QXLDataChunk *chunk = (QXLDataChunk *)(block + before);
        chunk->data_size = (uint32_t)size;
        chunk->prev_chunk = address(previous);
        if (previous)
            previous->next_chunk = address(chunk);
        else
            first = block;
        previous = chunk;
        sum += size;
    }
    if (sum != *total)
        replay_reader_fail(b->in, "chunks of %zu bytes where %zu were announced", sum, *total);
    return replay_reader_failed(b->in) ? NULL : first;
}

static QXLPHYSICAL read_palette(struct build *b)
{
    uint64_t count = field(b, "qp.num_ents");
    if (count > 256)
        replay_reader_fail(b->in, "a palette of %" G_GUINT64_FORMAT " colours; the limit is 256",
                           count);
    if (replay_reader_failed(b->in))
        return 0;
    QXLPalette *palette = new_block(b, sizeof(*palette) + count * sizeof(palette->ents[0]));
    palette->num_ents = (uint16_t)count;
    palette->unique = field(b, "unique");
    for (uint64_t i = 0; i < count; i++)
        palette->ents[i] = (uint32_t)field(b, "ents");
    return address(palette);
}

static void read_bitmap(struct build *b, QXLBitmap *bitmap)
{
    size_t size;
    bitmap->format = (uint8_t)field(b, "bitmap.format");
    bitmap->flags = (uint8_t)field(b, "bitmap.flags");
    bitmap->x = (uint32_t)field(b, "bitmap.x");
    bitmap->y = (uint32_t)field(b, "bitmap.y");
    bitmap->stride = (uint32_t)field(b, "bitmap.stride");
    if (field(b, "has_palette"))
        bitmap->palette = read_palette(b);
    if (bitmap->flags & QXL_BITMAP_DIRECT)
        bitmap->data = address(read_binary(b, "image_data_flat", 0, &size));
    else
        bitmap->data = address(read_chunks(b, "bitmap.data", 0, &size));
    /* The worker takes stride * height bytes of direct data for granted. */
    if (!replay_reader_failed(b->in) && size != (uint64_t)bitmap->y * bitmap->stride)
        replay_reader_fail(b->in, "%zu bytes of pixels for %u rows of %u bytes", size, bitmap->y,
                           bitmap->stride);
}

static QXLPHYSICAL read_image(struct build *b)
{
    if (!field(b, "image") || replay_reader_failed(b->in))
        return 0;
    QXLImageDescriptor head = {0};
    head.id = field(b, "descriptor.id");
    head.type = (uint8_t)field(b, "descriptor.type");
    head.flags = (uint8_t)field(b, "descriptor.flags");
    head.width = (uint32_t)field(b, "descriptor.width");
    head.height = (uint32_t)field(b, "descriptor.height");

    QXLImage *image = NULL;
    size_t size;
    switch (head.type) {
    case SPICE_IMAGE_TYPE_BITMAP:
        image = new_block(b, sizeof(*image));
        read_bitmap(b, &image->bitmap);
        break;
    case SPICE_IMAGE_TYPE_SURFACE:
        image = new_block(b, sizeof(*image));
        image->surface_image.surface_id =
            b->surfaces->find(b->surfaces->opaque, (uint32_t)field(b, "surface_image.surface_id"));
        break;
    case SPICE_IMAGE_TYPE_QUIC: {
        uint32_t announced = (uint32_t)field(b, "quic.data_size");
        image = read_chunks(b, "quic.data", offsetof(QXLImage, quic.data), &size);
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
    return address(image);
}

static void read_brush(struct build *b, QXLBrush *brush)
{
    brush->type = (uint32_t)field(b, "type");
    if (brush->type == SPICE_BRUSH_TYPE_SOLID) {
        brush->u.color = (uint32_t)field(b, "u.color");
    } else if (brush->type == SPICE_BRUSH_TYPE_PATTERN) {
        brush->u.pattern.pat = read_image(b);
        brush->u.pattern.pos = read_point(b);
    }
}

static void read_mask(struct build *b, QXLQMask *mask)
{
    mask->flags = (uint8_t)field(b, "flags");
    mask->pos = read_point(b);
    mask->bitmap = read_image(b);
}

static void read_copy(struct build *b, QXLCopy *copy)
{
    copy->src_bitmap = read_image(b);
    copy->src_area = read_rect(b, "src_area");
    copy->rop_descriptor = (uint16_t)field(b, "rop_descriptor");
    copy->scale_mode = (uint8_t)field(b, "scale_mode");
    read_mask(b, &copy->mask);
}

static void read_opaque(struct build *b, QXLOpaque *opaque)
{
    opaque->src_bitmap = read_image(b);
    opaque->src_area = read_rect(b, "src_area");
    read_brush(b, &opaque->brush);
    opaque->rop_descriptor = (uint16_t)field(b, "rop_descriptor");
    opaque->scale_mode = (uint8_t)field(b, "scale_mode");
    read_mask(b, &opaque->mask);
}

static void read_rop3(struct build *b, QXLRop3 *rop3)
{
    rop3->src_bitmap = read_image(b);
    rop3->src_area = read_rect(b, "src_area");
    read_brush(b, &rop3->brush);
    rop3->rop3 = (uint8_t)field(b, "rop3");
    rop3->scale_mode = (uint8_t)field(b, "scale_mode");
    read_mask(b, &rop3->mask);
}

static void read_stroke(struct build *b, QXLStroke *stroke)
{
    size_t size;
    QXLPath *path = read_chunks(b, "path", offsetof(QXLPath, chunk), &size);
    if (path)
        path->data_size = (uint32_t)size;
    stroke->path = address(path);
    stroke->attr.flags = (uint8_t)field(b, "attr.flags");
    if (stroke->attr.flags & SPICE_LINE_FLAGS_STYLED) {
        stroke->attr.style_nseg = (uint8_t)field(b, "attr.style_nseg");
        stroke->attr.style = address(read_binary(b, "style", 0, &size));
        if (!replay_reader_failed(b->in) && size != stroke->attr.style_nseg * sizeof(QXLFIXED))
            replay_reader_fail(b->in, "%zu bytes for %u dashes", size, stroke->attr.style_nseg);
    }
    read_brush(b, &stroke->brush);
    stroke->fore_mode = (uint16_t)field(b, "fore_mode");
    stroke->back_mode = (uint16_t)field(b, "back_mode");
}

static void read_text(struct build *b, QXLText *text)
{
    size_t size;
    uint32_t data_size = (uint32_t)field(b, "data_size");
    uint16_t length = (uint16_t)field(b, "length");
    uint16_t flags = (uint16_t)field(b, "flags");
    QXLString *string = read_chunks(b, "string", offsetof(QXLString, chunk), &size);
    if (string) {
        string->data_size = data_size;
        string->length = length;
        string->flags = flags;
    }
    text->str = address(string);
    text->back_area = read_rect(b, "back_area");
    read_brush(b, &text->fore_brush);
    read_brush(b, &text->back_brush);
    text->fore_mode = (uint16_t)field(b, "fore_mode");
    text->back_mode = (uint16_t)field(b, "back_mode");
}

static QXLPHYSICAL read_transform(struct build *b, const char *present)
{
    size_t size;
    if (!field(b, present))
        return 0;
    void *transform = read_binary(b, "transform", 0, &size);
    if (transform && size != sizeof(QXLTransform))
        replay_reader_fail(b->in, "a transform of %zu bytes instead of %zu", size,
                           sizeof(QXLTransform));
    return address(transform);
}

static void read_composite(struct build *b, QXLComposite *composite)
{
    composite->flags = (uint32_t)field(b, "flags");
    composite->src = read_image(b);
    composite->src_transform = read_transform(b, "src_transform");
    if (field(b, "mask"))
        composite->mask = read_image(b);
    composite->mask_transform = read_transform(b, "mask_transform");
    composite->src_origin = read_point16(b, "src_origin");
    composite->mask_origin = read_point16(b, "mask_origin");
}

static void read_transparent(struct build *b, QXLTransparent *transparent)
{
    transparent->src_bitmap = read_image(b);
    transparent->src_area = read_rect(b, "src_area");
    transparent->src_color = (uint32_t)field(b, "src_color");
    transparent->true_color = (uint32_t)field(b, "true_color");
}

static void read_alpha_blend(struct build *b, QXLAlphaBlend *blend)
{
    blend->alpha_flags = (uint16_t)field(b, "alpha_flags");
    blend->alpha = (uint8_t)field(b, "alpha");
    blend->src_bitmap = read_image(b);
    blend->src_area = read_rect(b, "src_area");
}

static void read_body(struct build *b, QXLDrawable *drawable)
{
    switch (drawable->type) {
    case QXL_DRAW_NOP:
        break;
    case QXL_DRAW_FILL:
        read_brush(b, &drawable->u.fill.brush);
        drawable->u.fill.rop_descriptor = (uint16_t)field(b, "rop_descriptor");
        read_mask(b, &drawable->u.fill.mask);
        break;
    case QXL_DRAW_OPAQUE:
        read_opaque(b, &drawable->u.opaque);
        break;
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
        read_copy(b, &drawable->u.copy);
        break;
    case QXL_COPY_BITS:
        drawable->u.copy_bits.src_pos = read_point(b);
        break;
    case QXL_DRAW_BLACKNESS:
    case QXL_DRAW_WHITENESS:
    case QXL_DRAW_INVERS:
        read_mask(b, &drawable->u.blackness.mask);
        break;
    case QXL_DRAW_ROP3:
        read_rop3(b, &drawable->u.rop3);
        break;
    case QXL_DRAW_STROKE:
        read_stroke(b, &drawable->u.stroke);
        break;
    case QXL_DRAW_TEXT:
        read_text(b, &drawable->u.text);
        break;
    case QXL_DRAW_TRANSPARENT:
        read_transparent(b, &drawable->u.transparent);
        break;
    case QXL_DRAW_ALPHA_BLEND:
        read_alpha_blend(b, &drawable->u.alpha_blend);
        break;
    case QXL_DRAW_COMPOSITE:
        read_composite(b, &drawable->u.composite);
        break;
    default:
        replay_reader_fail(b->in, "draw type %u is unknown", drawable->type);
        break;
    }
}

static QXLReleaseInfo *read_draw(struct build *b)
{
    replay_read_word(b->in, "drawable");
    QXLDrawable *drawable = new_block(b, sizeof(*drawable));
    drawable->bbox = read_rect(b, "bbox");
    drawable->clip.type = (uint32_t)field(b, "type");
    if (drawable->clip.type == SPICE_CLIP_TYPE_RECTS) {
        size_t size;
        uint32_t count = (uint32_t)field(b, "num_rects");
        QXLClipRects *rects = read_chunks(b, "clip_rects", offsetof(QXLClipRects, chunk), &size);
        if (rects)
            rects->num_rects = count;
        drawable->clip.data = address(rects);
    }
    drawable->effect = (uint8_t)field(b, "effect");
    drawable->mm_time = (uint32_t)field(b, "mm_time");
    drawable->self_bitmap = (uint8_t)field(b, "self_bitmap");
    drawable->self_bitmap_area = read_rect(b, "self_bitmap_area");
    drawable->surface_id = b->surfaces->find(b->surfaces->opaque, (uint32_t)field(b, "surface_id"));
    for (int i = 0; i < 3; i++) {
        int32_t source = (int32_t)field(b, "surfaces_dest");
        drawable->surfaces_dest[i] =
            source < 0 ? -1 : (int32_t)b->surfaces->find(b->surfaces->opaque, (uint32_t)source);
        drawable->surfaces_rects[i] = read_rect(b, "surfaces_rects");
    }
    drawable->type = (uint8_t)field(b, "type");
    if (!replay_reader_failed(b->in))
        read_body(b, drawable);
    return &drawable->release_info;
}

static QXLReleaseInfo *read_update(struct build *b)
{
    replay_read_word(b->in, "update");
    QXLUpdateCmd *update = new_block(b, sizeof(*update));
    update->area = read_rect(b, "area");
    update->update_id = (uint32_t)field(b, "update_id");
    update->surface_id = b->surfaces->find(b->surfaces->opaque, (uint32_t)field(b, "surface_id"));
    return &update->release_info;
}

static QXLReleaseInfo *read_message(struct build *b)
{
    size_t size;
    /* The text's end may be missing: what follows a piece of data is zero. */
    QXLMessage *message = read_binary(b, "message", sizeof(QXLMessage), &size);
    return message ? &message->release_info : NULL;
}

static QXLReleaseInfo *read_surface(struct build *b)
{
    replay_read_word(b->in, "surface_cmd");
    QXLSurfaceCmd *surface = new_block(b, sizeof(*surface));
    uint32_t recorded = (uint32_t)field(b, "surface_id");
    surface->type = (uint8_t)field(b, "type");
    surface->flags = (uint32_t)field(b, "flags");
    if (surface->type == QXL_SURFACE_CMD_DESTROY) {
        if (!replay_reader_failed(b->in))
            surface->surface_id = b->surfaces->destroy(b->surfaces->opaque, recorded);
        b->command->destroys_surface = surface->surface_id;
        return &surface->release_info;
    }

    QXLSurface *create = &surface->u.surface_create;
    create->format = (uint32_t)field(b, "u.surface_create.format");
    create->width = (uint32_t)field(b, "u.surface_create.width");
    create->height = (uint32_t)field(b, "u.surface_create.height");
    create->stride = (int32_t)field(b, "u.surface_create.stride");
    uint64_t size = (uint64_t)create->height * (uint64_t)llabs(create->stride);
    if (size > INT32_MAX)
        replay_reader_fail(b->in, "a surface of %" G_GUINT64_FORMAT " bytes; the limit is %d", size,
                           INT32_MAX);
    if (replay_reader_failed(b->in))
        return NULL;
    if (surface->flags & QXL_SURF_FLAG_KEEP_DATA) {
        size_t got;
        create->data = address(read_binary(b, "data", 0, &got));
        if (!replay_reader_failed(b->in) && got != size)
            replay_reader_fail(b->in, "%zu bytes for a surface of %" G_GUINT64_FORMAT, got, size);
    } else {
        create->data = address(own(b, g_try_malloc0(MAX(size, 1))));
        if (!create->data)
            replay_reader_fail(b->in, "no memory for a surface of %" G_GUINT64_FORMAT " bytes",
                               size);
    }
    if (!replay_reader_failed(b->in)) {
        surface->surface_id = b->surfaces->create(b->surfaces->opaque, recorded);
        if (!surface->surface_id)
            replay_reader_fail(b->in, "no surface id is free for surface %u", recorded);
    }
    return &surface->release_info;
}

static void read_cursor_set(struct build *b, QXLCursorCmd *cmd)
{
    size_t size;
    QXLCursorHeader header = {0};
    cmd->u.set.position = read_point16(b, "point16");
    cmd->u.set.visible = (uint8_t)field(b, "u.set.visible");
    header.unique = field(b, "header.unique");
    header.type = (uint16_t)field(b, "header.type");
    header.width = (uint16_t)field(b, "header.width");
    header.height = (uint16_t)field(b, "header.height");
    header.hot_spot_x = (uint16_t)field(b, "header.hot_spot_x");
    header.hot_spot_y = (uint16_t)field(b, "header.hot_spot_y");
    uint32_t data_size = (uint32_t)field(b, "data_size");
    QXLCursor *cursor = read_chunks(b, "cursor", offsetof(QXLCursor, chunk), &size);
    if (cursor) {
        cursor->header = header;
        cursor->data_size = data_size;
    }
    cmd->u.set.shape = address(cursor);
}

static QXLReleaseInfo *read_cursor(struct build *b)
{
    replay_read_word(b->in, "cursor_cmd");
    QXLCursorCmd *cmd = new_block(b, sizeof(*cmd));
    cmd->type = (uint8_t)field(b, "type");
    switch (cmd->type) {
    case QXL_CURSOR_SET:
        read_cursor_set(b, cmd);
        break;
    case QXL_CURSOR_MOVE:
        cmd->u.position = read_point16(b, "point16");
        break;
    case QXL_CURSOR_TRAIL:
        cmd->u.trail.length = (uint16_t)field(b, "u.trail.length");
        cmd->u.trail.frequency = (uint16_t)field(b, "u.trail.frequency");
        break;
    case QXL_CURSOR_HIDE:
        break;
    default:
        replay_reader_fail(b->in, "cursor command %u is unknown", cmd->type);
        break;
    }
    return &cmd->release_info;
}

struct replay_command *replay_command_read(struct replay_reader *reader, uint32_t type,
                                           const struct replay_surfaces *surfaces)
{
    struct replay_command *command = g_new0(struct replay_command, 1);
    command->blocks = g_ptr_array_new_with_free_func(g_free);
    struct build build = {reader, command, surfaces};
    QXLReleaseInfo *info = NULL;

    switch (type) {
    case QXL_CMD_NOP:
        break;
    case QXL_CMD_DRAW:
        info = read_draw(&build);
        break;
    case QXL_CMD_UPDATE:
        info = read_update(&build);
        break;
    case QXL_CMD_MESSAGE:
        info = read_message(&build);
        break;
    case QXL_CMD_SURFACE:
        info = read_surface(&build);
        break;
    case QXL_CMD_CURSOR:
        info = read_cursor(&build);
        break;
    default:
        replay_reader_fail(reader, "command type %u is unknown", type);
        break;
    }
    if (!info || replay_reader_failed(reader)) {
        replay_command_free(command);
        return NULL;
    }
    info->id = address(command);
    command->ext.cmd.data = address(info);
    command->ext.cmd.type = type;
    return command;
}

void replay_command_free(struct replay_command *command)
{
    g_ptr_array_unref(command->blocks);
    g_free(command);
}
