/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/record_command.h"

#include "spice/record_values.h"

#include <string.h>

void record_binary(GString *out, const char *name, const void *data, size_t size)
{
    g_string_append_printf(out, "binary 0 %s %zu:", name, size);
    g_string_append_len(out, data, (gssize)size);
    g_string_append_c(out, '\n');
}

static bool put_update(struct record_writer *r, const QXLCommandExt *command)
{
    QXLUpdateCmd update;

    if (!record_read(r, command->cmd.data, &update, sizeof(update)))
        return false;
    g_string_append(r->out, "update\n");
    record_rect(r, "area", &update.area);
    record_field(r, "update_id", update.update_id);
    record_field(r, "surface_id", update.surface_id);
    return true;
}

static bool put_message(struct record_writer *r, const QXLCommandExt *command)
{
    struct guest_resource resource = {0};
    g_autofree char *text = NULL;

    if (parse_message(r->memory.memslots, command, &resource, &text))
        return parser_fail(&r->memory, "unreadable");
    /* With its end: who reads it may look for that. */
    record_binary(r->out, "message", text, strlen(text) + 1);
    return true;
}

static bool put_surface(struct record_writer *r, const QXLCommandExt *command)
{
    QXLSurfaceCmd surface;
    const QXLSurface *create = &surface.u.surface_create;
    const char *wrong;

    if (!record_read(r, command->cmd.data, &surface, sizeof(surface)))
        return false;
    if (surface.type != QXL_SURFACE_CMD_CREATE && surface.type != QXL_SURFACE_CMD_DESTROY)
        return parser_fail(&r->memory, "unknown");
    g_string_append(r->out, "surface_cmd\n");
    record_field(r, "surface_id", surface.surface_id);
    record_field(r, "type", surface.type);
    record_field(r, "flags", surface.flags);
    if (surface.type == QXL_SURFACE_CMD_DESTROY)
        return true;
    record_field(r, "u.surface_create.format", create->format);
    record_field(r, "u.surface_create.width", create->width);
    record_field(r, "u.surface_create.height", create->height);
    record_field(r, "u.surface_create.stride", (uint32_t)create->stride);
    if (!parse_surface_memory(r->memory.memslots, r->memory.group, create->width, create->height,
                              create->stride, create->format, create->data, &wrong))
        return parser_fail(&r->memory, wrong);
    if (!(surface.flags & QXL_SURF_FLAG_KEEP_DATA))
        return true;
    uint64_t pitch = (uint64_t)ABS((int64_t)create->stride);
    return record_memory(r, "data", create->data, pitch * create->height);
}

static bool put_cursor_shape(struct record_writer *r, const QXLCursorCmd *cursor)
{
    QXLCursor shape;

    if (!record_read(r, cursor->u.set.shape, &shape, sizeof(shape)))
        return false;
    record_point16(r, "point16", &cursor->u.set.position);
    record_field(r, "u.set.visible", cursor->u.set.visible);
    record_field64(r, "header.unique", shape.header.unique);
    record_field(r, "header.type", shape.header.type);
    record_field(r, "header.width", shape.header.width);
    record_field(r, "header.height", shape.header.height);
    record_field(r, "header.hot_spot_x", shape.header.hot_spot_x);
    record_field(r, "header.hot_spot_y", shape.header.hot_spot_y);
    record_field(r, "data_size", shape.data_size);
    return record_chunks(r, "cursor", cursor->u.set.shape + offsetof(QXLCursor, chunk));
}

static bool put_cursor(struct record_writer *r, const QXLCommandExt *command)
{
    QXLCursorCmd cursor;

    if (!record_read(r, command->cmd.data, &cursor, sizeof(cursor)))
        return false;
    g_string_append(r->out, "cursor_cmd\n");
    record_field(r, "type", cursor.type);
    switch (cursor.type) {
    case QXL_CURSOR_SET:
        return put_cursor_shape(r, &cursor);
    case QXL_CURSOR_MOVE:
        record_point16(r, "point16", &cursor.u.position);
        return true;
    case QXL_CURSOR_TRAIL:
        record_field(r, "u.trail.length", cursor.u.trail.length);
        record_field(r, "u.trail.frequency", cursor.u.trail.frequency);
        return true;
    case QXL_CURSOR_HIDE:
        return true;
    default:
        return parser_fail(&r->memory, "unknown");
    }
}

static bool put_command(struct record_writer *r, const QXLCommandExt *command)
{
    switch (command->cmd.type) {
    case QXL_CMD_DRAW:
        return record_draw(r, command);
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
    struct record_writer r = {.out = out,
                              .memory = {.memslots = memslots, .group = command->group_id}};

    r.memory.drawable = &r.scratch;
    arena_init(&r.scratch.arena, r.scratch.memory, sizeof(r.scratch.memory));
    bool good = put_command(&r, command);
    arena_finish(&r.scratch.arena);
    *why = r.why;
    return good ? RECORD_DONE : (r.why ? RECORD_END : RECORD_SKIP);
}
