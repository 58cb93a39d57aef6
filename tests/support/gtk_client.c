/*
 * A SPICE client on libspice-client-glib; nothing when that is not installed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#if __has_include(<spice-client.h>)
#include "tests/support/gtk_client.h"
#include "tests/support/core_loop.h"
#include "tests/support/loopback.h"

#include <spice-client.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_primary_create(SpiceChannel *channel, gint format, gint width, gint height,
                              gint stride, gint shmid, gpointer pixels, gpointer opaque)
{
    struct gtk_client *client = opaque;

    (void)channel;
    (void)shmid;
    client->pixels = pixels;
    client->format = format;
    client->width = width;
    client->height = height;
    client->stride = stride;
}

static void on_primary_destroy(SpiceChannel *channel, gpointer opaque)
{
    struct gtk_client *client = opaque;

    (void)channel;
    client->pixels = NULL;
}

static void on_mark(SpiceChannel *channel, gint mark, gpointer opaque)
{
    struct gtk_client *client = opaque;

    (void)channel;
    client->marked = mark;
}

static void on_monitors(GObject *object, GParamSpec *spec, gpointer opaque)
{
    struct gtk_client *client = opaque;
    GArray *monitors = NULL;

    (void)spec;
    g_object_get(object, "monitors", &monitors, NULL);
    g_clear_pointer(&client->monitors, g_array_unref);
    client->monitors = monitors;
}

static void on_cursor_set(SpiceChannel *channel, gint width, gint height, gint hot_x, gint hot_y,
                          gpointer rgba, gpointer opaque)
{
    struct gtk_client *client = opaque;

    (void)channel;
    (void)width;
    (void)height;
    (void)hot_x;
    (void)hot_y;
    (void)rgba;
    client->cursor_sets++;
}

static void on_cursor_move(SpiceChannel *channel, gint x, gint y, gpointer opaque)
{
    struct gtk_client *client = opaque;

    (void)channel;
    (void)x;
    (void)y;
    client->cursor_moves++;
}

static void on_cursor_hide(SpiceChannel *channel, gpointer opaque)
{
    struct gtk_client *client = opaque;

    (void)channel;
    client->cursor_hides++;
}

static int connect_to(const struct gtk_client *client)
{
    int fds[2];

    if (client->remote)
        loopback_pair(fds);
    else
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    g_assert_cmpint(spice_server_add_client(client->server, fds[1], TRUE), ==, 0);
    return fds[0];
}

static void on_open_fd(SpiceChannel *channel, gint with_tls, gpointer opaque)
{
    (void)with_tls;
    spice_channel_open_fd(channel, connect_to(opaque));
}

static void on_channel_new(SpiceSession *session, SpiceChannel *channel, gpointer client)
{
    (void)session;
    g_signal_connect(channel, "open-fd", G_CALLBACK(on_open_fd), client);
    if (SPICE_IS_DISPLAY_CHANNEL(channel)) {
        g_signal_connect(channel, "display-primary-create", G_CALLBACK(on_primary_create), client);
        g_signal_connect(channel, "display-primary-destroy", G_CALLBACK(on_primary_destroy),
                         client);
        g_signal_connect(channel, "display-mark", G_CALLBACK(on_mark), client);
        g_signal_connect(channel, "notify::monitors", G_CALLBACK(on_monitors), client);
        spice_channel_connect(channel);
    } else if (SPICE_IS_CURSOR_CHANNEL(channel)) {
        g_signal_connect(channel, "cursor-set", G_CALLBACK(on_cursor_set), client);
        g_signal_connect(channel, "cursor-move", G_CALLBACK(on_cursor_move), client);
        g_signal_connect(channel, "cursor-hide", G_CALLBACK(on_cursor_hide), client);
        spice_channel_connect(channel);
    }
}

bool gtk_client_is_marked(void *client)
{
    return ((struct gtk_client *)client)->marked;
}

void gtk_client_attach(struct gtk_client *client, SpiceServer *server, bool remote)
{
    *client = (struct gtk_client){.server = server, .remote = remote};
    client->session = spice_session_new();
    g_object_set(client->session, "enable-audio", FALSE, "enable-usbredir", FALSE,
                 "enable-smartcard", FALSE, NULL);
    g_signal_connect(client->session, "channel-new", G_CALLBACK(on_channel_new), client);
    g_assert_true(spice_session_open_fd(client->session, connect_to(client)));
    g_assert_true(core_loop_run_until(gtk_client_is_marked, client, 20));
}

void gtk_client_detach(struct gtk_client *client)
{
    spice_session_disconnect(client->session);
    for (int i = 0; i < 20; i++)
        g_main_context_iteration(NULL, FALSE);
    g_clear_object(&client->session);
    g_clear_pointer(&client->monitors, g_array_unref);
}
#endif
