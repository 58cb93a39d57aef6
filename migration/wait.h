/*
 * Waiting for a descriptor, until somebody cancels. Any thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/error.h"

#include <gio/gio.h>
#include <poll.h>

/* As poll(); what it is called with are descriptors that exist, at most two. */
typedef int migration_poll_fn(struct pollfd *fds, nfds_t count, int timeout);

/*
 * Until FD (-1: none) is ready for EVENTS, TIMEOUT milliseconds (-1: never) pass or CANCEL is
 * triggered. *READY tells FD from time. False with ERROR: cancelled, or it cannot be waited.
 */
bool migration_wait(migration_poll_fn *call, int fd, short events, int timeout,
                    GCancellable *cancel, bool *ready, GError **error);
