/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/wait.h"

#include <errno.h>

bool migration_wait(migration_poll_fn *call, int fd, short events, int timeout,
                    GCancellable *cancel, bool *ready, GError **error)
{
    GPollFD cancelled = {.fd = -1};
    bool can_cancel = g_cancellable_make_pollfd(cancel, &cancelled);
    struct pollfd fds[2];
    nfds_t used = 0;
    int count;

    if (can_cancel)
        fds[used++] = (struct pollfd){.fd = cancelled.fd, .events = POLLIN};
    if (fd >= 0)
        fds[used++] = (struct pollfd){.fd = fd, .events = events};
    do
        count = call(fds, used, timeout);
    while (count < 0 && errno == EINTR);
    int code = errno;
    if (can_cancel)
        g_cancellable_release_fd(cancel);
    if (g_cancellable_is_cancelled(cancel)) {
        g_set_error_literal(error, MIGRATION_ERROR, MIGRATION_ERROR_CANCELLED, "cancelled");
        return false;
    }
    *ready = count > 0;
    return count >= 0 || migration_fail(error, "poll: %s", g_strerror(code));
}
