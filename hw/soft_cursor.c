/*
 * Cursor commands.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/soft_command.h"

static QXLPoint16 position(int x, int y)
{
    return (QXLPoint16){.x = (int16_t)CLAMP(x, INT16_MIN, INT16_MAX),
                        .y = (int16_t)CLAMP(y, INT16_MIN, INT16_MAX)};
}

void soft_cursor_set(struct soft_frame *frame, int x, int y, const struct soft_cursor_shape *shape)
{
    size_t bytes = shape->mono ? 2 * (((size_t)shape->width + 7) / 8) * (size_t)shape->height
                               : (size_t)shape->width * 4 * (size_t)shape->height;
    size_t size = sizeof(QXLCursor) + bytes;
    uint32_t *pixels = g_malloc(bytes); /* the payload's place in the command is not aligned */
    struct soft_build build;
    QXLPHYSICAL address;

    if (soft_build_begin_lasting(&build, frame, sizeof(QXLCursorCmd), soft_part_size(size))) {
        QXLCursor *cursor = soft_build_part(&build, size, &address);
        *cursor = (QXLCursor){
            .header = {.type = shape->mono ? SPICE_CURSOR_TYPE_MONO : SPICE_CURSOR_TYPE_ALPHA,
                       .width = (uint16_t)shape->width,
                       .height = (uint16_t)shape->height,
                       .hot_spot_x = (uint16_t)shape->hot_x,
                       .hot_spot_y = (uint16_t)shape->hot_y},
            .data_size = (uint32_t)bytes,
            .chunk.data_size = (uint32_t)bytes,
        };
        if (shape->mono) {
            memcpy(cursor->chunk.data, shape->mono, bytes);
        } else {
            shape->fill(shape->opaque, pixels, shape->width, 0, shape->height);
            memcpy(cursor->chunk.data, pixels, bytes);
        }
        QXLCursorCmd *command = build.body;
        command->type = QXL_CURSOR_SET;
        command->u.set.position = position(x, y);
        command->u.set.visible = 1;
        command->u.set.shape = address;
        soft_build_end(&build, QXL_CMD_CURSOR, 0);
    }
    g_free(pixels);
}

void soft_cursor_move_for_user(struct soft_frame *frame, int x, int y)
{
    struct soft_build build;

    if (!soft_build_begin(&build, frame, sizeof(QXLCursorCmd), 0))
        return;
    QXLCursorCmd *command = build.body;
    command->type = QXL_CURSOR_MOVE;
    command->u.position = position(x, y);
    soft_build_end(&build, QXL_CMD_CURSOR, 0);
}

void soft_cursor_move(struct soft_frame *frame, int x, int y)
{
    if (!frame->driver->state->user_pointer)
        soft_cursor_move_for_user(frame, x, y);
}

void soft_cursor_hide(struct soft_frame *frame)
{
    struct soft_build build;

    if (!soft_build_begin(&build, frame, sizeof(QXLCursorCmd), 0))
        return;
    QXLCursorCmd *command = build.body;
    command->type = QXL_CURSOR_HIDE;
    soft_build_end(&build, QXL_CMD_CURSOR, 0);
}
