/*
 * A client that only reads. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/image_reader.h"

#include "tests/support/core_loop.h"
#include "tests/support/loopback.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <spice/protocol.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    DICTIONARY_PIXELS = 4 << 20,
    TICKET_SIZE = 128,
    BUFFER_SIZE = 1 << 20,
    LOOKED_AT = 32, /* bytes at the start of a message */
    FILL_CLIP = 20,
    FILL_COLOR = 22, /* offsets, without a clip */
};

struct connection {
    struct image_reader *reader;
    uint8_t type;
    uint32_t id; /* of the session */
    int fd;
    GThread *thread;
    clockid_t clock;
    gint failed; /* atomic */
    gint ready;  /* atomic; of a display: it has been shown what there was */
    uint64_t serial;
    uint32_t window, unacknowledged;
};

struct image_reader {
    struct connection main, display;
    uint64_t bytes;          /* atomic */
    gint color;              /* atomic; of the last fill, */
    int64_t fill_time;       /* atomic; and when it came */
    gint silent;             /* atomic */
    gint session;            /* atomic; the id that the server gave */
    pthread_mutex_t reading; /* whoever has it may read the display, or keep others from it */
    bool held;
};

static bool read_all(struct connection *connection, void *to, size_t size)
{
    for (uint8_t *at = to; size > 0;) {
        ssize_t got = read(connection->fd, at, size);

        if (got <= 0)
            return false;
        at += got;
        size -= got;
    }
    return true;
}

static bool write_all(struct connection *connection, const void *from, size_t size)
{
    return send(connection->fd, from, size, MSG_NOSIGNAL) == (ssize_t)size;
}

/* ---- Linking (spice-wire.md section 1) ---- */

static bool encrypt_empty_password(const uint8_t *key, uint8_t ticket[TICKET_SIZE])
{
    EVP_PKEY *public_key = d2i_PUBKEY(NULL, &key, SPICE_TICKET_PUBKEY_BYTES);
    EVP_PKEY_CTX *context = public_key ? EVP_PKEY_CTX_new(public_key, NULL) : NULL;
    size_t size = TICKET_SIZE;
    bool done = context != NULL && EVP_PKEY_encrypt_init(context) > 0 &&
                EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
                EVP_PKEY_encrypt(context, ticket, &size, (const uint8_t *)"", 1) > 0;

    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(public_key);
    return done;
}

static bool link_channel(struct connection *connection)
{
    struct {
        SpiceLinkHeader header;
        SpiceLinkMess mess;
        uint32_t capabilities[2]; /* common ones, the channel's */
    } __attribute__((packed)) hello = {
        .header = {.magic = SPICE_MAGIC,
                   .major_version = SPICE_VERSION_MAJOR,
                   .minor_version = SPICE_VERSION_MINOR,
                   .size = sizeof(hello.mess) + sizeof(hello.capabilities)},
        .mess = {.connection_id = connection->id,
                 .channel_type = connection->type,
                 .num_common_caps = 1,
                 .num_channel_caps = 1,
                 .caps_offset = sizeof(SpiceLinkMess)},
        .capabilities = {1u << SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION,
                         connection->type == SPICE_CHANNEL_DISPLAY
                             ? 1u << SPICE_DISPLAY_CAP_LZ4_COMPRESSION
                             : 0},
    };
    SpiceLinkHeader header;
    SpiceLinkReply reply;
    uint8_t ticket[TICKET_SIZE], rest[4096];
    uint32_t mechanism = SPICE_COMMON_CAP_AUTH_SPICE, result;

    return write_all(connection, &hello, sizeof(hello)) &&
           read_all(connection, &header, sizeof(header)) && header.size >= sizeof(reply) &&
           header.size - sizeof(reply) <= sizeof(rest) &&
           read_all(connection, &reply, sizeof(reply)) && reply.error == SPICE_LINK_ERR_OK &&
           read_all(connection, rest, header.size - sizeof(reply)) &&
           encrypt_empty_password(reply.pub_key, ticket) &&
           write_all(connection, &mechanism, sizeof(mechanism)) &&
           write_all(connection, ticket, sizeof(ticket)) &&
           read_all(connection, &result, sizeof(result)) && result == SPICE_LINK_ERR_OK;
}

/* ---- Messages ---- */

static bool send_message(struct connection *connection, uint16_t type, const void *body,
                         uint32_t size)
{
    uint8_t message[sizeof(SpiceDataHeader) + 64];
    SpiceDataHeader header = {.serial = ++connection->serial, .type = type, .size = size};

    memcpy(message, &header, sizeof(header));
    memcpy(message + sizeof(header), body, size);
    return write_all(connection, message, sizeof(header) + size);
}

static bool send_answer(struct connection *connection, uint16_t type, const void *body,
                        uint32_t size)
{
    return g_atomic_int_get(&connection->reader->silent) ||
           send_message(connection, type, body, size);
}

static bool send_init(struct connection *connection)
{
    /* cache 1 of no pixels; dictionary 1 */
    uint8_t body[14] = {[0] = 1, [9] = 1};
    int32_t pixels = DICTIONARY_PIXELS;

    memcpy(body + 10, &pixels, sizeof(pixels));
    return send_message(connection, SPICE_MSGC_DISPLAY_INIT, body, sizeof(body));
}

static void set_ready(struct connection *connection)
{
    g_atomic_int_set(&connection->ready, 1);
    g_main_context_wakeup(NULL);
}

static bool handle(struct connection *connection, uint16_t type, const uint8_t *body)
{
    struct image_reader *reader = connection->reader;
    uint32_t words[2], color = 0;

    memcpy(words, body, sizeof(words));
    switch (type) {
    case SPICE_MSG_SET_ACK:
        connection->window = words[1];
        connection->unacknowledged = 0;
        return send_message(connection, SPICE_MSGC_ACK_SYNC, &words[0], 4);
    case SPICE_MSG_PING:
        return send_answer(connection, SPICE_MSGC_PONG, body, 12);
    case SPICE_MSG_MAIN_INIT:
        if (connection->type == SPICE_CHANNEL_MAIN) {
            g_atomic_int_set(&reader->session, words[0]);
            g_main_context_wakeup(NULL);
        }
        break;
    case SPICE_MSG_DISPLAY_MARK:
        if (connection->type == SPICE_CHANNEL_DISPLAY)
            set_ready(connection);
        break;
    case SPICE_MSG_DISPLAY_DRAW_FILL:
        if (body[FILL_CLIP] == SPICE_CLIP_TYPE_NONE)
            memcpy(&color, body + FILL_COLOR, sizeof(color));
        __atomic_store_n(&reader->fill_time, g_get_monotonic_time(), __ATOMIC_RELEASE);
        g_atomic_int_set(&reader->color, (gint)color);
        g_main_context_wakeup(NULL);
        break;
    }
    if (connection->window > 0 && ++connection->unacknowledged == connection->window) {
        connection->unacknowledged = 0;
        return send_answer(connection, SPICE_MSGC_ACK, "", 0);
    }
    return true;
}

static bool read_message(struct connection *connection, uint8_t *buffer)
{
    SpiceDataHeader header;
    uint32_t kept = 0;

    if (!read_all(connection, &header, sizeof(header)))
        return false;
    for (uint32_t left = header.size; left > 0;) {
        uint32_t part = MIN(left, BUFFER_SIZE - kept);

        if (!read_all(connection, buffer + kept, part))
            return false;
        left -= part;
        kept = LOOKED_AT; /* what handle() sees stays */
    }
    if (connection->type == SPICE_CHANNEL_DISPLAY)
        __atomic_add_fetch(&connection->reader->bytes, sizeof(header) + header.size,
                           __ATOMIC_RELEASE);
    return handle(connection, header.type, buffer);
}

static bool next_message(struct connection *connection, uint8_t *buffer)
{
    if (connection->type == SPICE_CHANNEL_DISPLAY) {
        pthread_mutex_lock(&connection->reader->reading);
        pthread_mutex_unlock(&connection->reader->reading);
    }
    return read_message(connection, buffer);
}

static void *run(void *opaque)
{
    struct connection *connection = opaque;
    g_autofree uint8_t *buffer = g_malloc0(BUFFER_SIZE);

    pthread_getcpuclockid(pthread_self(), &connection->clock);
    if (link_channel(connection) &&
        (connection->type != SPICE_CHANNEL_DISPLAY || send_init(connection))) {
        while (next_message(connection, buffer))
            ;
    }
    g_atomic_int_set(&connection->failed, 1);
    g_main_context_wakeup(NULL);
    return NULL;
}

/* ---- Connecting ---- */

static void start(struct connection *connection, const struct server_library *library,
                  SpiceServer *server)
{
    int fds[2];

    loopback_pair(fds);
    setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    connection->fd = fds[0];
    g_assert_cmpint(library->spice_server_add_client(server, fds[1], 0), ==, 0);
    connection->thread = g_thread_new("client", run, connection);
}

static bool has_session(void *opaque)
{
    struct image_reader *reader = opaque;

    return g_atomic_int_get(&reader->session) != 0 || g_atomic_int_get(&reader->main.failed);
}

static bool has_display(void *opaque)
{
    struct image_reader *reader = opaque;

    return g_atomic_int_get(&reader->display.ready) || g_atomic_int_get(&reader->display.failed);
}

struct image_reader *image_reader_connect(const struct server_library *library, SpiceServer *server)
{
    struct image_reader *reader = g_new0(struct image_reader, 1);

    pthread_mutex_init(&reader->reading, NULL);
    reader->main = (struct connection){.reader = reader, .type = SPICE_CHANNEL_MAIN};
    start(&reader->main, library, server);
    g_assert_true(core_loop_run_until(has_session, reader, 10));
    g_assert_false(g_atomic_int_get(&reader->main.failed));
    reader->display = (struct connection){
        .reader = reader, .type = SPICE_CHANNEL_DISPLAY, .id = g_atomic_int_get(&reader->session)};
    start(&reader->display, library, server);
    g_assert_true(core_loop_run_until(has_display, reader, 10));
    g_assert_false(g_atomic_int_get(&reader->display.failed));
    return reader;
}

static void stop(struct connection *connection)
{
    shutdown(connection->fd, SHUT_RDWR);
    g_thread_join(connection->thread);
    close(connection->fd);
}

void image_reader_hold(struct image_reader *reader, bool hold)
{
    if (hold && !reader->held)
        pthread_mutex_lock(&reader->reading);
    else if (!hold && reader->held)
        pthread_mutex_unlock(&reader->reading);
    reader->held = hold;
}

void image_reader_disconnect(struct image_reader *reader)
{
    image_reader_hold(reader, false);
    stop(&reader->display);
    stop(&reader->main);
    pthread_mutex_destroy(&reader->reading);
    g_free(reader);
}

void image_reader_fall_silent(struct image_reader *reader)
{
    g_atomic_int_set(&reader->silent, 1);
}

int64_t image_reader_fill_time(const struct image_reader *reader)
{
    return __atomic_load_n(&reader->fill_time, __ATOMIC_ACQUIRE);
}

uint64_t image_reader_bytes(const struct image_reader *reader)
{
    return __atomic_load_n(&reader->bytes, __ATOMIC_ACQUIRE);
}

static double thread_time(const struct connection *connection)
{
    struct timespec spent;

    return clock_gettime(connection->clock, &spent) == 0 ? spent.tv_sec + spent.tv_nsec / 1e9 : 0;
}

double image_reader_time(const struct image_reader *reader)
{
    return thread_time(&reader->main) + thread_time(&reader->display);
}

struct awaited {
    struct image_reader *reader;
    uint32_t color;
};

static bool has_come(void *opaque)
{
    const struct awaited *awaited = opaque;

    return (uint32_t)g_atomic_int_get(&awaited->reader->color) == awaited->color;
}

bool image_reader_wait_fill(struct image_reader *reader, uint32_t color)
{
    return core_loop_run_until(has_come, &(struct awaited){reader, color}, 2);
}
