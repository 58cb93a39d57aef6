/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/spice_host.h"

#include "cli/char_socket.h"
#include "cli/core_glib.h"
#include "cli/web.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *auth_name(void *opaque)
{
    return spice_auth_name(&((struct spice_host *)opaque)->auth);
}

/* The interface has no function for this, and a server only warns. No other thread exists yet. */
static bool start_recording(const char *path, GError **error)
{
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    if (file < 0) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED, "-record: %s: %s", path, g_strerror(errno));
        return false;
    }
    close(file);
    return g_setenv("SPICE_WORKER_RECORD_FILENAME", path, TRUE);
}

/* Tells the new server what the options say, and who may connect. */
static bool set_up(struct spice_host *host, const struct machine_options *options,
                   int hidden_tls_port, GError **error)
{
    bool required;
    const char *password = spice_options_password(&options->spice, &host->listener, &required);

    spice_auth_init(&host->auth, host->server, required, options->spice.sasl, password);
    if (!spice_options_apply(&options->spice, hidden_tls_port, host->server, error))
        return false;
    if (options->name)
        spice_server_set_name(host->server, options->name);
    if (options->has_uuid)
        spice_server_set_uuid(host->server, options->uuid);
    if (options->spice.web == OPTION_ON)
        return true;
    G_GNUC_BEGIN_IGNORE_DEPRECATIONS
    /* The one way to serve a port that the kernel chose and that we know: bind it ourselves. */
    spice_server_set_listen_socket_fd(host->server, host->listener.fd);
    G_GNUC_END_IGNORE_DEPRECATIONS
    return true;
}

/*
 * With a page both sockets are ours, but a server has TLS only together with a port to listen on.
 * It gets one that is of no use to anybody else: on the loopback address, chosen by the kernel.
 */
static bool listen_for_page(struct spice_host *host, const struct spice_options *options,
                            int *hidden_tls_port, GError **error)
{
    struct listener probe;

    if (options->web != OPTION_ON || !options->tls_port)
        return true;
    if (!spice_options_listen_tls(options, &host->tls_listener, error) ||
        !listen_tcp(&probe, "127.0.0.1", 0, 1, LISTEN_IPV4, error))
        return false;
    *hidden_tls_port = probe.port;
    listener_finish(&probe);
    return true;
}

static bool open_page(struct spice_host *host, const struct spice_options *options, GError **error)
{
    if (options->web != OPTION_ON)
        return true;
    host->web = web_create(options, &host->listener, &host->tls_listener, host->server, error);
    return host->web;
}

static bool add_devices(struct spice_host *host, const GPtrArray *sockets, GError **error)
{
    for (guint i = 0; i < sockets->len; i++) {
        struct char_socket *device =
            char_socket_create(g_ptr_array_index(sockets, i), host->server, error);
        if (!device)
            return false;
        g_ptr_array_add(host->devices, device);
    }
    return true;
}

static void remove_device(void *device)
{
    char_socket_destroy(device);
}

bool spice_host_start(struct spice_host *host, const struct machine_options *options,
                      void (*emit)(void *opaque, const char *event, json_t *data), void *opaque,
                      GError **error)
{
    int hidden_tls_port = 0;

    *host = (struct spice_host){.listener.fd = -1,
                                .tls_listener.fd = -1,
                                .tls_port = (int)options->spice.tls_port,
                                .devices = g_ptr_array_new_with_free_func(remove_device)};
    if (!spice_options_listen(&options->spice, &host->listener, error) ||
        !listen_for_page(host, &options->spice, &hidden_tls_port, error) ||
        (options->record && !start_recording(options->record, error)))
        return false;
    host->server = spice_server_new();
    if (!set_up(host, options, hidden_tls_port, error))
        return false;
    host->core = core_glib_interface(spice_clients_channel_event);
    host->clients = spice_clients_create(emit, auth_name, opaque, host);
    if (spice_server_init(host->server, &host->core)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED, "the SPICE server does not start");
        return false;
    }
    return spice_options_apply_late(&options->spice, host->server, error) &&
           add_devices(host, options->sockets, error) && open_page(host, &options->spice, error);
}

void spice_host_stop(struct spice_host *host)
{
    g_clear_pointer(&host->web, web_destroy);
    g_clear_pointer(&host->devices, g_ptr_array_unref);
    g_clear_pointer(&host->server, spice_server_destroy);
}

void spice_host_finish(struct spice_host *host)
{
    spice_clients_destroy(host->clients);
    spice_auth_finish(&host->auth);
    listener_finish(&host->listener);
    listener_finish(&host->tls_listener);
}

/* What to type where LISTENER listens; g_free. */
static char *address_of(const struct listener *listener)
{
    if (!strcmp(listener->host, "::") || !strcmp(listener->host, "0.0.0.0"))
        return g_strdup_printf("%s:%d", g_get_host_name(), listener->port);
    return listener_describe(listener);
}

static void print_page(const struct spice_host *host)
{
    bool tls = host->tls_listener.fd >= 0;
    g_autofree char *where = address_of(tls ? &host->tls_listener : &host->listener);

    printf("In a browser:  %s://%s/\n", tls ? "https" : "http", where);
}

void spice_host_print_address(const struct spice_host *host)
{
    const struct listener *listener = &host->listener;
    g_autofree char *where = listener_describe(listener);
    g_autofree char *target = NULL;

    printf("Listening on %s (%s)\n", where,
           host->auth.sasl ? "with SASL"
           : !host->auth.required
               ? (listener->loopback ? "no password; this machine only" : "no password; everybody")
           : host->auth.password ? "with password"
                                 : "nobody, until the monitor sets a password");
    if (listener->path)
        target = g_strdup_printf("spice+unix://%s", where);
    else {
        g_autofree char *address = address_of(listener);
        target = host->tls_port
                     ? g_strdup_printf("'spice://%s?tls-port=%d'", address, host->tls_port)
                     : g_strdup_printf("spice://%s", address);
    }
    printf("Connect with:  remote-viewer %s\n", target);
    if (host->web)
        print_page(host);
}
