/*
 * What QEMU, Xspice and x11spice need of spice.h, as C and as C++ of all ages: only compiled, by
 * tests/unit/test_api_headers.py. The lists are those of server-abi.md section 1.8.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <spice.h>
#include <spice/protocol.h>
#include <stddef.h>

#if !defined(SPICE_SERVER_VERSION) || SPICE_SERVER_VERSION < 0x000e03
#error "QEMU wants 0.14.3 at least"
#endif
#if SPICE_INTERFACE_QXL_MAJOR != 3 || SPICE_INTERFACE_QXL_MINOR < 3
#error "the card's interface"
#endif
#if SPICE_INTERFACE_CORE_MINOR < 3 || SPICE_INTERFACE_CHAR_DEVICE_MINOR < 3
#error "interfaces with all that QEMU fills in"
#endif
#ifdef __GNUC__
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#endif

struct card {
    QXLInstance qxl;
    SpiceKbdInstance keyboard;
    SpiceMouseInstance mouse;
    SpiceTabletInstance tablet;
    SpicePlaybackInstance playback;
    SpiceRecordInstance record;
    SpiceCharDeviceInstance device;
    SpiceMigrateInstance migrate;
};

void qemu_card(struct card *card, QXLDevMemSlot *slot, QXLDevSurfaceCreate *primary);
void qemu_server(SpiceServer *server, SpiceCoreInterface *core);
void qemu_sound(struct card *card);
void xspice(struct card *card, SpiceServer *server);
void others(struct card *card, SpiceServer *server);
void fill_in(QXLInterface *qxl, SpiceCharDeviceInterface *device, SpiceMigrateInterface *migrate);
int on_channel(int event, SpiceChannelEventInfo *info);

/* qxl.c and spice-display.c */
void qemu_card(struct card *card, QXLDevMemSlot *slot, QXLDevSurfaceCreate *primary)
{
    QXLInstance *qxl = &card->qxl;
    QXLRect area = {0, 0, 1, 1};
    QXLCommandExt commands[1];

    slot->slot_group_id = 0;
    slot->slot_id = 0;
    slot->generation = 0;
    slot->virt_start = slot->virt_end = slot->addr_delta = 0;
    slot->qxl_ram_size = 0;
    primary->mem = 0;
    primary->stride = -1024;
    primary->width = primary->height = 16;
    primary->format = SPICE_SURFACE_FMT_32_xRGB;
    primary->position = primary->type = 0;
    primary->mouse_mode = 1;
    primary->flags = QXL_SURF_FLAG_KEEP_DATA;
    primary->group_id = 0;
    commands[0].cmd.type = QXL_CMD_SURFACE;
    commands[0].cmd.data = 0;
    commands[0].group_id = 0;
    commands[0].flags = QXL_COMMAND_FLAG_COMPAT | QXL_COMMAND_FLAG_COMPAT_16BPP;
    spice_qxl_add_memslot(qxl, slot);
    spice_qxl_add_memslot_async(qxl, slot, 1);
    spice_qxl_del_memslot(qxl, 0, 0);
    spice_qxl_reset_memslots(qxl);
    spice_qxl_create_primary_surface(qxl, 0, primary);
    spice_qxl_create_primary_surface_async(qxl, 0, primary, 1);
    spice_qxl_destroy_primary_surface(qxl, 0);
    spice_qxl_destroy_primary_surface_async(qxl, 0, 1);
    spice_qxl_destroy_surface_wait(qxl, 0);
    spice_qxl_destroy_surface_async(qxl, 0, 1);
    spice_qxl_destroy_surfaces(qxl);
    spice_qxl_destroy_surfaces_async(qxl, 1);
    spice_qxl_flush_surfaces_async(qxl, 1);
    spice_qxl_update_area(qxl, 0, &area, NULL, 0, 0);
    spice_qxl_update_area_async(qxl, 0, &area, 1, 1);
    spice_qxl_monitors_config_async(qxl, 0, 0, 1);
    spice_qxl_loadvm_commands(qxl, commands, 1);
    spice_qxl_reset_cursor(qxl);
    spice_qxl_reset_image_cache(qxl);
    spice_qxl_driver_unload(qxl);
    spice_qxl_set_max_monitors(qxl, 1);
    spice_qxl_set_device_info(qxl, "pci/0000/02.0", 0, 1);
    spice_qxl_gl_scanout(qxl, -1, 0, 0, 0, 0, 0);
    spice_qxl_gl_draw_async(qxl, 0, 0, 1, 1, 1);
    spice_qxl_oom(qxl);
    spice_qxl_wakeup(qxl);
}

/* spice-core.c, spice-input.c and chardev/spice.c */
void qemu_server(SpiceServer *server, SpiceCoreInterface *core)
{
    static const uint8_t uuid[16] = {0};
    struct card *card = NULL;
    const char **subtypes = spice_server_char_device_recognized_subtypes();

    (void)subtypes;
    server = spice_server_new();
    spice_server_set_addr(server, "", SPICE_ADDR_FLAG_IPV4_ONLY);
    spice_server_set_addr(server, "", SPICE_ADDR_FLAG_IPV6_ONLY);
    spice_server_set_addr(server, "", SPICE_ADDR_FLAG_UNIX_ONLY);
    spice_server_set_port(server, 5900);
    spice_server_set_tls(server, 5901, "", "", "", NULL, NULL, NULL);
    spice_server_set_ticket(server, "", 0, 0, 0);
    spice_server_set_sasl(server, 1);
    spice_server_set_sasl_appname(server, "qemu");
    spice_server_set_noauth(server);
    spice_server_set_image_compression(server, SPICE_IMAGE_COMPRESS_AUTO_GLZ);
    spice_server_set_image_compression(server, SPICE_IMAGE_COMPRESSION_AUTO_GLZ);
    spice_server_set_jpeg_compression(server, SPICE_WAN_COMPRESSION_AUTO);
    spice_server_set_zlib_glz_compression(server, SPICE_WAN_COMPRESSION_ALWAYS);
    spice_server_set_streaming_video(server, SPICE_STREAM_VIDEO_OFF);
    spice_server_set_video_codecs(server, "auto");
    spice_server_set_agent_mouse(server, 1);
    spice_server_set_playback_compression(server, 1);
    spice_server_set_agent_copypaste(server, 0);
    spice_server_set_agent_file_xfer(server, 0);
    spice_server_set_channel_security(server, "main", SPICE_CHANNEL_SECURITY_SSL);
    spice_server_set_channel_security(server, NULL, SPICE_CHANNEL_SECURITY_NONE);
    spice_server_set_name(server, "name");
    spice_server_set_uuid(server, uuid);
    spice_server_set_seamless_migration(server, 1);
    spice_server_init(server, core);
    spice_server_add_interface(server, &card->device.base);
    spice_server_remove_interface(&card->device.base);
    spice_server_add_client(server, 3, 1);
    spice_server_add_ssl_client(server, 3, 1);
    spice_server_is_server_mouse(server);
    spice_server_kbd_leds(&card->keyboard, 7);
    spice_server_migrate_connect(server, "host", 1, -1, NULL);
    spice_server_migrate_start(server);
    spice_server_migrate_end(server, 1);
    spice_server_vm_start(server);
    spice_server_vm_stop(server);
    spice_server_char_device_wakeup(&card->device);
    spice_server_port_event(&card->device, SPICE_PORT_EVENT_OPENED);
}

/* audio/spiceaudio.c */
void qemu_sound(struct card *card)
{
    uint32_t *samples, count;
    uint16_t volume[2] = {1, 2};

    spice_server_set_playback_rate(&card->playback, spice_server_get_best_playback_rate(NULL));
    spice_server_set_record_rate(&card->record, spice_server_get_best_record_rate(NULL));
    spice_server_playback_start(&card->playback);
    spice_server_playback_get_buffer(&card->playback, &samples, &count);
    spice_server_playback_put_samples(&card->playback, samples);
    spice_server_playback_set_volume(&card->playback, 2, volume);
    spice_server_playback_set_mute(&card->playback, 1);
    spice_server_playback_stop(&card->playback);
    spice_server_record_start(&card->record);
    spice_server_record_get_samples(&card->record, samples, count);
    spice_server_record_set_volume(&card->record, 2, volume);
    spice_server_record_set_mute(&card->record, 1);
    spice_server_record_stop(&card->record);
}

void xspice(struct card *card, SpiceServer *server)
{
    spice_compat_version_t version = spice_get_current_compat_version();

    spice_server_set_compat_version(server, version);
    spice_server_set_exit_on_disconnect(server, 1);
    spice_server_set_video_codecs(server, "spice:mjpeg");
    spice_server_add_interface(server, &card->qxl.base);
    spice_server_add_interface(server, &card->keyboard.base);
    spice_server_add_interface(server, &card->mouse.base);
    spice_server_add_interface(server, &card->tablet.base);
    spice_server_add_interface(server, &card->migrate.base);
    spice_qxl_start(&card->qxl);
    spice_qxl_stop(&card->qxl);
}

void others(struct card *card, SpiceServer *server)
{
    SpiceReplay *replay = spice_replay_new(NULL, 1024);
    QXLCommandExt *command = spice_replay_next_cmd(replay, &card->qxl);
    struct sockaddr address;
    socklen_t size = sizeof(address);

    spice_replay_free_cmd(replay, command);
    spice_replay_free(replay);
    spice_server_free_video_codecs(server, spice_server_get_video_codecs(server));
    spice_server_get_image_compression(server);
    spice_server_get_num_clients(server);
    spice_server_get_peer_info(server, &address, &size);
    spice_server_get_sock_info(server, &address, &size);
    spice_server_add_renderer(server, "sw");
    spice_server_set_listen_socket_fd(server, 3);
    spice_server_migrate_info(server, "host", 1, -1, NULL);
    spice_server_migrate_switch(server);
    spice_server_destroy(server);
}

/* Interfaces, by the names of their members. */
void fill_in(QXLInterface *qxl, SpiceCharDeviceInterface *device, SpiceMigrateInterface *migrate)
{
    static char type[] = SPICE_INTERFACE_QXL, device_type[] = SPICE_INTERFACE_CHAR_DEVICE;
    QXLDevInitInfo info;

    info.memslot_gen_bits = info.memslot_id_bits = 8;
    info.num_memslots = info.num_memslots_groups = info.n_surfaces = 1;
    info.internal_groupslot_id = 0;
    info.qxl_ram_size = 0;
    (void)info;
    qxl->base.type = type;
    qxl->base.description = "card";
    qxl->base.major_version = SPICE_INTERFACE_QXL_MAJOR;
    qxl->base.minor_version = SPICE_INTERFACE_QXL_MINOR;
    qxl->attached_worker = NULL;
    qxl->attache_worker = NULL;
    qxl->set_compression_level = NULL;
    qxl->get_init_info = NULL;
    qxl->get_command = qxl->get_cursor_command = NULL;
    qxl->req_cmd_notification = qxl->req_cursor_notification = NULL;
    qxl->release_resource = NULL;
    qxl->notify_update = NULL;
    qxl->flush_resources = NULL;
    qxl->async_complete = NULL;
    qxl->update_area_complete = NULL;
    qxl->set_client_capabilities = NULL;
    qxl->client_monitors_config = NULL;
    device->base.type = device_type;
    device->state = NULL;
    device->write = NULL;
    device->read = NULL;
    device->event = NULL;
    device->flags = SPICE_CHAR_DEVICE_NOTIFY_WRITABLE;
    migrate->migrate_connect_complete = migrate->migrate_end_complete = NULL;
}

int on_channel(int event, SpiceChannelEventInfo *info)
{
    if (event == SPICE_CHANNEL_EVENT_CONNECTED && info->flags & SPICE_CHANNEL_EVENT_FLAG_ADDR_EXT)
        return (int)(info->plen_ext + info->llen_ext) + info->paddr_ext.ss_family +
               info->laddr_ext.ss_family;
    if (event == SPICE_CHANNEL_EVENT_INITIALIZED && info->flags & SPICE_CHANNEL_EVENT_FLAG_TLS)
        return info->connection_id + info->type + info->id;
    return event == SPICE_CHANNEL_EVENT_DISCONNECTED;
}
