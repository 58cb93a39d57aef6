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

static int take_half(SpiceCharDeviceInstance *sin G_GNUC_UNUSED, const uint8_t *data G_GNUC_UNUSED,
                     int length)
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

void storm_light_keys(struct storm *storm, GRand *rand)
{
    spice_server_kbd_leds(&storm->inputs.keyboard, g_rand_int_range(rand, 0, 8));
}

static struct device *any_device(struct storm *storm, GRand *rand)
{
    return &storm->devices[g_rand_int_range(rand, 0, G_N_ELEMENTS(storm->devices))];
}

void storm_ring_device(struct storm *storm, GRand *rand)
{
    struct device *device = any_device(storm, rand);

    if (device->host.instance.st == NULL)
        return;
    if (device->says != NULL) {
        for (int i = g_rand_int_range(rand, 1, device->says->most); i > 0; i--)
            g_byte_array_append(device->host.to_server, device->says->data, device->says->size);
    }
    spice_server_char_device_wakeup(&device->host.instance);
}

void storm_open_port(struct storm *storm, GRand *rand)
{
    struct device *device = any_device(storm, rand);

    if (device->host.instance.st == NULL || device->name == NULL)
        return;
    device->is_opened = !device->is_opened;
    host_device_forget(&device->host);
    spice_server_port_event(&device->host.instance,
                            device->is_opened ? SPICE_PORT_EVENT_OPENED : SPICE_PORT_EVENT_CLOSED);
}

static void unplug(struct device *device)
{
    g_assert_cmpint(spice_server_remove_interface(&device->host.instance.base), ==, 0);
    g_assert_null(device->host.instance.st);
    host_device_clear(&device->host);
    device->is_opened = false;
}

void storm_plug_device(struct storm *storm, GRand *rand)
{
    struct device *device = any_device(storm, rand);

    if (device->host.instance.st != NULL) {
        unplug(device);
        return;
    }
    host_device_init(&device->host, device->subtype, device->name);
    device->host.interface.write = take_half;
    g_assert_cmpint(spice_server_add_interface(storm->server, &device->host.instance.base), ==, 0);
    g_assert_nonnull(device->host.instance.st);
}

void storm_plug_sound(struct storm *storm, GRand *rand)
{
    struct sound *sound = &storm->sound;

    sound->playback.base.sif = &host_playback_interface.base;
    sound->record.base.sif = &host_record_interface.base;
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
        spice_server_remove_interface(&storm->inputs.tablet.base);
    else
        spice_server_add_interface(storm->server, &storm->inputs.tablet.base);
    storm->has_tablet = !storm->has_tablet;
}

void storm_add_inputs(struct storm *storm)
{
    host_inputs_init(&storm->inputs, NULL);
    host_migration_init(&storm->migration_events, NULL);
    g_assert_cmpint(spice_server_add_interface(storm->server, &storm->inputs.keyboard.base), ==, 0);
    g_assert_cmpint(spice_server_add_interface(storm->server, &storm->inputs.mouse.base), ==, 0);
    g_assert_cmpint(
        spice_server_add_interface(storm->server, &storm->migration_events.instance.base), ==, 0);
}

void storm_unplug_devices(struct storm *storm)
{
    for (size_t i = 0; i < G_N_ELEMENTS(storm->devices); i++) {
        if (storm->devices[i].host.instance.st != NULL)
            unplug(&storm->devices[i]);
    }
    if (storm->sound.is_plugged) {
        spice_server_remove_interface(&storm->sound.playback.base);
        spice_server_remove_interface(&storm->sound.record.base);
        storm->sound.is_plugged = false;
    }
    if (storm->has_tablet)
        spice_server_remove_interface(&storm->inputs.tablet.base);
    storm->has_tablet = false;
}
