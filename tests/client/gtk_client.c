/*
 * A client made of spice-gtk's library, for tests: prints what happens to it, one event a line, and
 * obeys "picture" (of display 0), "picture ID", "gap" (the longest time without drawing since the
 * last one, in microseconds), "frames" (how often most of a display has changed) and the commands
 * of gtk_agent.h and gtk_sound.h on its standard input. It ends when that ends.
 *
 *   gtk_client NAME=VALUE...          properties of a SpiceSession
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/gtk_agent.h"
#include "tests/support/gtk_sound.h"

#include <glib-unix.h>
#include <spice-client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DISPLAYS = 4 };

struct picture {
    const uint8_t *pixels; /* 32 bits each */
    int width, height, stride;
};

struct gtk_client {
    SpiceSession *session;
    GMainLoop *loop;
    struct picture pictures[DISPLAYS];
    gint64 drawn,
        gap;         /* microseconds: when something was drawn last, the longest time between two */
    unsigned frames; /* times that most of a display changed */
    struct gtk_agent agent;
    struct gtk_sound sound; /* "enable-audio=true" */
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
    if (id < DISPLAYS) {
        client->pictures[id] = (struct picture){pixels, width, height, stride};
    }
    printf("display %d %d %d\n", id, width, height);
}

static uint32_t brightness_in_the_middle(const struct picture *picture)
{
    const uint8_t *row = picture->pixels + (gssize)(picture->height / 2) * picture->stride;

    return row[picture->width / 2 * 4];
}

static void on_invalidate(SpiceChannel *channel, gint x, gint y, gint width, gint height,
                          gpointer opaque)
{
    struct gtk_client *client = opaque;
    gint64 now = g_get_monotonic_time();

    int id;

    (void)x;
    (void)y;
    g_object_get(channel, "channel-id", &id, NULL);
    if (id < DISPLAYS &&
        width * height > client->pictures[id].width * client->pictures[id].height / 2) {
        client->frames++;
        gtk_sound_see(&client->sound, brightness_in_the_middle(&client->pictures[id]));
    }
    if (client->drawn != 0) {
        client->gap = MAX(client->gap, now - client->drawn);
    }
    client->drawn = now;
}

/* How a picture of the host's OpenGL is laid out, and the first pixels of its memory. */
static void on_gl_scanout(GObject *object, GParamSpec *spec, gpointer opaque)
{
    const SpiceGlScanout *scanout =
        spice_display_channel_get_gl_scanout(SPICE_DISPLAY_CHANNEL(object));
    uint8_t first[8] = {0};

    (void)spec;
    (void)opaque;
    if (scanout == NULL || pread(scanout->fd, first, sizeof(first), 0) < 0) {
        printf("gl-scanout none\n");
        return;
    }
    printf("gl-scanout %u %u %u %x %d %.8s\n", scanout->width, scanout->height, scanout->stride,
           scanout->format, scanout->y0top, (const char *)first);
}

static void on_gl_draw(SpiceDisplayChannel *channel, guint x, guint y, guint width, guint height,
                       gpointer opaque)
{
    (void)opaque;
    printf("gl-draw %u %u %u %u\n", x, y, width, height);
    spice_display_channel_gl_draw_done(channel);
}

static void on_primary_destroy(SpiceChannel *channel, gpointer opaque)
{
    struct gtk_client *client = opaque;
    int id;

    g_object_get(channel, "channel-id", &id, NULL);
    if (id < DISPLAYS) {
        client->pictures[id].pixels = NULL;
    }
    printf("no-display %d\n", id);
}

static void on_channel(SpiceSession *session, SpiceChannel *channel, gpointer opaque)
{
    struct gtk_client *client = opaque;

    (void)session;
    gtk_agent_watch(&client->agent, channel);
    gtk_sound_watch(&client->sound, channel);
    g_signal_connect(channel, "channel-event", G_CALLBACK(on_event), opaque);
    if (SPICE_IS_DISPLAY_CHANNEL(channel)) {
        g_signal_connect(channel, "display-primary-create", G_CALLBACK(on_primary), opaque);
        g_signal_connect(channel, "display-invalidate", G_CALLBACK(on_invalidate), opaque);
        g_signal_connect(channel, "display-primary-destroy", G_CALLBACK(on_primary_destroy),
                         opaque);
        g_signal_connect(channel, "notify::gl-scanout", G_CALLBACK(on_gl_scanout), opaque);
        g_signal_connect(channel, "gl-draw", G_CALLBACK(on_gl_draw), opaque);
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

static void print_picture(const struct picture *picture)
{
    GChecksum *checksum = g_checksum_new(G_CHECKSUM_SHA256);

    for (int y = 0; picture->pixels != NULL && y < picture->height; y++) {
        const uint8_t *line = picture->pixels + (gssize)y * picture->stride;

        for (int x = 0; x < picture->width; x++) {
            g_checksum_update(checksum, line + 4 * x, 3); /* the fourth byte means nothing */
        }
    }
    printf("picture %s\n", picture->pixels != NULL ? g_checksum_get_string(checksum) : "none");
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
    if (g_str_has_prefix(g_strchomp(line), "picture")) {
        print_picture(&client->pictures[atoi(line + strlen("picture")) % DISPLAYS]);
    } else if (strcmp(line, "gap") == 0) {
        printf("gap %" G_GINT64_FORMAT "\n", client->gap);
        client->gap = 0;
    } else if (strcmp(line, "frames") == 0) {
        printf("frames %u\n", client->frames);
    } else {
        gtk_agent_command(&client->agent, line);
        gtk_sound_command(&client->sound, line);
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
    } else if (strcmp(parts[0], "enable-audio") == 0) {
        g_object_set(session, parts[0], strcmp(parts[1], "true") == 0, NULL);
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
    gtk_sound_init(&client.sound);
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
