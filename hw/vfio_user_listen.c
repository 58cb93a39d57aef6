/*
 * The unix socket of a vfio-user device, and its peer.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/vfio_user_listen.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4

/* Sets ERROR from errno for what was tried. */
static bool fail(GError **error, const char *path, const char *what)
{
    int code = errno;

    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), "vfio-user socket %s: %s: %s",
                path, what, g_strerror(code));
    return false;
}

/* Removes a socket at ADDRESS that nobody listens on; leaves everything else alone. */
static bool remove_stale(const struct sockaddr_un *address, GError **error)
{
    const char *path = address->sun_path;
    struct stat file;

    if (lstat(path, &file) < 0)
        return errno == ENOENT || fail(error, path, "cannot look at it");
    if (!S_ISSOCK(file.st_mode)) {
        errno = EEXIST;
        return fail(error, path,
                    "there is something else than a socket; remove it or choose "
                    "another path");
    }
    /* A datagram socket cannot connect to a stream socket, so a live server notices nothing. */
    int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return fail(error, path, "cannot create a socket");
    int result = connect(probe, (const struct sockaddr *)address, sizeof(*address));
    bool stale = result < 0 && errno == ECONNREFUSED;
    close(probe);
    if (!stale) {
        errno = EADDRINUSE;
        return fail(error, path, "another process listens there; choose another path");
    }
    return unlink(path) == 0 || fail(error, path, "cannot remove the stale socket");
}

bool vfio_user_listen(struct vfio_user_listener *listener, const char *path, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) == 0 || strlen(path) >= sizeof(address.sun_path)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NAMETOOLONG,
                    "vfio-user socket %s: the path must have 1 to %zu bytes", path,
                    sizeof(address.sun_path) - 1);
        return false;
    }
    memcpy(address.sun_path, path, strlen(path));
    if (!remove_stale(&address, error))
        return false;

    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0)
        return fail(error, path, "cannot create a socket");
    /* The mode of a socket before it is bound becomes that of its file. */
    if (fchmod(listener->fd, 0600) < 0 ||
        bind(listener->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        lstat(path, &listener->file) < 0 || listen(listener->fd, BACKLOG) < 0) {
        fail(error, path, "cannot listen");
        close(listener->fd);
        return false;
    }
    listener->path = g_strdup(path);
    return true;
}

void vfio_user_listener_close(struct vfio_user_listener *listener)
{
    struct stat file;

    if (lstat(listener->path, &file) == 0 && file.st_dev == listener->file.st_dev &&
        file.st_ino == listener->file.st_ino)
        unlink(listener->path);
    close(listener->fd);
    g_free(listener->path);
}

bool vfio_user_peer_has_kvm(int fd, int *pid)
{
    static const char machine[] = "anon_inode:kvm-vm";
    struct ucred peer = {.pid = 0};
    socklen_t length = sizeof(peer);
    bool found = false;
    char path[64], target[sizeof(machine)];

    *pid = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 || peer.pid <= 0)
        return false;
    *pid = peer.pid;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)peer.pid);
    DIR *folder = opendir(path);
    if (!folder)
        return false;
    /* A monitor opens its machine before its devices, so it is among the first. */
    struct dirent *entry;
    for (unsigned i = 0; i < 4096 && !found && (entry = readdir(folder)); i++) {
        ssize_t size = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target));
        found = size == sizeof(machine) - 1 && memcmp(target, machine, size) == 0;
    }
    closedir(folder);
    return found;
}
