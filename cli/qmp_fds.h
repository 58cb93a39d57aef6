/*
 * The descriptors that a monitor's client has sent along (SCM_RIGHTS), and those that it has named
 * with "getfd" for a later command.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#define QMP_FDS_MAX 16 /* waiting for a name; and, apart from those, named */

struct qmp_fds {
    GArray *waiting;   /* int, in the order in which they came */
    GHashTable *named; /* char * to descriptor */
};

void qmp_fds_init(struct qmp_fds *fds);
void qmp_fds_finish(struct qmp_fds *fds); /* closes all */

/* As recv(), without waiting; descriptors that come along are kept, as many as there is room for.
 */
ssize_t qmp_fds_receive(struct qmp_fds *fds, int socket, void *buffer, size_t size);

/* Names the first that waits; one that had the name is closed. */
bool qmp_fds_name(struct qmp_fds *fds, const char *name, GError **error);
bool qmp_fds_close(struct qmp_fds *fds, const char *name, GError **error);
/* Gives away the descriptor NAME; -1 and ERROR. */
int qmp_fds_take(struct qmp_fds *fds, const char *name, GError **error);
