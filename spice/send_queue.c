/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/send_queue.h"

#include <glib.h>
#include <spice/protocol.h>

struct queued_message {
    struct message *message;
    uint8_t header_size;
    union {
        SpiceMiniDataHeader mini;
        SpiceDataHeader full;
    } header;
};

void send_queue_init(struct send_queue *queue)
{
    *queue = (struct send_queue){.capacity = 16};
    queue->ring = g_new(struct queued_message, queue->capacity);
}

static struct queued_message *queue_at(const struct send_queue *queue, unsigned i)
{
    return &queue->ring[(queue->first + i) & (queue->capacity - 1)];
}

void send_queue_finish(struct send_queue *queue)
{
    for (unsigned i = 0; i < queue->count; i++) {
        message_destroy(queue_at(queue, i)->message);
    }
    g_free(queue->ring);
    *queue = (struct send_queue){0};
}

static void grow(struct send_queue *queue)
{
    struct queued_message *ring = g_new(struct queued_message, 2 * queue->capacity);

    for (unsigned i = 0; i < queue->count; i++) {
        ring[i] = *queue_at(queue, i);
    }
    g_free(queue->ring);
    queue->ring = ring;
    queue->first = 0;
    queue->capacity *= 2;
}

void send_queue_push(struct send_queue *queue, struct message *message, bool mini_header,
                     uint64_t serial)
{
    struct queued_message *item;
    uint16_t type = GUINT16_TO_LE(message_type(message));
    uint32_t size = GUINT32_TO_LE((uint32_t)message_size(message));

    if (queue->count == queue->capacity) {
        grow(queue);
    }
    item = queue_at(queue, queue->count++);
    item->message = message;
    if (mini_header) {
        item->header.mini = (SpiceMiniDataHeader){.type = type, .size = size};
        item->header_size = sizeof(item->header.mini);
    } else {
        item->header.full =
            (SpiceDataHeader){.serial = GUINT64_TO_LE(serial), .type = type, .size = size};
        item->header_size = sizeof(item->header.full);
    }
    queue->bytes += item->header_size + message_size(message);
}

void send_queue_own(struct send_queue *queue)
{
    for (unsigned i = 0; i < queue->count; i++) {
        message_own(queue_at(queue, i)->message);
    }
}

/* Adds PIECE without its first *SKIP bytes; what is skipped is taken off *SKIP. */
static int add_piece(struct iovec *out, struct iovec piece, size_t *skip)
{
    size_t skipped = MIN(*skip, piece.iov_len);

    *skip -= skipped;
    if (skipped == piece.iov_len) {
        return 0;
    }
    *out = (struct iovec){(uint8_t *)piece.iov_base + skipped, piece.iov_len - skipped};
    return 1;
}

int send_queue_gather(const struct send_queue *queue, unsigned messages, struct iovec *pieces,
                      int count)
{
    size_t skip = queue->written;
    int n = 0;

    for (unsigned i = 0; i < MIN(queue->count, messages) && n < count; i++) {
        struct queued_message *item = queue_at(queue, i);
        const struct iovec *body;
        unsigned body_count = message_pieces(item->message, &body);

        n += add_piece(&pieces[n], (struct iovec){&item->header, item->header_size}, &skip);
        for (unsigned j = 0; j < body_count && n < count; j++) {
            n += add_piece(&pieces[n], body[j], &skip);
        }
        if (message_fd(item->message) >= 0) {
            break; /* it comes before the next one */
        }
    }
    return n;
}

static size_t whole_size(const struct queued_message *item)
{
    return item->header_size + message_size(item->message);
}

static void pop(struct send_queue *queue)
{
    struct queued_message *item = queue_at(queue, 0);

    queue->written -= whole_size(item);
    message_destroy(item->message);
    queue->first = (queue->first + 1) & (queue->capacity - 1);
    queue->count--;
}

void send_queue_advance(struct send_queue *queue, size_t size)
{
    queue->written += size;
    queue->bytes -= size;
    while (queue->count > 0 && queue->written >= whole_size(queue_at(queue, 0)) &&
           message_fd(queue_at(queue, 0)->message) < 0) {
        pop(queue);
    }
}

int send_queue_fd(const struct send_queue *queue)
{
    const struct queued_message *item = queue->count > 0 ? queue_at(queue, 0) : NULL;

    return item != NULL && queue->written == whole_size(item) ? message_fd(item->message) : -1;
}

void send_queue_fd_sent(struct send_queue *queue)
{
    pop(queue);
}
