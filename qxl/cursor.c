/*
 * Cursor commands: checked before the server sees them, the shape remembered for migration.
 * Sections 8.11 and 11.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/guest_memory.h"
#include "qxl/internal.h"

/* NULL, or what is wrong with the shape at ADDRESS. */
static const char *check_shape(const struct qxl_card *card, QXLPHYSICAL address)
{
    QXLCursorHeader header;
    enum qxl_fault fault;
    const uint8_t *bytes = qxl_memslot_translate(card, address, sizeof(QXLCursor), &fault);

    if (!bytes)
        return "its shape does not lie in one memory slot";
    guest_copy_in(&header, bytes, sizeof(header));
    if (header.type > SPICE_CURSOR_TYPE_COLOR32)
        return "its shape is of no known type";
    if (header.width > QXL_MAX_CURSOR_SIDE || header.height > QXL_MAX_CURSOR_SIDE)
        return "its shape is larger than 512x512";
    return NULL;
}

bool qxl_cursor_track(struct qxl_card *card, QXLPHYSICAL address, const uint8_t *bytes)
{
    QXLCursorCmd command;
    const char *wrong = NULL;

    guest_copy_in(&command, bytes, sizeof(command));
    switch (command.type) {
    case QXL_CURSOR_SET:
        wrong = check_shape(card, command.u.set.shape);
        if (!wrong)
            card->cursor.command = address;
        break;
    case QXL_CURSOR_HIDE:
        card->cursor.command = 0;
        break;
    case QXL_CURSOR_MOVE:
    case QXL_CURSOR_TRAIL:
        break;
    default:
        wrong = "there is no such type";
        break;
    }
    if (wrong)
        qxl_bug(card, QXL_BUG_CURSOR_COMMAND, "cursor command of type %u: %s", command.type, wrong);
    else
        qxl_view_cursor(card, &command);
    return !wrong;
}
