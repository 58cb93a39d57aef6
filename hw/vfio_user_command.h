/*
 * What the handlers of a vfio-user device's commands have in common, and those of its regions.
 *
 * Only for the files of the device. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/vfio_user_device.h"

#include <glib.h>
#include <string.h>

/* What a handler answers with when it returns 0. */
struct vfio_user_answer {
    uint8_t *data; /* VFIO_USER_MAX_MESSAGE bytes less a header */
    size_t size;   /* bytes of it to send */
    int fd;        /* goes along, stays the device's; -1: none */
};

static inline void vfio_user_answer_set(struct vfio_user_answer *answer, const void *data,
                                        size_t size)
{
    memcpy(answer->data, data, size);
    answer->size = size;
}

/* What a handler returns when another thread has answered and serves the client now. */
#define VFIO_USER_RELIEVED (-1)

/*
 * 0, an errno or VFIO_USER_RELIEVED. The payload is at least as long as the command's structure and
 * stays the caller's.
 */
typedef int vfio_user_handler(struct vfio_user_device *device, struct vfio_user_message *message,
                              struct vfio_user_answer *answer);

vfio_user_handler vfio_user_get_region_info, vfio_user_get_region_io_fds;
vfio_user_handler vfio_user_region_read, vfio_user_region_write, vfio_user_region_write_multi;

/* Into the log, so often that it helps and so seldom that a client cannot fill the disk. */
G_GNUC_PRINTF(2, 3)
void vfio_user_complain(struct vfio_user_device *device, const char *format, ...);
void vfio_user_complain_late(struct vfio_user_device *device, uint64_t port);
