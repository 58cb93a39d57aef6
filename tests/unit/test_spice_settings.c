/*
 * The server object's settings and interfaces: return values and warnings, server-abi.md sections
 * 1.7.1 to 1.7.4, 3.1 and 9.5; and where it listens.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/core_loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static void expect_warning(const char *pattern)
{
    g_test_expect_message("Spice", G_LOG_LEVEL_WARNING, pattern);
}

static SpiceServer *started(void)
{
    SpiceServer *server = spice_server_new();

    g_assert_cmpint(spice_server_init(server, core_loop_interface()), ==, 0);
    return server;
}

static void test_life(void)
{
    SpiceCoreInterface bad = {.base.major_version = 2};
    SpiceServer *server = spice_server_new();

    expect_warning("*bad core interface*");
    g_assert_cmpint(spice_server_init(server, &bad), ==, -1);
    g_test_assert_expected_messages();
    g_assert_cmpint(spice_server_set_noauth(server), ==, 0);
    g_assert_cmpint(spice_server_get_num_clients(server), ==, 0);
    g_assert_cmpint(spice_server_get_num_clients(NULL), ==, 0);
    g_assert_cmpint(spice_server_is_server_mouse(server), ==, 1);
    spice_server_vm_stop(server);
    spice_server_vm_start(server);
    spice_server_destroy(server);

    server = started();
    expect_warning("*initialised already*");
    g_assert_cmpint(spice_server_init(server, core_loop_interface()), ==, -1);
    g_test_assert_expected_messages();
    spice_server_destroy(server);
}

static void test_values(void)
{
    static const uint8_t uuid[16] = {1};
    SpiceServer *server = spice_server_new();
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);

    g_assert_cmpint(spice_server_set_port(server, -1), ==, -1);
    g_assert_cmpint(spice_server_set_port(server, 65536), ==, -1);
    g_assert_cmpint(spice_server_set_port(server, 65535), ==, 0);
    expect_warning("*more than one family*");
    spice_server_set_addr(server, "localhost",
                          SPICE_ADDR_FLAG_IPV4_ONLY | SPICE_ADDR_FLAG_IPV6_ONLY);
    g_test_assert_expected_messages();

    g_assert_cmpint(spice_server_get_image_compression(server), ==,
                    SPICE_IMAGE_COMPRESSION_AUTO_GLZ);
    g_assert_cmpint(spice_server_set_image_compression(server, SPICE_IMAGE_COMPRESSION_QUIC), ==,
                    0);
    expect_warning("*unknown image compression*");
    g_assert_cmpint(spice_server_set_image_compression(server, 99), ==, 0);
    expect_warning("*unknown image compression*");
    g_assert_cmpint(spice_server_set_image_compression(server, 0), ==, 0);
    g_test_assert_expected_messages();
    g_assert_cmpint(spice_server_get_image_compression(server), ==, SPICE_IMAGE_COMPRESSION_QUIC);

    g_assert_cmpint(spice_server_set_jpeg_compression(server, SPICE_WAN_COMPRESSION_NEVER), ==, 0);
    expect_warning("*unknown compression mode*");
    g_assert_cmpint(spice_server_set_jpeg_compression(server, SPICE_WAN_COMPRESSION_INVALID), ==,
                    -1);
    expect_warning("*unknown compression mode*");
    g_assert_cmpint(spice_server_set_zlib_glz_compression(server, 4), ==, -1);
    g_test_assert_expected_messages();
    g_assert_cmpint(spice_server_set_zlib_glz_compression(server, SPICE_WAN_COMPRESSION_ALWAYS), ==,
                    0);

    g_assert_cmpint(spice_server_set_streaming_video(server, SPICE_STREAM_VIDEO_INVALID), ==, -1);
    g_assert_cmpint(spice_server_set_streaming_video(server, 4), ==, -1);
    g_assert_cmpint(spice_server_set_streaming_video(server, SPICE_STREAM_VIDEO_ALL), ==, 0);

    g_assert_cmpint(spice_server_add_renderer(server, "gl"), ==, -1);
    g_assert_cmpint(spice_server_add_renderer(server, "sw"), ==, 0);
    g_assert_cmpint(spice_server_add_renderer(server, "sw"), ==, -1);

    g_assert_cmpint(spice_server_set_agent_mouse(server, 0), ==, 0);
    g_assert_cmpint(spice_server_set_agent_copypaste(server, 0), ==, 0);
    g_assert_cmpint(spice_server_set_agent_file_xfer(server, 0), ==, 0);
    g_assert_cmpint(spice_server_set_playback_compression(server, 0), ==, 0);
    g_assert_cmpint(spice_server_set_exit_on_disconnect(server, 1), ==, 0);
    spice_server_set_name(server, "name");
    spice_server_set_name(server, NULL);
    spice_server_set_uuid(server, uuid);

    g_assert_cmpint(spice_get_current_compat_version(), ==, SPICE_COMPAT_VERSION_0_6);
    g_assert_cmpint(spice_server_set_compat_version(server, SPICE_COMPAT_VERSION_0_6), ==, 0);
    g_assert_cmpint(spice_server_set_compat_version(server, SPICE_COMPAT_VERSION_0_4), ==, 0);
    expect_warning("*unknown compatibility version 2*");
    g_assert_cmpint(spice_server_set_compat_version(server, (spice_compat_version_t)2), ==, -1);
    g_test_assert_expected_messages();

    g_assert_cmpint(spice_server_get_sock_info(server, (struct sockaddr *)&address, &size), ==, -1);
    g_assert_cmpint(spice_server_get_peer_info(server, (struct sockaddr *)&address, &size), ==, -1);
    spice_server_destroy(server);
}

static void test_security(void)
{
    static const char *const names[] = {"main",     "display", "inputs", "cursor",
                                        "playback", "record",  "tunnel", "smartcard",
                                        "usbredir", "port",    "webdav", NULL};
    SpiceServer *server = spice_server_new();

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_assert_cmpint(spice_server_set_channel_security(server, names[i], 2), ==, 0);
    }
    g_assert_cmpint(spice_server_set_channel_security(server, "default", 1), ==, -1);
    g_assert_cmpint(spice_server_set_channel_security(server, "all", 1), ==, -1);
    g_assert_cmpint(spice_server_set_channel_security(server, "", 1), ==, -1);
    spice_server_destroy(server);
}

static void expect_codecs(SpiceServer *server, const char *expected)
{
    const char *codecs = spice_server_get_video_codecs(server);

    g_assert_cmpstr(codecs, ==, expected);
    spice_server_free_video_codecs(server, codecs);
}

static void test_codecs(void)
{
    static const char *const empty[] = {"", ";", ";;;;"};
    static const char *const malformed[] = {
        ";:;",          "::::",        "missingcolon", ":missing_encoder", "missing_value:;",
        "spice&:mjpeg", "spice:mjpeg&"};
    SpiceServer *server = spice_server_new();

    expect_codecs(server, "");
    g_assert_cmpint(spice_server_set_video_codecs(server, "spice:mjpeg;;gstreamer:vp8;"), ==, 0);
    expect_codecs(server, "spice:mjpeg;gstreamer:vp8");
    for (size_t i = 0; i < G_N_ELEMENTS(empty); i++) {
        expect_warning("*Failed to set video codecs*");
        g_assert_cmpint(spice_server_set_video_codecs(server, empty[i]), ==, -1);
        g_test_assert_expected_messages();
    }
    for (size_t i = 0; i < G_N_ELEMENTS(malformed); i++) {
        expect_warning("*spice: invalid encoder:codec value*");
        expect_warning("*Failed to set video codecs*");
        g_assert_cmpint(spice_server_set_video_codecs(server, malformed[i]), ==, -1);
        g_test_assert_expected_messages();
    }
    expect_warning("*spice: unknown video encoder unknown_encoder");
    expect_warning("*Failed to set video codecs*");
    g_assert_cmpint(spice_server_set_video_codecs(server, "unknown_encoder:mjpeg"), ==, -1);
    expect_warning("*spice: unknown video codec unknown_codec");
    expect_warning("*Failed to set video codecs*");
    g_assert_cmpint(spice_server_set_video_codecs(server, "spice:unknown_codec"), ==, -1);
    g_test_expect_message("Spice", G_LOG_LEVEL_CRITICAL, "*assertion 'codecs != nullptr' failed");
    g_assert_cmpint(spice_server_set_video_codecs(server, NULL), ==, -1);
    g_test_assert_expected_messages();
    expect_codecs(server, "spice:mjpeg;gstreamer:vp8");

    /* One good item is enough. */
    expect_warning("*spice: unknown video codec mpeg1");
    g_assert_cmpint(spice_server_set_video_codecs(server, "spice:mpeg1;gstreamer:h265"), ==, 0);
    g_test_assert_expected_messages();
    expect_codecs(server, "gstreamer:h265");
    spice_server_destroy(server);

    server = started();
    expect_codecs(server, "spice:mjpeg;gstreamer:mjpeg;gstreamer:h264;gstreamer:vp8;gstreamer:vp9");
    spice_server_destroy(server);
}

static void ignore_scan(SpiceKbdInstance *sin G_GNUC_UNUSED, uint8_t scan G_GNUC_UNUSED)
{
}

static uint8_t no_leds(SpiceKbdInstance *sin G_GNUC_UNUSED)
{
    return 0;
}

static void test_interfaces(void)
{
    SpiceKbdInterface interface = {
        .base = {"keyboard", "test", 1, 1}, .push_scan_freg = ignore_scan, .get_leds = no_leds};
    SpiceTabletInterface tablet_interface = {.base = {"tablet", "test", 1, 1}};
    SpiceKbdInstance first = {.base = {&interface.base}}, second = first;
    SpiceTabletInstance tablet = {.base = {&tablet_interface.base}};
    SpiceServer *server = spice_server_new();

    expect_warning("*needs an initialised server*");
    g_assert_cmpint(spice_server_add_interface(server, &first.base), ==, -1);
    g_assert_cmpint(spice_server_init(server, core_loop_interface()), ==, 0);

    interface.base.type = "toaster";
    g_assert_cmpint(spice_server_add_interface(server, &first.base), ==, 0);
    interface.base.type = "keyboard";
    interface.base.minor_version = 2;
    expect_warning("unsupported keyboard interface*");
    g_assert_cmpint(spice_server_add_interface(server, &first.base), ==, -1);
    interface.base.major_version = 2;
    expect_warning("unsupported keyboard interface*");
    g_assert_cmpint(spice_server_add_interface(server, &first.base), ==, -1);
    interface.base.major_version = 1;
    interface.base.minor_version = 0; /* an older host's */
    g_assert_cmpint(spice_server_add_interface(server, &first.base), ==, 0);
    expect_warning("*keyboard already*");
    g_assert_cmpint(spice_server_add_interface(server, &second.base), ==, -1);
    expect_warning("*cannot be removed*");
    g_assert_cmpint(spice_server_remove_interface(&first.base), ==, -1);
    g_assert_cmpint(spice_server_kbd_leds(&first, 7), ==, 0);

    for (int i = 0; i < 2; i++) {
        g_assert_cmpint(spice_server_add_interface(server, &tablet.base), ==, 0);
        g_assert_cmpint(spice_server_remove_interface(&tablet.base), ==, 0);
    }
    g_test_expect_message("Spice", G_LOG_LEVEL_CRITICAL, "*not attached*");
    g_assert_cmpint(spice_server_remove_interface(&tablet.base), ==, -1);
    g_test_assert_expected_messages();
    spice_server_destroy(server);
}

/* Connects, sends nonsense and gets an error reply of the SPICE protocol. */
static void expect_spice(int family, const struct sockaddr *address, socklen_t size)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char magic[4] = "";
    ssize_t n = 0;

    g_assert_cmpint(connect(fd, address, size), ==, 0);
    g_assert_cmpint(write(fd, "nonsense", 8), ==, 8);
    for (int i = 0; i < 5000 && n <= 0; i++) {
        g_main_context_iteration(NULL, FALSE);
        n = recv(fd, magic, sizeof(magic), MSG_DONTWAIT);
        g_usleep(n > 0 ? 0 : 200);
    }
    g_assert_cmpmem(magic, MAX(n, 0), "REDQ", 4);
    close(fd);
}

static void test_unix(void)
{
    g_autofree char *folder = g_dir_make_tmp("cassia-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "socket", NULL);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char too_long[200];

    memset(too_long, 'x', sizeof(too_long) - 1);
    too_long[sizeof(too_long) - 1] = '\0';
    strcpy(address.sun_path, path);
    for (int i = 0; i < 2; i++) {
        SpiceServer *server = spice_server_new();
        int left_behind = socket(AF_UNIX, SOCK_STREAM, 0);

        /* The second time there is a socket file of somebody who has gone. */
        if (i == 1) {
            g_assert_cmpint(bind(left_behind, (struct sockaddr *)&address, sizeof(address)), ==, 0);
        }
        close(left_behind);
        spice_server_set_addr(server, path, SPICE_ADDR_FLAG_UNIX_ONLY);
        g_assert_cmpint(spice_server_init(server, core_loop_interface()), ==, 0);
        expect_spice(AF_UNIX, (struct sockaddr *)&address, sizeof(address));
        spice_server_destroy(server);
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    }

    /* What is no socket is left alone. */
    g_assert_true(g_file_set_contents(path, "precious", -1, NULL));
    for (int i = 0; i < 2; i++) {
        SpiceServer *server = spice_server_new();

        spice_server_set_addr(server, i ? too_long : path, SPICE_ADDR_FLAG_UNIX_ONLY);
        expect_warning(i ? "*has 199 bytes*" : "reds_init_socket: binding socket to*");
        expect_warning("Failed to open SPICE sockets");
        g_assert_cmpint(spice_server_init(server, core_loop_interface()), ==, -1);
        g_test_assert_expected_messages();
        spice_server_destroy(server);
    }
    g_assert_true(g_file_test(path, G_FILE_TEST_IS_REGULAR));
    unlink(path);
    rmdir(folder);
}

static void test_abstract(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_autofree char *name = g_strdup_printf("@cassia-test-%d", getpid());
    SpiceServer *server = spice_server_new();

    strcpy(address.sun_path, name);
    address.sun_path[0] = '\0';
    spice_server_set_addr(server, name, SPICE_ADDR_FLAG_UNIX_ONLY);
    g_assert_cmpint(spice_server_init(server, core_loop_interface()), ==, 0);
    expect_spice(AF_UNIX, (struct sockaddr *)&address,
                 offsetof(struct sockaddr_un, sun_path) + strlen(name));
    spice_server_destroy(server);
}

/* A port nobody listens on now, in host order. */
static uint16_t free_port(int family)
{
    struct sockaddr_in6 address = {.sin6_family = family};
    socklen_t size = sizeof(address);
    int fd = socket(family, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address,
                       family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(address)) != 0) {
        return 0;
    }
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &size), ==, 0);
    close(fd);
    return ntohs(address.sin6_port); /* where sin_port is, too */
}

static void test_inet(void)
{
    uint16_t port = free_port(AF_INET);
    struct sockaddr_in v4 = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    static const int families[] = {SPICE_ADDR_FLAG_IPV4_ONLY, 0, SPICE_ADDR_FLAG_IPV6_ONLY};
    bool has_v6 = free_port(AF_INET6) != 0;

    for (size_t i = 0; i < G_N_ELEMENTS(families); i++) {
        bool v6_only = families[i] == SPICE_ADDR_FLAG_IPV6_ONLY;
        SpiceServer *server, *second;

        if (v6_only && !has_v6) {
            g_test_message("no IPv6 here");
            continue;
        }
        server = spice_server_new();
        spice_server_set_addr(server, v6_only ? "::1" : i == 0 ? "127.0.0.1" : "", families[i]);
        spice_server_set_port(server, port);
        g_assert_cmpint(spice_server_init(server, core_loop_interface()), ==, 0);
        if (!v6_only) {
            expect_spice(AF_INET, (struct sockaddr *)&v4, sizeof(v4));
        }
        if (has_v6 && families[i] != SPICE_ADDR_FLAG_IPV4_ONLY) {
            expect_spice(AF_INET6, (struct sockaddr *)&v6, sizeof(v6));
        }

        second = spice_server_new();
        spice_server_set_addr(second, v6_only ? "::1" : "127.0.0.1", families[i]);
        spice_server_set_port(second, port);
        expect_warning("reds_init_socket: binding socket to*");
        expect_warning("Failed to open SPICE sockets");
        g_assert_cmpint(spice_server_init(second, core_loop_interface()), ==, -1);
        g_test_assert_expected_messages();
        spice_server_destroy(second);
        spice_server_destroy(server);
    }
}

static void test_adopted(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SpiceServer *server = spice_server_new();

    g_assert_cmpint(spice_server_set_listen_socket_fd(server, fd), ==, 0);
    expect_warning("*is not a listening socket");
    expect_warning("Failed to open SPICE sockets");
    g_assert_cmpint(spice_server_init(server, core_loop_interface()), ==, -1);
    g_test_assert_expected_messages();
    spice_server_destroy(server);

    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_cmpint(listen(fd, 5), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &size), ==, 0);
    server = spice_server_new();
    g_assert_cmpint(spice_server_set_listen_socket_fd(server, fd), ==, 0);
    g_assert_cmpint(spice_server_init(server, core_loop_interface()), ==, 0);
    expect_spice(AF_INET, (struct sockaddr *)&address, sizeof(address));
    spice_server_destroy(server);
    /* It was ours and still is. */
    g_assert_cmpint(close(fd), ==, 0);
}

static void test_add_client(void)
{
    SpiceServer *server = started();
    int fds[2], pipe_fds[2];
    char magic[4] = "";
    ssize_t n = 0;

    g_assert_cmpint(pipe(pipe_fds), ==, 0);
    expect_warning("*is no client's socket*");
    g_assert_cmpint(spice_server_add_client(server, pipe_fds[0], 0), ==, -1);
    g_test_assert_expected_messages();
    g_assert_cmpint(close(pipe_fds[0]), ==, 0);
    close(pipe_fds[1]);

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    g_assert_cmpint(spice_server_add_client(server, fds[0], 1), ==, 0);
    g_assert_cmpint(write(fds[1], "nonsense", 8), ==, 8);
    for (int i = 0; i < 5000 && n <= 0; i++) {
        g_main_context_iteration(NULL, FALSE);
        n = recv(fds[1], magic, sizeof(magic), MSG_DONTWAIT);
    }
    g_assert_cmpmem(magic, MAX(n, 0), "REDQ", 4);
    spice_server_destroy(server);
    close(fds[1]);
}

static void test_ticket(void)
{
    SpiceServer *server = started();
    char password[62];

    memset(password, 'p', sizeof(password));
    password[61] = '\0';
    expect_warning("*longer than 60*");
    g_assert_cmpint(spice_server_set_ticket(server, password, 0, 0, 0), ==, -1);
    g_test_assert_expected_messages();
    password[60] = '\0';
    g_assert_cmpint(spice_server_set_ticket(server, password, 0, 1, 1), ==, 0);
    g_assert_cmpint(spice_server_set_ticket(server, NULL, 0, 0, 0), ==, 0);
    g_assert_cmpint(spice_server_set_noauth(server), ==, 0);
    spice_server_destroy(server);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/server/life", test_life);
    g_test_add_func("/server/values", test_values);
    g_test_add_func("/server/security", test_security);
    g_test_add_func("/server/codecs", test_codecs);
    g_test_add_func("/server/interfaces", test_interfaces);
    g_test_add_func("/server/ticket", test_ticket);
    g_test_add_func("/listen/unix", test_unix);
    g_test_add_func("/listen/abstract", test_abstract);
    g_test_add_func("/listen/inet", test_inet);
    g_test_add_func("/listen/adopted", test_adopted);
    g_test_add_func("/listen/add-client", test_add_client);
    return g_test_run();
}
