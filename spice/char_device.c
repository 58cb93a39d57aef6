/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/char_device.h"

#include "spice/agent.h"
#include "spice/server_state.h"
#include "spice/smartcard.h"
#include "spice/stream_device.h"
#include "spice/vmc_channel.h"

#include <limits.h>
#include <string.h>

/* For hosts that do not tell when a device can take data again. */
#define RETRY_MS 100

struct char_write {
    uint8_t *data;
    size_t size, written;
    uint32_t owner;
};

static SpiceCharDeviceInterface *interface_of(const SpiceCharDeviceInstance *instance)
{
    return SPICE_CONTAINEROF(instance->base.sif, SpiceCharDeviceInterface, base);
}

static bool can_move(const SpiceCharDeviceState *device)
{
    return device->instance != NULL && device->server->running;
}

static void wake_later(void *opaque)
{
    SpiceCharDeviceState *device = opaque;

    device->wake_posted = false;
    char_device_wake(device);
}

/*
 * One of the host's callbacks, which gets another try when the host says, from inside it, that
 * there is more. What else such a call may be about is seen to from the loop.
 */
static int call_host(SpiceCharDeviceState *device, uint8_t *data, size_t size, bool is_write)
{
    SpiceCharDeviceInstance *instance = device->instance;
    SpiceCharDeviceInterface *interface = interface_of(instance);
    int length = (int)MIN(size, INT_MAX);
    int n = 0;

    for (int tries = 0; tries < 2 && device->instance != NULL; tries++) {
        device->calling = true;
        device->woken = false;
        n = is_write ? interface->write(instance, data, length)
                     : interface->read(instance, data, length);
        device->calling = false;
        if (n > 0 || !device->woken) {
            break;
        }
    }
    if (device->instance == NULL) {
        return 0;
    }
    if (device->woken && !device->wake_posted) {
        device->wake_posted = true;
        event_loop_post(device->server->loop, wake_later, device);
    }
    return CLAMP(n, 0, length);
}

size_t char_device_read(SpiceCharDeviceState *device, uint8_t *data, size_t size)
{
    return can_move(device) && !device->calling ? (size_t)call_host(device, data, size, false) : 0;
}

static void free_write(void *opaque)
{
    struct char_write *write = opaque;

    g_free(write->data);
    g_free(write);
}

static void retry_later(SpiceCharDeviceState *device)
{
    SpiceCharDeviceInterface *interface = interface_of(device->instance);

    if (interface->base.minor_version < 3 ||
        !(interface->flags & SPICE_CHAR_DEVICE_NOTIFY_WRITABLE)) {
        loop_timer_start(device->retry_timer, RETRY_MS);
    }
}

static void flush(SpiceCharDeviceState *device)
{
    struct char_write *write;

    while (can_move(device) && (write = g_queue_peek_head(&device->writes)) != NULL) {
        size_t n = (size_t)call_host(device, write->data + write->written,
                                     write->size - write->written, true);
        uint32_t owner = write->owner;

        if (device->instance == NULL) {
            return;
        }
        if (n == 0 && write->written < write->size) {
            retry_later(device);
            return;
        }
        write->written += n;
        device->queued -= n;
        if (write->written < write->size) {
            continue;
        }
        free_write(g_queue_pop_head(&device->writes));
        if (owner != 0 && device->ops->taken != NULL) {
            device->ops->taken(device->opaque, owner);
        }
    }
}

void char_device_write(SpiceCharDeviceState *device, uint8_t *data, size_t size, uint32_t owner)
{
    struct char_write *write;

    if (device->instance == NULL || size == 0) {
        g_free(data);
        return;
    }
    write = g_new(struct char_write, 1);
    *write = (struct char_write){data, size, 0, owner};
    g_queue_push_tail(&device->writes, write);
    device->queued += size;
    if (device->calling) {
        device->woken = true;
    } else if (device->writes.length == 1) {
        flush(device); /* behind others it waits for what those wait for */
    }
}

void char_device_drop_writes(SpiceCharDeviceState *device)
{
    struct char_write *first = g_queue_pop_head(&device->writes);
    struct char_write *write;

    while ((write = g_queue_pop_head(&device->writes)) != NULL) {
        device->queued -= write->size;
        free_write(write);
    }
    if (first != NULL && first->written == 0 && !device->calling) {
        device->queued -= first->size;
        free_write(first);
    } else if (first != NULL) {
        g_queue_push_tail(&device->writes, first);
    }
}

void char_device_reset_writes(SpiceCharDeviceState *device)
{
    struct char_write *first;

    char_device_drop_writes(device);
    if (!device->calling && (first = g_queue_pop_head(&device->writes)) != NULL) {
        device->queued -= first->size - first->written;
        free_write(first);
    }
}

unsigned char_device_count_writes(const SpiceCharDeviceState *device, uint32_t owner)
{
    unsigned count = 0;

    for (GList *l = device->writes.head; l != NULL; l = l->next) {
        count += ((struct char_write *)l->data)->owner == owner;
    }
    return count;
}

void char_device_save_writes(const SpiceCharDeviceState *device, struct message *message)
{
    for (GList *l = device->writes.head; l != NULL; l = l->next) {
        const struct char_write *write = l->data;

        message_add_bytes(message, write->data + write->written, write->size - write->written);
    }
}

void char_device_wake(SpiceCharDeviceState *device)
{
    if (device->calling) {
        device->woken = true;
        return;
    }
    flush(device);
    if (device->pulling) {
        return;
    }
    device->pulling = true;
    while (can_move(device) && device->ops->pull(device->opaque)) {
    }
    device->pulling = false;
}

static void on_retry_timer(void *opaque)
{
    flush(opaque);
}

void char_device_set_state(SpiceCharDeviceState *device, bool connected)
{
    if (device->instance != NULL && interface_of(device->instance)->state != NULL) {
        interface_of(device->instance)->state(device->instance, connected);
    }
}

void char_device_send_event(SpiceCharDeviceState *device, uint8_t event)
{
    SpiceCharDeviceInterface *interface;

    if (device->instance == NULL) {
        return;
    }
    interface = interface_of(device->instance);
    if (interface->base.minor_version >= 2 && interface->event != NULL) {
        interface->event(device->instance, event);
    }
}

void char_device_init(SpiceCharDeviceState *device, SpiceServer *server,
                      SpiceCharDeviceInstance *instance, const struct char_device_ops *ops,
                      void *opaque)
{
    *device = (SpiceCharDeviceState){
        .server = server, .instance = instance, .ops = ops, .opaque = opaque};
    g_queue_init(&device->writes);
    device->retry_timer = loop_timer_create(server->loop, on_retry_timer, device);
    server->char_devices = g_list_append(server->char_devices, device);
    instance->st = device;
}

void char_device_finish(SpiceCharDeviceState *device)
{
    g_queue_clear_full(&device->writes, free_write);
    loop_timer_destroy(device->retry_timer);
}

static void release(void *opaque)
{
    SpiceCharDeviceState *device = opaque;

    device->ops->release(device->opaque);
}

void char_device_detach(SpiceCharDeviceState *device)
{
    SpiceServer *server = device->server;

    device->instance->st = NULL;
    device->instance = NULL;
    server->char_devices = g_list_remove(server->char_devices, device);
    loop_timer_cancel(device->retry_timer);
    device->ops->detach(device->opaque);
    event_loop_post(server->loop, release, device);
}

void char_device_detach_all(SpiceServer *server)
{
    while (server->char_devices != NULL) {
        char_device_detach(server->char_devices->data);
    }
}

void char_device_set_running(SpiceServer *server, bool running)
{
    if (server->running == running) {
        return;
    }
    server->running = running;
    /* Waking may end in the host's removing a device. */
    for (GList *l = server->char_devices; running && l != NULL;) {
        SpiceCharDeviceState *device = l->data;

        l = l->next;
        if (!device->wake_posted) {
            device->wake_posted = true;
            event_loop_post(server->loop, wake_later, device);
        }
    }
}

/* The kinds. */

static const char *subtypes[] = {SUBTYPE_VDAGENT, SUBTYPE_SMARTCARD, SUBTYPE_USBREDIR, NULL};

const char **spice_server_char_device_recognized_subtypes(void)
{
    return subtypes;
}

void char_device_add(SpiceServer *server, SpiceCharDeviceInstance *instance)
{
    const char *subtype = instance->subtype;

    instance->st = NULL;
    if (strcmp(subtype, SUBTYPE_VDAGENT) == 0) {
        agent_attach(server->agent, instance);
    } else if (strcmp(subtype, SUBTYPE_SMARTCARD) == 0) {
        smartcard_attach(server, instance);
    } else if (strcmp(subtype, SUBTYPE_USBREDIR) == 0) {
        vmc_attach(server, instance, SPICE_CHANNEL_USBREDIR);
    } else if (strcmp(subtype, SUBTYPE_PORT) == 0 &&
               g_strcmp0(instance->portname, STREAM_DEVICE_NAME) == 0) {
        stream_device_attach(server, instance);
    } else if (strcmp(subtype, SUBTYPE_PORT) == 0) {
        vmc_attach_port(server, instance);
    } else {
        g_warning("a character device of subtype '%s' is not supported", subtype);
    }
}

int char_device_remove(SpiceCharDeviceInstance *instance)
{
    if (instance->st == NULL) {
        /* In the words that hosts' tests wait for, server-abi.md section 9.5. */
        g_critical("spice_server_remove_interface: assertion 'char_device->st != nullptr' failed");
        return -1;
    }
    char_device_detach(instance->st);
    return 0;
}

void spice_server_char_device_wakeup(SpiceCharDeviceInstance *sin)
{
    if (sin->st == NULL) {
        g_warning("a character device that is not attached has nothing to wake up");
        return;
    }
    char_device_wake(sin->st);
}

void spice_server_port_event(SpiceCharDeviceInstance *sin, uint8_t event)
{
    if (sin->st == NULL || sin->st->ops->port_event == NULL) {
        g_warning("port events are for attached devices of subtype '%s'", SUBTYPE_PORT);
        return;
    }
    sin->st->ops->port_event(sin->st->opaque, event);
}
