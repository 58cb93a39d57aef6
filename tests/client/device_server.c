/*
 * A SPICE server with the host's side of character devices and sound, for tests of those channels
 * through spice.h alone: prints the port and what reaches its devices, one a line; obeys commands
 * on its standard input until that ends. Each command prints its name when it is done.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/core_loop.h"
#include "tests/support/host_devices.h"
#include "tests/support/loopback.h"
#include "tests/support/qxl_host.h"

#include <glib-unix.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEVICES = 32 };

struct device {
    struct host_device host;
    char *name;     /* NULL: not there */
    int64_t room;   /* bytes that write() still takes; -1: all */
    bool wakes;     /* calls wakeup from inside read() and write() */
    bool removes;   /* removes itself in the next read() */
    bool quiet;     /* counts what is written instead of printing it */
    uint64_t taken; /* bytes */
    uint32_t sum;   /* Adler-32's first half of them, to see that order and number are right */
};

struct host {
    SpiceServer *server;
    GMainLoop *loop;
    struct device devices[DEVICES];
    struct qxl_host *display;
    QXLInterface display_interface;
    SpicePlaybackInstance playback, second_playback;
    SpiceRecordInstance record;
    struct host_migration migration;
    uint32_t played; /* samples, for the next tone to go on */
};

/* Set by a command; callbacks have no other way to know. */
static bool takes_monitors;

static struct device *device_of(SpiceCharDeviceInstance *sin)
{
    return SPICE_CONTAINEROF(sin, struct device, host.instance);
}

static void device_state(SpiceCharDeviceInstance *sin, int connected)
{
    printf("state %s %d\n", device_of(sin)->name, connected);
}

static void print_hex(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        printf("%02x", data[i]);
    }
    printf("\n");
}

static int device_write(SpiceCharDeviceInstance *sin, const uint8_t *data, int length)
{
    struct device *device = device_of(sin);
    int n = device->room < 0 ? length : (int)MIN(device->room, length);

    if (device->room >= 0) {
        device->room -= n;
    }
    if (device->wakes) {
        spice_server_char_device_wakeup(sin);
    }
    if (n > 0 && !device->quiet) {
        printf("write %s ", device->name);
        print_hex(data, (size_t)n);
    }
    for (int i = 0; i < n; i++) {
        device->sum = (device->sum * 31 + data[i]) % 65521;
    }
    device->taken += (uint64_t)n;
    return n;
}

static int device_read(SpiceCharDeviceInstance *sin, uint8_t *data, int length)
{
    struct device *device = device_of(sin);

    if (device->removes) {
        device->removes = false;
        printf("removed %d\n", spice_server_remove_interface(&sin->base));
        return 0;
    }
    if (device->wakes) {
        spice_server_char_device_wakeup(sin);
    }
    return host_device_read(sin, data, length);
}

static void device_event(SpiceCharDeviceInstance *sin, uint8_t event)
{
    printf("event %s %u\n", device_of(sin)->name, event);
}

static int client_monitors_config(QXLInstance *qxl G_GNUC_UNUSED, VDAgentMonitorsConfig *config)
{
    if (config != NULL) {
        printf("monitors %u %u", config->num_of_monitors, config->flags);
        for (uint32_t i = 0; i < config->num_of_monitors; i++) {
            printf(" %ux%u", config->monitors[i].width, config->monitors[i].height);
        }
        printf("\n");
    }
    return takes_monitors;
}

static struct device *find(struct host *host, const char *name)
{
    for (size_t i = 0; i < DEVICES; i++) {
        if (host->devices[i].name != NULL && strcmp(host->devices[i].name, name) == 0) {
            return &host->devices[i];
        }
    }
    fprintf(stderr, "device_server: no device '%s'\n", name);
    exit(1);
}

static void add_device(struct host *host, char **words)
{
    struct device *device = host->devices;
    SpiceCharDeviceInterface *interface;

    while (device->name != NULL && strcmp(device->name, words[1]) != 0) {
        device++;
    }
    interface = &device->host.interface;
    if (device->name != NULL) {
        host_device_clear(&device->host);
    } else {
        device->name = g_strdup(words[1]);
    }
    host_device_init(&device->host, words[2], words[3]);
    device->room = -1;
    device->taken = device->sum = 0;
    interface->state = device_state;
    interface->write = device_write;
    interface->read = device_read;
    interface->event = device_event;
    if (strcmp(words[0], "add-old") == 0) {
        /* As Xspice's: of an older minor version, which ends before the flags. */
        interface->base.minor_version = 1;
        interface->event = NULL;
        interface->flags = 0;
    }
    printf("added %d", spice_server_add_interface(host->server, &device->host.instance.base));
    printf(" %d\n", device->host.instance.st != NULL);
}

/* What BYTES has from FIRST on is there COUNT times. */
static void repeat(GByteArray *bytes, guint first, int count)
{
    guint size = bytes->len - first;

    g_byte_array_set_size(bytes, first + size * (guint)count);
    for (int i = 1; i < count; i++) {
        memcpy(bytes->data + first + size * (guint)i, bytes->data + first, size);
    }
}

static bool device_command(struct host *host, char **words)
{
    struct device *device;

    if (strcmp(words[0], "add") == 0 || strcmp(words[0], "add-old") == 0) {
        add_device(host, words);
        return true;
    }
    if (words[1] == NULL || !g_str_has_prefix(words[0], "dev-")) {
        return false;
    }
    device = find(host, words[1]);
    if (strcmp(words[0], "dev-remove") == 0) {
        printf("removed %d\n", spice_server_remove_interface(&device->host.instance.base));
    } else if (strcmp(words[0], "dev-say") == 0) {
        /* BYTES, or COUNT times that */
        guint first = device->host.to_server->len;

        for (const char *hex = words[2]; hex[0] != '\0'; hex += 2) {
            guint8 byte =
                (guint8)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));

            g_byte_array_append(device->host.to_server, &byte, 1);
        }
        repeat(device->host.to_server, first, words[3] == NULL ? 1 : atoi(words[3]));
        spice_server_char_device_wakeup(&device->host.instance);
    } else if (strcmp(words[0], "dev-fill") == 0) {
        /* COUNT bytes that compress (MASK 0x0f) or do not (0xff) */
        uint32_t state = 1, mask = (uint32_t)strtoul(words[3], NULL, 0);

        for (int i = 0; i < atoi(words[2]); i++) {
            state = state * 1664525 + 1013904223;
            guint8 byte = (guint8)(state >> 24 & mask);

            g_byte_array_append(device->host.to_server, &byte, 1);
        }
        spice_server_char_device_wakeup(&device->host.instance);
    } else if (strcmp(words[0], "dev-left") == 0) {
        printf("left %u\n", host_device_left(&device->host));
    } else if (strcmp(words[0], "dev-taken") == 0) {
        printf("taken %" PRIu64 " %u\n", device->taken, device->sum);
    } else if (strcmp(words[0], "dev-room") == 0) {
        device->room = atoi(words[2]);
    } else if (strcmp(words[0], "dev-wake") == 0) {
        spice_server_char_device_wakeup(&device->host.instance);
    } else if (strcmp(words[0], "dev-wakes") == 0) {
        device->wakes = true;
    } else if (strcmp(words[0], "dev-removes") == 0) {
        device->removes = true;
    } else if (strcmp(words[0], "dev-quiet") == 0) {
        device->quiet = true;
    } else if (strcmp(words[0], "dev-event") == 0) {
        spice_server_port_event(&device->host.instance, (uint8_t)atoi(words[2]));
    } else {
        return false;
    }
    return true;
}

/* Sample I of the tone: two triangles, 100 samples long on the left, 240 on the right. */
static uint32_t tone(uint32_t i)
{
    int left = (int)(i % 100), right = (int)(i % 240);

    left = (left < 50 ? left : 100 - left) * 400 - 10000;
    right = (right < 120 ? right : 240 - right) * 150 - 9000;
    return (uint32_t)(uint16_t)left | (uint32_t)(uint16_t)right << 16;
}

/* Frames of the tone; those that the server does not want are not counted. */
static void play(struct host *host, int frames)
{
    uint32_t *samples, count;
    int done = 0;

    while (done < frames) {
        spice_server_playback_get_buffer(&host->playback, &samples, &count);
        if (samples == NULL) {
            break;
        }
        for (uint32_t i = 0; i < count; i++) {
            samples[i] = tone(host->played++);
        }
        spice_server_playback_put_samples(&host->playback, samples);
        done++;
    }
    printf("played %d\n", done);
}

static void print_record(struct host *host, uint32_t wanted)
{
    uint32_t *samples = g_new(uint32_t, wanted);
    uint32_t count = spice_server_record_get_samples(&host->record, samples, wanted);

    printf("recorded %u ", count);
    print_hex((const uint8_t *)samples, count * sizeof(*samples));
    g_free(samples);
}

static bool playback_command(struct host *host, char **words)
{
    if (!g_str_has_prefix(words[0], "play-")) {
        return false;
    }
    if (strcmp(words[0], "play-add") == 0) {
        printf("added %d\n", spice_server_add_interface(host->server, &host->playback.base));
    } else if (strcmp(words[0], "play-remove") == 0) {
        printf("removed %d\n", spice_server_remove_interface(&host->playback.base));
    } else if (strcmp(words[0], "play-start") == 0) {
        spice_server_playback_start(&host->playback);
    } else if (strcmp(words[0], "play-stop") == 0) {
        spice_server_playback_stop(&host->playback);
    } else if (strcmp(words[0], "play-tone") == 0) {
        play(host, atoi(words[1]));
    } else if (strcmp(words[0], "play-volume") == 0) {
        uint16_t volume[2] = {(uint16_t)atoi(words[1]), (uint16_t)atoi(words[2])};

        spice_server_playback_set_volume(&host->playback, 2, volume);
    } else if (strcmp(words[0], "play-mute") == 0) {
        spice_server_playback_set_mute(&host->playback, (uint8_t)atoi(words[1]));
    } else if (strcmp(words[0], "play-rate") == 0) {
        spice_server_set_playback_rate(&host->playback, (uint32_t)atoi(words[1]));
    } else if (strcmp(words[0], "play-best") == 0) {
        printf("best %u %u\n", spice_server_get_best_playback_rate(NULL),
               spice_server_get_best_record_rate(NULL));
    } else if (strcmp(words[0], "play-compression") == 0) {
        spice_server_set_playback_compression(host->server, atoi(words[1]));
    } else if (strcmp(words[0], "play-buffers") == 0) {
        uint32_t *samples[5], count;
        int given = 0;

        for (int i = 0; i < 5; i++) {
            spice_server_playback_get_buffer(&host->playback, &samples[i], &count);
            given += samples[i] != NULL;
        }
        for (int i = 0; i < 5; i++) {
            if (samples[i] != NULL) {
                spice_server_playback_put_samples(&host->playback, samples[i]);
            }
        }
        printf("buffers %d\n", given);
    } else if (strcmp(words[0], "play-second") == 0) {
        uint32_t *samples, count;

        host->second_playback.base.sif = &host_playback_interface.base;
        printf("added %d", spice_server_add_interface(host->server, &host->second_playback.base));
        spice_server_playback_start(&host->second_playback);
        spice_server_playback_get_buffer(&host->second_playback, &samples, &count);
        spice_server_playback_stop(&host->second_playback);
        printf(" %d %u\n", samples != NULL, count);
    }
    return true;
}

static bool record_command(struct host *host, char **words)
{
    if (!g_str_has_prefix(words[0], "record-")) {
        return false;
    }
    if (strcmp(words[0], "record-add") == 0) {
        printf("added %d\n", spice_server_add_interface(host->server, &host->record.base));
    } else if (strcmp(words[0], "record-remove") == 0) {
        printf("removed %d\n", spice_server_remove_interface(&host->record.base));
    } else if (strcmp(words[0], "record-start") == 0) {
        spice_server_record_start(&host->record);
    } else if (strcmp(words[0], "record-stop") == 0) {
        spice_server_record_stop(&host->record);
    } else if (strcmp(words[0], "record-get") == 0) {
        print_record(host, (uint32_t)atoi(words[1]));
    } else if (strcmp(words[0], "record-volume") == 0) {
        uint16_t volume[2] = {(uint16_t)atoi(words[1]), (uint16_t)atoi(words[2])};

        spice_server_record_set_volume(&host->record, 2, volume);
    } else if (strcmp(words[0], "record-mute") == 0) {
        spice_server_record_set_mute(&host->record, (uint8_t)atoi(words[1]));
    } else if (strcmp(words[0], "record-rate") == 0) {
        spice_server_set_record_rate(&host->record, (uint32_t)atoi(words[1]));
    }
    return true;
}

static bool migrate_command(struct host *host, char **words)
{
    if (strcmp(words[0], "migrate") == 0) {
        printf("%d\n",
               spice_server_migrate_connect(host->server, "127.0.0.1", atoi(words[1]), -1, NULL));
    } else if (strcmp(words[0], "migrate-end") == 0) {
        printf("%d\n", spice_server_migrate_end(host->server, 1));
    } else {
        return false;
    }
    return true;
}

static void add_display(struct host *host)
{
    host->display = qxl_host_create(host->server, 0, 1024 * 1024);
    host->display_interface = *SPICE_CONTAINEROF(host->display->qxl.base.sif, QXLInterface, base);
    host->display_interface.client_monitors_config = client_monitors_config;
    host->display->qxl.base.sif = &host->display_interface.base;
    qxl_host_create_primary(host->display, 320, 200, SPICE_SURFACE_FMT_32_xRGB, 0);
}

static void server_command(struct host *host, char **words)
{
    if (strcmp(words[0], "display") == 0) {
        add_display(host);
    } else if (strcmp(words[0], "device-info") == 0) {
        spice_qxl_set_device_info(&host->display->qxl, words[1], (uint32_t)atoi(words[2]),
                                  (uint32_t)atoi(words[3]));
    } else if (strcmp(words[0], "monitors") == 0) {
        takes_monitors = atoi(words[1]);
    } else if (strcmp(words[0], "start") == 0) {
        spice_server_vm_start(host->server);
    } else if (strcmp(words[0], "stop") == 0) {
        spice_server_vm_stop(host->server);
    } else if (strcmp(words[0], "agent-mouse") == 0) {
        spice_server_set_agent_mouse(host->server, atoi(words[1]));
    } else if (strcmp(words[0], "agent-copypaste") == 0) {
        spice_server_set_agent_copypaste(host->server, atoi(words[1]));
    } else if (strcmp(words[0], "agent-files") == 0) {
        spice_server_set_agent_file_xfer(host->server, atoi(words[1]));
    } else if (strcmp(words[0], "subtypes") == 0) {
        const char **subtypes = spice_server_char_device_recognized_subtypes();

        for (size_t i = 0; subtypes[i] != NULL; i++) {
            printf("%s ", subtypes[i]);
        }
        printf("\n");
    } else {
        fprintf(stderr, "device_server: unknown command '%s'\n", words[0]);
        exit(1);
    }
}

static gboolean on_command(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED,
                           gpointer opaque)
{
    static char line[300 * 1024];
    struct host *host = opaque;
    char **words;

    if (fgets(line, sizeof(line), stdin) == NULL) {
        g_main_loop_quit(host->loop);
        return G_SOURCE_REMOVE;
    }
    words = g_strsplit(g_strchomp(line), " ", 6);
    if (!device_command(host, words) && !playback_command(host, words) &&
        !record_command(host, words) && !migrate_command(host, words)) {
        server_command(host, words);
    }
    printf("done %s\n", words[0]);
    g_strfreev(words);
    return G_SOURCE_CONTINUE;
}

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

int main(void)
{
    struct host host = {.server = spice_server_new(),
                        .loop = g_main_loop_new(NULL, FALSE),
                        .playback.base.sif = &host_playback_interface.base,
                        .record.base.sif = &host_record_interface.base};
    unsigned port;
    int fd;

    setvbuf(stdin, NULL, _IONBF, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    host_migration_init(&host.migration, stdout);
    host.migration.interface.migrate_end_complete = NULL; /* as Xspice's */
    fd = loopback_listen(&port);
    printf("port %u\n", port);
    spice_server_set_noauth(host.server);
    spice_server_set_listen_socket_fd(host.server, fd);
    spice_server_set_seamless_migration(host.server, 1);
    if (spice_server_init(host.server, core_loop_interface()) != 0 ||
        spice_server_add_interface(host.server, &host.migration.instance.base) != 0) {
        fprintf(stderr, "device_server: cannot start\n");
        return 1;
    }
    spice_server_vm_start(host.server);
    g_unix_fd_add(0, G_IO_IN | G_IO_HUP, on_command, &host);
    g_main_loop_run(host.loop);
    g_clear_pointer(&host.display, qxl_host_destroy);
    spice_server_destroy(host.server);
    for (size_t i = 0; i < DEVICES && host.devices[i].name != NULL; i++) {
        g_free(host.devices[i].name);
        host_device_clear(&host.devices[i].host);
    }
    close(fd);
    g_main_loop_unref(host.loop);
    printf("end\n");
    return 0;
}
