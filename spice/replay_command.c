/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/replay_command.h"

#include "spice/replay_values.h"

static QXLReleaseInfo *read_update(struct replay_builder *b)
{
    replay_read_word(b->in, "update");
    QXLUpdateCmd *update = replay_new_block(b, sizeof(*update));
    update->area = replay_rect(b, "area");
    update->update_id = (uint32_t)replay_field(b, "update_id");
    update->surface_id = replay_surface(b, (uint32_t)replay_field(b, "surface_id"));
    return &update->release_info;
}

static QXLReleaseInfo *read_message(struct replay_builder *b)
{
    size_t size;
    /* The text's end may be missing: what follows a piece of data is zero. */
    QXLMessage *message = replay_data(b, "message", sizeof(QXLMessage), &size);
    return message ? &message->release_info : NULL;
}

static QXLReleaseInfo *read_surface(struct replay_builder *b)
{
    replay_read_word(b->in, "surface_cmd");
    QXLSurfaceCmd *surface = replay_new_block(b, sizeof(*surface));
    uint32_t recorded = (uint32_t)replay_field(b, "surface_id");
    surface->type = (uint8_t)replay_field(b, "type");
    surface->flags = (uint32_t)replay_field(b, "flags");
    if (surface->type == QXL_SURFACE_CMD_DESTROY) {
        if (!replay_reader_failed(b->in))
            surface->surface_id = b->surfaces->destroy(b->surfaces->opaque, recorded);
        b->command->destroys_surface = surface->surface_id;
        return &surface->release_info;
    }

    QXLSurface *create = &surface->u.surface_create;
    create->format = (uint32_t)replay_field(b, "u.surface_create.format");
    create->width = (uint32_t)replay_field(b, "u.surface_create.width");
    create->height = (uint32_t)replay_field(b, "u.surface_create.height");
    create->stride = (int32_t)replay_field(b, "u.surface_create.stride");
    uint64_t size = (uint64_t)create->height * (uint64_t)llabs(create->stride);
    if (size > INT32_MAX)
        replay_reader_fail(b->in, "a surface of %" G_GUINT64_FORMAT " bytes; the limit is %d", size,
                           INT32_MAX);
    if (replay_reader_failed(b->in))
        return NULL;
    if (surface->flags & QXL_SURF_FLAG_KEEP_DATA) {
        size_t got;
        create->data = replay_address(replay_data(b, "data", 0, &got));
        if (!replay_reader_failed(b->in) && got != size)
            replay_reader_fail(b->in, "%zu bytes for a surface of %" G_GUINT64_FORMAT, got, size);
    } else {
        create->data = replay_address(replay_own(b, g_try_malloc0(MAX(size, 1))));
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

static void read_cursor_set(struct replay_builder *b, QXLCursorCmd *cmd)
{
    size_t size;
    QXLCursorHeader header = {0};
    cmd->u.set.position = replay_point16(b, "point16");
    cmd->u.set.visible = (uint8_t)replay_field(b, "u.set.visible");
    header.unique = replay_field(b, "header.unique");
    header.type = (uint16_t)replay_field(b, "header.type");
    header.width = (uint16_t)replay_field(b, "header.width");
    header.height = (uint16_t)replay_field(b, "header.height");
    header.hot_spot_x = (uint16_t)replay_field(b, "header.hot_spot_x");
    header.hot_spot_y = (uint16_t)replay_field(b, "header.hot_spot_y");
    uint32_t data_size = (uint32_t)replay_field(b, "data_size");
    QXLCursor *cursor = replay_chunks(b, "cursor", offsetof(QXLCursor, chunk), &size);
    if (cursor) {
        cursor->header = header;
        cursor->data_size = data_size;
    }
    cmd->u.set.shape = replay_address(cursor);
}

static QXLReleaseInfo *read_cursor(struct replay_builder *b)
{
    replay_read_word(b->in, "cursor_cmd");
    QXLCursorCmd *cmd = replay_new_block(b, sizeof(*cmd));
    cmd->type = (uint8_t)replay_field(b, "type");
    switch (cmd->type) {
    case QXL_CURSOR_SET:
        read_cursor_set(b, cmd);
        break;
    case QXL_CURSOR_MOVE:
        cmd->u.position = replay_point16(b, "point16");
        break;
    case QXL_CURSOR_TRAIL:
        cmd->u.trail.length = (uint16_t)replay_field(b, "u.trail.length");
        cmd->u.trail.frequency = (uint16_t)replay_field(b, "u.trail.frequency");
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
    struct replay_builder build = {reader, command, surfaces};
    QXLReleaseInfo *info = NULL;

    switch (type) {
    case QXL_CMD_NOP:
        break;
    case QXL_CMD_DRAW:
        info = replay_draw(&build);
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
    info->id = replay_address(command);
    command->ext.cmd.data = replay_address(info);
    command->ext.cmd.type = type;
    return command;
}

void replay_command_free(struct replay_command *command)
{
    g_ptr_array_unref(command->blocks);
    g_free(command);
}
