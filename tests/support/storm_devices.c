/*
 * The devices of a storm.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/storm.h"

#include <spice/enums.h>
#include <spice/protocol.h>
#include <spice/stream-device.h>
#include <spice/vd_agent.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static void device_state(SpiceCharDeviceInstance *sin G_GNUC_UNUSED, int connected G_GNUC_UNUSED)
{
}

static int device_write(SpiceCharDeviceInstance *sin G_GNUC_UNUSED,
                        const uint8_t *data G_GNUC_UNUSED, int length)
{
    return (length + 1) / 2;
}

/* To a port they are just bytes. */
static const struct {
    VDIChunkHeader chunk;
    VDAgentMessage message;
    uint32_t request, capabilities;
} __attribute__((packed)) announce = {
    .chunk = {VDP_CLIENT_PORT, sizeof(VDAgentMessage) + 8},
    .message = {.protocol = VD_AGENT_PROTOCOL, .type = VD_AGENT_ANNOUNCE_CAPABILITIES, .size = 8},
    .capabilities = 1 << VD_AGENT_CAP_CLIPBOARD_BY_DEMAND | 1 << VD_AGENT_CAP_MOUSE_STATE |
                    1 << VD_AGENT_CAP_MONITORS_CONFIG | 1 << VD_AGENT_CAP_REPLY,
};
const struct phrase storm_agent_says = {&announce, sizeof(announce), 300};

/* A smart card of four bytes is there (VSC_ATR), big endian. */
static const uint8_t card[] = {0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 4, 0x3b, 0x02, 1, 2};
const struct phrase storm_card_says = {card, sizeof(card), 20};

/* A film of one frame, a gray block, and its pointer. */
static const struct {
    StreamDevHeader format_header;
    StreamMsgFormat format;
    StreamDevHeader data_header;
    uint8_t jpeg[142];
    StreamDevHeader move_header;
    StreamMsgCursorMove move;
} __attribute__((packed)) film = {
    .format_header = {STREAM_DEVICE_PROTOCOL, 0, STREAM_TYPE_FORMAT, sizeof(film.format)},
    .format = {.width = 8, .height = 8, .codec = SPICE_VIDEO_CODEC_TYPE_MJPEG},
    .data_header = {STREAM_DEVICE_PROTOCOL, 0, STREAM_TYPE_DATA, sizeof(film.jpeg)},
    .jpeg = {0xff, 0xd8, 0xff, 0xdb, 0,    0x43, 0,    1,    1, 1,    1,    1,    1,    1, 1,
             1,    1,    1,    1,    1,    1,    1,    1,    1, 1,    1,    1,    1,    1, 1,
             1,    1,    1,    1,    1,    1,    1,    1,    1, 1,    1,    1,    1,    1, 1,
             1,    1,    1,    1,    1,    1,    1,    1,    1, 1,    1,    1,    1,    1, 1,
             1,    1,    1,    1,    1,    1,    1,    1,    1, 1,    1,    0xff, 0xc0, 0, 0x0b,
             8,    0,    8,    0,    8,    1,    1,    0x11, 0, 0xff, 0xc4, 0,    0x15, 0, 0,
             2,    0,    0,    0,    0,    0,    0,    0,    0, 0,    0,    0,    0,    0, 0,
             0,    1,    0xff, 0xc4, 0,    0x14, 0x10, 0,    1, 0,    0,    0,    0,    0, 0,
             0,    0,    0,    0,    0,    0,    0,    0,    0, 0xff, 0xda, 0,    8,    1, 1,
             0,    0,    0x3f, 0,    0x0f, 0xff, 0xd9},
    .move_header = {STREAM_DEVICE_PROTOCOL, 0, STREAM_TYPE_CURSOR_MOVE, sizeof(film.move)},
    .move = {3, 4},
};
const struct phrase storm_film_says = {&film, sizeof(film), 5};

static int device_read(SpiceCharDeviceInstance *sin, uint8_t *data, int length)
{
    struct device *device = (struct device *)sin;
    int n = MIN(length, device->to_say);

    for (int i = 0; i < n; i++, device->to_say--) {
        int left = device->to_say % device->says->size; /* of the phrase; 0: all of it */

        data[i] = ((const uint8_t *)device->says->data)[left > 0 ? device->says->size - left : 0];
    }
    return n;
}

static void device_event(SpiceCharDeviceInstance *sin G_GNUC_UNUSED, uint8_t event G_GNUC_UNUSED)
{
}

static const SpiceCharDeviceInterface device_interface = {
    .base = {SPICE_INTERFACE_CHAR_DEVICE, "test", SPICE_INTERFACE_CHAR_DEVICE_MAJOR,
             SPICE_INTERFACE_CHAR_DEVICE_MINOR},
    .state = device_state,
    .write = device_write,
    .read = device_read,
    .event = device_event,
    .flags = SPICE_CHAR_DEVICE_NOTIFY_WRITABLE,
};
static const SpicePlaybackInterface playback_interface = {
    .base = {SPICE_INTERFACE_PLAYBACK, "test", SPICE_INTERFACE_PLAYBACK_MAJOR,
             SPICE_INTERFACE_PLAYBACK_MINOR},
};
static const SpiceRecordInterface record_interface = {
    .base = {SPICE_INTERFACE_RECORD, "test", SPICE_INTERFACE_RECORD_MAJOR,
             SPICE_INTERFACE_RECORD_MINOR},
};

static void push_scan(SpiceKbdInstance *sin G_GNUC_UNUSED, uint8_t scan G_GNUC_UNUSED)
{
}

static uint8_t get_leds(SpiceKbdInstance *sin G_GNUC_UNUSED)
{
    return 0;
}

static void mouse_motion(SpiceMouseInstance *sin G_GNUC_UNUSED, int dx G_GNUC_UNUSED,
                         int dy G_GNUC_UNUSED, int dz G_GNUC_UNUSED, uint32_t buttons G_GNUC_UNUSED)
{
}

static void mouse_buttons(SpiceMouseInstance *sin G_GNUC_UNUSED, uint32_t buttons G_GNUC_UNUSED)
{
}

static void tablet_pair(SpiceTabletInstance *sin G_GNUC_UNUSED, int x G_GNUC_UNUSED,
                        int y G_GNUC_UNUSED)
{
}

static void tablet_position(SpiceTabletInstance *sin G_GNUC_UNUSED, int x G_GNUC_UNUSED,
                            int y G_GNUC_UNUSED, uint32_t buttons G_GNUC_UNUSED)
{
}

static void tablet_wheel(SpiceTabletInstance *sin G_GNUC_UNUSED, int wheel G_GNUC_UNUSED,
                         uint32_t buttons G_GNUC_UNUSED)
{
}

static void tablet_buttons(SpiceTabletInstance *sin G_GNUC_UNUSED, uint32_t buttons G_GNUC_UNUSED)
{
}

static const SpiceKbdInterface keyboard_interface = {
    .base = {SPICE_INTERFACE_KEYBOARD, "test", SPICE_INTERFACE_KEYBOARD_MAJOR,
             SPICE_INTERFACE_KEYBOARD_MINOR},
    .push_scan_freg = push_scan,
    .get_leds = get_leds,
};
static const SpiceMouseInterface mouse_interface = {
    .base = {SPICE_INTERFACE_MOUSE, "test", SPICE_INTERFACE_MOUSE_MAJOR,
             SPICE_INTERFACE_MOUSE_MINOR},
    .motion = mouse_motion,
    .buttons = mouse_buttons,
};
static const SpiceTabletInterface tablet_interface = {
    .base = {SPICE_INTERFACE_TABLET, "test", SPICE_INTERFACE_TABLET_MAJOR,
             SPICE_INTERFACE_TABLET_MINOR},
    .set_logical_size = tablet_pair,
    .position = tablet_position,
    .wheel = tablet_wheel,
    .buttons = tablet_buttons,
};

static void migrate_complete(SpiceMigrateInstance *sin G_GNUC_UNUSED)
{
}

static const SpiceMigrateInterface migrate_interface = {
    .base = {SPICE_INTERFACE_MIGRATION, "test", SPICE_INTERFACE_MIGRATION_MAJOR,
             SPICE_INTERFACE_MIGRATION_MINOR},
    .migrate_connect_complete = migrate_complete,
    .migrate_end_complete = migrate_complete,
};

static SpiceKbdInstance keyboard = {.base = {&keyboard_interface.base}};
static SpiceMouseInstance mouse = {.base = {&mouse_interface.base}};
static SpiceTabletInstance tablet = {.base = {&tablet_interface.base}};
static SpiceMigrateInstance migrate = {.base = {&migrate_interface.base}};

void storm_light_keys(struct storm *storm G_GNUC_UNUSED, GRand *rand)
{
    spice_server_kbd_leds(&keyboard, g_rand_int_range(rand, 0, 8));
}

static struct device *any_device(struct storm *storm, GRand *rand)
{
    return &storm->devices[g_rand_int_range(rand, 0, G_N_ELEMENTS(storm->devices))];
}

void storm_ring_device(struct storm *storm, GRand *rand)
{
    struct device *device = any_device(storm, rand);

    if (device->instance.st == NULL)
        return;
    if (device->says != NULL)
        device->to_say += device->says->size * g_rand_int_range(rand, 1, device->says->most);
    spice_server_char_device_wakeup(&device->instance);
}

void storm_open_port(struct storm *storm, GRand *rand)
{
    struct device *device = any_device(storm, rand);

    if (device->instance.st == NULL || device->name == NULL)
        return;
    device->is_opened = !device->is_opened;
    device->to_say = 0;
    spice_server_port_event(&device->instance,
                            device->is_opened ? SPICE_PORT_EVENT_OPENED : SPICE_PORT_EVENT_CLOSED);
}

static void unplug(struct device *device)
{
    g_assert_cmpint(spice_server_remove_interface(&device->instance.base), ==, 0);
    g_assert_null(device->instance.st);
    device->to_say = 0;
    device->is_opened = false;
}

void storm_plug_device(struct storm *storm, GRand *rand)
{
    struct device *device = any_device(storm, rand);

    if (device->instance.st != NULL) {
        unplug(device);
        return;
    }
    device->instance.base.sif = &device_interface.base;
    device->instance.subtype = device->subtype;
    device->instance.portname = device->name;
    g_assert_cmpint(spice_server_add_interface(storm->server, &device->instance.base), ==, 0);
    g_assert_nonnull(device->instance.st);
}

void storm_plug_sound(struct storm *storm, GRand *rand)
{
    struct sound *sound = &storm->sound;

    sound->playback.base.sif = &playback_interface.base;
    sound->record.base.sif = &record_interface.base;
    if (!sound->is_plugged) {
        spice_server_add_interface(storm->server, &sound->playback.base);
        spice_server_set_playback_rate(&sound->playback, g_rand_boolean(rand) ? 48000 : 44100);
        spice_server_add_interface(storm->server, &sound->record.base);
        spice_server_set_record_rate(&sound->record, g_rand_boolean(rand) ? 48000 : 44100);
    } else {
        spice_server_remove_interface(&sound->playback.base);
        spice_server_remove_interface(&sound->record.base);
        sound->plays = false;
    }
    sound->is_plugged = !sound->is_plugged;
}

void storm_make_sound(struct storm *storm, GRand *rand)
{
    struct sound *sound = &storm->sound;
    uint32_t samples[480], *frame, size;
    uint16_t volume[2] = {(uint16_t)g_rand_int_range(rand, 0, 65536), 7};

    if (!sound->is_plugged)
        return;
    if (!sound->plays) {
        spice_server_playback_set_volume(&sound->playback, 2, volume);
        spice_server_playback_start(&sound->playback);
        spice_server_record_start(&sound->record);
        sound->plays = true;
    }
    for (int i = 0; i < 4; i++) {
        spice_server_playback_get_buffer(&sound->playback, &frame, &size);
        if (frame != NULL) {
            memset(frame, i, size * sizeof(*frame));
            spice_server_playback_put_samples(&sound->playback, frame);
        }
        spice_server_record_get_samples(&sound->record, samples, G_N_ELEMENTS(samples));
    }
    if (g_rand_int_range(rand, 0, 3) == 0) {
        spice_server_playback_stop(&sound->playback);
        spice_server_record_stop(&sound->record);
        sound->plays = false;
        spice_server_record_set_volume(&sound->record, 2, volume);
        spice_server_record_set_mute(&sound->record, g_rand_boolean(rand));
        spice_server_playback_set_mute(&sound->playback, g_rand_boolean(rand));
    }
}

void storm_plug_tablet(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    if (storm->has_tablet)
        spice_server_remove_interface(&tablet.base);
    else
        spice_server_add_interface(storm->server, &tablet.base);
    storm->has_tablet = !storm->has_tablet;
}

void storm_add_inputs(struct storm *storm)
{
    g_assert_cmpint(spice_server_add_interface(storm->server, &keyboard.base), ==, 0);
    g_assert_cmpint(spice_server_add_interface(storm->server, &mouse.base), ==, 0);
    g_assert_cmpint(spice_server_add_interface(storm->server, &migrate.base), ==, 0);
}

void storm_unplug_devices(struct storm *storm)
{
    for (size_t i = 0; i < G_N_ELEMENTS(storm->devices); i++) {
        if (storm->devices[i].instance.st != NULL)
            unplug(&storm->devices[i]);
    }
    if (storm->sound.is_plugged) {
        spice_server_remove_interface(&storm->sound.playback.base);
        spice_server_remove_interface(&storm->sound.record.base);
    }
    if (storm->has_tablet)
        spice_server_remove_interface(&tablet.base);
}
