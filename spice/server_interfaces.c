/*
 * Attaching and detaching the host's devices, server-abi.md section 1.7.4.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/char_device.h"
#include "spice/playback_channel.h"
#include "spice/record_channel.h"
#include "spice/migrate.h"
#include "spice/mouse_mode.h"
#include "spice/server_state.h"

#include <string.h>

static int add_keyboard(SpiceServer *server, SpiceBaseInstance *base)
{
    return inputs_add_keyboard(server->inputs, SPICE_CONTAINEROF(base, SpiceKbdInstance, base));
}

static int add_mouse(SpiceServer *server, SpiceBaseInstance *base)
{
    return inputs_add_mouse(server->inputs, SPICE_CONTAINEROF(base, SpiceMouseInstance, base));
}

static int add_tablet(SpiceServer *server, SpiceBaseInstance *base)
{
    return inputs_add_tablet(server->inputs, SPICE_CONTAINEROF(base, SpiceTabletInstance, base));
}

static int remove_tablet(SpiceBaseInstance *base)
{
    return inputs_remove_tablet(SPICE_CONTAINEROF(base, SpiceTabletInstance, base));
}

static int add_qxl(SpiceServer *server, SpiceBaseInstance *base)
{
    QXLInstance *qxl = SPICE_CONTAINEROF(base, QXLInstance, base);

    if (qxl->id < 0 || qxl->id > UINT8_MAX) {
        g_warning("display id %d is not in the range 0 to %u", qxl->id, UINT8_MAX);
        return -1;
    }
    for (GList *l = server->qxls; l != NULL; l = l->next) {
        if (((QXLInstance *)l->data)->id == qxl->id) {
            g_warning("there is a display with id %d already", qxl->id);
            return -1;
        }
    }
    if (server_find_channel(server, SPICE_CHANNEL_DISPLAY, (uint8_t)qxl->id) != NULL) {
        g_warning("display id %d is taken by a film that the guest encodes", qxl->id);
        return -1;
    }
    qxl->st = NULL;
    /* On the list before the host hears of it: it may start the machine from there. */
    server->qxls = g_list_append(server->qxls, qxl);
    if (!display_worker_attach(server, qxl)) {
        server->qxls = g_list_remove(server->qxls, qxl);
        return -1;
    }
    server_update_mouse_mode(server);
    display_worker_set_mouse_mode(qxl, server->mouse_mode == SPICE_MOUSE_MODE_CLIENT);
    return 0;
}

static int remove_qxl(SpiceBaseInstance *base)
{
    QXLInstance *qxl = SPICE_CONTAINEROF(base, QXLInstance, base);
    SpiceServer *server;

    if (qxl->st == NULL) {
        g_critical("this display is not attached");
        return -1;
    }
    server = display_worker_server(qxl);
    server->qxls = g_list_remove(server->qxls, qxl);
    display_worker_detach(qxl);
    server_set_display(server, qxl->id, 0, 0, false);
    server_set_device_info(server, qxl->id, NULL, 0, 0);
    return 0;
}

static int add_char_device(SpiceServer *server, SpiceBaseInstance *base)
{
    char_device_add(server, SPICE_CONTAINEROF(base, SpiceCharDeviceInstance, base));
    return 0; /* a refused one is known by its st */
}

static int remove_char_device(SpiceBaseInstance *base)
{
    return char_device_remove(SPICE_CONTAINEROF(base, SpiceCharDeviceInstance, base));
}

static int add_playback(SpiceServer *server, SpiceBaseInstance *base)
{
    playback_attach(server, SPICE_CONTAINEROF(base, SpicePlaybackInstance, base));
    return 0;
}

static int remove_playback(SpiceBaseInstance *base)
{
    return playback_remove(SPICE_CONTAINEROF(base, SpicePlaybackInstance, base));
}

static int add_record(SpiceServer *server, SpiceBaseInstance *base)
{
    record_attach(server, SPICE_CONTAINEROF(base, SpiceRecordInstance, base));
    return 0;
}

static int remove_record(SpiceBaseInstance *base)
{
    return record_remove(SPICE_CONTAINEROF(base, SpiceRecordInstance, base));
}

static int add_migration(SpiceServer *server, SpiceBaseInstance *base)
{
    return migrate_attach(server, SPICE_CONTAINEROF(base, SpiceMigrateInstance, base)) ? 0 : -1;
}

/* ADD is NULL for what this server does not have, REMOVE for what stays for good. */
static const struct interface {
    const char *type;
    uint32_t major, minor;
    int (*add)(SpiceServer *server, SpiceBaseInstance *base);
    int (*remove)(SpiceBaseInstance *base);
} interfaces[] = {
    {SPICE_INTERFACE_KEYBOARD, SPICE_INTERFACE_KEYBOARD_MAJOR, SPICE_INTERFACE_KEYBOARD_MINOR,
     add_keyboard, NULL},
    {SPICE_INTERFACE_MOUSE, SPICE_INTERFACE_MOUSE_MAJOR, SPICE_INTERFACE_MOUSE_MINOR, add_mouse,
     NULL},
    {SPICE_INTERFACE_TABLET, SPICE_INTERFACE_TABLET_MAJOR, SPICE_INTERFACE_TABLET_MINOR, add_tablet,
     remove_tablet},
    {SPICE_INTERFACE_QXL, SPICE_INTERFACE_QXL_MAJOR, SPICE_INTERFACE_QXL_MINOR, add_qxl,
     remove_qxl},
    {SPICE_INTERFACE_PLAYBACK, SPICE_INTERFACE_PLAYBACK_MAJOR, SPICE_INTERFACE_PLAYBACK_MINOR,
     add_playback, remove_playback},
    {SPICE_INTERFACE_RECORD, SPICE_INTERFACE_RECORD_MAJOR, SPICE_INTERFACE_RECORD_MINOR, add_record,
     remove_record},
    {SPICE_INTERFACE_CHAR_DEVICE, SPICE_INTERFACE_CHAR_DEVICE_MAJOR,
     SPICE_INTERFACE_CHAR_DEVICE_MINOR, add_char_device, remove_char_device},
    {SPICE_INTERFACE_MIGRATION, SPICE_INTERFACE_MIGRATION_MAJOR, SPICE_INTERFACE_MIGRATION_MINOR,
     add_migration, NULL},
};

static const struct interface *find_interface(const char *type)
{
    for (size_t i = 0; i < G_N_ELEMENTS(interfaces); i++) {
        if (strcmp(interfaces[i].type, type) == 0) {
            return &interfaces[i];
        }
    }
    return NULL;
}

int spice_server_add_interface(SpiceServer *server, SpiceBaseInstance *sin)
{
    const SpiceBaseInterface *sif = sin->sif;
    const struct interface *known = find_interface(sif->type);

    if (known == NULL) {
        return 0;
    }
    if (sif->major_version != known->major || sif->minor_version > known->minor) {
        g_warning("unsupported %s interface version %u.%u, this server has %u.%u", sif->type,
                  sif->major_version, sif->minor_version, known->major, known->minor);
        return -1;
    }
    if (server->loop == NULL) {
        g_warning("a %s interface needs an initialised server", sif->type);
        return -1;
    }
    if (known->add == NULL) {
        g_warning("unsupported %s interface: this server has no such devices", sif->type);
        return -1;
    }
    return known->add(server, sin);
}

int spice_server_remove_interface(SpiceBaseInstance *sin)
{
    const struct interface *known;

    g_return_val_if_fail(sin != NULL, -1);
    known = find_interface(sin->sif->type);
    if (known == NULL || known->remove == NULL) {
        g_warning("a %s interface cannot be removed", sin->sif->type);
        return -1;
    }
    return known->remove(sin);
}
