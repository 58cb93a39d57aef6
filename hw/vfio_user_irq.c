/*
 * INTx towards a vfio-user client.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/vfio_user_irq.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define RECHECK_DELAY G_TIME_SPAN_MILLISECOND

void vfio_user_irq_init(struct vfio_user_irq *irq, int epoll, uint32_t tag)
{
    *irq = (struct vfio_user_irq){.epoll = epoll, .epoll_tag = tag, .trigger = -1, .unmask = -1};
    pthread_mutex_init(&irq->lock, NULL);
}

void vfio_user_irq_finish(struct vfio_user_irq *irq)
{
    vfio_user_irq_unbind(irq);
    pthread_mutex_destroy(&irq->lock);
}

/* The lock is held. */
static void signal_client(struct vfio_user_irq *irq)
{
    static const uint64_t one = 1;

    /* EAGAIN means that the client has not read earlier events: it has been told. */
    if (irq->trigger >= 0 && write(irq->trigger, &one, sizeof(one)) < 0)
        return;
}

/* Raises the interrupt if the line asks for it. The lock is held. */
static void evaluate(struct vfio_user_irq *irq)
{
    irq->recheck_at = 0;
    if (irq->level && !irq->masked && !irq->frozen && irq->trigger >= 0) {
        irq->masked = true;
        signal_client(irq);
    }
}

void vfio_user_irq_line(void *opaque, bool level)
{
    struct vfio_user_irq *irq = opaque;

    pthread_mutex_lock(&irq->lock);
    irq->level = level;
    evaluate(irq);
    pthread_mutex_unlock(&irq->lock);
}

void vfio_user_irq_freeze(struct vfio_user_irq *irq, bool frozen)
{
    pthread_mutex_lock(&irq->lock);
    irq->frozen = frozen;
    evaluate(irq);
    pthread_mutex_unlock(&irq->lock);
}

int vfio_user_irq_recheck(struct vfio_user_irq *irq, bool now)
{
    int wait = -1;

    pthread_mutex_lock(&irq->lock);
    if (irq->recheck_at) {
        int64_t left = irq->recheck_at - g_get_monotonic_time();
        if (now || left <= 0)
            evaluate(irq);
        else
            wait = (left + 999) / 1000;
    }
    pthread_mutex_unlock(&irq->lock);
    return wait;
}

static bool is_eventfd(int fd)
{
    static const char eventfd[] = "anon_inode:[eventfd]";
    char path[sizeof("/proc/self/fd/-2147483648")], target[sizeof(eventfd)];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, target, sizeof(target));
    return length == sizeof(eventfd) - 1 && memcmp(target, eventfd, length) == 0;
}

/* Puts FD (-1: none) into *PLACE; what was there is closed. The lock is held. */
static void bind_fd(int *place, int fd)
{
    if (fd >= 0)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (*place >= 0)
        close(*place);
    *place = fd;
}

/* Replaces the unmask eventfd. The lock is held. False: it cannot be watched; then there is none.
 */
static bool bind_unmask(struct vfio_user_irq *irq, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = irq->epoll_tag};

    if (irq->unmask >= 0)
        epoll_ctl(irq->epoll, EPOLL_CTL_DEL, irq->unmask, NULL);
    bind_fd(&irq->unmask, fd);
    if (fd >= 0 && epoll_ctl(irq->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        bind_fd(&irq->unmask, -1);
        return false;
    }
    return true;
}

void vfio_user_irq_unbind(struct vfio_user_irq *irq)
{
    pthread_mutex_lock(&irq->lock);
    bind_fd(&irq->trigger, -1);
    bind_unmask(irq, -1);
    irq->masked = false;
    irq->recheck_at = 0;
    pthread_mutex_unlock(&irq->lock);
}

void vfio_user_irq_unmasked(struct vfio_user_irq *irq)
{
    uint64_t events;

    pthread_mutex_lock(&irq->lock);
    if (irq->unmask >= 0 && read(irq->unmask, &events, sizeof(events)) == sizeof(events)) {
        irq->masked = false;
        evaluate(irq);
    }
    pthread_mutex_unlock(&irq->lock);
}

uint32_t vfio_user_irq_flags(uint32_t index)
{
    return index == VFIO_PCI_INTX_IRQ_INDEX
               ? VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED
               : 0;
}

uint32_t vfio_user_irq_count(uint32_t index)
{
    /* Of the others: an ERR interrupt makes QEMU stop the machine, and there is no MSI. */
    return index == VFIO_PCI_INTX_IRQ_INDEX ? 1 : 0;
}

/*
 * The one descriptor of an EVENTFD request, moved to *FD: -1 when there is none. Some clients
 * append an index into the descriptors for each vector, -1 for none. 0 or an errno.
 */
static int take_eventfd(struct vfio_user_message *message, int *fd)
{
    const size_t fixed = sizeof(struct vfio_irq_set);
    int32_t index = message->fd_count ? 0 : -1;

    if (message->size >= fixed + sizeof(index))
        memcpy(&index, message->payload + fixed, sizeof(index));
    *fd = -1;
    if (index == -1)
        return 0;
    if (index < 0 || (uint32_t)index >= message->fd_count || !is_eventfd(message->fds[index]))
        return EINVAL;
    *fd = message->fds[index];
    message->fds[index] = -1;
    return 0;
}

static int set_eventfd(struct vfio_user_irq *irq, uint32_t action,
                       struct vfio_user_message *message)
{
    int fd;
    int error = message->fd_count > 1 ? EINVAL : take_eventfd(message, &fd);

    if (error)
        return error;
    switch (action) {
    case VFIO_IRQ_SET_ACTION_TRIGGER:
        bind_fd(&irq->trigger, fd);
        evaluate(irq);
        return 0;
    case VFIO_IRQ_SET_ACTION_UNMASK:
        return bind_unmask(irq, fd) ? 0 : EINVAL;
    default: /* nobody wants to hear of masking */
        if (fd >= 0)
            close(fd);
        return 0;
    }
}

static void set_now(struct vfio_user_irq *irq, uint32_t action)
{
    switch (action) {
    case VFIO_IRQ_SET_ACTION_MASK:
        irq->masked = true;
        break;
    case VFIO_IRQ_SET_ACTION_UNMASK:
        irq->masked = false;
        if (irq->level)
            irq->recheck_at = g_get_monotonic_time() + RECHECK_DELAY;
        break;
    case VFIO_IRQ_SET_ACTION_TRIGGER: /* a test of the client's own wiring */
        signal_client(irq);
        break;
    }
}

static bool one_bit(uint32_t bits)
{
    return bits && (bits & (bits - 1)) == 0;
}

int vfio_user_irq_set(struct vfio_user_irq *irq, struct vfio_user_message *message)
{
    struct vfio_irq_set set;
    int error = 0;

    memcpy(&set, message->payload, sizeof(set));
    uint32_t data = set.flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
    uint32_t action = set.flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
    if (set.flags != (data | action) || !one_bit(data) || !one_bit(action) ||
        set.index >= VFIO_PCI_NUM_IRQS ||
        (uint64_t)set.start + set.count > vfio_user_irq_count(set.index) ||
        (message->fd_count && data != VFIO_IRQ_SET_DATA_EVENTFD))
        return EINVAL;

    if (set.count == 0) {
        if (data != VFIO_IRQ_SET_DATA_NONE || action != VFIO_IRQ_SET_ACTION_TRIGGER || set.start)
            return EINVAL;
        if (set.index == VFIO_PCI_INTX_IRQ_INDEX)
            vfio_user_irq_unbind(irq);
        return 0;
    }

    /* Here the index is INTx and the vector its only one. */
    if (data == VFIO_IRQ_SET_DATA_BOOL && message->size < sizeof(set) + set.count)
        return EINVAL;
    pthread_mutex_lock(&irq->lock);
    if (data == VFIO_IRQ_SET_DATA_EVENTFD)
        error = set_eventfd(irq, action, message);
    else if (data == VFIO_IRQ_SET_DATA_NONE || message->payload[sizeof(set)])
        set_now(irq, action);
    pthread_mutex_unlock(&irq->lock);
    return error;
}
