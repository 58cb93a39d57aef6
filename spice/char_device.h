/*
 * One of the host's character devices: reading from the guest when somebody can take it, and
 * queueing what the guest does not take yet. Agent, spicevmc and smart cards build on it.
 *
 * The host may call back from inside its own callbacks, and even remove the device there.
 *
 * Facts: server-abi.md sections 1.7.7 and 2.5. IO thread. SPDX-License-Identifier:
 * LGPL-2.1-or-later
 */
#pragma once

#include "spice/server.h"

struct char_device_ops {
    /*
     * The guest may have something to say: char_device_read() once. True: there was something, call
     * again. False: nothing, or nobody to take it now; char_device_wake() then goes on later.
     */
    bool (*pull)(void *opaque);
    /* The guest has taken all of a write of OWNER's; not called for owner 0. May be NULL. */
    void (*taken)(void *opaque, uint32_t owner);
    /* SPICE_PORT_EVENT_* from the guest's side. NULL: the device is no port. */
    void (*port_event)(void *opaque, uint8_t event);
    /* The host has removed the device: those who use it have to know. */
    void (*detach)(void *opaque);
    /* Later, from the loop: free the device, and what it is part of. */
    void (*release)(void *opaque);
};

struct SpiceCharDeviceState {
    SpiceServer *server;
    SpiceCharDeviceInstance *instance; /* NULL once the host has removed it */
    const struct char_device_ops *ops;
    void *opaque;

    GQueue writes; /* of struct char_write */
    size_t queued; /* bytes in it */
    struct loop_timer *retry_timer;

    bool calling; /* inside the host's read or write */
    bool pulling;
    bool woken; /* the host called wakeup from there */
    bool wake_posted;
};

/* Sets the instance's st and registers the device with its server. */
void char_device_init(SpiceCharDeviceState *device, SpiceServer *server,
                      SpiceCharDeviceInstance *instance, const struct char_device_ops *ops,
                      void *opaque);
/* In release(): what it holds. */
void char_device_finish(SpiceCharDeviceState *device);

/* The host removes it; detach() is called now, release() from the loop. */
void char_device_detach(SpiceCharDeviceState *device);

/* Tells the host whether somebody listens. */
void char_device_set_state(SpiceCharDeviceState *device, bool connected);
/* SPICE_PORT_EVENT_* for the host. */
void char_device_send_event(SpiceCharDeviceState *device, uint8_t event);

/* At most SIZE bytes; 0: nothing now. */
size_t char_device_read(SpiceCharDeviceState *device, uint8_t *data, size_t size);
/* Takes DATA (of g_malloc); in order. OWNER is for taken(). */
void char_device_write(SpiceCharDeviceState *device, uint8_t *data, size_t size, uint32_t owner);
/* Forgets what has not begun to be written. */
void char_device_drop_writes(SpiceCharDeviceState *device);
/* The guest begins anew: also what it has taken a part of, unless it is just about to take more. */
void char_device_reset_writes(SpiceCharDeviceState *device);
/* How many writes of OWNER's wait. */
unsigned char_device_count_writes(const SpiceCharDeviceState *device, uint32_t owner);
/* Copies what the guest has not taken yet, QUEUED bytes, into MESSAGE. */
void char_device_save_writes(const SpiceCharDeviceState *device, struct message *message);
/* Writes and reads what can be now. */
void char_device_wake(SpiceCharDeviceState *device);

/* What spice_server_add_interface() and _remove_interface() do; the latter returns as that does. */
void char_device_add(SpiceServer *server, SpiceCharDeviceInstance *instance);
int char_device_remove(SpiceCharDeviceInstance *instance);
/* Server: all that are left. */
void char_device_detach_all(SpiceServer *server);
/* Nothing is read or written while the machine stands still. */
void char_device_set_running(SpiceServer *server, bool running);
