/*
 * Building messages.
 *
 * A small message is one allocation: the struct has room for its fields, pieces and references.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/message.h"

#include <glib.h>
#include <string.h>
#include <unistd.h>

#define INLINE_BYTES    256
#define INLINE_PIECES   8
#define INLINE_RELEASES 4

struct message_release {
    void (*fn)(void *opaque);
    void *opaque;
};

struct message {
    uint16_t type;
    int fd;        /* that follows it, or -1 */
    bool own_open; /* the last piece is own data and can be appended to */
    size_t size;

    /* Own data; pieces point into it. */
    uint8_t *data;
    size_t data_size, data_capacity;

    struct iovec *pieces;
    unsigned piece_count, piece_capacity;

    struct message_release *releases;
    unsigned release_count, release_capacity;

    struct iovec inline_pieces[INLINE_PIECES];
    struct message_release inline_releases[INLINE_RELEASES];
    uint8_t inline_data[INLINE_BYTES];
};

struct message *message_create(uint16_t type)
{
    struct message *message = g_malloc(sizeof(*message));

    message->type = type;
    message->fd = -1;
    message->own_open = false;
    message->size = 0;
    message->data = message->inline_data;
    message->data_size = 0;
    message->data_capacity = INLINE_BYTES;
    message->pieces = message->inline_pieces;
    message->piece_count = 0;
    message->piece_capacity = INLINE_PIECES;
    message->releases = message->inline_releases;
    message->release_count = 0;
    message->release_capacity = INLINE_RELEASES;
    return message;
}

static void release_all(struct message *message)
{
    for (unsigned i = 0; i < message->release_count; i++) {
        message->releases[i].fn(message->releases[i].opaque);
    }
    message->release_count = 0;
}

void message_set_fd(struct message *message, int fd)
{
    message->fd = fd;
}

int message_fd(const struct message *message)
{
    return message->fd;
}

void message_destroy(struct message *message)
{
    if (message == NULL) {
        return;
    }
    release_all(message);
    if (message->fd >= 0) {
        close(message->fd);
    }
    if (message->releases != message->inline_releases) {
        g_free(message->releases);
    }
    if (message->pieces != message->inline_pieces) {
        g_free(message->pieces);
    }
    if (message->data != message->inline_data) {
        g_free(message->data);
    }
    g_free(message);
}

uint16_t message_type(const struct message *message)
{
    return message->type;
}

size_t message_size(const struct message *message)
{
    return message->size;
}

/* An array that has outgrown CAPACITY: doubled, and out of the struct if it still was in there. */
static void *grow(void *array, const void *inline_array, unsigned *capacity, size_t item_size)
{
    size_t old = *capacity * item_size;

    *capacity *= 2;
    if (array != inline_array) {
        return g_realloc(array, 2 * old);
    }
    return memcpy(g_malloc(2 * old), array, old);
}

static void add_piece(struct message *message, const void *data, size_t size)
{
    if (message->piece_count == message->piece_capacity) {
        message->pieces = grow(message->pieces, message->inline_pieces, &message->piece_capacity,
                               sizeof(*message->pieces));
    }
    message->pieces[message->piece_count++] = (struct iovec){(void *)data, size};
}

static bool is_own(const struct message *message, const struct iovec *piece)
{
    uintptr_t start = (uintptr_t)message->data, at = (uintptr_t)piece->iov_base;

    return at >= start && at < start + message->data_size;
}

static void grow_data(struct message *message, size_t needed)
{
    size_t capacity = MAX(2 * message->data_capacity, needed);
    uint8_t *data = g_malloc(capacity);

    memcpy(data, message->data, message->data_size);
    for (unsigned i = 0; i < message->piece_count; i++) {
        struct iovec *piece = &message->pieces[i];

        if (is_own(message, piece)) {
            piece->iov_base = data + ((uint8_t *)piece->iov_base - message->data);
        }
    }
    if (message->data != message->inline_data) {
        g_free(message->data);
    }
    message->data = data;
    message->data_capacity = capacity;
}

void *message_reserve(struct message *message, size_t size)
{
    void *at;

    if (size > message->data_capacity - message->data_size) {
        grow_data(message, message->data_size + size);
    }
    at = message->data + message->data_size;
    if (size == 0) {
        return at;
    }
    message->data_size += size;
    message->size += size;
    if (message->own_open) {
        message->pieces[message->piece_count - 1].iov_len += size;
    } else {
        add_piece(message, at, size);
        message->own_open = true;
    }
    return at;
}

void message_add_bytes(struct message *message, const void *data, size_t size)
{
    if (size > 0) {
        memcpy(message_reserve(message, size), data, size);
    }
}

void message_add_u8(struct message *message, uint8_t value)
{
    *(uint8_t *)message_reserve(message, 1) = value;
}

void message_add_u16(struct message *message, uint16_t value)
{
    value = GUINT16_TO_LE(value);
    memcpy(message_reserve(message, sizeof(value)), &value, sizeof(value));
}

void message_add_u32(struct message *message, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    memcpy(message_reserve(message, sizeof(value)), &value, sizeof(value));
}

void message_add_u64(struct message *message, uint64_t value)
{
    value = GUINT64_TO_LE(value);
    memcpy(message_reserve(message, sizeof(value)), &value, sizeof(value));
}

void message_patch_u32(struct message *message, size_t offset, uint32_t value)
{
    size_t start = 0;

    value = GUINT32_TO_LE(value);
    for (unsigned i = 0; i < message->piece_count; i++) {
        const struct iovec *piece = &message->pieces[i];

        if (offset - start < piece->iov_len) {
            memcpy((uint8_t *)piece->iov_base + (offset - start), &value, sizeof(value));
            return;
        }
        start += piece->iov_len;
    }
}

struct message_pointer message_add_pointer(struct message *message)
{
    struct message_pointer pointer = {message->size};

    message_add_u32(message, 0);
    return pointer;
}

void message_point(struct message *message, struct message_pointer pointer)
{
    message_patch_u32(message, pointer.field, message->size);
}

void message_hold(struct message *message, void (*release)(void *opaque), void *opaque)
{
    if (message->release_count == message->release_capacity) {
        message->releases = grow(message->releases, message->inline_releases,
                                 &message->release_capacity, sizeof(*message->releases));
    }
    message->releases[message->release_count++] = (struct message_release){release, opaque};
}

void message_own(struct message *message)
{
    uint8_t *data, *to;

    if (message->release_count == 0) {
        return;
    }
    data = to = g_malloc(message->size);
    for (unsigned i = 0; i < message->piece_count; i++) {
        memcpy(to, message->pieces[i].iov_base, message->pieces[i].iov_len);
        to += message->pieces[i].iov_len;
    }
    if (message->data != message->inline_data) {
        g_free(message->data);
    }
    message->data = data;
    message->data_size = message->data_capacity = message->size;
    message->pieces[0] = (struct iovec){data, message->size};
    message->piece_count = 1;
    message->own_open = true;
    release_all(message);
}

void message_add_reference(struct message *message, const void *data, size_t size,
                           void (*release)(void *opaque), void *opaque)
{
    if (size > 0) {
        add_piece(message, data, size);
        message->size += size;
        message->own_open = false;
    }
    if (release != NULL) {
        message_hold(message, release, opaque);
    }
}

unsigned message_pieces(const struct message *message, const struct iovec **pieces)
{
    *pieces = message->pieces;
    return message->piece_count;
}
