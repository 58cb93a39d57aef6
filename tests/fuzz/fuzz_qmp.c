/*
 * The QMP parser: framing, JSON, requests and their arguments, and the addresses of migrations.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/migrate_channel.h"
#include "cli/qmp.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const struct qmp_argument migrate_arguments[] = {
    {"uri", JSON_STRING, true},  {"channels", JSON_ARRAY, true}, {"channel", JSON_OBJECT, true},
    {"detach", JSON_TRUE, true}, {NULL, JSON_NULL, false},
};

static json_t *migrate(void *opaque, json_t *arguments, GError **error)
{
    struct migration_address address;

    (void)opaque;
    if (!migrate_channel_parse(arguments, "migrate", &address, error))
        return NULL;
    g_autofree char *text = migration_address_describe(&address);
    migration_address_finish(&address);
    return json_pack("{s:s}", "address", g_utf8_validate(text, -1, NULL) ? text : "?");
}

static const struct qmp_argument echo_arguments[] = {
    {"number", JSON_INTEGER, false}, {"text", JSON_STRING, true}, {NULL, JSON_NULL, false}};

static json_t *echo(void *opaque, json_t *arguments, GError **error)
{
    (void)opaque;
    (void)error;
    return json_incref(arguments);
}

static const struct qmp_command commands[] = {
    {"migrate", migrate_arguments, migrate}, {"echo", echo_arguments, echo}, {NULL, NULL, NULL}};

static int connect_to(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    g_strlcpy(to.sun_path, path, sizeof(to.sun_path));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        g_abort();
    return fd;
}

static void run(int fd)
{
    char waste[65536];

    while (g_main_context_iteration(NULL, FALSE)) {
        while (recv(fd, waste, sizeof(waste), MSG_DONTWAIT) > 0)
            continue;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    static const char hello[] = "{\"execute\":\"qmp_capabilities\"}";
    static struct qmp_server *server;
    static char *path;

    if (!server) {
        struct listener listener;
        path = g_strdup_printf("/tmp/cassia-fuzz-qmp.%d", (int)getpid());
        if (!listen_unix(&listener, path, NULL))
            g_abort();
        server = qmp_server_create(commands, NULL);
        qmp_server_listen(server, listener);
    }
    int fd = connect_to(path);
    run(fd);
    if (send(fd, hello, sizeof(hello) - 1, MSG_NOSIGNAL) > 0)
        run(fd);
    for (size_t at = 0; at < size;) {
        ssize_t sent = send(fd, input + at, size - at, MSG_NOSIGNAL);
        at += sent > 0 ? (size_t)sent : 0;
        run(fd);
        if (sent <= 0)
            break;
    }
    close(fd);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    return 0;
}
