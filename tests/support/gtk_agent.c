/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#if __has_include(<spice-client.h>)
#include "tests/support/gtk_agent.h"

#include <spice/vd_agent.h>
#include <stdio.h>
#include <string.h>

static void on_agent(SpiceMainChannel *main, gpointer opaque)
{
    gboolean connected;

    (void)opaque;
    g_object_get(main, "agent-connected", &connected, NULL);
    printf("agent %s\n", connected ? "yes" : "no");
}

static void on_mouse(SpiceMainChannel *main, gpointer opaque)
{
    int mode;

    (void)opaque;
    g_object_get(main, "mouse-mode", &mode, NULL);
    printf("mouse %s\n", mode == SPICE_MOUSE_MODE_CLIENT ? "client" : "server");
}

static gboolean on_grab(SpiceMainChannel *main, guint selection, guint32 *types, guint count,
                        gpointer opaque)
{
    (void)main;
    (void)opaque;
    for (guint i = 0; i < count; i++) {
        if (selection == VD_AGENT_CLIPBOARD_SELECTION_CLIPBOARD &&
            types[i] == VD_AGENT_CLIPBOARD_UTF8_TEXT) {
            printf("offered\n");
        }
    }
    return TRUE;
}

static void on_text(SpiceMainChannel *main, guint selection, guint type, gpointer data, guint size,
                    gpointer opaque)
{
    (void)main;
    (void)selection;
    (void)type;
    (void)opaque;
    printf("pasted %.*s\n", (int)size, (const char *)data);
}

static gboolean on_request(SpiceMainChannel *main, guint selection, guint type, gpointer opaque)
{
    struct gtk_agent *agent = opaque;

    if (agent->copied == NULL || type != VD_AGENT_CLIPBOARD_UTF8_TEXT) {
        return FALSE;
    }
    spice_main_channel_clipboard_selection_notify(
        main, selection, type, (const guchar *)agent->copied, strlen(agent->copied));
    printf("asked\n");
    return TRUE;
}

void gtk_agent_watch(struct gtk_agent *agent, SpiceChannel *channel)
{
    if (SPICE_IS_INPUTS_CHANNEL(channel)) {
        agent->inputs = SPICE_INPUTS_CHANNEL(channel);
    }
    if (!SPICE_IS_MAIN_CHANNEL(channel)) {
        return;
    }
    agent->main = SPICE_MAIN_CHANNEL(channel);
    g_signal_connect(channel, "main-agent-update", G_CALLBACK(on_agent), agent);
    g_signal_connect(channel, "main-mouse-update", G_CALLBACK(on_mouse), agent);
    g_signal_connect(channel, "main-clipboard-selection-grab", G_CALLBACK(on_grab), agent);
    g_signal_connect(channel, "main-clipboard-selection", G_CALLBACK(on_text), agent);
    g_signal_connect(channel, "main-clipboard-selection-request", G_CALLBACK(on_request), agent);
}

static void copy(struct gtk_agent *agent, const char *text)
{
    guint32 type = VD_AGENT_CLIPBOARD_UTF8_TEXT;

    g_free(agent->copied);
    agent->copied = g_strdup(text);
    spice_main_channel_clipboard_selection_grab(agent->main, VD_AGENT_CLIPBOARD_SELECTION_CLIPBOARD,
                                                &type, 1);
}

void gtk_agent_command(struct gtk_agent *agent, const char *line)
{
    int x, y;

    if (g_str_has_prefix(line, "copy ")) {
        copy(agent, line + strlen("copy "));
    } else if (strcmp(line, "paste") == 0) {
        spice_main_channel_clipboard_selection_request(
            agent->main, VD_AGENT_CLIPBOARD_SELECTION_CLIPBOARD, VD_AGENT_CLIPBOARD_UTF8_TEXT);
    } else if (sscanf(line, "resize %d %d", &x, &y) == 2) {
        spice_main_channel_update_display_enabled(agent->main, 0, TRUE, FALSE);
        spice_main_channel_update_display(agent->main, 0, 0, 0, x, y, FALSE);
        spice_main_channel_send_monitor_config(agent->main);
    } else if (sscanf(line, "point %d %d", &x, &y) == 2) {
        spice_inputs_channel_position(agent->inputs, x, y, 0, 0);
    }
}
#endif
