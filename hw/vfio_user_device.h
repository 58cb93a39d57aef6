/*
 * A PCI function as a vfio-user device: one client's commands and their answers.
 *
 * The thread that serves the client, unless said otherwise; see vfio_user_lane.h.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/pci.h"
#include "hw/vfio_user_dma.h"
#include "hw/vfio_user_irq.h"
#include "hw/vfio_user_lane.h"
#include "hw/vfio_user_migration.h"
#include "hw/vfio_user_stream.h"

struct vfio_user_device {
    struct pci_function *pci;
    const char *name; /* for the log: the path of the socket */
    struct vfio_user_lane lane;
    struct vfio_user_irq irq;
    struct vfio_user_migration migration; /* the engine's, which has its operations */
    unsigned complaints;                  /* written to the log since COMPLAINTS_SINCE */
    int64_t complaints_since;             /* g_get_monotonic_time() */

    /* Of the present client. */
    struct vfio_user_stream stream;
    struct vfio_user_dma dma;
    bool negotiated; /* VERSION is behind us */
    bool map_memory; /* it may map the BARs that are memory */
    struct vfio_user_header
        write_header; /* of the last REGION_WRITE; its answer is in the stream */
    uint64_t write_port;
};

/* NAME stays the caller's. The unmask eventfd is watched by EPOLL under TAG. */
void vfio_user_device_init(struct vfio_user_device *device, struct pci_function *pci,
                           const char *name, int epoll, uint32_t tag);
void vfio_user_device_finish(struct vfio_user_device *device);

/* A client on FD, which becomes the device's. */
void vfio_user_device_connect(struct vfio_user_device *device, int fd, bool map_memory);
/*
 * Forgets the client and puts the function into its power-on state, running as far as migration is
 * concerned, however long that takes.
 */
void vfio_user_device_disconnect(struct vfio_user_device *device);

enum vfio_user_served {
    VFIO_USER_SERVED,
    VFIO_USER_GONE,            /* or cannot be followed any further: disconnect */
    VFIO_USER_SERVED_BY_OTHER, /* the thread has lost its place: it must touch nothing here, and
                                  work */
};

/* Handles what the client has sent, or takes what it can of what was left over for it. */
enum vfio_user_served vfio_user_device_serve(struct vfio_user_device *device);
/* After VFIO_USER_LANE_TAKE_OVER: answers the write that is late and goes on from there. */
enum vfio_user_served vfio_user_device_take_over(struct vfio_user_device *device);
