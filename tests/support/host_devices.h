/*
 * The host's side of the devices of spice.h, for tests that run a server: character devices, sound,
 * keyboard, mouse and tablet, and migration.
 *
 * A device belongs to the thread that calls the server, or to the lock under which all do.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <spice.h>
#include <stdio.h>

/*
 * A character device that has something to say and hears what it is told. INTERFACE is its own: a
 * test puts its callbacks in before it adds INSTANCE to the server, and finds its way back with
 * SPICE_CONTAINEROF().
 */
struct host_device {
    SpiceCharDeviceInstance instance;
    SpiceCharDeviceInterface interface;
    GByteArray *to_server;   /* append, then spice_server_char_device_wakeup() */
    guint said;              /* bytes of it that were read */
    GByteArray *from_server; /* all that host_device_write() was given */
};

/*
 * SUBTYPE and PORTNAME, which is NULL for what is no port, are copied. The interface is of the
 * newest version, without the callbacks that may be NULL.
 */
void host_device_init(struct host_device *device, const char *subtype, const char *portname);
/* For devices that the server does not have (any more). */
void host_device_clear(struct host_device *device);
/* Bytes that it has not said yet. */
guint host_device_left(const struct host_device *device);
/* They are not said any more. */
void host_device_forget(struct host_device *device);
/* The callbacks of host_device_init(). */
int host_device_read(SpiceCharDeviceInstance *instance, uint8_t *data, int length);
int host_device_write(SpiceCharDeviceInstance *instance, const uint8_t *data, int length);

/* These have no callbacks. */
extern const SpicePlaybackInterface host_playback_interface;
extern const SpiceRecordInterface host_record_interface;

/* LEDS are the guest's: Caps Lock, pressed, changes its light. */
struct host_inputs {
    SpiceKbdInstance keyboard;
    SpiceMouseInstance mouse;
    SpiceTabletInstance tablet;
    FILE *log; /* what reaches them, one a line; NULL: nobody looks */
    uint8_t leds;
};

void host_inputs_init(struct host_inputs *inputs, FILE *log);

/* INTERFACE is its own, as a character device's. */
struct host_migration {
    SpiceMigrateInstance instance;
    SpiceMigrateInterface interface;
    FILE *log; /* "migrate-connected" and "migrate-ended"; or NULL */
};

void host_migration_init(struct host_migration *migration, FILE *log);
