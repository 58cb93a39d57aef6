/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/mouse_mode.h"

#include "spice/client.h"
#include "spice/server_state.h"

static struct server_display *find_display(SpiceServer *server, int id)
{
    for (guint i = 0; i < server->displays->len; i++) {
        struct server_display *display = &g_array_index(server->displays, struct server_display, i);

        if (display->id == id) {
            return display;
        }
    }
    return NULL;
}

void server_pointer_range(SpiceServer *server, int *width, int *height)
{
    *width = *height = 0;
    if (server->displays->len == 1) {
        struct server_display *display = &g_array_index(server->displays, struct server_display, 0);

        *width = display->width;
        *height = display->height;
    }
}

static bool display_allows_client_mouse(SpiceServer *server)
{
    for (guint i = 0; i < server->displays->len; i++) {
        if (g_array_index(server->displays, struct server_display, i).client_mouse) {
            return true;
        }
    }
    return false;
}

static bool client_mouse_allowed(SpiceServer *server)
{
    if (server->agent != NULL && agent_has_pointer(server->agent)) {
        return display_allows_client_mouse(server);
    }
    return server->inputs != NULL && inputs_has_tablet(server->inputs) &&
           g_list_length(server->qxls) == 1 &&
           server_count_channels(server, SPICE_CHANNEL_DISPLAY) == 1 &&
           server->displays->len == 1 &&
           g_array_index(server->displays, struct server_display, 0).client_mouse;
}

static void set_mouse_mode(SpiceServer *server, int mode, int modes)
{
    if (mode == server->mouse_mode && modes == server->mouse_modes) {
        return;
    }
    server->mouse_modes = modes;
    if (mode != server->mouse_mode) {
        server->mouse_mode = mode;
        for (GList *l = server->qxls; l != NULL; l = l->next) {
            QXLInstance *qxl = l->data;

            if (qxl->st != NULL) {
                display_worker_set_mouse_mode(qxl, mode == SPICE_MOUSE_MODE_CLIENT);
            }
        }
    }
    if (server->main != NULL) {
        main_channel_send_mouse_mode(server->main);
    }
}

void server_update_mouse_mode(SpiceServer *server)
{
    bool allowed = client_mouse_allowed(server);

    set_mouse_mode(server, allowed ? server->mouse_mode : SPICE_MOUSE_MODE_SERVER,
                   SPICE_MOUSE_MODE_SERVER | (allowed ? SPICE_MOUSE_MODE_CLIENT : 0));
}

void server_request_mouse_mode(SpiceServer *server, int mode)
{
    if ((mode == SPICE_MOUSE_MODE_SERVER || mode == SPICE_MOUSE_MODE_CLIENT) &&
        (server->mouse_modes & mode) != 0) {
        set_mouse_mode(server, mode, server->mouse_modes);
    }
}

struct display_change {
    SpiceServer *server;
    struct server_display display;
};

static void change_display(void *opaque)
{
    struct display_change *change = opaque;
    SpiceServer *server = change->server;
    struct server_display *display = find_display(server, change->display.id);

    if (change->display.width == 0 || change->display.height == 0) {
        if (display != NULL) {
            g_array_remove_index(
                server->displays,
                (guint)(display - (struct server_display *)(void *)server->displays->data));
        }
    } else if (display != NULL) {
        *display = change->display;
    } else {
        g_array_append_val(server->displays, change->display);
    }
    g_free(change);
    server_update_mouse_mode(server);
    if (server->inputs != NULL && server->displays->len == 1) {
        int width, height;

        server_pointer_range(server, &width, &height);
        inputs_set_range(server->inputs, width, height);
    }
}

void server_set_display(SpiceServer *server, int id, int width, int height, bool client_mouse)
{
    struct display_change *change = g_new(struct display_change, 1);

    *change = (struct display_change){server, {id, width, height, client_mouse}};
    event_loop_post(server->loop, change_display, change);
}

int spice_server_is_server_mouse(SpiceServer *server)
{
    return server->mouse_mode == SPICE_MOUSE_MODE_SERVER;
}
