/*
 * Commands other than drawing ones: surfaces, cursor, update, message; and the monitors
 * configuration. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/canvas.h"
#include "spice/parse_memory.h"

#include <glib.h>

const char *parse_update(const struct memslots *memslots, const QXLCommandExt *command,
                         struct guest_resource *resource, struct update_command *update)
{
    QXLUpdateCmd from;
    const char *wrong = guest_read_command(memslots, command, &from, sizeof(from), resource);

    if (wrong != NULL)
        return wrong;
    update->area = rect_from_guest(&from.area);
    update->update_id = from.update_id;
    update->surface_id = from.surface_id;
    if (update->area.x1 < 0 || update->area.y1 < 0 || update->area.x1 >= update->area.x2 ||
        update->area.y1 >= update->area.y2)
        return "the area to update is empty or negative";
    return NULL;
}

const char *parse_message(const struct memslots *memslots, const QXLCommandExt *command,
                          struct guest_resource *resource, char **text)
{
    QXLMessage from;
    const char *data, *wrong;
    size_t left, length;

    wrong = guest_read_command(memslots, command, &from, sizeof(from), resource);
    if (wrong != NULL)
        return wrong;
    data = memslots_map(memslots, command->group_id, command->cmd.data + sizeof(from), 0, &left);
    if (data == NULL)
        return "the message has no text";
    left = MIN(left, PARSE_MAX_MESSAGE);
    length = strnlen(data, left);
    if (length == left)
        return "the message's text does not end";
    *text = g_strndup(data, length);
    return NULL;
}

void *parse_surface_memory(const struct memslots *memslots, uint32_t group, uint32_t width,
                           uint32_t height, int32_t stride, uint32_t format, QXLPHYSICAL address,
                           const char **wrong)
{
    unsigned bits = surface_format_bits(format);
    uint64_t row = ((uint64_t)width * bits + 7) / 8;
    uint64_t pitch = stride < 0 ? -(int64_t)stride : stride;
    void *pixels;

    *wrong = NULL;
    if (bits == 0)
        *wrong = "the surface has an unknown format";
    else if (width == 0 || height == 0 || width > INT32_MAX || height > INT32_MAX)
        *wrong = "the surface's width or height is 0 or too large";
    else if (stride == INT32_MIN || pitch < row || pitch % 4 != 0)
        *wrong = "the surface's stride is shorter than its rows or no multiple of 4";
    else if (pitch * height > INT32_MAX)
        *wrong = "the surface has more than 2^31 - 1 bytes";
    if (*wrong != NULL)
        return NULL;
    pixels = memslots_map(memslots, group, address, pitch * height, NULL);
    if (pixels == NULL)
        *wrong = "the surface's pixels are not in a memory slot";
    else if ((uintptr_t)pixels % 4 != 0)
        *wrong = "the surface's pixels do not start at a multiple of 4";
    return *wrong == NULL ? pixels : NULL;
}

const char *parse_surface(const struct memslots *memslots, const QXLCommandExt *command,
                          struct guest_resource *resource, struct surface_command *surface)
{
    QXLSurfaceCmd from;
    const QXLSurface *create = &from.u.surface_create;
    const char *wrong = guest_read_command(memslots, command, &from, sizeof(from), resource);

    if (wrong != NULL)
        return wrong;
    surface->type = from.type;
    surface->surface_id = from.surface_id;
    if (from.type == QXL_SURFACE_CMD_DESTROY)
        return NULL;
    if (from.type != QXL_SURFACE_CMD_CREATE)
        return "the surface command is neither CREATE nor DESTROY";
    surface->keep_data = from.flags & QXL_SURF_FLAG_KEEP_DATA;
    surface->create.width = create->width;
    surface->create.height = create->height;
    surface->create.stride = create->stride;
    surface->create.format = create->format;
    surface->create.pixels =
        parse_surface_memory(memslots, command->group_id, create->width, create->height,
                             create->stride, create->format, create->data, &wrong);
    return wrong;
}

struct cursor_shape *cursor_shape_ref(struct cursor_shape *shape)
{
    if (shape != NULL)
        shape->refs++;
    return shape;
}

void cursor_shape_unref(struct cursor_shape *shape)
{
    if (shape != NULL && --shape->refs == 0)
        g_free(shape);
}

void cursor_shape_unref_opaque(void *shape)
{
    cursor_shape_unref(shape);
}

/* What a shape of that type and size takes, section 11.2; 0: no such type. */
static size_t cursor_size(uint16_t type, size_t width, size_t height)
{
    size_t mask = (width + 7) / 8 * height;

    switch (type) {
    case SPICE_CURSOR_TYPE_ALPHA:
        return width * 4 * height;
    case SPICE_CURSOR_TYPE_MONO:
        return mask * 2;
    case SPICE_CURSOR_TYPE_COLOR4:
        return (width + 1) / 2 * height + 16 * sizeof(uint32_t) + mask;
    case SPICE_CURSOR_TYPE_COLOR8:
        return width * height + 256 * sizeof(uint32_t) + mask;
    case SPICE_CURSOR_TYPE_COLOR16:
        return width * 2 * height + mask;
    case SPICE_CURSOR_TYPE_COLOR24:
        return width * 3 * height + mask;
    default:
        return width * 4 * height + mask; /* COLOR32 */
    }
}

struct cursor_shape *cursor_shape_create(uint8_t type, uint16_t width, uint16_t height)
{
    size_t size = cursor_size(type, width, height);
    struct cursor_shape *shape = g_malloc0(sizeof(*shape) + size);

    shape->refs = 1;
    shape->type = type;
    shape->width = width;
    shape->height = height;
    shape->size = size;
    return shape;
}

/* Copies the data of the chunks at ADDRESS to TO, at most SIZE bytes. */
static bool copy_chunks(const struct memslots *memslots, uint32_t group, QXLPHYSICAL address,
                        uint8_t *to, size_t size)
{
    for (unsigned chunks = 0; size > 0 && (chunks == 0 || address != 0); chunks++) {
        QXLDataChunk header;
        size_t length;

        if (chunks == PARSE_MAX_CHUNKS ||
            !guest_read(memslots, group, address, &header, sizeof(header)))
            return false;
        length = MIN(header.data_size, size);
        if (!guest_read(memslots, group, address + sizeof(header), to, length))
            return false;
        to += length;
        size -= length;
        address = header.next_chunk;
    }
    return true;
}

static const char *parse_shape(const struct memslots *memslots, uint32_t group, QXLPHYSICAL address,
                               struct cursor_shape **out)
{
    QXLCursor from;
    struct cursor_shape *shape;

    if (address == 0 || !guest_read(memslots, group, address, &from, sizeof(from)))
        return "the cursor's shape is not in a memory slot";
    if (from.header.type > SPICE_CURSOR_TYPE_COLOR32)
        return "the cursor's shape has an unknown type";
    if (from.header.width > PARSE_MAX_CURSOR || from.header.height > PARSE_MAX_CURSOR)
        return "the cursor's shape is larger than 512 x 512";
    shape = cursor_shape_create(from.header.type, from.header.width, from.header.height);
    shape->unique = from.header.unique;
    shape->hot_x = from.header.hot_spot_x;
    shape->hot_y = from.header.hot_spot_y;
    if (!copy_chunks(memslots, group, address + offsetof(QXLCursor, chunk), shape->data,
                     MIN(shape->size, from.data_size))) {
        cursor_shape_unref(shape);
        return "the cursor's data is not in a memory slot";
    }
    *out = shape;
    return NULL;
}

const char *parse_cursor(const struct memslots *memslots, const QXLCommandExt *command,
                         struct guest_resource *resource, struct cursor_command *cursor)
{
    QXLCursorCmd from;
    const char *wrong = guest_read_command(memslots, command, &from, sizeof(from), resource);

    if (wrong != NULL)
        return wrong;
    *cursor = (struct cursor_command){.type = from.type};
    switch (from.type) {
    case QXL_CURSOR_SET:
        cursor->x = from.u.set.position.x;
        cursor->y = from.u.set.position.y;
        cursor->visible = from.u.set.visible;
        return parse_shape(memslots, command->group_id, from.u.set.shape, &cursor->shape);
    case QXL_CURSOR_MOVE:
        cursor->x = from.u.position.x;
        cursor->y = from.u.position.y;
        return NULL;
    case QXL_CURSOR_HIDE:
        return NULL;
    case QXL_CURSOR_TRAIL:
        cursor->trail_length = from.u.trail.length;
        cursor->trail_frequency = from.u.trail.frequency;
        return NULL;
    default:
        return "the cursor command has an unknown type";
    }
}

const char *parse_monitors_config(const struct memslots *memslots, uint32_t group,
                                  QXLPHYSICAL address, unsigned max_heads,
                                  struct monitors_config *config)
{
    QXLMonitorsConfig from;
    unsigned limit = CLAMP(max_heads, 1, PARSE_MAX_HEADS);

    if (!guest_read(memslots, group, address, &from, sizeof(from)) ||
        memslots_map(memslots, group, address, sizeof(from) + from.count * sizeof(QXLHead), NULL) ==
            NULL)
        return "the monitors configuration is not in a memory slot";
    if (from.count == 0)
        return "the monitors configuration has no heads";
    if (from.max_allowed != 0 && from.count > from.max_allowed)
        return "the monitors configuration has more heads than it allows";
    config->count = MIN(from.count, limit);
    config->max_allowed = from.max_allowed == 0 ? limit : MIN(from.max_allowed, limit);
    if (!guest_read(memslots, group, address + sizeof(from), config->heads,
                    config->count * sizeof(QXLHead)))
        return "the monitors configuration is not in a memory slot";
    return NULL;
}
