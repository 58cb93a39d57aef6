/*
 * The host's side of the devices of spice.h. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/host_devices.h"

#include <spice/macros.h>
#include <stdarg.h>
#include <string.h>

/* ---- Character devices ---- */

static struct host_device *device_of(SpiceCharDeviceInstance *instance)
{
    return SPICE_CONTAINEROF(instance, struct host_device, instance);
}

guint host_device_left(const struct host_device *device)
{
    return device->to_server->len - device->said;
}

void host_device_forget(struct host_device *device)
{
    g_byte_array_set_size(device->to_server, 0);
    device->said = 0;
}

int host_device_read(SpiceCharDeviceInstance *instance, uint8_t *data, int length)
{
    struct host_device *device = device_of(instance);
    guint n = MIN((guint)length, host_device_left(device));

    if (n > 0) {
        memcpy(data, device->to_server->data + device->said, n);
        device->said += n;
    }
    if (host_device_left(device) == 0)
        host_device_forget(device);
    return (int)n;
}

int host_device_write(SpiceCharDeviceInstance *instance, const uint8_t *data, int length)
{
    g_byte_array_append(device_of(instance)->from_server, data, (guint)length);
    return length;
}

void host_device_init(struct host_device *device, const char *subtype, const char *portname)
{
    *device = (struct host_device){
        .instance = {.base.sif = &device->interface.base,
                     .subtype = g_strdup(subtype),
                     .portname = g_strdup(portname)},
        .interface = {.base = {SPICE_INTERFACE_CHAR_DEVICE, "test",
                               SPICE_INTERFACE_CHAR_DEVICE_MAJOR,
                               SPICE_INTERFACE_CHAR_DEVICE_MINOR},
                      .write = host_device_write,
                      .read = host_device_read,
                      .flags = SPICE_CHAR_DEVICE_NOTIFY_WRITABLE},
        .to_server = g_byte_array_new(),
        .from_server = g_byte_array_new(),
    };
}

void host_device_clear(struct host_device *device)
{
    g_free((char *)device->instance.subtype);
    g_free((char *)device->instance.portname);
    g_byte_array_free(device->to_server, TRUE);
    g_byte_array_free(device->from_server, TRUE);
    *device = (struct host_device){0};
}

/* ---- Sound ---- */

const SpicePlaybackInterface host_playback_interface = {
    .base = {SPICE_INTERFACE_PLAYBACK, "test", SPICE_INTERFACE_PLAYBACK_MAJOR,
             SPICE_INTERFACE_PLAYBACK_MINOR},
};
const SpiceRecordInterface host_record_interface = {
    .base = {SPICE_INTERFACE_RECORD, "test", SPICE_INTERFACE_RECORD_MAJOR,
             SPICE_INTERFACE_RECORD_MINOR},
};

/* ---- Keyboard, mouse and tablet ---- */

G_GNUC_PRINTF(2, 3) static void tell(FILE *log, const char *format, ...)
{
    va_list values;

    if (log == NULL)
        return;
    va_start(values, format);
    vfprintf(log, format, values);
    va_end(values);
}

#define INPUTS_OF(sin, member) SPICE_CONTAINEROF(sin, struct host_inputs, member)

static void push_scan(SpiceKbdInstance *sin, uint8_t scan)
{
    struct host_inputs *inputs = INPUTS_OF(sin, keyboard);

    tell(inputs->log, "key %02x\n", scan);
    if (scan == 0x3a)
        inputs->leds ^= 4;
}

static uint8_t get_leds(SpiceKbdInstance *sin)
{
    return INPUTS_OF(sin, keyboard)->leds;
}

static void mouse_motion(SpiceMouseInstance *sin, int dx, int dy, int dz, uint32_t buttons)
{
    tell(INPUTS_OF(sin, mouse)->log, "motion %d %d %d %u\n", dx, dy, dz, buttons);
}

static void mouse_buttons(SpiceMouseInstance *sin, uint32_t buttons)
{
    tell(INPUTS_OF(sin, mouse)->log, "buttons %u\n", buttons);
}

static void tablet_size(SpiceTabletInstance *sin, int width, int height)
{
    tell(INPUTS_OF(sin, tablet)->log, "size %d %d\n", width, height);
}

static void tablet_position(SpiceTabletInstance *sin, int x, int y, uint32_t buttons)
{
    tell(INPUTS_OF(sin, tablet)->log, "position %d %d %u\n", x, y, buttons);
}

static void tablet_wheel(SpiceTabletInstance *sin, int wheel, uint32_t buttons)
{
    tell(INPUTS_OF(sin, tablet)->log, "wheel %d %u\n", wheel, buttons);
}

static void tablet_buttons(SpiceTabletInstance *sin, uint32_t buttons)
{
    tell(INPUTS_OF(sin, tablet)->log, "tablet-buttons %u\n", buttons);
}

void host_inputs_init(struct host_inputs *inputs, FILE *log)
{
    static const SpiceKbdInterface keyboard = {
        .base = {SPICE_INTERFACE_KEYBOARD, "test", SPICE_INTERFACE_KEYBOARD_MAJOR,
                 SPICE_INTERFACE_KEYBOARD_MINOR},
        .push_scan_freg = push_scan,
        .get_leds = get_leds,
    };
    static const SpiceMouseInterface mouse = {
        .base = {SPICE_INTERFACE_MOUSE, "test", SPICE_INTERFACE_MOUSE_MAJOR,
                 SPICE_INTERFACE_MOUSE_MINOR},
        .motion = mouse_motion,
        .buttons = mouse_buttons,
    };
    static const SpiceTabletInterface tablet = {
        .base = {SPICE_INTERFACE_TABLET, "test", SPICE_INTERFACE_TABLET_MAJOR,
                 SPICE_INTERFACE_TABLET_MINOR},
        .set_logical_size = tablet_size,
        .position = tablet_position,
        .wheel = tablet_wheel,
        .buttons = tablet_buttons,
    };

    *inputs = (struct host_inputs){.keyboard.base.sif = &keyboard.base,
                                   .mouse.base.sif = &mouse.base,
                                   .tablet.base.sif = &tablet.base,
                                   .log = log};
}

/* ---- Migration ---- */

static void connect_complete(SpiceMigrateInstance *sin)
{
    tell(SPICE_CONTAINEROF(sin, struct host_migration, instance)->log, "migrate-connected\n");
}

static void end_complete(SpiceMigrateInstance *sin)
{
    tell(SPICE_CONTAINEROF(sin, struct host_migration, instance)->log, "migrate-ended\n");
}

void host_migration_init(struct host_migration *migration, FILE *log)
{
    *migration = (struct host_migration){
        .instance.base.sif = &migration->interface.base,
        .interface = {.base = {SPICE_INTERFACE_MIGRATION, "test", SPICE_INTERFACE_MIGRATION_MAJOR,
                               SPICE_INTERFACE_MIGRATION_MINOR},
                      .migrate_connect_complete = connect_complete,
                      .migrate_end_complete = end_complete},
        .log = log,
    };
}
