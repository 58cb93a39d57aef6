/*
 * The card as a device of any monitor that speaks vfio-user.
 *
 * Facts: vfio-user.md. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/engine.h"
#include "hw/pci.h"

enum vfio_user_mmap {
    VFIO_USER_MMAP_AUTO, /* chooses at each connection; see docs */
    VFIO_USER_MMAP_ON,
    VFIO_USER_MMAP_OFF,
};

struct migration_set;

struct vfio_user_config {
    const char *path; /* of the unix socket to listen on; a stale socket there is replaced */
    enum vfio_user_mmap mmap;
    const char *input_qmp; /* the monitor's QMP socket that gets keyboard and mouse; NULL: none */
    bool input_moves;      /* as movements only: the guest has no tablet */
    /*
     * For a device that the monitor can migrate: adds what it consists of. NULL: it cannot. Then,
     * hold(): it must stand still, whatever else is running, with all that it has drawn in memory;
     * or need not any more. IO thread.
     */
    void (*add_parts)(void *opaque, struct migration_set *set);
    void (*hold)(void *opaque, bool hold);
    bool pre_copy_memory; /* PRE_COPY carries memory, which the monitor must not throw away */
    /* From the engine's thread when a monitor connects or goes; may be NULL. */
    void (*connection_changed)(void *opaque, bool connected);
    void *opaque;
};

/* An engine that listens when this returns. PCI must outlive it. NULL and ERROR when it cannot
 * listen. */
struct engine *vfio_user_create(const struct vfio_user_config *config, struct pci_function *pci,
                                GError **error);
