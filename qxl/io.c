/*
 * The I/O ports: who may be written when, and what it does. Section 5.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/guest_memory.h"
#include "qxl/internal.h"

#define PORT_READS 0xff

/* A port's effect. True: it is done. False: the server completes the asynchronous request later. */
typedef bool (*port_handler)(struct qxl_card *card, uint8_t value, bool async);

static void report(struct qxl_card *card, enum qxl_bug bug, const char *what, unsigned value)
{
    qxl_lock(card);
    qxl_bug(card, bug, "%s %u", what, value);
    qxl_unlock(card);
}

static uint64_t guest_cookie(struct qxl_card *card)
{
    qxl_lock(card);
    uint64_t cookie = qxl_async_cookie(card);
    qxl_unlock(card);
    return cookie;
}

static bool notify(struct qxl_card *card, uint8_t value, bool async)
{
    (void)value;
    (void)async;
    spice_qxl_wakeup(&card->instance);
    return true;
}

static bool update_area(struct qxl_card *card, uint8_t value, bool async)
{
    uint32_t surface = guest_load32(&card->ram->update_surface);
    QXLRect area;

    (void)value;
    guest_copy_in(&area, &card->ram->update_area, sizeof(area));
    if (surface >= card->config.surfaces) {
        report(card, QXL_BUG_SURFACE_ID, "UPDATE_AREA of surface", surface);
        return true;
    }
    if (area.left == area.right || area.top == area.bottom)
        return true; /* old drivers ask for nothing now and then */
    if (area.left < 0 || area.top < 0 || area.left > area.right || area.top > area.bottom) {
        report(card, QXL_BUG_UPDATE_AREA, "UPDATE_AREA of a rectangle that is none, surface",
               surface);
        return true;
    }
    if (!card->renderer_running)
        return true; /* everything has been rendered when it was stopped */
    if (async) {
        spice_qxl_update_area_async(&card->instance, surface, &area, 1, guest_cookie(card));
        return false;
    }
    spice_qxl_update_area(&card->instance, surface, &area, NULL, 0, 0);
    return true;
}

static bool update_irq(struct qxl_card *card, uint8_t value, bool async)
{
    (void)value;
    (void)async;
    qxl_lock(card);
    qxl_irq_update(card);
    qxl_unlock(card);
    return true;
}

static bool out_of_memory(struct qxl_card *card, uint8_t value, bool async)
{
    (void)value;
    (void)async;
    qxl_lock(card);
    bool has_unread = !qxl_release_ring_is_empty(card);
    qxl_unlock(card);
    if (!has_unread && card->renderer_running)
        spice_qxl_oom(&card->instance);
    return true;
}

static bool reset(struct qxl_card *card, uint8_t value, bool async)
{
    (void)value;
    (void)async;
    qxl_mode_hard_reset(card);
    return true;
}

static bool set_mode(struct qxl_card *card, uint8_t value, bool async)
{
    (void)async;
    return qxl_mode_set(card, value);
}

static bool log_message(struct qxl_card *card, uint8_t value, bool async)
{
    (void)value;
    (void)async;
    qxl_lock(card);
    qxl_guest_message(card);
    qxl_unlock(card);
    return true;
}

static bool add_memslot(struct qxl_card *card, uint8_t value, bool async)
{
    QXLDevMemSlot slot;
    bool already_there;

    qxl_lock(card);
    bool good = qxl_memslot_add(card, value, &already_there);
    if (good)
        slot = qxl_memslot_describe(card, value);
    uint64_t cookie = qxl_async_cookie(card);
    qxl_unlock(card);
    if (!good || already_there)
        return true;
    if (async)
        spice_qxl_add_memslot_async(&card->instance, &slot, cookie);
    else
        spice_qxl_add_memslot(&card->instance, &slot);
    return !async;
}

/* Has the server execute all commands that are in the rings; complete after qxl_async_wait(). */
static void drain_rings(struct qxl_card *card)
{
    spice_qxl_flush_surfaces_async(&card->instance, qxl_async_own_cookie(card));
}

static bool delete_memslot(struct qxl_card *card, uint8_t value, bool async)
{
    (void)async;
    if (value >= QXL_MEMSLOTS) {
        report(card, QXL_BUG_MEMSLOT_ID, "MEMSLOT_DEL of slot", value);
        return true;
    }
    qxl_lock(card);
    bool active = card->slots[value].active;
    uint32_t group = card->guest_group;
    qxl_unlock(card);
    if (!active)
        return true;
    drain_rings(card);
    qxl_async_wait(card);
    qxl_lock(card);
    card->slots[value].active = false;
    qxl_unlock(card);
    spice_qxl_del_memslot(&card->instance, group, value);
    return true;
}

static bool create_primary(struct qxl_card *card, uint8_t value, bool async)
{
    if (value == 0)
        return qxl_mode_create_primary(card, async);
    report(card, QXL_BUG_ARGUMENT, "CREATE_PRIMARY takes 0, not", value);
    return true;
}

static bool destroy_primary(struct qxl_card *card, uint8_t value, bool async)
{
    if (value == 0)
        return qxl_mode_destroy_primary(card, async);
    report(card, QXL_BUG_ARGUMENT, "DESTROY_PRIMARY takes 0, not", value);
    return true;
}

static bool destroy_surface(struct qxl_card *card, uint8_t value, bool async)
{
    if (value >= card->config.surfaces) {
        report(card, QXL_BUG_SURFACE_ID, "DESTROY_SURFACE of surface", value);
        return true;
    }
    /*
     * The synchronous call of the distribution's server takes surface 0 only and ends the process
     * otherwise; its asynchronous one takes any, but leaves commands in the rings.
     */
    drain_rings(card);
    if (async) {
        spice_qxl_destroy_surface_async(&card->instance, value, guest_cookie(card));
        return false;
    }
    spice_qxl_destroy_surface_async(&card->instance, value, qxl_async_own_cookie(card));
    qxl_async_wait(card);
    qxl_lock(card);
    card->surfaces[value].exists = false;
    qxl_unlock(card);
    return true;
}

static bool destroy_all_surfaces(struct qxl_card *card, uint8_t value, bool async)
{
    (void)value;
    return qxl_mode_destroy_all(card, async);
}

static bool flush_surfaces(struct qxl_card *card, uint8_t value, bool async)
{
    (void)value;
    (void)async; /* it has no other form */
    spice_qxl_flush_surfaces_async(&card->instance, guest_cookie(card));
    return false;
}

static bool flush_release(struct qxl_card *card, uint8_t value, bool async)
{
    (void)value;
    (void)async;
    qxl_lock(card);
    if (card->running)
        qxl_release_push(card);
    qxl_unlock(card);
    return true;
}

static bool monitors_config(struct qxl_card *card, uint8_t value, bool async)
{
    QXLPHYSICAL address;

    (void)value;
    (void)async;
    qxl_lock(card);
    bool readable = qxl_monitors_from_guest(card, &address);
    uint64_t cookie = qxl_async_cookie(card);
    int group = (int)card->guest_group;
    qxl_unlock(card);
    if (!readable)
        return true;
    spice_qxl_monitors_config_async(&card->instance, address, group, cookie);
    return false;
}

struct port {
    port_handler write; /* NULL: no such port */
    bool async;
    bool in_vga; /* works in VGA mode */
};

static const struct port ports[] = {
    [QXL_IO_NOTIFY_CMD] = {notify, false, false},
    [QXL_IO_NOTIFY_CURSOR] = {notify, false, false},
    [QXL_IO_UPDATE_AREA] = {update_area, false, false},
    [QXL_IO_UPDATE_IRQ] = {update_irq, false, true},
    [QXL_IO_NOTIFY_OOM] = {out_of_memory, false, false},
    [QXL_IO_RESET] = {reset, false, true},
    [QXL_IO_SET_MODE] = {set_mode, false, true},
    [QXL_IO_LOG] = {log_message, false, true},
    [QXL_IO_MEMSLOT_ADD] = {add_memslot, false, true},
    [QXL_IO_MEMSLOT_DEL] = {delete_memslot, false, true},
    [QXL_IO_CREATE_PRIMARY] = {create_primary, false, true},
    [QXL_IO_DESTROY_PRIMARY] = {destroy_primary, false, false},
    [QXL_IO_DESTROY_SURFACE_WAIT] = {destroy_surface, false, false},
    [QXL_IO_DESTROY_ALL_SURFACES] = {destroy_all_surfaces, false, false},
    [QXL_IO_UPDATE_AREA_ASYNC] = {update_area, true, false},
    [QXL_IO_MEMSLOT_ADD_ASYNC] = {add_memslot, true, true},
    [QXL_IO_CREATE_PRIMARY_ASYNC] = {create_primary, true, true},
    [QXL_IO_DESTROY_PRIMARY_ASYNC] = {destroy_primary, true, false},
    [QXL_IO_DESTROY_SURFACE_ASYNC] = {destroy_surface, true, false},
    [QXL_IO_DESTROY_ALL_SURFACES_ASYNC] = {destroy_all_surfaces, true, false},
    [QXL_IO_FLUSH_SURFACES_ASYNC] = {flush_surfaces, true, false},
    [QXL_IO_FLUSH_RELEASE] = {flush_release, false, false},
    [QXL_IO_MONITORS_CONFIG_ASYNC] = {monitors_config, true, false},
};

/* The checks of section 5.2; the port when its effect is due, else NULL. [state] */
static const struct port *admit(struct qxl_card *card, uint32_t number, uint8_t value)
{
    static const struct port unknown;
    const struct port *port = number < G_N_ELEMENTS(ports) ? &ports[number] : &unknown;

    if (card->frozen && number != QXL_IO_RESET)
        return NULL;
    if (number > QXL_IO_FLUSH_RELEASE && card->config.revision <= QXL_REVISION_STABLE_V10) {
        qxl_bug(card, QXL_BUG_PORT_REVISION, "port %u does not exist in revision %u", number,
                card->config.revision);
        return NULL;
    }
    if (card->mode == QXL_MODE_VGA && !port->in_vga) {
        /* A driver that waits for completion must not wait for ever. */
        if (number >= QXL_IO_UPDATE_AREA_ASYNC && number <= QXL_IO_MONITORS_CONFIG_ASYNC)
            qxl_irq_raise(card, QXL_INTERRUPT_IO_CMD);
        return NULL;
    }
    if (!port->write) {
        qxl_bug(card, QXL_BUG_PORT_UNKNOWN, "port %u is none of the card's", number);
        return NULL;
    }
    if (port->async && !qxl_async_begin(card, (uint8_t)number, value))
        return NULL;
    return port;
}

void qxl_card_io_write(struct qxl_card *card, uint32_t number, uint8_t value)
{
    if (number >= qxl_config_io_size(&card->config))
        return;
    pthread_mutex_lock(&card->io_lock);
    qxl_lock(card);
    const struct port *port = admit(card, number, value);
    qxl_unlock(card);
    if (port && port->write(card, value, port->async) && port->async) {
        qxl_lock(card);
        qxl_async_finish(card);
        qxl_unlock(card);
    }
    pthread_mutex_unlock(&card->io_lock);
    qxl_card_notify_host(card);
}

uint8_t qxl_card_io_read(struct qxl_card *card, uint32_t port)
{
    (void)card;
    (void)port;
    return PORT_READS;
}
