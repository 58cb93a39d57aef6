/*
 * INTx towards a vfio-user client: a level made from events, with auto-mask.
 *
 * The client's trigger eventfd is written when the line is high and not masked, and that masks it
 * until the client unmasks, by message (monitors without in-kernel interrupt controller) or through
 * an eventfd of its own that KVM signals at the guest's end of interrupt. There is no message for a
 * falling line: the client lowers it, we raise it again while it is high.
 *
 * Facts: vfio-user.md sections 3.7 and 8. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/vfio_user_stream.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct vfio_user_irq {
    int epoll; /* where the unmask eventfd is watched */
    uint32_t epoll_tag;

    pthread_mutex_t lock; /* guards all below */
    int trigger, unmask;  /* eventfds, non-blocking; -1: none */
    bool level;           /* of the line */
    bool masked;
    bool frozen;        /* the engine is stopped */
    int64_t recheck_at; /* g_get_monotonic_time() when the line is looked at again; 0: never */
};

/* Events of an unmask eventfd are reported by EPOLL with data.u32 = TAG. */
void vfio_user_irq_init(struct vfio_user_irq *irq, int epoll, uint32_t tag);
void vfio_user_irq_finish(struct vfio_user_irq *irq);

/* A pci_intx_sink; OPAQUE is the struct vfio_user_irq. Any thread. */
void vfio_user_irq_line(void *opaque, bool level);
/* Holds interrupts back while the engine is stopped. Any thread. */
void vfio_user_irq_freeze(struct vfio_user_irq *irq, bool frozen);

/* The engine's thread only, from here. */

/* The device function's SET_IRQS: 0 or an errno. Takes the descriptors of MESSAGE that it keeps. */
int vfio_user_irq_set(struct vfio_user_irq *irq, struct vfio_user_message *message);
/* What each index offers; the flags and count of GET_IRQ_INFO. */
uint32_t vfio_user_irq_flags(uint32_t index);
uint32_t vfio_user_irq_count(uint32_t index);
/* The client is gone: drops its descriptors. */
void vfio_user_irq_unbind(struct vfio_user_irq *irq);
/* The unmask eventfd has an event. */
void vfio_user_irq_unmasked(struct vfio_user_irq *irq);
/*
 * After an unmask by message the line is raised again a little later only, as the guest's handler
 * is just beginning: at its next port write, for which this is called with NOW = true, or after a
 * millisecond. Returns how many milliseconds from now on it wants to be called; -1: not at all.
 */
int vfio_user_irq_recheck(struct vfio_user_irq *irq, bool now);
