/*
 * The base of all channels, with a channel type of our own on a thread of its own: what is asked
 * for when, flow control, headers, closing from both ends, and that threads do not collide.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/channel.h"
#include "spice/client.h"
#include "spice/server.h"
#include "tests/support/core_loop.h"
#include "tests/support/loopback.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <spice/protocol.h>
#include <string.h>
#include <unistd.h>

#define WINDOW  20
#define DATA    200 /* the test channel's message with a number in it */
#define REQUEST 150 /* from the client: close me (1), fail (2), send two answers (3) */

struct fixture {
    SpiceServer *server;
    pthread_t thread;
    bool over; /* the thread's */
    struct event_loop *loop;
    struct channel channel;
    /* Any thread. */
    gint wanted; /* numbers to be sent */
    gint produced, connects, disconnects, released;
    gint padding; /* bytes in each DATA message */
    /* The channel's thread. */
    bool gives_way; /* after each message */
    gint turns;     /* that something else has had since */
    gint due;       /* an answer of the client's is */
    gint limit;     /* of what is unsent */
};

struct test_client {
    struct channel_client base;
    uint32_t next;
};

static struct fixture *fixture_of(struct channel_client *cc)
{
    return cc->channel->opaque;
}

static bool on_connect(struct channel_client *cc)
{
    g_atomic_int_inc(&fixture_of(cc)->connects);
    return true;
}

static void on_disconnect(struct channel_client *cc)
{
    g_atomic_int_inc(&fixture_of(cc)->disconnects);
}

static void count_release(void *opaque)
{
    g_atomic_int_inc((gint *)opaque);
}

static void take_turn(void *opaque)
{
    struct fixture *f = opaque;

    f->turns++;
}

static bool produce(struct channel_client *cc)
{
    static const uint8_t padding[64 * 1024];
    struct fixture *f = fixture_of(cc);
    struct test_client *tc = (struct test_client *)cc;
    struct message *message;

    if ((gint)tc->next >= g_atomic_int_get(&f->wanted)) {
        return false;
    }
    g_assert_true(event_loop_is_current(f->loop));
    message = message_create(DATA);
    message_add_u32(message, tc->next++);
    message_add_reference(message, padding, g_atomic_int_get(&f->padding), count_release,
                          &f->released);
    g_atomic_int_inc(&f->produced);
    channel_client_send(cc, message);
    if (f->gives_way) {
        /* Between this and the last but one. */
        g_assert_cmpint(f->produced - f->turns, <=, 2);
        event_loop_post(f->loop, take_turn, f);
        channel_client_give_way(cc);
    }
    return true;
}

static bool receive(struct channel_client *cc, uint16_t type, const uint8_t *body, uint32_t size)
{
    if (type != REQUEST || size != 1) {
        return false;
    }
    switch (body[0]) {
    case 1:
        channel_client_close(cc, "asked for");
        channel_client_close(cc, "asked for twice");
        return true;
    case 3:
        channel_client_send(cc, message_create(REQUEST));
        channel_client_send(cc, message_create(REQUEST));
        return true;
    default:
        return false;
    }
}

static const struct channel_ops ops = {
    .client_size = sizeof(struct test_client),
    .max_message = 100,
    .has_ack_window = true,
    .connect = on_connect,
    .receive = receive,
    .produce = produce,
    .disconnect = on_disconnect,
};

static void *run_thread(void *opaque)
{
    struct fixture *f = opaque;

    while (!f->over) {
        event_loop_iterate(f->loop, true);
    }
    return NULL;
}

static void set_up(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    f->server = spice_server_new();
    g_assert_cmpint(spice_server_init(f->server, core_loop_interface()), ==, 0);
    f->loop = event_loop_create_own();
    /* On a type of channel that the server has none of. */
    channel_init(&f->channel, f->server, SPICE_CHANNEL_TUNNEL, 5, &ops, f->loop, f);
    server_add_channel(f->server, &f->channel);
    pthread_create(&f->thread, NULL, run_thread, f);
}

static void finish_channel(void *opaque)
{
    struct fixture *f = opaque;

    channel_finish(&f->channel);
    f->over = true;
}

static void tear_down(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    server_remove_channel(f->server, &f->channel);
    event_loop_post(f->loop, finish_channel, f);
    pthread_join(f->thread, NULL);
    event_loop_destroy(f->loop);
    spice_server_destroy(f->server);
    g_assert_cmpint(f->connects, ==, f->disconnects);
    g_assert_cmpint(f->produced, ==, f->released);
}

/* A client's end of a new connection to the test channel; reads time out. */
static int attach(struct fixture *f, struct client *client, bool mini)
{
    struct timeval timeout = {.tv_sec = 10};
    int fds[2], size = 4096;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    setsockopt(fds[1], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    channel_attach(&f->channel, &(struct channel_link){.stream = stream_create(fds[0]),
                                                       .client = client,
                                                       .mini_header = mini});
    return fds[1];
}

static void wake_all(void *opaque)
{
    struct fixture *f = opaque;

    for (GList *l = f->channel.clients; l != NULL; l = l->next) {
        channel_client_wake(l->data);
    }
}

static void want(struct fixture *f, int count)
{
    g_atomic_int_add(&f->wanted, count);
    event_loop_post(f->loop, wake_all, f);
}

static void nothing(void *opaque G_GNUC_UNUSED)
{
}

/* Until the channel's thread has done what was posted before. */
static void settle(struct fixture *f)
{
    event_loop_call(f->loop, nothing, NULL);
    event_loop_call(f->loop, nothing, NULL);
}

static void wait_for(gint *value, gint expected)
{
    gint64 deadline = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;

    while (g_atomic_int_get(value) != expected && g_get_monotonic_time() < deadline) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(200);
    }
    g_assert_cmpint(g_atomic_int_get(value), ==, expected);
}

static void read_all(int fd, void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = read(fd, (uint8_t *)data + done, size - done);

        g_assert_cmpint(n, >, 0);
        done += n;
    }
}

/* The type of the next message with a mini header, its first 4 bytes in *VALUE. */
static uint16_t read_message(int fd, uint32_t *value)
{
    SpiceMiniDataHeader header;
    uint8_t body[65536 + 4];

    read_all(fd, &header, sizeof(header));
    g_assert_cmpuint(header.size, <=, sizeof(body));
    read_all(fd, body, header.size);
    if (value != NULL && header.size >= 4) {
        memcpy(value, body, sizeof(*value));
    }
    return header.type;
}

static void send_message(int fd, uint16_t type, const void *body, uint32_t size)
{
    SpiceMiniDataHeader header = {.type = type, .size = size};
    uint8_t bytes[100];

    memcpy(bytes, &header, sizeof(header));
    if (size > 0) {
        memcpy(bytes + sizeof(header), body, size);
    }
    g_assert_cmpint(write(fd, bytes, sizeof(header) + size), ==, sizeof(header) + size);
}

static void ack_sync(int fd)
{
    uint32_t generation = 0;

    g_assert_cmpuint(read_message(fd, &generation), ==, SPICE_MSG_SET_ACK);
    g_assert_cmpuint(generation, ==, 1);
    send_message(fd, SPICE_MSGC_ACK_SYNC, &generation, sizeof(generation));
}

static void expect_data(int fd, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        uint32_t number = 0;

        g_assert_cmpuint(read_message(fd, &number), ==, DATA);
        g_assert_cmpuint(number, ==, i);
    }
}

static void expect_end(int fd)
{
    uint8_t byte;
    ssize_t n;

    while ((n = read(fd, &byte, 1)) > 0) {
    }
    g_assert_true(n == 0 || errno == ECONNRESET);
    close(fd);
}

/* Not more than two windows and one message are sent without an ACK; SET_ACK counts. */
static void test_window(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    struct client *client = client_create();
    int fd = attach(f, client, true);

    want(f, 1000);
    settle(f);
    g_assert_cmpint(g_atomic_int_get(&f->produced), ==, 2 * WINDOW);

    /* An ACK before ACK_SYNC is one of another time. */
    send_message(fd, SPICE_MSGC_ACK, NULL, 0);
    ack_sync(fd);
    expect_data(fd, 0, 2 * WINDOW);
    settle(f);
    g_assert_cmpint(g_atomic_int_get(&f->produced), ==, 2 * WINDOW);

    send_message(fd, SPICE_MSGC_ACK, NULL, 0);
    expect_data(fd, 2 * WINDOW, WINDOW);
    settle(f);
    g_assert_cmpint(g_atomic_int_get(&f->produced), ==, 3 * WINDOW);

    /* More ACKs than there were messages open the window, but do not wrap. */
    for (int i = 0; i < 10; i++) {
        send_message(fd, SPICE_MSGC_ACK, NULL, 0);
    }
    for (uint32_t i = 3 * WINDOW; i < 1000; i += WINDOW) {
        expect_data(fd, i, WINDOW);
        send_message(fd, SPICE_MSGC_ACK, NULL, 0);
    }
    wait_for(&f->released, 1000);
    close(fd);
    wait_for(&f->disconnects, 1);
    client_unref(client);
}

/* A client that reads slowly: no more is produced than is worth a write, and order is kept. */
static void test_slow_reader(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    struct client *client = client_create();
    int fd = attach(f, client, true);

    f->padding = 60000;
    want(f, 200);
    settle(f);
    g_assert_cmpint(g_atomic_int_get(&f->produced), <, 6);
    ack_sync(fd);
    for (uint32_t i = 0; i < 200; i++) {
        expect_data(fd, i, 1);
        if (i % WINDOW == 0) {
            send_message(fd, SPICE_MSGC_ACK, NULL, 0);
        }
    }
    wait_for(&f->released, 200);
    close(fd);
    wait_for(&f->disconnects, 1);
    client_unref(client);
}

static void set_gives_way(void *opaque)
{
    struct fixture *f = opaque;

    f->gives_way = true;
}

/* Between messages others get their turn, whether the socket has room or not. */
static void test_gives_way(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    struct client *client = client_create();
    int fd = attach(f, client, true);

    ack_sync(fd);
    event_loop_call(f->loop, set_gives_way, f);
    for (uint32_t i = 0; i < 400; i += WINDOW) {
        g_atomic_int_set(&f->padding, i % 200 < 100 ? 10 : 20000);
        want(f, WINDOW);
        expect_data(fd, i, WINDOW);
        send_message(fd, SPICE_MSGC_ACK, NULL, 0);
    }
    wait_for(&f->released, 400);
    settle(f);
    g_assert_cmpint(f->turns, ==, 400);
    close(fd);
    wait_for(&f->disconnects, 1);
    client_unref(client);
}

static void check_due(void *opaque)
{
    struct fixture *f = opaque;

    g_atomic_int_set(&f->due,
                     channel_client_answer_due(f->channel.clients->data) <= g_get_monotonic_time());
}

static void wait_for_due(struct fixture *f, bool due)
{
    gint64 deadline = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;

    do {
        event_loop_call(f->loop, check_due, f);
    } while (f->due != due && g_get_monotonic_time() < deadline);
    g_assert_cmpint(f->due, ==, due);
}

static void limit_unsent(void *opaque)
{
    struct fixture *f = opaque;

    channel_client_limit_unsent(f->channel.clients->data, g_atomic_int_get(&f->limit));
}

static int limit_of(struct fixture *f, int fd, int wanted)
{
    int limit = 0;
    socklen_t size = sizeof(limit);

    g_atomic_int_set(&f->limit, wanted);
    event_loop_call(f->loop, limit_unsent, f);
    g_assert_cmpint(getsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &limit, &size), ==, 0);
    return limit;
}

/* Whoever wants the least of what waits in the socket has its way. */
static void test_unsent(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    struct client *client = client_create();
    int fds[2];

    loopback_pair(fds);
    channel_attach(&f->channel, &(struct channel_link){.stream = stream_create(fds[0]),
                                                       .client = client,
                                                       .mini_header = true});
    ack_sync(fds[1]);
    g_assert_cmpint(limit_of(f, fds[0], 60000), ==, 60000);
    g_assert_cmpint(limit_of(f, fds[0], 30000), ==, 30000);
    g_assert_cmpint(limit_of(f, fds[0], 60000), ==, 30000);
    close(fds[1]);
    wait_for(&f->disconnects, 1);
    client_unref(client);
}

/* An answer is due for a ping, and as soon as there is something to acknowledge. */
static void test_answers(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    struct client *client = client_create();
    SpiceMiniDataHeader header;
    uint8_t ping[12];
    int fds[2];

    loopback_pair(fds);
    channel_attach(&f->channel, &(struct channel_link){.stream = stream_create(fds[0]),
                                                       .client = client,
                                                       .mini_header = true});
    ack_sync(fds[1]);
    wait_for_due(f, true);
    read_all(fds[1], &header, sizeof(header));
    g_assert_cmpuint(header.type, ==, SPICE_MSG_PING);
    g_assert_cmpuint(header.size, ==, sizeof(ping));
    read_all(fds[1], ping, sizeof(ping));
    send_message(fds[1], SPICE_MSGC_PONG, ping, sizeof(ping));
    wait_for_due(f, false);

    want(f, WINDOW - 1); /* the ping counts, too */
    expect_data(fds[1], 0, WINDOW - 1);
    wait_for_due(f, true);
    send_message(fds[1], SPICE_MSGC_ACK, NULL, 0);
    wait_for_due(f, false);
    wait_for(&f->released, WINDOW - 1);
    close(fds[1]);
    wait_for(&f->disconnects, 1);
    client_unref(client);
}

static void test_full_headers(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    struct client *client = client_create();
    int fd = attach(f, client, false);
    SpiceDataHeader header;
    uint8_t body[8];

    want(f, 2);
    for (uint64_t serial = 1; serial <= 3; serial++) {
        read_all(fd, &header, sizeof(header));
        g_assert_cmpuint(header.serial, ==, serial);
        g_assert_cmpuint(header.type, ==, serial == 1 ? SPICE_MSG_SET_ACK : DATA);
        g_assert_cmpuint(header.size, ==, serial == 1 ? 8 : 4);
        g_assert_cmpuint(header.sub_list, ==, 0);
        read_all(fd, body, header.size);
    }
    header = (SpiceDataHeader){.serial = 77, .type = REQUEST, .size = 1, .sub_list = 1234};
    memcpy(body, "\3", 1);
    g_assert_cmpint(write(fd, &header, sizeof(header)), ==, sizeof(header));
    g_assert_cmpint(write(fd, body, 1), ==, 1);
    for (uint64_t serial = 4; serial <= 5; serial++) {
        read_all(fd, &header, sizeof(header));
        g_assert_cmpuint(header.serial, ==, serial);
        g_assert_cmpuint(header.type, ==, REQUEST);
    }
    close(fd);
    wait_for(&f->disconnects, 1);
    client_unref(client);
}

/* Closed by the type, for an error, by the peer, by the session's end, as a second connection. */
static void test_ends(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    struct client *client = client_create(), *other = client_create();
    int fd = attach(f, client, true), second;

    send_message(fd, REQUEST, "\1", 1);
    expect_end(fd);

    fd = attach(f, client, true);
    send_message(fd, REQUEST, "\2", 1);
    expect_end(fd);

    fd = attach(f, client, true);
    shutdown(fd, SHUT_WR);
    expect_end(fd);

    fd = attach(f, client, true);
    second = attach(f, client, true);
    expect_end(second);
    second = attach(f, other, true);
    channel_detach(&f->channel, client);
    expect_end(fd);
    ack_sync(second);
    channel_detach(&f->channel, other);
    expect_end(second);

    wait_for(&f->disconnects, 5);
    g_assert_cmpint(f->connects, ==, 5);
    client_unref(client);
    client_unref(other);
}

/* The channel ends while connections are on their way to it and have data waiting. */
static void test_finish(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    struct client *clients[10];
    int fds[G_N_ELEMENTS(clients)];

    f->padding = 60000;
    want(f, 100);
    for (size_t i = 0; i < G_N_ELEMENTS(clients); i++) {
        clients[i] = client_create();
        fds[i] = attach(f, clients[i], i % 2);
    }
    server_remove_channel(f->server, &f->channel);
    event_loop_post(f->loop, finish_channel, f);
    pthread_join(f->thread, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(clients); i++) {
        expect_end(fds[i]);
        client_unref(clients[i]);
    }
    /* For tear_down() there is still a thread to end. */
    server_add_channel(f->server, &f->channel);
    pthread_create(&f->thread, NULL, run_thread, f);
}

/* Connections come and go at both ends while the channel sends what it can. */
static void test_stress(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    GRand *rand = g_rand_new_with_seed(1);
    struct client *clients[8] = {NULL};
    int fds[G_N_ELEMENTS(clients)];

    f->padding = 3000;
    for (int i = 0; i < 1500; i++) {
        int n = g_rand_int_range(rand, 0, G_N_ELEMENTS(clients));
        uint8_t buffer[5000];

        if (clients[n] == NULL) {
            clients[n] = client_create();
            fds[n] = attach(f, clients[n], true);
            continue;
        }
        switch (g_rand_int_range(rand, 0, 6)) {
        case 0:
            want(f, 30);
            break;
        case 1:
        case 2:
            (void)!recv(fds[n], buffer, sizeof(buffer), MSG_DONTWAIT);
            (void)!send(fds[n], "\2\0\0\0\0\0", 6, MSG_NOSIGNAL | MSG_DONTWAIT);
            break;
        case 3:
            (void)!send(fds[n], "\226\0\1\0\0\0\1", 7, MSG_NOSIGNAL | MSG_DONTWAIT);
            break;
        case 4:
            channel_detach(&f->channel, clients[n]);
            break;
        case 5:
            close(fds[n]);
            channel_detach(&f->channel, clients[n]);
            g_clear_pointer(&clients[n], client_unref);
            break;
        }
        g_main_context_iteration(NULL, FALSE);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(clients); i++) {
        if (clients[i] != NULL) {
            close(fds[i]);
            client_unref(clients[i]);
        }
    }
    settle(f);
    wait_for(&f->disconnects, g_atomic_int_get(&f->connects));
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function)                                                                        \
    g_test_add("/channel/" name, struct fixture, NULL, set_up, function, tear_down)
    ADD("window", test_window);
    ADD("slow-reader", test_slow_reader);
    ADD("gives-way", test_gives_way);
    ADD("answers", test_answers);
    ADD("unsent", test_unsent);
    ADD("full-headers", test_full_headers);
    ADD("ends", test_ends);
    ADD("finish", test_finish);
    ADD("stress", test_stress);
    return g_test_run();
}
