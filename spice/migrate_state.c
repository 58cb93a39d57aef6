/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/migrate_state.h"

#include <spice/protocol.h>

#define DEVICE_VERSION 1

struct message *state_message(uint32_t magic)
{
    struct message *message = message_create(SPICE_MSG_MIGRATE_DATA);

    message_add_u32(message, magic);
    message_add_u32(message, STATE_VERSION);
    return message;
}

bool state_read_header(struct message_reader *reader, uint32_t magic)
{
    uint32_t found = message_read_u32(reader);
    uint32_t version = message_read_u32(reader);

    return !reader->failed && found == magic && version <= STATE_VERSION;
}

const uint8_t *state_at(const uint8_t *state, uint32_t state_size, uint32_t offset, uint32_t size)
{
    return offset <= state_size && size <= state_size - offset ? state + offset : NULL;
}

struct message_pointer state_add_device(struct message *message, const struct device_state *device)
{
    message_add_u32(message, DEVICE_VERSION);
    message_add_u8(message, device->connected);
    message_add_u32(message, device->client_tokens);
    message_add_u32(message, device->send_tokens);
    message_add_u32(message, device->written_size);
    message_add_u32(message, device->written_tokens);
    return message_add_pointer(message);
}

bool state_read_device(struct message_reader *reader, const uint8_t *state, uint32_t state_size,
                       struct device_state *device)
{
    uint32_t version = message_read_u32(reader);
    uint32_t at;

    *device = (struct device_state){.connected = message_read_u8(reader) != 0};
    device->client_tokens = message_read_u32(reader);
    device->send_tokens = message_read_u32(reader);
    device->written_size = message_read_u32(reader);
    device->written_tokens = message_read_u32(reader);
    at = message_read_u32(reader);
    if (reader->failed || version > DEVICE_VERSION) {
        return false;
    }
    if (!device->connected) {
        *device = (struct device_state){.connected = false};
        return true;
    }
    device->written = state_at(state, state_size, at, device->written_size);
    return device->written != NULL && device->written_tokens <= device->written_size;
}
