/*
 * The machine of a storm: what a host's main loop calls.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/storm.h"

#include <spice/enums.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

void storm_stop_or_start(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    if (storm->runs)
        spice_server_vm_stop(storm->server);
    else
        spice_server_vm_start(storm->server);
    storm->runs = !storm->runs;
}

static void reset_machine(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    storm_reset_card(storm);
}

/* As loadvm: the machine is another one, with a surface and a cursor. */
static void load_state(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    struct qxl_host *host = storm->host;
    const QXLCursorCmd hide = {.release_info.id = 1, .type = QXL_CURSOR_HIDE};
    const bool ran = storm->runs;
    QXLSurfaceCmd surface = {
        .release_info.id = 1,
        .surface_id = STORM_SURFACE,
        .type = QXL_SURFACE_CMD_CREATE,
        .flags = QXL_SURF_FLAG_KEEP_DATA,
        .u.surface_create = {
            .format = SPICE_SURFACE_FMT_32_xRGB, .width = 64, .height = 64, .stride = 256}};
    QXLCommandExt commands[2];

    if (ran)
        storm_stop_or_start(storm, rand);
    storm_begin_reset(storm);
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
    storm_end_reset(storm);
    if (ran)
        storm_stop_or_start(storm, rand);
}

static void plug_display(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    if (storm->second != NULL) {
        g_clear_pointer(&storm->second, qxl_host_destroy);
        return;
    }
    storm->second = qxl_host_create(storm->server, 3, 1024 * 1024); /* a film may be 1 */
    spice_qxl_set_device_info(&storm->second->qxl, "pci/0000/02.0", 1, 1);
    qxl_host_create_primary(storm->second, 100, 80, SPICE_SURFACE_FMT_32_xRGB, 0);
    if (storm->runs)
        spice_qxl_start(&storm->second->qxl);
    for (int i = 0; i < 20; i++)
        qxl_host_fill(storm->second, 0, i, i, i + 20, i + 10, (uint32_t)i * 1000);
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

void storm_throw_out(struct storm *storm, GRand *rand G_GNUC_UNUSED)
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
void storm_migrate_step(struct storm *storm, GRand *rand)
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
            storm_stop_or_start(storm, rand);
        spice_server_migrate_end(storm->server, succeeds);
        storm->migration = GONE;
        break;
    case GONE:
        if (!storm->runs)
            storm_stop_or_start(storm, rand);
        storm->migration = AT_HOME;
        break;
    }
}

storm_call *const storm_main_calls[STORM_MAIN_CALLS] = {
    storm_stop_or_start, reset_machine,      load_state,         plug_display,
    storm_plug_tablet,   storm_plug_device,  storm_plug_device,  storm_plug_device,
    storm_ring_device,   storm_plug_sound,   storm_make_sound,   storm_make_sound,
    storm_make_sound,    change_settings,    change_codecs,      storm_throw_out,
    hand_over,           storm_migrate_step, storm_migrate_step, storm_stop_or_start,
    storm_open_port,     storm_show_gl,      storm_draw_gl,      storm_draw_gl,
    storm_hide_gl,
};
