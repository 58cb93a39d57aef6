/*
 * What spice-gtk does with a guest's agent, ports and shared folder, for tests: prints what
 * happens, one event a line, and obeys lines on its standard input. It ends when that ends.
 *
 *   agent_client PORT [SHARED-FOLDER]
 *   offer TEXT | paste | send FILE | say NAME TEXT
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib-unix.h>
#include <spice-client.h>
#include <spice/vd_agent.h>
#include <stdio.h>
#include <string.h>

#define SELECTION VD_AGENT_CLIPBOARD_SELECTION_CLIPBOARD

struct agent_client {
    SpiceSession *session;
    GMainLoop *loop;
    SpiceMainChannel *main;
    GHashTable *ports; /* by name */
    char *offer;
};

/* The agent */

static void on_agent(SpiceMainChannel *channel, gpointer opaque)
{
    gboolean connected;

    (void)opaque;
    g_object_get(channel, "agent-connected", &connected, NULL);
    printf("agent %s\n",
           !connected ? "gone"
           : spice_main_channel_agent_test_capability(channel, VD_AGENT_CAP_CLIPBOARD_BY_DEMAND)
               ? "clipboard"
               : "silent");
}

static gboolean on_grab(SpiceMainChannel *channel, guint selection, guint32 *types, guint count,
                        gpointer opaque)
{
    (void)channel;
    (void)selection;
    (void)opaque;
    printf("grab %u %u\n", count, count ? types[0] : 0);
    return TRUE;
}

static gboolean on_request(SpiceMainChannel *channel, guint selection, guint type, gpointer opaque)
{
    struct agent_client *client = opaque;

    printf("request %u\n", type);
    spice_main_channel_clipboard_selection_notify(channel, selection, type,
                                                  (const guchar *)client->offer,
                                                  client->offer ? strlen(client->offer) : 0);
    return TRUE;
}

static void on_clipboard(SpiceMainChannel *channel, guint selection, guint type, gpointer data,
                         guint size, gpointer opaque)
{
    g_autofree char *text = g_strndup(data, size);

    (void)channel;
    (void)selection;
    (void)opaque;
    printf("clipboard %u %s\n", type, text);
}

static void on_sent(GObject *channel, GAsyncResult *result, gpointer opaque)
{
    GError *error = NULL;

    (void)opaque;
    spice_main_channel_file_copy_finish(SPICE_MAIN_CHANNEL(channel), result, &error);
    printf("sent %s\n", error ? error->message : "well");
    g_clear_error(&error);
}

/* Ports */

static void on_port_data(SpicePortChannel *channel, gpointer data, gint size, gpointer opaque)
{
    g_autofree char *name = NULL;
    g_autofree char *text = g_strndup(data, (gsize)size);

    (void)opaque;
    g_object_get(channel, "port-name", &name, NULL);
    printf("data %s %s\n", name, g_strchomp(text));
}

static void on_port_opened(SpicePortChannel *channel, GParamSpec *spec, gpointer opaque)
{
    struct agent_client *client = opaque;
    char *name;
    gboolean opened;

    (void)spec;
    g_object_get(channel, "port-name", &name, "port-opened", &opened, NULL);
    printf("port %s %s\n", name, opened ? "opened" : "closed");
    g_hash_table_insert(client->ports, name, channel);
}

static void on_said(GObject *channel, GAsyncResult *result, gpointer opaque)
{
    GError *error = NULL;
    gssize size = spice_port_channel_write_finish(SPICE_PORT_CHANNEL(channel), result, &error);

    printf("said %zd\n", error ? -1 : size);
    g_clear_error(&error);
    g_free(opaque);
}

/* The session */

static void on_event(SpiceChannel *channel, SpiceChannelEvent event, gpointer opaque)
{
    int type, id;

    (void)opaque;
    g_object_get(channel, "channel-type", &type, "channel-id", &id, NULL);
    if (event == SPICE_CHANNEL_OPENED || event == SPICE_CHANNEL_CLOSED)
        printf("channel %d %d %s\n", type, id, event == SPICE_CHANNEL_OPENED ? "opened" : "closed");
}

static void on_channel(SpiceSession *session, SpiceChannel *channel, gpointer opaque)
{
    struct agent_client *client = opaque;

    (void)session;
    g_signal_connect(channel, "channel-event", G_CALLBACK(on_event), client);
    if (SPICE_IS_MAIN_CHANNEL(channel)) {
        client->main = SPICE_MAIN_CHANNEL(channel);
        g_signal_connect(channel, "main-agent-update", G_CALLBACK(on_agent), client);
        g_signal_connect(channel, "main-clipboard-selection-grab", G_CALLBACK(on_grab), client);
        g_signal_connect(channel, "main-clipboard-selection-request", G_CALLBACK(on_request),
                         client);
        g_signal_connect(channel, "main-clipboard-selection", G_CALLBACK(on_clipboard), client);
    }
    if (SPICE_IS_PORT_CHANNEL(channel)) {
        g_signal_connect(channel, "notify::port-opened", G_CALLBACK(on_port_opened), client);
        g_signal_connect(channel, "port-data", G_CALLBACK(on_port_data), client);
    }
    spice_channel_connect(channel);
}

static void offer(struct agent_client *client, const char *text)
{
    guint32 type = VD_AGENT_CLIPBOARD_UTF8_TEXT;

    g_free(client->offer);
    client->offer = g_strdup(text);
    spice_main_channel_clipboard_selection_grab(client->main, SELECTION, &type, 1);
}

static void send_file(struct agent_client *client, const char *path)
{
    GFile *files[] = {g_file_new_for_path(path), NULL};

    spice_main_channel_file_copy_async(client->main, files, G_FILE_COPY_NONE, NULL, NULL, NULL,
                                       on_sent, client);
    g_object_unref(files[0]);
}

static void say(struct agent_client *client, const char *words)
{
    g_auto(GStrv) parts = g_strsplit(words, " ", 2);
    SpicePortChannel *port = g_hash_table_lookup(client->ports, parts[0]);
    char *text = g_strconcat(parts[1], "\n", NULL);

    if (port)
        spice_port_channel_write_async(port, text, strlen(text), NULL, on_said, text);
    else
        printf("no port %s\n", parts[0]);
}

static gboolean on_command(gint fd, GIOCondition condition, gpointer opaque)
{
    struct agent_client *client = opaque;
    char line[4096];

    (void)fd;
    (void)condition;
    if (!fgets(line, sizeof(line), stdin)) {
        g_main_loop_quit(client->loop);
        return G_SOURCE_REMOVE;
    }
    g_strchomp(line);
    if (g_str_has_prefix(line, "offer "))
        offer(client, line + 6);
    else if (!strcmp(line, "paste"))
        spice_main_channel_clipboard_selection_request(client->main, SELECTION,
                                                       VD_AGENT_CLIPBOARD_UTF8_TEXT);
    else if (g_str_has_prefix(line, "send "))
        send_file(client, line + 5);
    else if (g_str_has_prefix(line, "say "))
        say(client, line + 4);
    return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv)
{
    struct agent_client client = {.loop = g_main_loop_new(NULL, FALSE)};

    if (argc < 2)
        return 2;
    setvbuf(stdin, NULL, _IONBF, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    client.ports = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    client.session = spice_session_new();
    g_object_set(client.session, "host", "127.0.0.1", "port", argv[1], "enable-audio", FALSE,
                 "enable-smartcard", FALSE, NULL);
    if (argc > 2)
        g_object_set(client.session, "shared-dir", argv[2], NULL);
    g_signal_connect(client.session, "channel-new", G_CALLBACK(on_channel), &client);
    spice_session_connect(client.session);
    g_unix_fd_add(0, G_IO_IN | G_IO_HUP, on_command, &client);
    g_main_loop_run(client.loop);
    return 0;
}
