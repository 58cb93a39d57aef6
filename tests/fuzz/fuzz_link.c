/*
 * A SPICE client: link messages, and the messages of every channel.
 *
 * The first byte says which channel is linked correctly before the rest of the input is sent to it;
 * 0 links nothing, so that the input begins with the link message.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/fuzz/fuzz.h"
#include "tests/support/core_loop.h"
#include "tests/support/host_devices.h"
#include "tests/support/qxl_host.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <spice/enums.h>
#include <spice/protocol.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICKET_SIZE 128
#define PATIENCE    (2 * G_TIME_SPAN_SECOND)

/* --- a host that lets everything through --- */

/* Not kept, as host_device_write() does: a run is long. */
static int take(SpiceCharDeviceInstance *instance G_GNUC_UNUSED, const uint8_t *data G_GNUC_UNUSED,
                int size)
{
    return size;
}

static const struct {
    const char *subtype, *portname;
} device_names[] = {
    {"vdagent", NULL},   {"usbredir", NULL},
    {"smartcard", NULL}, {"port", "org.spice-space.webdav.0"},
    {"port", "fuzz"},
};

struct bench {
    SpiceServer *server;
    struct host_inputs inputs;
    SpicePlaybackInstance playback;
    SpiceRecordInstance record;
    struct host_device devices[G_N_ELEMENTS(device_names)];
    int main;         /* a client's main channel; -1: none */
    uint32_t session; /* its connection id */
    bool has_ticket;
    uint8_t ticket[TICKET_SIZE];
};

static struct bench *bench(void)
{
    static struct bench bench = {.main = -1};

    if (bench.server)
        return &bench;
    bench.server = spice_server_new();
    spice_server_set_noauth(bench.server);
    if (spice_server_init(bench.server, core_loop_interface()))
        g_abort();
    struct qxl_host *host = qxl_host_create(bench.server, 0, 1 << 20);
    qxl_host_create_primary(host, 64, 64, SPICE_SURFACE_FMT_32_xRGB, 0);
    host_inputs_init(&bench.inputs, NULL);
    spice_server_add_interface(bench.server, &bench.inputs.keyboard.base);
    spice_server_add_interface(bench.server, &bench.inputs.mouse.base);
    spice_server_add_interface(bench.server, &bench.inputs.tablet.base);
    bench.playback.base.sif = &host_playback_interface.base;
    spice_server_add_interface(bench.server, &bench.playback.base);
    bench.record.base.sif = &host_record_interface.base;
    spice_server_add_interface(bench.server, &bench.record.base);
    for (unsigned i = 0; i < G_N_ELEMENTS(device_names); i++) {
        struct host_device *device = &bench.devices[i];

        host_device_init(device, device_names[i].subtype, device_names[i].portname);
        device->interface.write = take;
        spice_server_add_interface(bench.server, &device->instance.base);
    }
    spice_server_vm_start(bench.server);
    spice_server_playback_start(&bench.playback);
    spice_server_record_start(&bench.record);
    return &bench;
}

/* --- its client --- */

static int join(struct bench *at)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) ||
        spice_server_add_client(at->server, ends[1], 1))
        g_abort();
    return ends[0];
}

/* Runs the server until FD has given SIZE bytes to DATA; false: it is closed, or time is up. */
static bool receive(int fd, uint8_t *data, size_t size)
{
    int64_t end = g_get_monotonic_time() + PATIENCE;
    size_t at = 0;

    while (at < size) {
        ssize_t got = recv(fd, data + at, size - at, 0);
        if (got == 0 || g_get_monotonic_time() > end)
            return false;
        if (got > 0)
            at += (size_t)got;
        else
            g_main_context_iteration(NULL, FALSE);
    }
    return true;
}

/* DRAIN: throws away what is answered, which might fill the socket. */
static void send_all(int fd, const void *data, size_t size, bool drain)
{
    int64_t end = g_get_monotonic_time() + PATIENCE;
    uint8_t waste[4096];

    while (size && g_get_monotonic_time() < end) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent > 0) {
            data = (const uint8_t *)data + sent;
            size -= (size_t)sent;
        } else if (errno != EAGAIN) {
            return;
        }
        g_main_context_iteration(NULL, FALSE);
        while (drain && recv(fd, waste, sizeof(waste), 0) > 0)
            continue;
    }
}

/* The server has handled all when it closes its end, too. */
static void end(int fd)
{
    uint8_t waste[4096];

    shutdown(fd, SHUT_WR);
    while (receive(fd, waste, 1))
        continue;
    close(fd);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
}

/* The empty password under the server's key. */
static void encrypt(const uint8_t *key, uint8_t ticket[TICKET_SIZE])
{
    EVP_PKEY *public = d2i_PUBKEY(NULL, &key, SPICE_TICKET_PUBKEY_BYTES);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(public, NULL);
    size_t size = TICKET_SIZE;

    if (EVP_PKEY_encrypt_init(context) <= 0 ||
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) <= 0 ||
        EVP_PKEY_encrypt(context, ticket, &size, (const uint8_t *)"", 1) <= 0)
        g_abort();
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(public);
}

/* The whole link stage, so that what is sent from now on is for the channel. */
static bool link_up(struct bench *at, int fd, uint8_t type, uint32_t session)
{
    struct __attribute__((packed)) {
        SpiceLinkHeader header;
        SpiceLinkMess message;
        uint32_t caps[2];
        uint32_t mechanism;
    } link = {
        .header = {.magic = SPICE_MAGIC,
                   .major_version = SPICE_VERSION_MAJOR,
                   .minor_version = SPICE_VERSION_MINOR,
                   .size = sizeof(link.message) + sizeof(link.caps)},
        .message = {.connection_id = session,
                    .channel_type = type,
                    .num_common_caps = 1,
                    .num_channel_caps = 1,
                    .caps_offset = sizeof(link.message)},
        .caps = {1 << SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION | 1 << SPICE_COMMON_CAP_MINI_HEADER,
                 UINT32_MAX},
        .mechanism = SPICE_COMMON_CAP_AUTH_SPICE,
    };
    SpiceLinkHeader header;
    uint8_t body[4096];
    uint32_t result;

    send_all(fd, &link, sizeof(link), false);
    if (!receive(fd, (uint8_t *)&header, sizeof(header)) || header.size > sizeof(body) ||
        header.size < sizeof(SpiceLinkReply) || !receive(fd, body, header.size))
        return false;
    if (!at->has_ticket && !GUINT32_FROM_LE(*(uint32_t *)(void *)body)) {
        encrypt(body + offsetof(SpiceLinkReply, pub_key), at->ticket);
        at->has_ticket = true;
    }
    if (send(fd, at->ticket, sizeof(at->ticket), MSG_NOSIGNAL) != sizeof(at->ticket))
        return false;
    return receive(fd, (uint8_t *)&result, sizeof(result)) && result == SPICE_LINK_ERR_OK;
}

/* Throws away what comes before the session's id. */
static bool read_session(int fd, uint32_t *session)
{
    SpiceMiniDataHeader header;
    uint8_t body[4096];

    do {
        if (!receive(fd, (uint8_t *)&header, sizeof(header)) || header.size > sizeof(body) ||
            !receive(fd, body, header.size))
            return false;
    } while (header.type != SPICE_MSG_MAIN_INIT);
    memcpy(session, body, sizeof(*session));
    return true;
}

/* A main channel that stays; the other channels belong to its client. */
static void have_main(struct bench *at)
{
    uint8_t waste[4096];
    ssize_t got;

    if (at->main >= 0) {
        while ((got = recv(at->main, waste, sizeof(waste), 0)) > 0)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        close(at->main);
    }
    at->main = join(at);
    if (!link_up(at, at->main, SPICE_CHANNEL_MAIN, 0) || !read_session(at->main, &at->session))
        g_abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    static const uint8_t types[] = {
        0,
        SPICE_CHANNEL_MAIN,
        SPICE_CHANNEL_DISPLAY,
        SPICE_CHANNEL_INPUTS,
        SPICE_CHANNEL_CURSOR,
        SPICE_CHANNEL_PLAYBACK,
        SPICE_CHANNEL_RECORD,
        SPICE_CHANNEL_SMARTCARD,
        SPICE_CHANNEL_USBREDIR,
        SPICE_CHANNEL_PORT,
        SPICE_CHANNEL_WEBDAV,
    };
    struct bench *at = bench();

    if (size == 0)
        return 0;
    uint8_t type = types[input[0] % G_N_ELEMENTS(types)];
    if (type > SPICE_CHANNEL_MAIN)
        have_main(at);
    int fd = join(at);
    if (!type || link_up(at, fd, type, type == SPICE_CHANNEL_MAIN ? 0 : at->session))
        send_all(fd, input + 1, size - 1, true);
    end(fd);
    return 0;
}
