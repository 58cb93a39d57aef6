/*
 * What the guest says through the stream device's port. All of it is hostile: a message is read
 * whole into memory of ours, no larger than its type allows, and checked there.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/stream_device_private.h"

#include <spice/enums.h>
#include <spice/qxl_dev.h>
#include <string.h>

/* Server-abi.md appendix: what is taken of a frame, and of a device's address with its end. */
#define MAX_FRAME   (32 * 1024 * 1024)
#define MAX_ADDRESS 256
/* Of a picture; pixels each way. */
#define MAX_SIDE 16384

/* COLOR32 with its mask. */
#define MAX_CURSOR                                                                                 \
    ((STREAM_MSG_CURSOR_SET_MAX_WIDTH * 4 + STREAM_MSG_CURSOR_SET_MAX_WIDTH / 8) *                 \
     STREAM_MSG_CURSOR_SET_MAX_HEIGHT)

static uint32_t header_size_field(const struct stream_device *device)
{
    return GUINT32_FROM_LE(device->header.size);
}

static void on_capabilities(struct stream_device *device G_GNUC_UNUSED)
{
    /* There are none that change what the server does. */
}

static void on_format(struct stream_device *device)
{
    StreamMsgFormat from;
    struct stream_format format;

    memcpy(&from, device->body, sizeof(from));
    format = (struct stream_format){
        .width = GUINT32_FROM_LE(from.width),
        .height = GUINT32_FROM_LE(from.height),
        .codec = from.codec,
    };
    if (format.width == 0 || format.height == 0 || format.width > MAX_SIDE ||
        format.height > MAX_SIDE)
        stream_device_fail(device, "a picture of %u x %u pixels, not 1 to %u each way",
                           format.width, format.height, MAX_SIDE);
    else if (format.codec < SPICE_VIDEO_CODEC_TYPE_MJPEG ||
             format.codec >= SPICE_VIDEO_CODEC_TYPE_ENUM_END)
        stream_device_fail(device, "unknown codec %u", format.codec);
    else
        stream_channel_start(&device->stream, &format);
}

static void on_data(struct stream_device *device)
{
    GBytes *frame = g_bytes_new_take(g_steal_pointer(&device->body), header_size_field(device));

    stream_channel_frame(&device->stream, frame, device->mm_time);
    g_bytes_unref(frame);
}

static void execute(struct stream_device *device, const struct cursor_command *command)
{
    struct guest_resource nothing = {0};

    cursor_execute(&device->cursor, command, &nothing);
    cursor_wake(&device->cursor);
}

/* Bits of a pixel with its mask; 0: not a type that is allowed here. */
static unsigned cursor_bits(uint8_t type)
{
    switch (type) {
    case SPICE_CURSOR_TYPE_ALPHA:
        return 32;
    case SPICE_CURSOR_TYPE_COLOR24:
        return 24 + 1;
    case SPICE_CURSOR_TYPE_COLOR32:
        return 32 + 1;
    default:
        return 0;
    }
}

static void on_cursor_set(struct stream_device *device)
{
    const struct cursor_state *state = &device->cursor.state;
    struct cursor_command command = {
        .type = QXL_CURSOR_SET, .x = state->x, .y = state->y, .visible = true};
    size_t size = header_size_field(device) - sizeof(StreamMsgCursorSet);
    uint16_t width, height;
    StreamMsgCursorSet from;
    unsigned bits;

    memcpy(&from, device->body, sizeof(from));
    width = GUINT16_FROM_LE(from.width);
    height = GUINT16_FROM_LE(from.height);
    bits = cursor_bits(from.type);
    if (bits == 0) {
        stream_device_fail(device, "a cursor of type %u", from.type);
        return;
    }
    if (width > STREAM_MSG_CURSOR_SET_MAX_WIDTH || height > STREAM_MSG_CURSOR_SET_MAX_HEIGHT) {
        stream_device_fail(device, "a cursor of %u x %u pixels, more than %u x %u", width, height,
                           STREAM_MSG_CURSOR_SET_MAX_WIDTH, STREAM_MSG_CURSOR_SET_MAX_HEIGHT);
        return;
    }
    if (size < ((size_t)width * height * bits + 7) / 8) {
        stream_device_fail(device, "a cursor of %u x %u pixels in %zu bytes", width, height, size);
        return;
    }
    command.shape = cursor_shape_create(from.type, width, height);
    command.shape->hot_x = GUINT16_FROM_LE(from.hot_spot_x);
    command.shape->hot_y = GUINT16_FROM_LE(from.hot_spot_y);
    memcpy(command.shape->data, device->body + sizeof(from), MIN(size, command.shape->size));
    execute(device, &command);
}

static void on_cursor_move(struct stream_device *device)
{
    StreamMsgCursorMove from;

    memcpy(&from, device->body, sizeof(from));
    execute(device, &(struct cursor_command){
                        .type = QXL_CURSOR_MOVE,
                        .x = (int16_t)CLAMP((int32_t)GUINT32_FROM_LE(from.x), INT16_MIN, INT16_MAX),
                        .y = (int16_t)CLAMP((int32_t)GUINT32_FROM_LE(from.y), INT16_MIN, INT16_MAX),
                    });
}

static void on_display_info(struct stream_device *device)
{
    StreamMsgDeviceDisplayInfo from;
    uint32_t length, space = header_size_field(device) - sizeof(from);
    g_autofree char *address = NULL;

    memcpy(&from, device->body, sizeof(from));
    length = GUINT32_FROM_LE(from.device_address_len);
    if (length > space) {
        stream_device_fail(device, "a device address of %u bytes in %u", length, space);
        return;
    }
    if (length == 0) {
        g_info("the guest's stream device tells an empty device address; ignored");
        return;
    }
    /* The last byte is there for the end. */
    address = g_strndup((const char *)device->body + sizeof(from), length - 1);
    server_set_device_info(device->device.server, device->stream.channel.id, address,
                           GUINT32_FROM_LE(from.device_display_id), 1);
}

static const struct input {
    const char *name;
    size_t min, max; /* bytes of the body */
    void (*handle)(struct stream_device *device);
} inputs[] = {
    [STREAM_TYPE_CAPABILITIES] = {"CAPABILITIES", 0, STREAM_MSG_CAPABILITIES_MAX_BYTES,
                                  on_capabilities},
    [STREAM_TYPE_FORMAT] = {"FORMAT", sizeof(StreamMsgFormat), sizeof(StreamMsgFormat), on_format},
    [STREAM_TYPE_DATA] = {"DATA", 0, MAX_FRAME, on_data},
    [STREAM_TYPE_CURSOR_SET] = {"CURSOR_SET", sizeof(StreamMsgCursorSet),
                                sizeof(StreamMsgCursorSet) + MAX_CURSOR, on_cursor_set},
    [STREAM_TYPE_CURSOR_MOVE] = {"CURSOR_MOVE", sizeof(StreamMsgCursorMove),
                                 sizeof(StreamMsgCursorMove), on_cursor_move},
    [STREAM_TYPE_DEVICE_DISPLAY_INFO] = {"DEVICE_DISPLAY_INFO", sizeof(StreamMsgDeviceDisplayInfo),
                                         sizeof(StreamMsgDeviceDisplayInfo) + MAX_ADDRESS,
                                         on_display_info},
};

void stream_device_reset_input(struct stream_device *device)
{
    g_clear_pointer(&device->body, g_free);
    device->header_size = device->body_size = 0;
}

static void finish_message(struct stream_device *device)
{
    const struct input *input = &inputs[GUINT16_FROM_LE(device->header.type)];

    input->handle(device);
    stream_device_reset_input(device);
}

static void finish_header(struct stream_device *device)
{
    uint16_t type = GUINT16_FROM_LE(device->header.type);
    uint32_t size = header_size_field(device);

    if (device->header.protocol_version != STREAM_DEVICE_PROTOCOL) {
        stream_device_fail(device, "protocol version %u, not %u", device->header.protocol_version,
                           STREAM_DEVICE_PROTOCOL);
    } else if (type >= G_N_ELEMENTS(inputs) || inputs[type].handle == NULL) {
        stream_device_fail(device, "message type %u is not one for the server", type);
    } else if (size < inputs[type].min || size > inputs[type].max) {
        stream_device_fail(device, "%s of %u bytes, not %zu to %zu", inputs[type].name, size,
                           inputs[type].min, inputs[type].max);
    } else {
        device->body = g_malloc(MAX(size, 1));
        device->mm_time = server_mm_time(device->device.server);
        if (size == 0)
            finish_message(device);
    }
}

/* The host may remove the device, or open and close the port, from inside the call. */
static size_t read_part(struct stream_device *device, uint8_t *to, size_t size)
{
    size_t n = char_device_read(&device->device, to, size);

    return stream_device_late_event(device) ? 0 : n;
}

static bool read_header(struct stream_device *device)
{
    StreamDevHeader *header = &device->header;
    size_t n = read_part(device, (uint8_t *)header + device->header_size,
                         sizeof(*header) - device->header_size);

    device->header_size += n;
    if (n > 0 && device->header_size == sizeof(*header))
        finish_header(device);
    return n > 0;
}

static bool read_body(struct stream_device *device)
{
    size_t size = header_size_field(device);
    size_t n = read_part(device, device->body + device->body_size, size - device->body_size);

    device->body_size += n;
    if (n > 0 && device->body_size == size)
        finish_message(device);
    return n > 0;
}

/* What is of no use must be taken all the same: with it would begin what the guest says anew. */
static bool discard(struct stream_device *device)
{
    uint8_t nowhere[4096];

    return read_part(device, nowhere, sizeof(nowhere)) > 0;
}

bool stream_device_read(struct stream_device *device)
{
    if (!device->has_channel)
        return false;
    if (!device->opened || device->failed)
        return discard(device);
    if (!stream_channel_has_room(&device->stream))
        return false;
    return device->body == NULL ? read_header(device) : read_body(device);
}
