/*
 * The unix socket on which a vfio-user device waits for its monitor, and who that monitor is.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>

struct vfio_user_listener {
    int fd;
    char *path;
    struct stat file; /* of the socket, to know it again */
};

/*
 * Listens at PATH, for the owner of this process only (mode 0600). A socket that nobody listens on
 * any more is replaced. False and ERROR when that fails; nothing is to be closed then.
 */
bool vfio_user_listen(struct vfio_user_listener *listener, const char *path, GError **error);
/* Closes it and removes the socket file if it is still ours. */
void vfio_user_listener_close(struct vfio_user_listener *listener);

/*
 * Does the process at the other end of the connection FD run a virtual machine with KVM? *PID is
 * its number, 0 when it cannot be seen from here. False also when that cannot be found out.
 */
bool vfio_user_peer_has_kvm(int fd, int *pid);
