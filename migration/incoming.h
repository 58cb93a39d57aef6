/*
 * The target's side. Nothing of the machine but its memory changes before everything has arrived
 * and has been checked.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/address.h"
#include "migration/outgoing.h"
#include "migration/set.h"

/* All are called on the IO thread. */
struct migration_incoming_ops {
    void (*status_changed)(void *opaque, enum migration_status status);
    /* The guest is this machine's: it may run. */
    void (*arrived)(void *opaque);
    /* It did not come. Memory, and perhaps more, has changed: a power-on reset is due. */
    void (*failed)(void *opaque, const char *why);
};

struct migration_incoming;

/*
 * Waits for a guest. ADDRESS is taken over; LISTENER, for sockets, stays the caller's and must be
 * non-blocking.
 */
struct migration_incoming *migration_incoming_start(const struct migration_set *set,
                                                    struct migration_address *address, int listener,
                                                    const struct migration_incoming_ops *ops,
                                                    void *opaque);
void migration_incoming_destroy(struct migration_incoming *incoming); /* NULL: nothing */
/* As on the source; what an incoming migration does not know is 0. */
struct migration_progress migration_incoming_progress(struct migration_incoming *incoming);
