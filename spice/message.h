/*
 * A message on its way to a client: a data header's type and a body.
 *
 * The body is a sequence of pieces: small fields go into the message's own buffer, large data is
 * referenced in place and released when it has been written to the socket. Integers are little
 * endian, spice-wire.md section 0.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct message;

struct message *message_create(uint16_t type);
void message_destroy(struct message *message); /* releases what it references */

uint16_t message_type(const struct message *message);
size_t message_size(const struct message *message); /* of the body so far */

void message_add_u8(struct message *message, uint8_t value);
void message_add_u16(struct message *message, uint16_t value);
void message_add_u32(struct message *message, uint32_t value);
void message_add_u64(struct message *message, uint64_t value);
void message_add_bytes(struct message *message, const void *data, size_t size); /* copies */
/* SIZE bytes of the own buffer to be filled by the caller now; valid until the next message_add_*.
 */
void *message_reserve(struct message *message, size_t size);

/* A ptr32 field: reserves it as 0; message_point() makes it point to the end of the body so far. */
struct message_pointer {
    uint32_t field; /* offset of the field in the body */
};
struct message_pointer message_add_pointer(struct message *message);
void message_point(struct message *message, struct message_pointer pointer);
/* Overwrites an u32 written before at body offset OFFSET of the own buffer. */
void message_patch_u32(struct message *message, size_t offset, uint32_t value);

/* References DATA until the message is destroyed; then RELEASE(OPAQUE) is called, if not NULL. */
void message_add_reference(struct message *message, const void *data, size_t size,
                           void (*release)(void *opaque), void *opaque);
/* Only the release call, without data: keeps OPAQUE alive as long as the message. */
void message_hold(struct message *message, void (*release)(void *opaque), void *opaque);

/* Copies what is referenced, so that everything is released now; the size stays. */
void message_own(struct message *message);

/*
 * A descriptor, taken over, for a client on this machine: it follows the message with a byte of its
 * own that no header counts, spice-wire.md section 4.15. -1: none.
 */
void message_set_fd(struct message *message, int fd);
int message_fd(const struct message *message);

/* The pieces of the body for writev. Valid until the message changes. */
unsigned message_pieces(const struct message *message, const struct iovec **pieces);
