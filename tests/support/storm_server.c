/*
 * The servers of a storm, and the ways to them: a port, a port for TLS, and a unix socket, whose
 * connections the host hands over as QEMU's add_client does.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/core_loop.h"
#include "tests/support/loopback.h"
#include "tests/support/storm.h"

#include <glib-unix.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static char *file_of(const struct storm *storm, const char *name)
{
    return g_build_filename(storm->folder, name, NULL);
}

static SpiceServer *new_server(int fd)
{
    SpiceServer *server = spice_server_new();

    spice_server_set_noauth(server);
    spice_server_set_listen_socket_fd(server, fd);
    spice_server_set_seamless_migration(server, true);
    return server;
}

static void make_certificate(const char *key, const char *certificate)
{
    const char *arguments[] = {"openssl",  "req",
                               "-x509",    "-nodes",
                               "-days",    "2",
                               "-newkey",  "ec",
                               "-pkeyopt", "ec_paramgen_curve:prime256v1",
                               "-subj",    "/CN=127.0.0.1",
                               "-addext",  "subjectAltName=IP:127.0.0.1",
                               "-keyout",  key,
                               "-out",     certificate,
                               NULL};
    GError *error = NULL;
    int status;

    g_spawn_sync(NULL, (char **)arguments, NULL,
                 G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                 NULL, NULL, NULL, NULL, &status, &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
}

/* With a port for TLS that is free: somebody else may take it before the server does. */
static void init_with_tls(struct storm *storm)
{
    g_autofree char *key = file_of(storm, "key.pem");
    g_autofree char *certificate = file_of(storm, "cert.pem");
    int result = -1;

    make_certificate(key, certificate);
    spice_server_set_addr(storm->server, "127.0.0.1", SPICE_ADDR_FLAG_IPV4_ONLY);
    for (int tries = 0; result != 0 && tries < 20; tries++) {
        close(loopback_listen(&storm->tls_port));
        g_assert_cmpint(spice_server_set_tls(storm->server, (int)storm->tls_port, certificate,
                                             certificate, key, NULL, NULL, NULL),
                        ==, 0);
        result = spice_server_init(storm->server, &storm->core);
    }
    g_assert_cmpint(result, ==, 0);
}

static gboolean on_door(int fd, GIOCondition condition, gpointer opaque)
{
    struct storm *storm = opaque;
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

    (void)condition;
    g_assert_cmpint(client, >=, 0);
    g_assert_cmpint(spice_server_add_client(storm->server, client, TRUE), ==, 0);
    storm->handed_over++;
    return G_SOURCE_CONTINUE;
}

static void open_door(struct storm *storm)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_autofree char *path = file_of(storm, "door");

    g_assert_cmpuint(g_strlcpy(address.sun_path, path, sizeof(address.sun_path)), <,
                     sizeof(address.sun_path));
    storm->door_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g_assert_cmpint(bind(storm->door_fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_cmpint(listen(storm->door_fd, 64), ==, 0);
    storm->door = g_unix_fd_add(storm->door_fd, G_IO_IN, on_door, storm);
}

void storm_open_servers(struct storm *storm)
{
    storm->folder = g_dir_make_tmp("cassia-storm-XXXXXX", NULL);
    g_assert_nonnull(storm->folder);
    storm->fd = loopback_listen(&storm->port);
    storm->target_fd = loopback_listen(&storm->target_port);
    storm->server = new_server(storm->fd);
    init_with_tls(storm);
    open_door(storm);
    storm->target = new_server(storm->target_fd);
    g_assert_cmpint(spice_server_init(storm->target, core_loop_interface()), ==, 0);
}

void storm_close_servers(struct storm *storm)
{
    static const char *const files[] = {"key.pem", "cert.pem", "door"};

    g_source_remove(storm->door);
    spice_server_destroy(storm->server);
    spice_server_destroy(storm->target);
    close(storm->fd);
    close(storm->target_fd);
    close(storm->door_fd);
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = file_of(storm, files[i]);

        g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(storm->folder), ==, 0);
    g_free(storm->folder);
}
