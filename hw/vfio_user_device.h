/*
 * A PCI function as a vfio-user device: one client's commands and their answers.
 *
 * The engine's thread, unless said otherwise. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/pci.h"
#include "hw/vfio_user_dma.h"
#include "hw/vfio_user_irq.h"
#include "hw/vfio_user_lane.h"
#include "hw/vfio_user_stream.h"

struct vfio_user_device {
    struct pci_function *pci;
    const char *name; /* for the log: the path of the socket */
    struct vfio_user_lane lane;
    struct vfio_user_irq irq;
    unsigned complaints;      /* written to the log since COMPLAINTS_SINCE */
    int64_t complaints_since; /* g_get_monotonic_time() */

    /* Of the present client. */
    struct vfio_user_stream stream;
    struct vfio_user_dma dma;
    bool negotiated; /* VERSION is behind us */
    bool map_memory; /* it may map the BARs that are memory */
};

/* NAME stays the caller's. The unmask eventfd is watched by EPOLL under TAG. */
void vfio_user_device_init(struct vfio_user_device *device, struct pci_function *pci,
                           const char *name, int epoll, uint32_t tag);
void vfio_user_device_finish(struct vfio_user_device *device);

/* A client on FD, which becomes the device's. */
void vfio_user_device_connect(struct vfio_user_device *device, int fd, bool map_memory);
/* Forgets the client and puts the function into its power-on state, however long that takes. */
void vfio_user_device_disconnect(struct vfio_user_device *device);

/*
 * Handles what the client has sent, or takes what it can of what was left over for it. False when
 * it is gone or cannot be followed any further; then disconnect.
 */
bool vfio_user_device_serve(struct vfio_user_device *device);
