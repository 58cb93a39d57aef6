/*
 * A byte stream to the other side: a socket, a pipe or a file, waited for until somebody cancels.
 *
 * One thread at a time. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/tls.h"
#include "migration/wait.h"

#include <stddef.h>
#include <stdint.h>

/* What a kind of descriptor is used with, as the calls of POSIX; writing never raises a signal. */
struct channel_calls {
    ssize_t (*read)(int fd, void *data, size_t size);
    ssize_t (*write)(int fd, const void *data, size_t size);
    migration_poll_fn *poll;
    int (*shutdown)(int fd, int how);
    int (*close)(int fd);
};

struct migration_channel {
    int in, out; /* the same for a socket; -1: this direction does not exist */
    const struct channel_calls *calls;
    GByteArray *memory;      /* instead of both: writing appends to it; NULL: a real channel */
    guint taken;             /* bytes of it that have been read */
    struct tls_session *tls; /* NULL: none */
    GPid child;              /* 0: none; its exit code is part of the result */
    GCancellable *cancel;    /* a reference */
    uint64_t sent, received; /* bytes */
    uint64_t limit;          /* bytes a second to send; 0: as fast as it goes */
    int64_t paced_since;     /* monotonic microseconds; what was sent since is paced */
    uint64_t paced_bytes;
};

/* Takes over the descriptors. IN and OUT may be one. */
struct migration_channel *migration_channel_create(int in, int out, GCancellable *cancel);
/* Takes over a socket, which must not block and is used with CALLS only. */
struct migration_channel *migration_channel_create_with(const struct channel_calls *calls, int fd,
                                                        GCancellable *cancel);
/* What is written to it stays in memory until it is read. Never waits. */
struct migration_channel *migration_channel_create_memory(void);
/* Bytes that can be read from a channel in memory. */
size_t migration_channel_pending(const struct migration_channel *channel);
/* Looks at them, up to SIZE, without taking them. */
size_t migration_channel_peek(const struct migration_channel *channel, void *data, size_t size);
/* Closes, and ends a child that is still there. NULL: nothing. */
void migration_channel_destroy(struct migration_channel *channel);

/* Puts TLS on a socket, which nothing has been sent over. HOSTNAME as in tls_session_create(). */
bool migration_channel_start_tls(struct migration_channel *channel, struct migration_tls *tls,
                                 const char *hostname, GError **error);

bool migration_channel_is_duplex(const struct migration_channel *channel);
/* Changes the pace of what is sent from now on. */
void migration_channel_set_limit(struct migration_channel *channel, uint64_t bytes_a_second);

/* All SIZE bytes, or an ERROR. A stream that ends early is an error, too. */
bool migration_channel_write(struct migration_channel *channel, const void *data, size_t size,
                             GError **error);
bool migration_channel_read(struct migration_channel *channel, void *data, size_t size,
                            GError **error);
/* Waits until there is something to read; false with ERROR when MILLISECONDS pass without. */
bool migration_channel_wait(struct migration_channel *channel, int milliseconds, GError **error);

/*
 * Everything is written: makes a file durable, waits for a child and its exit code 0. The channel
 * can only be destroyed afterwards.
 */
bool migration_channel_finish_output(struct migration_channel *channel, GError **error);
/* Says that nothing more will be written and takes in what the other side still sends, briefly, so
 * that it reads our last words. */
void migration_channel_linger(struct migration_channel *channel);
