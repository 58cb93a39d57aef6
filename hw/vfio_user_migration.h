/*
 * The migration of a vfio-user device: its states and its stream.
 *
 * The device is frozen in all states but RUNNING and PRE_COPY: it reads and writes no memory and
 * raises no interrupt. The stream is the one of migration/saver.h. What comes in PRE_COPY only says
 * which card it is, so that a wrong target is found early; STOP_COPY has everything again, as some
 * clients throw away what came before. For clients that do not, PRE_COPY can carry memory, too.
 *
 * The thread that serves the client. Facts: vfio-user.md sections 3.12, 3.13 and 4.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/vfio_user_protocol.h"
#include "migration/io_call.h"
#include "migration/loader.h"
#include "migration/saver.h"

#include <stddef.h>
#include <stdint.h>

struct vfio_user_migration_ops {
    /* Waits until nothing is under way inside the device. 0, or an errno: it does not end. */
    int (*drain)(void *opaque);
    /*
     * The device stands still when this returns, with everything in memory that it has drawn; or
     * may run again. IO thread.
     */
    void (*hold)(void *opaque, bool hold);
    /* Power-on state; it stands still. IO thread. */
    void (*power_on)(void *opaque);
};

struct vfio_user_migration {
    const struct vfio_user_migration_ops *ops;
    void *opaque;
    struct migration_set set; /* no parts: the device cannot be migrated */
    struct io_call io;
    bool carry_memory;            /* in PRE_COPY */
    bool shared;                  /* the client maps the memory: writes are not ours alone to see */
    uint32_t state;               /* enum vfio_user_state */
    struct migration_saver *head; /* PRE_COPY, and what of it is left over; NULL: nothing */
    struct migration_saver *saver;   /* STOP_COPY; with carry_memory both */
    struct migration_loader *loader; /* NULL: nothing has been written */
};

/* The owner fills SET before the thread starts. */
void vfio_user_migration_init(struct vfio_user_migration *migration,
                              const struct vfio_user_migration_ops *ops, void *opaque);
void vfio_user_migration_finish(struct vfio_user_migration *migration);
/* IO thread: it does not serve the device's thread any more, which may wait for it. */
void vfio_user_migration_close(struct vfio_user_migration *migration);

const char *vfio_user_migration_state_name(uint32_t state);
bool vfio_user_migration_supported(const struct vfio_user_migration *migration);
bool vfio_user_migration_frozen(const struct vfio_user_migration *migration);
/* May the client write to the device's memory? */
static inline bool vfio_user_migration_writable(const struct vfio_user_migration *migration)
{
    return !vfio_user_migration_frozen(migration) || migration->state == VFIO_USER_STATE_STOP;
}

/*
 * Goes to state WANTED, by way of others if there is no direct one. 0, or an errno with *PROBLEM,
 * to be freed: the state is then an earlier one or ERROR.
 */
int vfio_user_migration_set_state(struct vfio_user_migration *migration, uint32_t wanted,
                                  char **problem);
/* MIG_DATA_READ: up to SIZE bytes of the stream to DATA, *GOT of them. 0, or as above. */
int vfio_user_migration_read(struct vfio_user_migration *migration, void *data, size_t size,
                             size_t *got, char **problem);
/* MIG_DATA_WRITE. 0, or as above. */
int vfio_user_migration_write(struct vfio_user_migration *migration, const void *data, size_t size,
                              char **problem);
/* RUNNING, whatever it was, as after DEVICE_RESET or when the client is gone. */
void vfio_user_migration_reset(struct vfio_user_migration *migration);
