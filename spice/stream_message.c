/*
 * Messages of video streams. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/stream_message.h"

#include <spice/protocol.h>

static void add_box(struct message *message, int x1, int y1, int x2, int y2)
{
    message_add_u32(message, y1);
    message_add_u32(message, x1);
    message_add_u32(message, y2);
    message_add_u32(message, x2);
}

struct message *stream_message_create(uint32_t id, uint8_t codec, const draw_rect *box)
{
    struct message *message = message_create(SPICE_MSG_DISPLAY_STREAM_CREATE);
    uint32_t width = box->x2 - box->x1, height = box->y2 - box->y1;

    message_add_u32(message, 0); /* the surface */
    message_add_u32(message, id);
    message_add_u8(message, SPICE_STREAM_FLAGS_TOP_DOWN);
    message_add_u8(message, codec);
    message_add_u64(message, 0);       /* a stamp that nobody looks at */
    for (unsigned i = 0; i < 2; i++) { /* coded, and what was coded */
        message_add_u32(message, width);
        message_add_u32(message, height);
    }
    add_box(message, box->x1, box->y1, box->x2, box->y2);
    message_add_u8(message, SPICE_CLIP_TYPE_RECTS);
    message_add_u32(message, 0);
    return message;
}

struct message *stream_message_activate_report(uint32_t id, uint32_t unique_id, uint32_t frames,
                                               uint32_t timeout_ms)
{
    struct message *message = message_create(SPICE_MSG_DISPLAY_STREAM_ACTIVATE_REPORT);

    message_add_u32(message, id);
    message_add_u32(message, unique_id);
    message_add_u32(message, frames);
    message_add_u32(message, timeout_ms);
    return message;
}

struct message *stream_message_clip(uint32_t id, const pixman_region32_t *region)
{
    struct message *message = message_create(SPICE_MSG_DISPLAY_STREAM_CLIP);
    int count;
    const pixman_box32_t *rects = pixman_region32_rectangles((pixman_region32_t *)region, &count);

    message_add_u32(message, id);
    message_add_u8(message, SPICE_CLIP_TYPE_RECTS);
    message_add_u32(message, count);
    for (int i = 0; i < count; i++)
        add_box(message, rects[i].x1, rects[i].y1, rects[i].x2, rects[i].y2);
    return message;
}

static void unref_bytes(void *opaque)
{
    g_bytes_unref(opaque);
}

struct message *stream_message_frame(uint32_t id, uint32_t mm_time, GBytes *data)
{
    size_t size;
    const void *bytes = g_bytes_get_data(data, &size);
    struct message *message = message_create(SPICE_MSG_DISPLAY_STREAM_DATA);

    message_add_u32(message, id);
    message_add_u32(message, mm_time);
    message_add_u32(message, size);
    message_add_reference(message, bytes, size, unref_bytes, g_bytes_ref(data));
    return message;
}

struct message *stream_message_destroy(uint32_t id)
{
    struct message *message = message_create(SPICE_MSG_DISPLAY_STREAM_DESTROY);

    message_add_u32(message, id);
    return message;
}

struct message *stream_message_surface(uint32_t width, uint32_t height)
{
    struct message *message = message_create(SPICE_MSG_DISPLAY_SURFACE_CREATE);

    message_add_u32(message, 0);
    message_add_u32(message, width);
    message_add_u32(message, height);
    message_add_u32(message, SPICE_SURFACE_FMT_32_xRGB);
    message_add_u32(message, SPICE_SURFACE_FLAGS_PRIMARY | SPICE_SURFACE_FLAGS_STREAMING_MODE);
    return message;
}

struct message *stream_message_black(uint32_t width, uint32_t height)
{
    struct message *message = message_create(SPICE_MSG_DISPLAY_DRAW_FILL);

    message_add_u32(message, 0); /* the surface */
    add_box(message, 0, 0, width, height);
    message_add_u8(message, SPICE_CLIP_TYPE_NONE);
    message_add_u8(message, SPICE_BRUSH_TYPE_SOLID);
    message_add_u32(message, 0);
    message_add_u16(message, SPICE_ROPD_OP_PUT);
    message_add_u8(message, 0); /* no mask: flags, position, */
    message_add_u64(message, 0);
    message_add_u32(message, 0); /* picture */
    return message;
}
