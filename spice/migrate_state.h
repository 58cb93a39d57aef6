/*
 * What clients carry from one server to another, piece by piece: the header of each channel's
 * state, and the part that all character devices have.
 *
 * Facts: spice-wire.md section 7.6. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/channel.h"

#define STATE_MAGIC(a, b, c, d)                                                                    \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define STATE_VERSION 1

/* A MIGRATE_DATA message with its header. */
struct message *state_message(uint32_t magic);
/* False: it is another channel's, or of a newer version. */
bool state_read_header(struct message_reader *reader, uint32_t magic);
/* SIZE bytes at OFFSET of the whole STATE; NULL: it has not got them. */
const uint8_t *state_at(const uint8_t *state, uint32_t state_size, uint32_t offset, uint32_t size);

/* A character device's. */
struct device_state {
    bool connected;         /* the client used it; all else is 0 if not */
    uint32_t client_tokens; /* messages that the client may send, */
    uint32_t send_tokens;   /* and the server; UINT32_MAX: no limit */
    const uint8_t *written; /* what the guest has not taken yet, and how many */
    uint32_t written_size;  /* messages of the client that is; not more than that many */
    uint32_t written_tokens;
};

/* The fixed part; message_point() the result to where WRITTEN goes, if there is any. */
struct message_pointer state_add_device(struct message *message, const struct device_state *device);
/* False: something is wrong. WRITTEN refers to STATE. */
bool state_read_device(struct message_reader *reader, const uint8_t *state, uint32_t state_size,
                       struct device_state *device);
