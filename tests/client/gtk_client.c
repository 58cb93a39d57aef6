/*
 * A client made of spice-gtk's library, for tests: prints what happens to it, one event a line, and
 * obeys "picture", "gap" (the longest time without drawing since the last one, in microseconds) and
 * the commands of gtk_agent.h on its standard input. It ends when that ends.
 *
 *   gtk_client NAME=VALUE...          properties of a SpiceSession
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/gtk_agent.h"

#include <glib-unix.h>
#include <spice-client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gtk_client {
    SpiceSession *session;
    GMainLoop *loop;
    const uint8_t *pixels; /* of display 0, 32 bits each */
    int width, height, stride;
    gint64 drawn,
        gap; /* microseconds: when something was drawn last, the longest time between two */
    struct gtk_agent agent;
};

static const char *event_name(SpiceChannelEvent event)
{
    GEnumClass *names = g_type_class_ref(SPICE_TYPE_CHANNEL_EVENT);
    const GEnumValue *value = g_enum_get_value(names, event);

    g_type_class_unref(names);
    return value != NULL ? value->value_nick : "unknown";
}

static void on_event(SpiceChannel *channel, SpiceChannelEvent event, gpointer opaque)
{
    int type, id;

    (void)opaque;
    g_object_get(channel, "channel-type", &type, "channel-id", &id, NULL);
    if (type == SPICE_CHANNEL_MAIN) {
        printf("main %s\n", event_name(event));
    } else {
        printf("channel %d %d %s\n", type, id, event_name(event));
    }
}

static void on_primary(SpiceChannel *channel, gint format, gint width, gint height, gint stride,
                       gint shmid, gpointer pixels, gpointer opaque)
{
    struct gtk_client *client = opaque;
    int id;

    (void)format;
    (void)shmid;
    g_object_get(channel, "channel-id", &id, NULL);
    if (id == 0) {
        client->pixels = pixels;
        client->width = width;
        client->height = height;
        client->stride = stride;
    }
    printf("display %d %d %d\n", id, width, height);
}

static void on_invalidate(SpiceChannel *channel, gint x, gint y, gint width, gint height,
                          gpointer opaque)
{
    struct gtk_client *client = opaque;
    gint64 now = g_get_monotonic_time();

    (void)channel;
    (void)x;
    (void)y;
    (void)width;
    (void)height;
    if (client->drawn != 0) {
        client->gap = MAX(client->gap, now - client->drawn);
    }
    client->drawn = now;
}

static void on_primary_destroy(SpiceChannel *channel, gpointer opaque)
{
    struct gtk_client *client = opaque;
    int id;

    g_object_get(channel, "channel-id", &id, NULL);
    if (id == 0) {
        client->pixels = NULL;
    }
    printf("no-display %d\n", id);
}

static void on_channel(SpiceSession *session, SpiceChannel *channel, gpointer opaque)
{
    struct gtk_client *client = opaque;

    (void)session;
    gtk_agent_watch(&client->agent, channel);
    g_signal_connect(channel, "channel-event", G_CALLBACK(on_event), opaque);
    if (SPICE_IS_DISPLAY_CHANNEL(channel)) {
        g_signal_connect(channel, "display-primary-create", G_CALLBACK(on_primary), opaque);
        g_signal_connect(channel, "display-invalidate", G_CALLBACK(on_invalidate), opaque);
        g_signal_connect(channel, "display-primary-destroy", G_CALLBACK(on_primary_destroy),
                         opaque);
    }
    spice_channel_connect(channel);
}

static void on_migration_state(SpiceSession *session, GParamSpec *spec, gpointer opaque)
{
    SpiceSessionMigration state;

    (void)spec;
    (void)opaque;
    g_object_get(session, "migration-state", &state, NULL);
    printf("migration %s\n", state == SPICE_SESSION_MIGRATION_NONE        ? "none"
                             : state == SPICE_SESSION_MIGRATION_MIGRATING ? "migrating"
                             : state == SPICE_SESSION_MIGRATION_SWITCHING ? "switching"
                                                                          : "connecting");
}

static void on_disconnected(SpiceSession *session, gpointer opaque)
{
    (void)session;
    (void)opaque;
    printf("disconnected\n");
}

static void print_picture(const struct gtk_client *client)
{
    GChecksum *checksum = g_checksum_new(G_CHECKSUM_SHA256);

    for (int y = 0; client->pixels != NULL && y < client->height; y++) {
        const uint8_t *line = client->pixels + (gssize)y * client->stride;

        for (int x = 0; x < client->width; x++) {
            g_checksum_update(checksum, line + 4 * x, 3); /* the fourth byte means nothing */
        }
    }
    printf("picture %s\n", client->pixels != NULL ? g_checksum_get_string(checksum) : "none");
    g_checksum_free(checksum);
}

static gboolean on_command(gint fd, GIOCondition condition, gpointer opaque)
{
    struct gtk_client *client = opaque;
    char line[200];

    (void)fd;
    (void)condition;
    if (fgets(line, sizeof(line), stdin) == NULL) {
        g_main_loop_quit(client->loop);
        return G_SOURCE_REMOVE;
    }
    if (strcmp(g_strchomp(line), "picture") == 0) {
        print_picture(client);
    } else if (strcmp(line, "gap") == 0) {
        printf("gap %" G_GINT64_FORMAT "\n", client->gap);
        client->gap = 0;
    } else {
        gtk_agent_command(&client->agent, line);
    }
    return G_SOURCE_CONTINUE;
}

static void set_property(SpiceSession *session, const char *setting)
{
    char **parts = g_strsplit(setting, "=", 2);

    if (strcmp(parts[0], "verify") == 0) {
        g_object_set(session, "verify",
                     strcmp(parts[1], "subject") == 0 ? SPICE_SESSION_VERIFY_SUBJECT
                                                      : SPICE_SESSION_VERIFY_HOSTNAME,
                     NULL);
    } else {
        g_object_set(session, parts[0], parts[1], NULL);
    }
    g_strfreev(parts);
}

int main(int argc, char **argv)
{
    struct gtk_client client = {.loop = g_main_loop_new(NULL, FALSE)};

    setvbuf(stdin, NULL, _IONBF, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    client.session = spice_session_new();
    g_object_set(client.session, "enable-audio", FALSE, "enable-usbredir", FALSE,
                 "enable-smartcard", FALSE, NULL);
    for (int i = 1; i < argc; i++) {
        set_property(client.session, argv[i]);
    }
    g_signal_connect(client.session, "channel-new", G_CALLBACK(on_channel), &client);
    g_signal_connect(client.session, "notify::migration-state", G_CALLBACK(on_migration_state),
                     &client);
    g_signal_connect(client.session, "disconnected", G_CALLBACK(on_disconnected), &client);
    spice_session_connect(client.session);
    g_unix_fd_add(0, G_IO_IN | G_IO_HUP, on_command, &client);
    g_main_loop_run(client.loop);
    return 0;
}
