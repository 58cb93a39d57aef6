/*
 * A listening socket that the main loop watches: who comes is handed over.
 *
 * On the IO thread (GLib's default main context). Without descriptors left, a door rests for a
 * second instead of keeping the loop busy.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

struct door {
    int listen_fd;    /* borrowed, non-blocking */
    const char *name; /* for warnings: "monitor" */
    /* FD, connected and non-blocking, is the caller's from here on. */
    void (*welcome)(void *opaque, int fd);
    void *opaque;
    guint source; /* the watch, or the timer that waits to watch again; 0: closed */
};

/* Begins to watch; DOOR must stay where it is until door_close(). */
void door_open(struct door *door);

/* A door that was never opened: nothing. */
void door_close(struct door *door);
