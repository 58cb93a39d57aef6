/*
 * Messages on their way to a socket, with their data headers: in order, gathered for writev.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/message.h"

struct queued_message;

struct send_queue {
    struct queued_message *ring;
    unsigned first, count, capacity;
    size_t written; /* bytes of the first message, header included, that are gone already */
    size_t bytes;   /* still to be written */
};

void send_queue_init(struct send_queue *queue);
/* Destroys what has not been written. */
void send_queue_finish(struct send_queue *queue);

/* Takes MESSAGE, whose size is final. SERIAL goes into full headers only. */
void send_queue_push(struct send_queue *queue, struct message *message, bool mini_header,
                     uint64_t serial);
/* Up to COUNT pieces of at most MESSAGES messages from where the last write ended; returns how
 * many. */
int send_queue_gather(const struct send_queue *queue, unsigned messages, struct iovec *pieces,
                      int count);
/* What the messages reference is copied and released now. */
void send_queue_own(struct send_queue *queue);
/*
 * A descriptor that is to be sent now, with one byte, before anything else; -1: none. And: that has
 * been done.
 */
int send_queue_fd(const struct send_queue *queue);
void send_queue_fd_sent(struct send_queue *queue);
/* SIZE bytes have been written: messages that are written wholly are destroyed. */
void send_queue_advance(struct send_queue *queue, size_t size);
