/*
 * A real client (libspice-client-glib) and the host's devices: sound both ways, a port, the agent.
 *
 * Server and client share the test's thread, as host and client loops are both GLib's here.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/core_loop.h"
#include "tests/support/host_devices.h"
#include "tests/support/loopback.h"

#include <spice-client.h>
#include <string.h>
#include <unistd.h>

#define FRAME 480

struct fixture {
    SpiceServer *server;
    int listen_fd;
    SpicePlaybackInstance playback;
    SpiceRecordInstance record;
    struct host_device agent, port;

    SpiceSession *session;
    SpiceMainChannel *main;
    SpicePortChannel *port_channel;
    SpiceRecordChannel *record_channel;
    bool playing, recording, stopped;
    int rate;
    GByteArray *heard;
    GByteArray *port_data;
    bool written;
};

/* The host. */

static void add_device(struct fixture *f, struct host_device *device, const char *subtype,
                       const char *name)
{
    host_device_init(device, subtype, name);
    g_assert_cmpint(spice_server_add_interface(f->server, &device->instance.base), ==, 0);
    g_assert_nonnull(device->instance.st);
}

static void remove_device(struct host_device *device)
{
    spice_server_remove_interface(&device->instance.base);
    host_device_clear(device);
}

/* The client. */

static void on_playback_start(SpicePlaybackChannel *channel G_GNUC_UNUSED,
                              gint format G_GNUC_UNUSED, gint channels, gint rate, gpointer opaque)
{
    struct fixture *f = opaque;

    g_assert_cmpint(channels, ==, 2);
    f->rate = rate;
    f->playing = true;
}

static void on_playback_data(SpicePlaybackChannel *channel G_GNUC_UNUSED, gpointer data, gint size,
                             gpointer opaque)
{
    g_byte_array_append(((struct fixture *)opaque)->heard, data, (guint)size);
}

static void on_playback_stop(SpicePlaybackChannel *channel G_GNUC_UNUSED, gpointer opaque)
{
    ((struct fixture *)opaque)->stopped = true;
}

static void on_record_start(SpiceRecordChannel *channel, gint format G_GNUC_UNUSED,
                            gint channels G_GNUC_UNUSED, gint rate G_GNUC_UNUSED, gpointer opaque)
{
    struct fixture *f = opaque;

    f->record_channel = channel;
    f->recording = true;
}

static void on_port_data(SpicePortChannel *channel G_GNUC_UNUSED, gpointer data, gint size,
                         gpointer opaque)
{
    g_byte_array_append(((struct fixture *)opaque)->port_data, data, (guint)size);
}

static void on_channel(SpiceSession *session G_GNUC_UNUSED, SpiceChannel *channel, gpointer opaque)
{
    struct fixture *f = opaque;

    if (SPICE_IS_MAIN_CHANNEL(channel)) {
        f->main = SPICE_MAIN_CHANNEL(channel);
        return; /* the session connects it */
    }
    if (SPICE_IS_PLAYBACK_CHANNEL(channel)) {
        g_signal_connect(channel, "playback-start", G_CALLBACK(on_playback_start), f);
        g_signal_connect(channel, "playback-data", G_CALLBACK(on_playback_data), f);
        g_signal_connect(channel, "playback-stop", G_CALLBACK(on_playback_stop), f);
    } else if (SPICE_IS_RECORD_CHANNEL(channel)) {
        g_signal_connect(channel, "record-start", G_CALLBACK(on_record_start), f);
    } else if (SPICE_IS_PORT_CHANNEL(channel)) {
        f->port_channel = SPICE_PORT_CHANNEL(channel);
        g_signal_connect(channel, "port-data", G_CALLBACK(on_port_data), f);
    }
    spice_channel_connect(channel);
}

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static void set_up(struct fixture *f, gconstpointer rate)
{
    g_autofree char *port = NULL;
    unsigned number;

    f->listen_fd = loopback_listen(&number);
    port = g_strdup_printf("%u", number);
    f->heard = g_byte_array_new();
    f->port_data = g_byte_array_new();
    f->server = spice_server_new();
    spice_server_set_noauth(f->server);
    spice_server_set_listen_socket_fd(f->server, f->listen_fd);
    g_assert_cmpint(spice_server_init(f->server, core_loop_interface()), ==, 0);
    f->playback.base.sif = &host_playback_interface.base;
    f->record.base.sif = &host_record_interface.base;
    g_assert_cmpint(spice_server_add_interface(f->server, &f->playback.base), ==, 0);
    g_assert_cmpint(spice_server_add_interface(f->server, &f->record.base), ==, 0);
    spice_server_set_playback_rate(&f->playback, GPOINTER_TO_UINT(rate));
    spice_server_set_record_rate(&f->record, GPOINTER_TO_UINT(rate));
    add_device(f, &f->agent, "vdagent", NULL);
    add_device(f, &f->port, "port", "org.test.port");
    spice_server_vm_start(f->server);

    f->session = spice_session_new();
    g_object_set(f->session, "host", "127.0.0.1", "port", port, "enable-usbredir", FALSE, NULL);
    g_signal_connect(f->session, "channel-new", G_CALLBACK(on_channel), f);
    g_assert_true(spice_session_connect(f->session));
}

static bool is_alone(void *opaque)
{
    return spice_server_get_num_clients(((struct fixture *)opaque)->server) == 0;
}

static void tear_down(struct fixture *f, gconstpointer rate G_GNUC_UNUSED)
{
    spice_session_disconnect(f->session);
    g_object_unref(f->session);
    g_assert_true(core_loop_run_until(is_alone, f, 10));
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    remove_device(&f->agent);
    remove_device(&f->port);
    spice_server_remove_interface(&f->playback.base);
    spice_server_remove_interface(&f->record.base);
    spice_server_destroy(f->server);
    close(f->listen_fd);
    g_byte_array_free(f->heard, TRUE);
    g_byte_array_free(f->port_data, TRUE);
}

/* Sound. */

static bool is_playing(void *opaque)
{
    return ((struct fixture *)opaque)->playing;
}

static guint heard_bytes;

static bool has_heard(void *opaque)
{
    return ((struct fixture *)opaque)->heard->len >= heard_bytes;
}

/* A square wave of COUNT frames, a period a frame, played as fast as it is taken. */
static void play(struct fixture *f, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t *samples, size;

        spice_server_playback_get_buffer(&f->playback, &samples, &size);
        g_assert_nonnull(samples);
        g_assert_cmpuint(size, ==, FRAME);
        for (uint32_t k = 0; k < size; k++) {
            samples[k] = k < FRAME / 2 ? 0xe0002000 : 0x2000e000; /* right is left's opposite */
        }
        spice_server_playback_put_samples(&f->playback, samples);
        heard_bytes = (i + 1) * FRAME * sizeof(*samples);
        g_assert_true(core_loop_run_until(has_heard, f, 10));
    }
}

static bool has_stopped(void *opaque)
{
    return ((struct fixture *)opaque)->stopped;
}

static void start_playing(struct fixture *f)
{
    spice_server_playback_start(&f->playback);
    g_assert_true(core_loop_run_until(is_playing, f, 10));
}

static void stop_playing(struct fixture *f)
{
    spice_server_playback_stop(&f->playback);
    g_assert_true(core_loop_run_until(has_stopped, f, 10));
}

static void test_raw(struct fixture *f, gconstpointer rate)
{
    const uint32_t *heard;

    start_playing(f);
    g_assert_cmpint(f->rate, ==, GPOINTER_TO_INT(rate));
    play(f, 10);
    heard = (const uint32_t *)(void *)f->heard->data;
    for (unsigned i = 0; i < 10 * FRAME; i++) {
        g_assert_cmphex(heard[i], ==, i % FRAME < FRAME / 2 ? 0xe0002000 : 0x2000e000);
    }
    stop_playing(f);
}

static void test_opus(struct fixture *f, gconstpointer rate G_GNUC_UNUSED)
{
    const int16_t *heard;
    unsigned changes = 0;
    int64_t sum = 0, opposite = 0;

    start_playing(f);
    play(f, 30);
    heard = (const int16_t *)(void *)f->heard->data;
    for (unsigned i = 10 * FRAME; i < 30 * FRAME; i++) {
        sum += ABS(heard[2 * i]);
        opposite += heard[2 * i] * heard[2 * i + 1] < 0;
        changes += (heard[2 * i] < 0) != (heard[2 * i - 2] < 0);
    }
    /* As loud, one channel the other's opposite, and the same pitch. */
    g_assert_cmpint(sum / (20 * FRAME), >, 0x2000 * 8 / 10);
    g_assert_cmpint(sum / (20 * FRAME), <, 0x2000 * 12 / 10);
    g_assert_cmpint(opposite, >, 20 * FRAME * 9 / 10);
    g_assert_cmpuint(changes, >=, 38);
    g_assert_cmpuint(changes, <=, 60);
    stop_playing(f);
}

static bool is_recording(void *opaque)
{
    return ((struct fixture *)opaque)->recording;
}

struct recorded {
    struct fixture *f;
    uint32_t samples[9 * FRAME];
    uint32_t count;
};

static bool has_recorded(void *opaque)
{
    struct recorded *r = opaque;

    r->count +=
        spice_server_record_get_samples(&r->f->record, r->samples + r->count, 9 * FRAME - r->count);
    return r->count == 9 * FRAME;
}

/* Says nine frames, and what the host has heard of them. */
static void talk(struct recorded *r, const uint32_t *said)
{
    struct fixture *f = r->f;

    spice_server_record_start(&f->record);
    g_assert_true(core_loop_run_until(is_recording, f, 10));
    for (uint32_t i = 0; i < 9; i++) {
        spice_record_channel_send_data(f->record_channel, (void *)(said + i * FRAME),
                                       FRAME * sizeof(*said), i);
    }
    g_assert_true(core_loop_run_until(has_recorded, r, 10));
    spice_server_record_stop(&f->record);
}

static void test_record(struct fixture *f, gconstpointer rate G_GNUC_UNUSED)
{
    struct recorded r = {.f = f};
    uint32_t said[9 * FRAME];

    for (uint32_t i = 0; i < 9 * FRAME; i++) {
        said[i] = i * 0x10001;
    }
    talk(&r, said);
    g_assert_cmpmem(r.samples, sizeof(r.samples), said, sizeof(said));
}

/* What comes is a square wave as loud as what was said, and not the same. */
static void test_record_opus(struct fixture *f, gconstpointer rate G_GNUC_UNUSED)
{
    struct recorded r = {.f = f};
    uint32_t said[9 * FRAME];
    unsigned changes = 0;
    int64_t sum = 0;

    for (uint32_t i = 0; i < 9 * FRAME; i++) {
        said[i] = i % 60 < 30 ? 0xe0002000 : 0x2000e000;
    }
    talk(&r, said);
    g_assert_cmpint(memcmp(r.samples, said, sizeof(said)), !=, 0);
    for (unsigned i = 4 * FRAME; i < 9 * FRAME; i++) {
        int16_t left = (int16_t)r.samples[i], before = (int16_t)r.samples[i - 1];

        sum += ABS(left);
        changes += (left < 0) != (before < 0);
    }
    g_assert_cmpint(sum / (5 * FRAME), >, 0x2000 * 7 / 10);
    g_assert_cmpint(sum / (5 * FRAME), <, 0x2000 * 13 / 10);
    g_assert_cmpuint(changes, >=, 5 * FRAME / 30 - 4);
    g_assert_cmpuint(changes, <=, 5 * FRAME / 30 + 12);
}

/* Ports and the agent. */

static bool port_is_open(void *opaque)
{
    struct fixture *f = opaque;
    gboolean opened = FALSE;

    if (f->port_channel != NULL) {
        g_object_get(f->port_channel, "port-opened", &opened, NULL);
    }
    return opened;
}

static bool port_has_heard(void *opaque)
{
    struct fixture *f = opaque;

    /* As hosts do while the server has not read everything. */
    if (host_device_left(&f->port) > 0) {
        spice_server_char_device_wakeup(&f->port.instance);
    }
    return f->port_data->len >= 100000;
}

static bool guest_has_heard(void *opaque)
{
    return ((struct fixture *)opaque)->port.from_server->len >= 200000;
}

static void on_written(GObject *object, GAsyncResult *result, gpointer opaque)
{
    g_assert_cmpint(spice_port_channel_write_finish(SPICE_PORT_CHANNEL(object), result, NULL), ==,
                    200000);
    ((struct fixture *)opaque)->written = true;
}

static void test_port(struct fixture *f, gconstpointer rate G_GNUC_UNUSED)
{
    uint8_t *data = g_malloc(200000);
    char *name;

    for (unsigned i = 0; i < 200000; i++) {
        data[i] = (uint8_t)(i * 7 + i / 1000);
    }
    spice_server_port_event(&f->port.instance, SPICE_PORT_EVENT_OPENED);
    g_assert_true(core_loop_run_until(port_is_open, f, 10));
    g_object_get(f->port_channel, "port-name", &name, NULL);
    g_assert_cmpstr(name, ==, "org.test.port");
    g_free(name);
    g_byte_array_append(f->port.to_server, data, 100000);
    spice_server_char_device_wakeup(&f->port.instance);
    g_assert_true(core_loop_run_until(port_has_heard, f, 10));
    g_assert_cmpmem(f->port_data->data, f->port_data->len, data, 100000);
    spice_port_channel_write_async(f->port_channel, data, 200000, NULL, on_written, f);
    g_assert_true(core_loop_run_until(guest_has_heard, f, 10));
    g_assert_cmpmem(f->port.from_server->data, f->port.from_server->len, data, 200000);
    g_free(data);
}

static bool agent_is_connected(void *opaque)
{
    struct fixture *f = opaque;
    gboolean connected = FALSE;

    if (f->main != NULL) {
        g_object_get(f->main, "agent-connected", &connected, NULL);
    }
    return connected;
}

/* A whole chunk with a message of TYPE from the client; its data, or NULL. */
static const uint8_t *find_message(const GByteArray *bytes, uint32_t type)
{
    guint at = 0;

    while (at + sizeof(VDIChunkHeader) + sizeof(VDAgentMessage) <= bytes->len) {
        VDIChunkHeader chunk;
        VDAgentMessage message;

        memcpy(&chunk, bytes->data + at, sizeof(chunk));
        memcpy(&message, bytes->data + at + sizeof(chunk), sizeof(message));
        if (message.type == type && at + sizeof(chunk) + chunk.size <= bytes->len) {
            return bytes->data + at + sizeof(chunk) + sizeof(message);
        }
        at += (guint)sizeof(chunk) + chunk.size;
    }
    return NULL;
}

static bool client_has_announced(void *opaque)
{
    struct fixture *f = opaque;

    return find_message(f->agent.from_server, VD_AGENT_ANNOUNCE_CAPABILITIES) != NULL;
}

static bool client_knows_capabilities(void *opaque)
{
    return spice_main_channel_agent_test_capability(((struct fixture *)opaque)->main,
                                                    VD_AGENT_CAP_CLIPBOARD_BY_DEMAND);
}

static bool client_has_grabbed(void *opaque)
{
    return find_message(((struct fixture *)opaque)->agent.from_server, VD_AGENT_CLIPBOARD_GRAB) !=
           NULL;
}

static void test_agent(struct fixture *f, gconstpointer rate G_GNUC_UNUSED)
{
    const struct {
        VDIChunkHeader chunk;
        VDAgentMessage message;
        uint32_t request, capabilities;
    } __attribute__((packed)) announce = {
        .chunk = {VDP_CLIENT_PORT, sizeof(VDAgentMessage) + 8},
        .message = {.protocol = VD_AGENT_PROTOCOL,
                    .type = VD_AGENT_ANNOUNCE_CAPABILITIES,
                    .size = 8},
        .capabilities = 1 << VD_AGENT_CAP_CLIPBOARD_BY_DEMAND | 1 << VD_AGENT_CAP_REPLY,
    };
    guint32 types[] = {VD_AGENT_CLIPBOARD_UTF8_TEXT};

    g_assert_true(core_loop_run_until(agent_is_connected, f, 10));
    g_assert_true(core_loop_run_until(client_has_announced, f, 10));
    g_byte_array_append(f->agent.to_server, (const guint8 *)&announce, sizeof(announce));
    spice_server_char_device_wakeup(&f->agent.instance);
    g_assert_true(core_loop_run_until(client_knows_capabilities, f, 10));
    spice_main_channel_clipboard_selection_grab(f->main, VD_AGENT_CLIPBOARD_SELECTION_CLIPBOARD,
                                                types, 1);
    g_assert_true(core_loop_run_until(client_has_grabbed, f, 10));
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        unsigned rate;
        void (*test)(struct fixture *f, gconstpointer rate);
    } tests[] = {
        {"/devices-gtk/playback-raw", 44100, test_raw},
        {"/devices-gtk/playback-opus", 48000, test_opus},
        {"/devices-gtk/playback-opus-24000", 24000, test_opus},
        {"/devices-gtk/playback-opus-12000", 12000, test_opus},
        {"/devices-gtk/playback-opus-8000", 8000, test_opus},
        {"/devices-gtk/record", 44100, test_record},
        {"/devices-gtk/record-opus", 48000, test_record_opus},
        {"/devices-gtk/record-opus-24000", 24000, test_record_opus},
        {"/devices-gtk/record-opus-12000", 12000, test_record_opus},
        {"/devices-gtk/record-opus-8000", 8000, test_record_opus},
#ifdef HAVE_EMBEDDED_SPICE /* libspice-server offers opus then, but has no frames of 30 ms */
        {"/devices-gtk/playback-opus-16000", 16000, test_opus},
        {"/devices-gtk/record-16000", 16000, test_record},
#endif
        {"/devices-gtk/port", 44100, test_port},
        {"/devices-gtk/agent", 44100, test_agent},
    };

    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].path, struct fixture, GUINT_TO_POINTER(tests[i].rate), set_up,
                   tests[i].test, tear_down);
    }
    return g_test_run();
}
