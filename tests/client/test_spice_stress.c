/*
 * Clients that come and go on all channels, while a host does what QEMU does, in the threads in
 * which QEMU does it: its main loop stops and starts the machine, resets it, loads a state, plugs
 * devices and migrates; virtual processors call the card and ring devices; a guest draws all the
 * time. As in QEMU one big lock lies on the main loop, but for its poll(), and on what processors
 * do.
 *
 * Each kind of call is made some times at least, in an order that --seed repeats. What shows that
 * all is well: no sanitizer complains, every command is released once, every asynchronous call
 * completes, every connection is said to have ended, and a client that comes afterwards shows what
 * is in guest memory.
 *
 * STRESS_SECONDS=N makes it longer. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/core_loop.h"
#include "tests/support/gtk_client.h"
#include "tests/support/qxl_host.h"

#include <arpa/inet.h>
#include <spice/enums.h>
#include <spice/protocol.h>
#include <spice/vd_agent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

enum { WIDTH = 320, HEIGHT = 200, MEMORY = 16 * 1024 * 1024, CLIENTS = 3, PROCESSORS = 2 };
enum { SURFACE = 5, CYCLES = 3 /* of all calls, at least */, LIMIT_SECONDS = 100 };

struct device {
    SpiceCharDeviceInstance instance; /* the first member */
    const char *subtype, *name;
    bool talks;     /* its guest says something now and then */
    int to_say;     /* bytes */
    bool is_opened; /* a port, by the guest */
};

struct sound {
    SpicePlaybackInstance playback;
    SpiceRecordInstance record;
    bool has_playback, has_record, plays, records;
};

struct storm {
    SpiceCoreInterface core;
    SpiceServer *server, *target;
    int fd, target_fd;
    unsigned port, target_port;
    struct qxl_host *host, *second; /* SECOND: NULL when it is not plugged */
    struct device devices[5];
    struct sound sound;
    bool has_tablet;
    enum { AT_HOME, CONNECTING, STARTED, GONE } migration;
    uint64_t submitted;  /* asynchronous calls */
    bool runs;           /* the machine; under the big lock, as all above */
    pthread_mutex_t ram; /* guards who places things in HOST's memory; taken inside the big lock */
    uint8_t *primary;
    size_t mark; /* where HOST's memory is free after a reset */
    gint full;   /* atomic: the guest cannot go on without a reset */
    gint ends;   /* atomic */
    struct runner {
        struct storm *storm;
        guint32 seed;
        pthread_t thread;
    } guest, processors[PROCESSORS];
    struct client {
        GPid pid;
        int input;
    } clients[CLIENTS];
};

static pthread_mutex_t big_lock = PTHREAD_MUTEX_INITIALIZER;

static gint poll_unlocked(GPollFD *fds, guint count, gint timeout)
{
    gint result;

    pthread_mutex_unlock(&big_lock);
    result = g_poll(fds, count, timeout);
    pthread_mutex_lock(&big_lock);
    return result;
}

/* ---- Devices ---- */

static void device_state(SpiceCharDeviceInstance *sin G_GNUC_UNUSED, int connected G_GNUC_UNUSED)
{
}

static int device_write(SpiceCharDeviceInstance *sin G_GNUC_UNUSED,
                        const uint8_t *data G_GNUC_UNUSED, int length)
{
    return (length + 1) / 2;
}

/* Messages of an agent; to a port they are just bytes. */
static int device_read(SpiceCharDeviceInstance *sin, uint8_t *data, int length)
{
    static const struct {
        VDIChunkHeader chunk;
        VDAgentMessage message;
        uint32_t request, capabilities;
    } __attribute__((packed)) announce = {
        .chunk = {VDP_CLIENT_PORT, sizeof(VDAgentMessage) + 8},
        .message = {.protocol = VD_AGENT_PROTOCOL,
                    .type = VD_AGENT_ANNOUNCE_CAPABILITIES,
                    .size = 8},
        .capabilities = 1 << VD_AGENT_CAP_CLIPBOARD_BY_DEMAND | 1 << VD_AGENT_CAP_MOUSE_STATE |
                        1 << VD_AGENT_CAP_MONITORS_CONFIG | 1 << VD_AGENT_CAP_REPLY,
    };
    struct device *device = (struct device *)sin;
    int at = (int)sizeof(announce) - device->to_say % (int)sizeof(announce);
    int n = MIN(length, device->to_say);

    at %= (int)sizeof(announce);
    for (int i = 0; i < n; i++)
        data[i] = ((const uint8_t *)&announce)[(at + i) % (int)sizeof(announce)];
    device->to_say -= n;
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

/* ---- The card, under the big lock ---- */

static void add_slot(struct storm *storm, uint32_t id, uint64_t cookie)
{
    const struct qxl_host *host = storm->host;
    QXLDevMemSlot slot = {
        .slot_group_id = QXL_HOST_GROUP,
        .slot_id = id,
        .generation = QXL_HOST_GENERATION,
        .virt_start = (uintptr_t)host->memory,
        .virt_end = (uintptr_t)host->memory + host->size,
        .addr_delta = (uintptr_t)host->memory,
    };

    if (cookie != 0)
        spice_qxl_add_memslot_async(&storm->host->qxl, &slot, cookie);
    else
        spice_qxl_add_memslot(&storm->host->qxl, &slot);
}

/* What the guest has put on rings that nobody has taken, as a reset forgets it. */
static void clear_rings(struct qxl_host *host)
{
    pthread_mutex_lock(&host->lock);
    host->pushed -= host->commands.length + host->cursor_commands.length;
    g_queue_clear_full(&host->commands, g_free);
    g_queue_clear_full(&host->cursor_commands, g_free);
    pthread_mutex_unlock(&host->lock);
}

/* After it the server holds nothing of the guest, the rings are empty, and RAM is locked. */
static void begin_reset(struct storm *storm)
{
    struct qxl_host *host = storm->host;

    pthread_mutex_lock(&storm->ram);
    spice_qxl_reset_cursor(&host->qxl);
    spice_qxl_reset_image_cache(&host->qxl);
    spice_qxl_destroy_surfaces(&host->qxl);
    clear_rings(host);
    g_assert_true(qxl_host_wait_released(host, host->pushed));
    pthread_mutex_lock(&host->lock);
    g_assert_cmpuint(host->released, ==, host->pushed);
    pthread_mutex_unlock(&host->lock);
    spice_qxl_reset_memslots(&host->qxl);
    qxl_host_rewind(host, storm->mark);
    add_slot(storm, 0, 0);
    storm->primary = qxl_host_create_primary(host, WIDTH, HEIGHT, SPICE_SURFACE_FMT_32_xRGB, 0);
}

static void end_reset(struct storm *storm)
{
    g_atomic_int_set(&storm->full, false);
    pthread_mutex_unlock(&storm->ram);
}

static void reset_card(struct storm *storm)
{
    begin_reset(storm);
    end_reset(storm);
}

/* A place for SIZE bytes with RAM locked, or no place and nothing locked. */
static bool begin_placing(struct storm *storm, size_t size)
{
    pthread_mutex_lock(&storm->ram);
    if (storm->host->used + size <= storm->host->size / 2)
        return true;
    g_atomic_int_set(&storm->full, true);
    pthread_mutex_unlock(&storm->ram);
    return false;
}

static void update_area(struct storm *storm, GRand *rand)
{
    QXLRect area = {.right = WIDTH, .bottom = HEIGHT}, dirty[4];

    spice_qxl_update_area(&storm->host->qxl, 0, &area, dirty, 4, g_rand_boolean(rand));
}

static void update_area_async(struct storm *storm, GRand *rand)
{
    QXLRect area = {.left = g_rand_int_range(rand, 0, 100), .right = WIDTH, .bottom = HEIGHT};

    spice_qxl_update_area_async(&storm->host->qxl, 0, &area, 1, ++storm->submitted);
}

static void change_mode(struct storm *storm, GRand *rand)
{
    if (!begin_placing(storm, WIDTH * HEIGHT * 4))
        return;
    spice_qxl_destroy_primary_surface(&storm->host->qxl, 0);
    storm->primary = qxl_host_create_primary(storm->host, WIDTH, HEIGHT, SPICE_SURFACE_FMT_32_xRGB,
                                             g_rand_boolean(rand) ? QXL_SURF_FLAG_KEEP_DATA : 0);
    pthread_mutex_unlock(&storm->ram);
}

static void change_mode_async(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    QXLDevSurfaceCreate create = {.width = WIDTH,
                                  .height = HEIGHT,
                                  .stride = WIDTH * 4,
                                  .format = SPICE_SURFACE_FMT_32_xRGB,
                                  .mouse_mode = 1,
                                  .group_id = QXL_HOST_GROUP};

    if (!begin_placing(storm, WIDTH * HEIGHT * 4))
        return;
    create.mem = qxl_host_place(storm->host, NULL, WIDTH * HEIGHT * 4);
    storm->primary = qxl_host_pointer(storm->host, create.mem);
    spice_qxl_destroy_primary_surface_async(&storm->host->qxl, 0, ++storm->submitted);
    spice_qxl_create_primary_surface_async(&storm->host->qxl, 0, &create, ++storm->submitted);
    pthread_mutex_unlock(&storm->ram);
}

static void destroy_surfaces_async(struct storm *storm, GRand *rand)
{
    spice_qxl_destroy_surfaces_async(&storm->host->qxl, ++storm->submitted);
    change_mode(storm, rand);
}

static void configure_monitors(struct storm *storm, GRand *rand)
{
    struct {
        QXLMonitorsConfig config;
        QXLHead heads[2];
    } monitors = {.config = {.count = (uint16_t)g_rand_int_range(rand, 0, 3), .max_allowed = 2},
                  .heads = {{.id = 0, .width = WIDTH / 2, .height = HEIGHT},
                            {.id = 1, .width = WIDTH / 2, .height = HEIGHT, .x = WIDTH / 2}}};

    if (!begin_placing(storm, sizeof(monitors)))
        return;
    spice_qxl_monitors_config_async(&storm->host->qxl,
                                    qxl_host_place(storm->host, &monitors, sizeof(monitors)),
                                    QXL_HOST_GROUP, ++storm->submitted);
    pthread_mutex_unlock(&storm->ram);
}

static void give_memory_back(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    spice_qxl_oom(&storm->host->qxl);
}

static void flush_surfaces(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    spice_qxl_flush_surfaces_async(&storm->host->qxl, ++storm->submitted);
}

static void destroy_surface(struct storm *storm, GRand *rand)
{
    if (g_rand_boolean(rand))
        spice_qxl_destroy_surface_wait(&storm->host->qxl, 0);
    else
        spice_qxl_destroy_surface_async(&storm->host->qxl, SURFACE, ++storm->submitted);
}

static void change_slots(struct storm *storm, GRand *rand)
{
    if (g_rand_boolean(rand))
        add_slot(storm, 1, 0);
    else
        add_slot(storm, 2, ++storm->submitted);
    spice_qxl_del_memslot(&storm->host->qxl, QXL_HOST_GROUP, 1);
}

static void reset_parts(struct storm *storm, GRand *rand)
{
    if (g_rand_boolean(rand))
        spice_qxl_reset_cursor(&storm->host->qxl);
    else
        spice_qxl_reset_image_cache(&storm->host->qxl);
    spice_qxl_driver_unload(&storm->host->qxl);
}

static void restart_driver(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    reset_card(storm);
}

static void light_keys(struct storm *storm G_GNUC_UNUSED, GRand *rand)
{
    spice_server_kbd_leds(&keyboard, g_rand_int_range(rand, 0, 8));
}

/* ---- Devices, under the big lock ---- */

static struct device *any_device(struct storm *storm, GRand *rand)
{
    return &storm->devices[g_rand_int_range(rand, 0, G_N_ELEMENTS(storm->devices))];
}

static void ring_device(struct storm *storm, GRand *rand)
{
    struct device *device = any_device(storm, rand);

    if (device->instance.st == NULL)
        return;
    if (device->talks)
        device->to_say += 36 * g_rand_int_range(rand, 1, 300);
    spice_server_char_device_wakeup(&device->instance);
}

static void open_port(struct storm *storm, GRand *rand)
{
    struct device *device = any_device(storm, rand);

    if (device->instance.st == NULL || device->name == NULL)
        return;
    device->is_opened = !device->is_opened;
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

static void plug_device(struct storm *storm, GRand *rand)
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

static void plug_sound(struct storm *storm, GRand *rand)
{
    struct sound *sound = &storm->sound;

    sound->playback.base.sif = &playback_interface.base;
    sound->record.base.sif = &record_interface.base;
    if (!sound->has_playback) {
        spice_server_add_interface(storm->server, &sound->playback.base);
        spice_server_set_playback_rate(&sound->playback, g_rand_boolean(rand) ? 48000 : 44100);
        spice_server_add_interface(storm->server, &sound->record.base);
        spice_server_set_record_rate(&sound->record, g_rand_boolean(rand) ? 48000 : 44100);
    } else {
        spice_server_remove_interface(&sound->playback.base);
        spice_server_remove_interface(&sound->record.base);
        sound->plays = sound->records = false;
    }
    sound->has_playback = !sound->has_playback;
}

static void make_sound(struct storm *storm, GRand *rand)
{
    struct sound *sound = &storm->sound;
    uint32_t samples[480], *frame, size;
    uint16_t volume[2] = {(uint16_t)g_rand_int_range(rand, 0, 65536), 7};

    if (!sound->has_playback)
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

/* ---- The main loop only ---- */

static void stop_or_start(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    if (storm->runs)
        spice_server_vm_stop(storm->server);
    else
        spice_server_vm_start(storm->server);
    storm->runs = !storm->runs;
}

static void reset_machine(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    reset_card(storm);
}

/* As loadvm: the machine is another one, with a surface and a cursor. */
static void load_state(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    struct qxl_host *host = storm->host;
    const QXLCursorCmd hide = {.release_info.id = 1, .type = QXL_CURSOR_HIDE};
    const bool ran = storm->runs;
    QXLSurfaceCmd surface = {
        .release_info.id = 1,
        .surface_id = SURFACE,
        .type = QXL_SURFACE_CMD_CREATE,
        .flags = QXL_SURF_FLAG_KEEP_DATA,
        .u.surface_create = {
            .format = SPICE_SURFACE_FMT_32_xRGB, .width = 64, .height = 64, .stride = 256}};
    QXLCommandExt commands[2];

    if (ran)
        stop_or_start(storm, rand);
    begin_reset(storm);
    memset(commands, 0, sizeof(commands));
    surface.u.surface_create.data = qxl_host_place(host, NULL, 64 * 256);
    commands[0].cmd.type = QXL_CMD_SURFACE;
    commands[0].cmd.data = qxl_host_place(host, &surface, sizeof(surface));
    commands[1].cmd.type = QXL_CMD_CURSOR;
    commands[1].cmd.data = qxl_host_place(host, &hide, sizeof(hide));
    pthread_mutex_lock(&host->lock);
    for (int i = 0; i < 2; i++) {
        commands[i].group_id = QXL_HOST_GROUP;
        g_hash_table_add(host->outstanding, qxl_host_pointer(host, commands[i].cmd.data));
        host->pushed++;
        host->taken++;
    }
    pthread_mutex_unlock(&host->lock);
    spice_qxl_loadvm_commands(&host->qxl, commands, 2);
    end_reset(storm);
    if (ran)
        stop_or_start(storm, rand);
}

static void plug_display(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    if (storm->second != NULL) {
        g_clear_pointer(&storm->second, qxl_host_destroy);
        return;
    }
    storm->second = qxl_host_create(storm->server, 1, 1024 * 1024);
    spice_qxl_set_device_info(&storm->second->qxl, "pci/0000/02.0", 1, 1);
    qxl_host_create_primary(storm->second, 100, 80, SPICE_SURFACE_FMT_32_xRGB, 0);
    if (storm->runs)
        spice_qxl_start(&storm->second->qxl);
    for (int i = 0; i < 20; i++)
        qxl_host_fill(storm->second, 0, i, i, i + 20, i + 10, (uint32_t)i * 1000);
}

static void plug_tablet(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    if (storm->has_tablet)
        spice_server_remove_interface(&tablet.base);
    else
        spice_server_add_interface(storm->server, &tablet.base);
    storm->has_tablet = !storm->has_tablet;
}

static void change_settings(struct storm *storm, GRand *rand)
{
    SpiceServer *server = storm->server;

    spice_server_set_image_compression(server, g_rand_int_range(rand, 1, 8));
    spice_server_set_streaming_video(server, g_rand_int_range(rand, 1, 4));
    spice_server_set_jpeg_compression(server, g_rand_int_range(rand, 1, 4));
    spice_server_set_zlib_glz_compression(server, g_rand_int_range(rand, 1, 4));
    spice_server_set_agent_mouse(server, g_rand_boolean(rand));
    spice_server_set_agent_copypaste(server, g_rand_boolean(rand));
    spice_server_set_agent_file_xfer(server, g_rand_boolean(rand));
    spice_server_set_playback_compression(server, g_rand_boolean(rand));
    spice_server_set_name(server, g_rand_boolean(rand) ? "storm" : NULL);
    spice_server_is_server_mouse(server);
    spice_server_get_num_clients(server);
}

static void change_codecs(struct storm *storm, GRand *rand)
{
    g_assert_cmpint(
        spice_server_set_video_codecs(storm->server, g_rand_boolean(rand) ? "spice:mjpeg" : "auto"),
        ==, 0);
}

static void throw_out(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    spice_server_set_ticket(storm->server, "secret", 0, 0, 1);
    spice_server_set_noauth(storm->server);
}

/* A connection that is handed over, says part of a greeting, or rubbish, and vanishes. */
static void hand_over(struct storm *storm, GRand *rand)
{
    uint8_t greeting[16 + 18 + 8] = "REDQ\2\0\0\0\2\0\0\0\32";
    int fds[2];

    greeting[16 + 4] = (uint8_t)g_rand_int_range(rand, 1, 12);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    g_assert_cmpint(write(fds[1], greeting, (size_t)g_rand_int_range(rand, 0, sizeof(greeting))),
                    >=, 0);
    g_assert_cmpint(spice_server_add_client(storm->server, fds[0], g_rand_boolean(rand)), ==, 0);
    close(fds[1]);
}

/* One step of a migration: clients go to another server, where no machine ever comes. */
static void migrate_step(struct storm *storm, GRand *rand)
{
    bool succeeds;

    switch (storm->migration) {
    case AT_HOME:
        spice_server_migrate_connect(storm->server, "127.0.0.1",
                                     g_rand_int_range(rand, 0, 4) > 0 ? (int)storm->target_port : 1,
                                     -1, NULL);
        storm->migration = CONNECTING;
        break;
    case CONNECTING:
        spice_server_migrate_start(storm->server);
        storm->migration = STARTED;
        break;
    case STARTED:
        succeeds = g_rand_boolean(rand);
        if (succeeds && storm->runs)
            stop_or_start(storm, rand);
        spice_server_migrate_end(storm->server, succeeds);
        storm->migration = GONE;
        break;
    case GONE:
        if (!storm->runs)
            stop_or_start(storm, rand);
        storm->migration = AT_HOME;
        break;
    }
}

/* ---- Who makes the calls ---- */

typedef void call(struct storm *storm, GRand *rand);

static call *const processor_calls[] = {
    update_area,    update_area_async, change_mode,        change_mode_async,
    flush_surfaces, destroy_surface,   configure_monitors, destroy_surfaces_async,
    change_slots,   reset_parts,       restart_driver,     give_memory_back,
    light_keys,     ring_device,       open_port,
};
static call *const main_calls[] = {
    stop_or_start, reset_machine,   load_state,    plug_display, plug_tablet, plug_device,
    plug_device,   plug_device,     ring_device,   plug_sound,   make_sound,  make_sound,
    make_sound,    change_settings, change_codecs, throw_out,    hand_over,   migrate_step,
    migrate_step,  stop_or_start,   open_port,
};

/* The N calls in an order of its own in each cycle. */
static call *next_call(call **order, call *const *calls, unsigned n, unsigned made, GRand *rand)
{
    unsigned at = made % n, other;
    call *chosen;

    if (at == 0)
        memcpy(order, calls, n * sizeof(*calls));
    other = (unsigned)g_rand_int_range(rand, (int)at, (int)n);
    chosen = order[other];
    order[other] = order[at];
    return order[at] = chosen;
}

static bool completes_in_time(struct storm *storm)
{
    struct qxl_host *host = storm->host;
    bool in_time;

    pthread_mutex_lock(&host->lock);
    in_time = storm->submitted - host->completions->len < 50;
    pthread_mutex_unlock(&host->lock);
    return in_time;
}

static void *run_processor(void *opaque)
{
    const struct runner *runner = opaque;
    struct storm *storm = runner->storm;
    GRand *rand = g_rand_new_with_seed(runner->seed);
    call *order[G_N_ELEMENTS(processor_calls)];
    unsigned made = 0;

    pthread_mutex_lock(&big_lock);
    while (!g_atomic_int_get(&storm->ends) || made < CYCLES * G_N_ELEMENTS(processor_calls)) {
        if (g_atomic_int_get(&storm->ends) && !storm->runs)
            stop_or_start(storm, rand);
        if (storm->runs && g_atomic_int_get(&storm->full))
            reset_card(storm);
        else if (storm->runs && completes_in_time(storm))
            next_call(order, processor_calls, G_N_ELEMENTS(order), made++, rand)(storm, rand);
        pthread_mutex_unlock(&big_lock);
        g_usleep((gulong)g_rand_int_range(rand, 100, 3000));
        pthread_mutex_lock(&big_lock);
    }
    pthread_mutex_unlock(&big_lock);
    g_rand_free(rand);
    return NULL;
}

static void move_cursor(struct qxl_host *host, GRand *rand)
{
    struct {
        QXLCursor cursor;
        uint32_t pixels[8 * 8];
    } __attribute__((packed)) shape;
    QXLCursorCmd command;

    memset(&shape, 0x55, sizeof(shape));
    memset(&command, 0, sizeof(command));
    command.release_info.id = 1;
    command.type = g_rand_boolean(rand) ? QXL_CURSOR_MOVE : QXL_CURSOR_SET;
    if (command.type == QXL_CURSOR_SET) {
        memset(&shape.cursor, 0, sizeof(shape.cursor));
        shape.cursor.header.type = SPICE_CURSOR_TYPE_ALPHA;
        shape.cursor.header.width = shape.cursor.header.height = 8;
        shape.cursor.data_size = shape.cursor.chunk.data_size = sizeof(shape.pixels);
        command.u.set.visible = 1;
        command.u.set.shape = qxl_host_place(host, &shape, sizeof(shape));
    }
    qxl_host_push_cursor(host, QXL_CMD_CURSOR, qxl_host_place(host, &command, sizeof(command)));
}

static void copy(struct qxl_host *host, uint32_t surface, QXLPHYSICAL image, int x, int y)
{
    QXLDrawable drawable = qxl_host_drawable(QXL_DRAW_COPY, surface, x, y, x + 50, y + 50);

    drawable.u.copy.src_bitmap = image;
    drawable.u.copy.src_area = (QXLRect){.right = 50, .bottom = 50};
    drawable.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    qxl_host_push_drawable(host, &drawable);
}

static void draw(struct qxl_host *host, GRand *rand)
{
    int x = g_rand_int_range(rand, 0, WIDTH - 60), y = g_rand_int_range(rand, 0, HEIGHT - 60);

    switch (g_rand_int_range(rand, 0, 8)) {
    case 0:
        copy(host, 0, qxl_host_picture(host, 50, 50, rand), x, y);
        break;
    case 1: /* a film */
        copy(host, 0, qxl_host_picture(host, 50, 50, rand), 20, 30);
        break;
    case 2: /* SURFACE may be there or not */
        qxl_host_create_surface(host, SURFACE, SPICE_SURFACE_FMT_32_xRGB, 64, 64, 0);
        break;
    case 3:
        copy(host, 0, qxl_host_surface_image(host, SURFACE), x, y);
        break;
    case 4:
        qxl_host_destroy_surface(host, SURFACE);
        break;
    case 5:
        move_cursor(host, rand);
        break;
    default:
        qxl_host_fill(host, 0, x, y, x + 30, y + 20, g_rand_int(rand) & 0xffffff);
        break;
    }
}

/* The guest's driver draws without any lock of the host's. */
static void *run_guest(void *opaque)
{
    const struct runner *runner = opaque;
    struct storm *storm = runner->storm;
    GRand *rand = g_rand_new_with_seed(runner->seed);

    while (!g_atomic_int_get(&storm->ends)) {
        if (!g_atomic_int_get(&storm->full) && begin_placing(storm, 1024 * 1024)) {
            for (int i = 0; i < 20; i++)
                draw(storm->host, rand);
            spice_qxl_wakeup(&storm->host->qxl);
            pthread_mutex_unlock(&storm->ram);
        }
        g_usleep(3000);
    }
    g_rand_free(rand);
    return NULL;
}

/* ---- The storm ---- */

static int listen_on_loopback(unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, size), ==, 0);
    g_assert_cmpint(listen(fd, 64), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &size), ==, 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* What the server says of its connections; under the big lock. */
static struct {
    int connected; /* and not yet disconnected */
    unsigned initialized[16];
} channels;

static void channel_event(int event, SpiceChannelEventInfo *info)
{
    if (event == SPICE_CHANNEL_EVENT_CONNECTED)
        channels.connected++;
    else if (event == SPICE_CHANNEL_EVENT_DISCONNECTED)
        channels.connected--;
    else if ((unsigned)info->type < G_N_ELEMENTS(channels.initialized))
        channels.initialized[info->type]++;
}

/* Clients have been on all kinds of channels. */
static bool all_were_used(void)
{
    static const int types[] = {
        SPICE_CHANNEL_MAIN,   SPICE_CHANNEL_DISPLAY,  SPICE_CHANNEL_INPUTS,
        SPICE_CHANNEL_CURSOR, SPICE_CHANNEL_PLAYBACK, SPICE_CHANNEL_RECORD,
        SPICE_CHANNEL_PORT,   SPICE_CHANNEL_WEBDAV,   SPICE_CHANNEL_USBREDIR};

    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (channels.initialized[types[i]] == 0)
            return false;
    }
    return true;
}

static SpiceServer *create_server(int fd, SpiceCoreInterface *core)
{
    SpiceServer *server = spice_server_new();

    spice_server_set_noauth(server);
    spice_server_set_listen_socket_fd(server, fd);
    spice_server_set_seamless_migration(server, true);
    g_assert_cmpint(spice_server_init(server, core), ==, 0);
    return server;
}

static void set_up(struct storm *storm, gconstpointer several)
{
    *storm = (struct storm){.devices = {{.subtype = "vdagent", .talks = true},
                                        {.subtype = "port", .name = "org.test.0", .talks = true},
                                        {.subtype = "port", .name = "org.test.1", .talks = true},
                                        {.subtype = "port", .name = "org.spice-space.webdav.0"},
                                        {.subtype = "usbredir"}}};
    storm->core = *core_loop_interface();
    storm->core.channel_event = channel_event;
    memset(&channels, 0, sizeof(channels));
    if (several != NULL)
        g_setenv("SPICE_DEBUG_ALLOW_MC", "1", TRUE);
    else
        g_unsetenv("SPICE_DEBUG_ALLOW_MC");
    pthread_mutex_lock(&big_lock);
    pthread_mutex_init(&storm->ram, NULL);
    g_main_context_set_poll_func(NULL, poll_unlocked);
    storm->fd = listen_on_loopback(&storm->port);
    storm->target_fd = listen_on_loopback(&storm->target_port);
    storm->server = create_server(storm->fd, &storm->core);
    storm->target = create_server(storm->target_fd, core_loop_interface());
    g_assert_cmpint(spice_server_add_interface(storm->server, &keyboard.base), ==, 0);
    g_assert_cmpint(spice_server_add_interface(storm->server, &mouse.base), ==, 0);
    g_assert_cmpint(spice_server_add_interface(storm->server, &migrate.base), ==, 0);
    storm->host = qxl_host_create(storm->server, 0, MEMORY);
    storm->mark = storm->host->used;
    reset_card(storm);
    spice_server_vm_start(storm->server);
    storm->runs = true;
}

static void start_clients(struct storm *storm)
{
    g_autofree char *path = g_test_build_filename(G_TEST_BUILT, "stress_client", NULL);
    g_autofree char *port = g_strdup_printf("%u", storm->port);
    char **environment = g_environ_unsetenv(g_get_environ(), "G_DEBUG");
    GSpawnFlags flags = G_SPAWN_DO_NOT_REAP_CHILD;

    /* They are no subject of this test; spice-gtk has races of its own. */
    environment =
        g_environ_setenv(environment, "TSAN_OPTIONS", "report_bugs=0:handle_segv=0", TRUE);
    environment =
        g_environ_setenv(environment, "ASAN_OPTIONS", "detect_leaks=0:handle_segv=0", TRUE);
    if (g_getenv("STRESS_VERBOSE") == NULL)
        flags |= G_SPAWN_STDERR_TO_DEV_NULL;
    for (int i = 0; i < CLIENTS; i++) {
        g_autofree char *seed = g_strdup_printf("%d", g_test_rand_int() & 0x7fffffff);
        char *arguments[] = {path, port, seed, NULL};
        struct client *client = &storm->clients[i];
        GError *error = NULL;

        g_spawn_async_with_pipes(NULL, arguments, environment, flags, NULL, NULL, &client->pid,
                                 &client->input, NULL, NULL, &error);
        g_assert_no_error(error);
    }
    g_strfreev(environment);
}

static void end_clients(struct storm *storm)
{
    for (int i = 0; i < CLIENTS; i++) {
        int status;

        close(storm->clients[i].input);
        g_assert_cmpint(waitpid(storm->clients[i].pid, &status, 0), ==, storm->clients[i].pid);
        g_assert_cmpint(status, ==, 0);
    }
}

static gboolean tick(gpointer opaque G_GNUC_UNUSED)
{
    return G_SOURCE_CONTINUE;
}

static bool shows_guest_memory(void *opaque)
{
    struct {
        struct storm *storm;
        struct gtk_client screen;
    } *last = opaque;

    if (last->screen.pixels == NULL || last->screen.width != WIDTH)
        return false;
    for (int y = 0; y < HEIGHT; y++) {
        const uint32_t *shown = (const uint32_t *)(last->screen.pixels + y * last->screen.stride);
        const uint32_t *drawn = (const uint32_t *)last->storm->primary + y * WIDTH;

        for (int x = 0; x < WIDTH; x++) {
            if ((shown[x] ^ drawn[x]) & 0xffffff)
                return false;
        }
    }
    return true;
}

/* A client that comes now finds a server in order. */
static void check_after(struct storm *storm, GRand *rand)
{
    struct {
        struct storm *storm;
        struct gtk_client screen;
    } last = {.storm = storm};

    throw_out(storm, rand);
    spice_server_set_streaming_video(storm->server, SPICE_STREAM_VIDEO_OFF);
    reset_card(storm);
    gtk_client_attach(&last.screen, storm->server, false);
    for (int i = 0; i < 100; i++) {
        draw(storm->host, rand);
    }
    qxl_host_update(storm->host, 0, WIDTH, HEIGHT);
    g_assert_true(core_loop_run_until(shows_guest_memory, &last, 20));
    gtk_client_detach(&last.screen);
}

static void start(struct storm *storm, struct runner *runner, void *(*run)(void *opaque))
{
    runner->storm = storm;
    runner->seed = (guint32)g_test_rand_int();
    g_assert_cmpint(pthread_create(&runner->thread, NULL, run, runner), ==, 0);
}

static void test_storm(struct storm *storm, gconstpointer several G_GNUC_UNUSED)
{
    const char *longer = g_getenv("STRESS_SECONDS");
    const gint64 begin = g_get_monotonic_time();
    const gint64 end = begin + (longer != NULL ? atoi(longer) : 2) * G_USEC_PER_SEC;
    GRand *rand = g_rand_new_with_seed((guint32)g_test_rand_int());
    guint clock = g_timeout_add(3, tick, NULL);
    call *order[G_N_ELEMENTS(main_calls)];
    unsigned made = 0;

    start_clients(storm);
    start(storm, &storm->guest, run_guest);
    for (int i = 0; i < PROCESSORS; i++)
        start(storm, &storm->processors[i], run_processor);
    while (g_get_monotonic_time() < end || made < CYCLES * G_N_ELEMENTS(main_calls) ||
           !all_were_used()) {
        g_assert_cmpint(g_get_monotonic_time(), <, begin + LIMIT_SECONDS * G_USEC_PER_SEC);
        g_main_context_iteration(NULL, TRUE);
        if (made < (g_get_monotonic_time() - begin) / 8000)
            next_call(order, main_calls, G_N_ELEMENTS(order), made++, rand)(storm, rand);
    }
    g_atomic_int_set(&storm->ends, true);
    pthread_mutex_unlock(&big_lock);
    pthread_join(storm->guest.thread, NULL);
    for (int i = 0; i < PROCESSORS; i++)
        pthread_join(storm->processors[i].thread, NULL);
    pthread_mutex_lock(&big_lock);
    g_test_message("%u calls of the main loop, %" G_GUINT64_FORMAT
                   " asynchronous ones, %u commands",
                   made, storm->submitted, storm->host->pushed);
    for (size_t i = 0; i < G_N_ELEMENTS(channels.initialized); i++) {
        if (channels.initialized[i] > 0)
            g_test_message("%u channels of type %zu", channels.initialized[i], i);
    }
    while (storm->migration != AT_HOME)
        migrate_step(storm, rand);
    if (!storm->runs)
        stop_or_start(storm, rand);
    end_clients(storm);
    g_source_remove(clock);
    check_after(storm, rand);
    g_assert_true(qxl_host_wait_completions(storm->host, (unsigned)storm->submitted));
    g_assert_cmpuint(storm->host->completions->len, ==, storm->submitted);
    for (unsigned i = 0; i < storm->submitted; i++)
        g_assert_cmpuint(g_array_index(storm->host->completions, uint64_t, i), ==, i + 1);
    g_rand_free(rand);
}

static void tear_down(struct storm *storm, gconstpointer several G_GNUC_UNUSED)
{
    for (size_t i = 0; i < G_N_ELEMENTS(storm->devices); i++) {
        if (storm->devices[i].instance.st != NULL)
            unplug(&storm->devices[i]);
    }
    if (storm->sound.has_playback) {
        spice_server_remove_interface(&storm->sound.playback.base);
        spice_server_remove_interface(&storm->sound.record.base);
    }
    if (storm->has_tablet)
        spice_server_remove_interface(&tablet.base);
    spice_server_vm_stop(storm->server);
    g_clear_pointer(&storm->second, qxl_host_destroy);
    qxl_host_destroy(storm->host);
    spice_server_destroy(storm->server);
    g_assert_cmpint(channels.connected, ==, 0);
    spice_server_destroy(storm->target);
    close(storm->fd);
    close(storm->target_fd);
    pthread_mutex_destroy(&storm->ram);
    g_main_context_set_poll_func(NULL, NULL);
    pthread_mutex_unlock(&big_lock);
}

static void ignore(const char *domain, GLogLevelFlags level, const char *text, gpointer opaque)
{
    (void)opaque;
    if (level & G_LOG_LEVEL_WARNING && g_getenv("STRESS_VERBOSE") == NULL)
        return; /* of clients that vanish and commands that come too late */
    g_log_default_handler(domain, level, text, NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    g_log_set_default_handler(ignore, NULL);
    g_test_add("/stress/one-client-at-a-time", struct storm, NULL, set_up, test_storm, tear_down);
    g_test_add("/stress/several-clients", struct storm, GINT_TO_POINTER(1), set_up, test_storm,
               tear_down);
    return g_test_run();
}
