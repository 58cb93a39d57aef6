/*
 * A listening socket that the main loop watches.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/door.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/socket.h>

#define REST_SECONDS 1

static gboolean open_again(gpointer data)
{
    door_open(data);
    return G_SOURCE_REMOVE;
}

static gboolean knocked(int listen_fd, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
    struct door *door = data;
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0) {
        door->welcome(door->opaque, fd);
        return G_SOURCE_CONTINUE;
    }
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
        return G_SOURCE_CONTINUE;
    /* Most likely out of descriptors: the socket stays readable, so wait instead of spinning. */
    g_warning("%s: cannot accept a client: %s", door->name, g_strerror(errno));
    door->source = g_timeout_add_seconds(REST_SECONDS, open_again, door);
    return G_SOURCE_REMOVE;
}

void door_open(struct door *door)
{
    door->source = g_unix_fd_add(door->listen_fd, G_IO_IN, knocked, door);
}

void door_close(struct door *door)
{
    g_clear_handle_id(&door->source, g_source_remove);
}
