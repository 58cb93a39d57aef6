/*
 * The public headers' sizes, offsets and numbers: what programs compiled against other releases of
 * the interface rely on. The numbers are those of server-abi.md sections 1.3 and 1.4, measured on
 * the original headers; this test runs against those, too (--with-spice-server=system).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib.h>
#include <spice.h>
#include <stddef.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#define FIELD(type, name, at, n)                                                                   \
    _Static_assert(offsetof(type, name) == (at) && sizeof(((type *)0)->name) == (n),               \
                   #type "." #name)

SIZE(SpiceBaseInterface, 24);
FIELD(SpiceBaseInterface, type, 0, 8);
FIELD(SpiceBaseInterface, description, 8, 8);
FIELD(SpiceBaseInterface, major_version, 16, 4);
FIELD(SpiceBaseInterface, minor_version, 20, 4);
SIZE(SpiceBaseInstance, 8);

SIZE(SpiceCoreInterface, 88);
FIELD(SpiceCoreInterface, timer_add, 24, 8);
FIELD(SpiceCoreInterface, timer_start, 32, 8);
FIELD(SpiceCoreInterface, timer_cancel, 40, 8);
FIELD(SpiceCoreInterface, timer_remove, 48, 8);
FIELD(SpiceCoreInterface, watch_add, 56, 8);
FIELD(SpiceCoreInterface, watch_update_mask, 64, 8);
FIELD(SpiceCoreInterface, watch_remove, 72, 8);
FIELD(SpiceCoreInterface, channel_event, 80, 8);

SIZE(SpiceChannelEventInfo, 320);
FIELD(SpiceChannelEventInfo, connection_id, 0, 4);
FIELD(SpiceChannelEventInfo, type, 4, 4);
FIELD(SpiceChannelEventInfo, id, 8, 4);
FIELD(SpiceChannelEventInfo, flags, 12, 4);
FIELD(SpiceChannelEventInfo, laddr, 16, 16);
FIELD(SpiceChannelEventInfo, paddr, 32, 16);
FIELD(SpiceChannelEventInfo, llen, 48, 4);
FIELD(SpiceChannelEventInfo, plen, 52, 4);
FIELD(SpiceChannelEventInfo, laddr_ext, 56, 128);
FIELD(SpiceChannelEventInfo, paddr_ext, 184, 128);
FIELD(SpiceChannelEventInfo, llen_ext, 312, 4);
FIELD(SpiceChannelEventInfo, plen_ext, 316, 4);

SIZE(QXLInterface, 144);
FIELD(QXLInterface, attached_worker, 24, 8);
FIELD(QXLInterface, attache_worker, 24, 8);
FIELD(QXLInterface, set_compression_level, 32, 8);
FIELD(QXLInterface, set_mm_time, 40, 8);
FIELD(QXLInterface, get_init_info, 48, 8);
FIELD(QXLInterface, get_command, 56, 8);
FIELD(QXLInterface, req_cmd_notification, 64, 8);
FIELD(QXLInterface, release_resource, 72, 8);
FIELD(QXLInterface, get_cursor_command, 80, 8);
FIELD(QXLInterface, req_cursor_notification, 88, 8);
FIELD(QXLInterface, notify_update, 96, 8);
FIELD(QXLInterface, flush_resources, 104, 8);
FIELD(QXLInterface, async_complete, 112, 8);
FIELD(QXLInterface, update_area_complete, 120, 8);
FIELD(QXLInterface, set_client_capabilities, 128, 8);
FIELD(QXLInterface, client_monitors_config, 136, 8);

SIZE(QXLInstance, 24);
FIELD(QXLInstance, id, 8, 4);
FIELD(QXLInstance, st, 16, 8);

SIZE(QXLDevInitInfo, 24);
FIELD(QXLDevInitInfo, num_memslots_groups, 0, 4);
FIELD(QXLDevInitInfo, num_memslots, 4, 4);
FIELD(QXLDevInitInfo, memslot_gen_bits, 8, 1);
FIELD(QXLDevInitInfo, memslot_id_bits, 9, 1);
FIELD(QXLDevInitInfo, qxl_ram_size, 12, 4);
FIELD(QXLDevInitInfo, internal_groupslot_id, 16, 1);
FIELD(QXLDevInitInfo, n_surfaces, 20, 4);

SIZE(QXLDevMemSlot, 48);
FIELD(QXLDevMemSlot, slot_group_id, 0, 4);
FIELD(QXLDevMemSlot, slot_id, 4, 4);
FIELD(QXLDevMemSlot, generation, 8, 4);
FIELD(QXLDevMemSlot, virt_start, 16, 8);
FIELD(QXLDevMemSlot, virt_end, 24, 8);
FIELD(QXLDevMemSlot, addr_delta, 32, 8);
FIELD(QXLDevMemSlot, qxl_ram_size, 40, 4);

SIZE(QXLDevSurfaceCreate, 48);
FIELD(QXLDevSurfaceCreate, width, 0, 4);
FIELD(QXLDevSurfaceCreate, height, 4, 4);
FIELD(QXLDevSurfaceCreate, stride, 8, 4);
FIELD(QXLDevSurfaceCreate, format, 12, 4);
FIELD(QXLDevSurfaceCreate, position, 16, 4);
FIELD(QXLDevSurfaceCreate, mouse_mode, 20, 4);
FIELD(QXLDevSurfaceCreate, flags, 24, 4);
FIELD(QXLDevSurfaceCreate, type, 28, 4);
FIELD(QXLDevSurfaceCreate, mem, 32, 8);
FIELD(QXLDevSurfaceCreate, group_id, 40, 4);

SIZE(SpiceKbdInterface, 40);
FIELD(SpiceKbdInterface, push_scan_freg, 24, 8);
FIELD(SpiceKbdInterface, get_leds, 32, 8);
SIZE(SpiceKbdInstance, 16);
FIELD(SpiceKbdInstance, st, 8, 8);
SIZE(SpiceMouseInterface, 40);
FIELD(SpiceMouseInterface, motion, 24, 8);
FIELD(SpiceMouseInterface, buttons, 32, 8);
SIZE(SpiceMouseInstance, 16);
SIZE(SpiceTabletInterface, 56);
FIELD(SpiceTabletInterface, set_logical_size, 24, 8);
FIELD(SpiceTabletInterface, position, 32, 8);
FIELD(SpiceTabletInterface, wheel, 40, 8);
FIELD(SpiceTabletInterface, buttons, 48, 8);
SIZE(SpiceTabletInstance, 16);

SIZE(SpicePlaybackInterface, 24);
SIZE(SpicePlaybackInstance, 16);
SIZE(SpiceRecordInterface, 24);
SIZE(SpiceRecordInstance, 16);

SIZE(SpiceCharDeviceInterface, 64);
FIELD(SpiceCharDeviceInterface, state, 24, 8);
FIELD(SpiceCharDeviceInterface, write, 32, 8);
FIELD(SpiceCharDeviceInterface, read, 40, 8);
FIELD(SpiceCharDeviceInterface, event, 48, 8);
FIELD(SpiceCharDeviceInterface, flags, 56, 4);
SIZE(SpiceCharDeviceInstance, 32);
FIELD(SpiceCharDeviceInstance, subtype, 8, 8);
FIELD(SpiceCharDeviceInstance, st, 16, 8);
FIELD(SpiceCharDeviceInstance, portname, 24, 8);

SIZE(SpiceMigrateInterface, 40);
FIELD(SpiceMigrateInterface, migrate_connect_complete, 24, 8);
FIELD(SpiceMigrateInterface, migrate_end_complete, 32, 8);
SIZE(SpiceMigrateInstance, 16);

_Static_assert(SPICE_CAPABILITIES_SIZE == 58, "capability bytes in the ROM");

static const struct number {
    const char *name;
    long value, expected;
} numbers[] = {
#define NUMBER(name, expected)                                                                     \
    {                                                                                              \
#name, name, expected                                                                      \
    }
    NUMBER(SPICE_COMPAT_VERSION_0_4, 0),
    NUMBER(SPICE_COMPAT_VERSION_0_6, 1),
    NUMBER(SPICE_COMPAT_VERSION_CURRENT, 1),
    NUMBER(SPICE_IMAGE_COMPRESS_INVALID, 0),
    NUMBER(SPICE_IMAGE_COMPRESS_OFF, 1),
    NUMBER(SPICE_IMAGE_COMPRESS_AUTO_GLZ, 2),
    NUMBER(SPICE_IMAGE_COMPRESS_AUTO_LZ, 3),
    NUMBER(SPICE_IMAGE_COMPRESS_QUIC, 4),
    NUMBER(SPICE_IMAGE_COMPRESS_GLZ, 5),
    NUMBER(SPICE_IMAGE_COMPRESS_LZ, 6),
    NUMBER(SPICE_IMAGE_COMPRESS_LZ4, 7),
    NUMBER(SPICE_WAN_COMPRESSION_INVALID, 0),
    NUMBER(SPICE_WAN_COMPRESSION_AUTO, 1),
    NUMBER(SPICE_WAN_COMPRESSION_ALWAYS, 2),
    NUMBER(SPICE_WAN_COMPRESSION_NEVER, 3),
    NUMBER(SPICE_STREAM_VIDEO_INVALID, 0),
    NUMBER(SPICE_STREAM_VIDEO_OFF, 1),
    NUMBER(SPICE_STREAM_VIDEO_ALL, 2),
    NUMBER(SPICE_STREAM_VIDEO_FILTER, 3),
    NUMBER(SPICE_STREAMING_INVALID, 0),
    NUMBER(SPICE_STREAMING_SPICE, 1),
    NUMBER(SPICE_STREAMING_GSTREAMER, 2),
    NUMBER(SPICE_CHANNEL_SECURITY_NONE, 1),
    NUMBER(SPICE_CHANNEL_SECURITY_SSL, 2),
    NUMBER(SPICE_ADDR_FLAG_IPV4_ONLY, 1),
    NUMBER(SPICE_ADDR_FLAG_IPV6_ONLY, 2),
    NUMBER(SPICE_ADDR_FLAG_UNIX_ONLY, 4),
    NUMBER(SPICE_WATCH_EVENT_READ, 1),
    NUMBER(SPICE_WATCH_EVENT_WRITE, 2),
    NUMBER(SPICE_CHANNEL_EVENT_CONNECTED, 1),
    NUMBER(SPICE_CHANNEL_EVENT_INITIALIZED, 2),
    NUMBER(SPICE_CHANNEL_EVENT_DISCONNECTED, 3),
    NUMBER(SPICE_CHANNEL_EVENT_FLAG_TLS, 1),
    NUMBER(SPICE_CHANNEL_EVENT_FLAG_ADDR_EXT, 2),
    NUMBER(SPICE_CHAR_DEVICE_NOTIFY_WRITABLE, 1),
    NUMBER(SPICE_INTERFACE_PLAYBACK_FMT, 1),
    NUMBER(SPICE_INTERFACE_PLAYBACK_CHAN, 2),
    NUMBER(SPICE_INTERFACE_PLAYBACK_FREQ, 44100),
    NUMBER(SPICE_INTERFACE_RECORD_FMT, 1),
    NUMBER(SPICE_INTERFACE_RECORD_CHAN, 2),
    NUMBER(SPICE_INTERFACE_RECORD_FREQ, 44100),
    NUMBER(SPICE_INTERFACE_CORE_MAJOR, 1),
    NUMBER(SPICE_INTERFACE_CORE_MINOR, 3),
    NUMBER(SPICE_INTERFACE_QXL_MAJOR, 3),
    NUMBER(SPICE_INTERFACE_QXL_MINOR, 3),
    NUMBER(SPICE_INTERFACE_KEYBOARD_MAJOR, 1),
    NUMBER(SPICE_INTERFACE_KEYBOARD_MINOR, 1),
    NUMBER(SPICE_INTERFACE_MOUSE_MAJOR, 1),
    NUMBER(SPICE_INTERFACE_MOUSE_MINOR, 1),
    NUMBER(SPICE_INTERFACE_TABLET_MAJOR, 1),
    NUMBER(SPICE_INTERFACE_TABLET_MINOR, 1),
    NUMBER(SPICE_INTERFACE_PLAYBACK_MAJOR, 1),
    NUMBER(SPICE_INTERFACE_PLAYBACK_MINOR, 3),
    NUMBER(SPICE_INTERFACE_RECORD_MAJOR, 2),
    NUMBER(SPICE_INTERFACE_RECORD_MINOR, 3),
    NUMBER(SPICE_INTERFACE_CHAR_DEVICE_MAJOR, 1),
    NUMBER(SPICE_INTERFACE_CHAR_DEVICE_MINOR, 3),
    NUMBER(SPICE_INTERFACE_MIGRATION_MAJOR, 1),
    NUMBER(SPICE_INTERFACE_MIGRATION_MINOR, 1),
};

static void test_numbers(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        if (numbers[i].value != numbers[i].expected) {
            g_test_message("%s is %ld, not %ld", numbers[i].name, numbers[i].value,
                           numbers[i].expected);
            g_test_fail();
        }
    }
    g_assert_cmpuint(SPICE_SERVER_VERSION, >=, 0x000e03);
}

static void test_names(void)
{
    g_assert_cmpstr(SPICE_INTERFACE_CORE, ==, "core");
    g_assert_cmpstr(SPICE_INTERFACE_QXL, ==, "qxl");
    g_assert_cmpstr(SPICE_INTERFACE_KEYBOARD, ==, "keyboard");
    g_assert_cmpstr(SPICE_INTERFACE_MOUSE, ==, "mouse");
    g_assert_cmpstr(SPICE_INTERFACE_TABLET, ==, "tablet");
    g_assert_cmpstr(SPICE_INTERFACE_PLAYBACK, ==, "playback");
    g_assert_cmpstr(SPICE_INTERFACE_RECORD, ==, "record");
    g_assert_cmpstr(SPICE_INTERFACE_CHAR_DEVICE, ==, "char_device");
    g_assert_cmpstr(SPICE_INTERFACE_MIGRATION, ==, "migration");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/api/numbers", test_numbers);
    g_test_add_func("/api/names", test_names);
    return g_test_run();
}
