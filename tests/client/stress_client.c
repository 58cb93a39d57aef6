/*
 * A restless client made of spice-gtk's library: opens sessions on a port of this machine with all
 * their channels, does a little on each, and leaves: politely, by channels, or by cutting the
 * connection. It ends when its standard input does.
 *
 * The library does not always survive what it is put through here (a signal that it emits from a
 * coroutine outlives its channel), so sessions run in a process that is started again when it
 * falls.
 *
 *   stress_client PORT TLS_PORT FOLDER SEED     FOLDER has cert.pem and a unix socket, door
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <poll.h>
#include <signal.h>
#include <spice-client.h>
#include <spice/vd_agent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STEP = 3 /* milliseconds */ };

struct restless {
    const char *port, *tls_port, *folder;
    GRand *rand;
    SpiceSession *session;
    int steps; /* that this session still has */
    bool recording;
};

static void on_event(SpiceChannel *channel, SpiceChannelEvent event, gpointer opaque)
{
    (void)opaque;
    g_object_set_data(G_OBJECT(channel), "opened", GINT_TO_POINTER(event == SPICE_CHANNEL_OPENED));
}

static void on_record(SpiceRecordChannel *channel, gint format, gint channels, gint rate,
                      gpointer opaque)
{
    (void)channel;
    (void)format;
    (void)channels;
    (void)rate;
    ((struct restless *)opaque)->recording = true;
}

/* Some never answer, and the server does not wait for them for long. */
static void on_gl_draw(SpiceDisplayChannel *channel, guint x, guint y, guint width, guint height,
                       gpointer opaque)
{
    (void)x;
    (void)y;
    (void)width;
    (void)height;
    if (g_rand_int_range(((struct restless *)opaque)->rand, 0, 10) > 0) {
        spice_display_channel_gl_draw_done(channel);
    }
}

static void on_channel(SpiceSession *session, SpiceChannel *channel, gpointer opaque)
{
    struct restless *client = opaque;

    (void)session;
    g_signal_connect(channel, "channel-event", G_CALLBACK(on_event), client);
    if (SPICE_IS_RECORD_CHANNEL(channel)) {
        g_signal_connect(channel, "record-start", G_CALLBACK(on_record), client);
    }
    if (SPICE_IS_DISPLAY_CHANNEL(channel)) {
        g_signal_connect(channel, "gl-draw", G_CALLBACK(on_gl_draw), client);
    }
    if (!SPICE_IS_MAIN_CHANNEL(channel) && g_rand_int_range(client->rand, 0, 10) > 0) {
        spice_channel_connect(channel);
    }
}

static void use_main(struct restless *client, SpiceMainChannel *channel)
{
    guint32 types[] = {VD_AGENT_CLIPBOARD_UTF8_TEXT};

    gboolean has_agent;

    g_object_get(channel, "agent-connected", &has_agent, NULL);
    switch (has_agent ? g_rand_int_range(client->rand, 0, 3) : 0) {
    case 0:
        spice_main_channel_request_mouse_mode(channel, g_rand_boolean(client->rand)
                                                           ? SPICE_MOUSE_MODE_CLIENT
                                                           : SPICE_MOUSE_MODE_SERVER);
        break;
    case 1:
        if (spice_main_channel_agent_test_capability(channel, VD_AGENT_CAP_CLIPBOARD_BY_DEMAND))
            spice_main_channel_clipboard_selection_grab(
                channel, VD_AGENT_CLIPBOARD_SELECTION_CLIPBOARD, types, 1);
        break;
    default:
        spice_main_channel_update_display(channel, 0, 0, 0,
                                          g_rand_int_range(client->rand, 100, 1000), 300, TRUE);
        spice_main_channel_send_monitor_config(channel);
        break;
    }
}

static void use_inputs(struct restless *client, SpiceInputsChannel *channel)
{
    switch (g_rand_int_range(client->rand, 0, 4)) {
    case 0:
        spice_inputs_channel_motion(channel, 3, -2, 0);
        break;
    case 1:
        spice_inputs_channel_position(channel, 10, 20, 0, 0);
        break;
    case 2:
        spice_inputs_channel_key_press(channel, 0x1e); /* what is down when it leaves comes up */
        break;
    default:
        spice_inputs_channel_button_press(channel, 1, 1);
        spice_inputs_channel_button_release(channel, 1, 0);
        break;
    }
}

static void on_written(GObject *object, GAsyncResult *result, gpointer opaque)
{
    (void)opaque;
    spice_port_channel_write_finish(SPICE_PORT_CHANNEL(object), result, NULL);
}

/* Cuts the connection, with whatever is on its way. */
static void cut(SpiceChannel *channel)
{
    GSocket *socket = NULL;

    g_object_get(channel, "socket", &socket, NULL);
    if (socket != NULL) {
        shutdown(g_socket_get_fd(socket), SHUT_RDWR);
        g_object_unref(socket);
    }
}

static void use(struct restless *client, SpiceChannel *channel)
{
    static const uint8_t data[4 * 960] = {1, 2, 3, 4};
    int what = g_rand_int_range(client->rand, 0, 40);

    if (what == 0) {
        cut(channel);
    } else if (what == 1 && !SPICE_IS_MAIN_CHANNEL(channel)) {
        spice_channel_disconnect(channel, SPICE_CHANNEL_CLOSED);
    } else if (what == 2 && !SPICE_IS_MAIN_CHANNEL(channel)) {
        spice_channel_connect(channel); /* once more, when it is closed */
    } else if (g_object_get_data(G_OBJECT(channel), "opened") == NULL) {
        return; /* the library does not look */
    } else if (SPICE_IS_MAIN_CHANNEL(channel)) {
        use_main(client, SPICE_MAIN_CHANNEL(channel));
    } else if (SPICE_IS_INPUTS_CHANNEL(channel)) {
        use_inputs(client, SPICE_INPUTS_CHANNEL(channel));
    } else if (SPICE_IS_RECORD_CHANNEL(channel) && client->recording) {
        spice_record_channel_send_data(SPICE_RECORD_CHANNEL(channel), (gpointer)data, sizeof(data),
                                       0);
    } else if (SPICE_IS_PORT_CHANNEL(channel) && !SPICE_IS_WEBDAV_CHANNEL(channel)) {
        gboolean opened;

        g_object_get(channel, "port-opened", &opened, NULL);
        if (opened) {
            spice_port_channel_write_async(SPICE_PORT_CHANNEL(channel), data, sizeof(data), NULL,
                                           on_written, NULL);
        }
    }
}

/* By one of the ways. */
static void set_address(struct restless *client)
{
    int way = g_rand_int_range(client->rand, 0, 3);
    g_autofree char *file = g_build_filename(client->folder, way == 0 ? "door" : "cert.pem", NULL);

    if (way == 0) {
        g_object_set(client->session, "unix-path", file, NULL);
        return;
    }
    g_object_set(client->session, "host", "127.0.0.1", NULL);
    if (way == 1) {
        g_object_set(client->session, "tls-port", client->tls_port, "ca-file", file, "verify",
                     SPICE_SESSION_VERIFY_HOSTNAME, NULL);
    } else {
        g_object_set(client->session, "port", client->port, NULL);
    }
}

static void open_session(struct restless *client)
{
    client->session = spice_session_new();
    client->steps = g_rand_int_range(client->rand, 1, 100);
    client->recording = false;
    g_object_set(client->session, "enable-smartcard", TRUE, NULL);
    set_address(client);
    g_signal_connect(client->session, "channel-new", G_CALLBACK(on_channel), client);
    spice_session_connect(client->session);
}

static gboolean on_step(gpointer opaque)
{
    struct restless *client = opaque;
    GList *channels;

    if (client->session == NULL) {
        open_session(client);
        return G_SOURCE_CONTINUE;
    }
    channels = spice_session_get_channels(client->session);
    if (channels == NULL || client->steps-- == 0) {
        g_signal_handlers_disconnect_by_data(client->session, client);
        spice_session_disconnect(client->session);
        g_clear_object(&client->session);
    } else {
        use(client, g_list_nth_data(channels, (guint)g_rand_int_range(
                                                  client->rand, 0, (int)g_list_length(channels))));
    }
    g_list_free(channels);
    return G_SOURCE_CONTINUE;
}

static void run_sessions(char **argv, unsigned seed)
{
    struct restless client = {.port = argv[1],
                              .tls_port = argv[2],
                              .folder = argv[3],
                              .rand = g_rand_new_with_seed(seed)};

    g_timeout_add(STEP, on_step, &client);
    g_main_loop_run(g_main_loop_new(NULL, FALSE));
}

int main(int argc, char **argv)
{
    const struct rlimit no_core = {0, 0};
    struct pollfd input = {.fd = 0, .events = POLLIN};
    unsigned seed;
    pid_t child = 0;

    if (argc != 5) {
        fprintf(stderr, "usage: stress_client PORT TLS_PORT FOLDER SEED\n");
        return 2;
    }
    seed = (unsigned)strtoul(argv[4], NULL, 0);
    setrlimit(RLIMIT_CORE, &no_core);
    do {
        if (child != 0 && waitpid(child, NULL, WNOHANG) == child) {
            child = 0;
        }
        if (child == 0) {
            child = fork();
            if (child < 0) {
                perror("stress_client: fork");
                return 1;
            }
            if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                run_sessions(argv, seed);
            }
            seed++;
        }
    } while (poll(&input, 1, 20) == 0);
    kill(child, SIGKILL); /* in the middle of a session */
    waitpid(child, NULL, 0);
    return 0;
}
