/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/qmp_commands.h"

#include "cli/machine.h"
#include "cli/migrate_clients_qmp.h"
#include "cli/migrate_qmp.h"
#include "cli/screendump.h"
#include "cli/spice_statistics.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARGUMENTS(name) static const struct qmp_argument name[]
#define ARGUMENTS_END                                                                              \
    {                                                                                              \
        NULL, JSON_NULL, false                                                                     \
    }

static const char *get_string(json_t *arguments, const char *name)
{
    return json_string_value(json_object_get(arguments, name));
}

static bool refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool refuse(GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, QMP_ERROR, QMP_ERROR_GENERIC, text);
    return false;
}

/* Questions */

static json_t *query_version(void *opaque, json_t *arguments, GError **error)
{
    (void)opaque;
    (void)arguments;
    (void)error;
    return qmp_version();
}

static json_t *query_status(void *opaque, json_t *arguments, GError **error)
{
    (void)arguments;
    (void)error;
    return json_pack("{s:s,s:b}", "status", machine_state(opaque), "running",
                     machine_running(opaque));
}

static json_t *query_name(void *opaque, json_t *arguments, GError **error)
{
    const char *name = machine_options(opaque)->name;

    (void)arguments;
    (void)error;
    return name ? json_pack("{s:s}", "name", name) : qmp_nothing();
}

static json_t *query_uuid(void *opaque, json_t *arguments, GError **error)
{
    const uint8_t *uuid = machine_options(opaque)->uuid;
    char text[37];
    size_t at = 0;

    (void)arguments;
    (void)error;
    for (unsigned i = 0; i < 16; i++) {
        const char *dash = i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%02x", dash, uuid[i]);
    }
    return json_pack("{s:s}", "UUID", text);
}

static json_t *query_spice(void *opaque, json_t *arguments, GError **error)
{
    const unsigned version = SPICE_SERVER_VERSION;
    g_autofree char *version_text =
        g_strdup_printf("%u.%u.%u", version >> 16, version >> 8 & 0xff, version & 0xff);
    const struct listener *listener = machine_listener(opaque);
    int64_t tls_port = machine_options(opaque)->spice.tls_port;
    json_t *info = json_pack(
        "{s:b,s:b,s:s,s:s,s:s,s:s,s:o}", "enabled", 1, "migrated", 0, "host", listener->host,
        "auth", spice_auth_name(machine_auth(opaque)), "compiled-version", version_text,
        "mouse-mode", spice_server_is_server_mouse(machine_spice(opaque)) ? "server" : "client",
        "channels", spice_clients_query(machine_clients(opaque)));

    (void)arguments;
    (void)error;
    if (info && !listener->path)
        json_object_set_new(info, "port", json_integer(listener->port));
    if (info && tls_port)
        json_object_set_new(info, "tls-port", json_integer(tls_port));
    return info;
}

static json_t *query_spice_stats(void *opaque, json_t *arguments, GError **error)
{
    (void)arguments;
    return spice_statistics_query(machine_spice(opaque), error);
}

static json_t *query_state(void *opaque, json_t *arguments, GError **error)
{
    (void)arguments;
    return machine_query_state(opaque, error);
}

/* The run state */

static json_t *stop(void *opaque, json_t *arguments, GError **error)
{
    (void)arguments;
    (void)error;
    machine_stop(opaque);
    return qmp_nothing();
}

static json_t *cont(void *opaque, json_t *arguments, GError **error)
{
    (void)arguments;
    if (machine_phase(opaque) == MACHINE_FINISH_MIGRATE) {
        refuse(error, "The guest is leaving: a migration is about to end; see query-migrate");
        return NULL;
    }
    machine_cont(opaque);
    return qmp_nothing();
}

static json_t *system_reset(void *opaque, json_t *arguments, GError **error)
{
    (void)arguments;
    if (machine_phase(opaque) == MACHINE_FINISH_MIGRATE ||
        machine_phase(opaque) == MACHINE_INMIGRATE || machine_holds_card(opaque)) {
        refuse(error, "The guest is on its way to another host; see query-migrate");
        return NULL;
    }
    machine_reset(opaque);
    return qmp_nothing();
}

static json_t *quit(void *opaque, json_t *arguments, GError **error)
{
    (void)arguments;
    (void)error;
    machine_quit(opaque, "host-qmp-quit");
    return qmp_nothing();
}

/* Pictures */

ARGUMENTS(screendump_arguments) = {
    {"filename", JSON_STRING, false}, {"device", JSON_STRING, true}, {"head", JSON_INTEGER, true},
    {"surface", JSON_INTEGER, true},  {"format", JSON_STRING, true}, ARGUMENTS_END,
};

static bool read_number(json_t *arguments, const char *name, int64_t none, int64_t *number,
                        GError **error)
{
    json_t *value = json_object_get(arguments, name);

    *number = value ? json_integer_value(value) : none;
    return !value || (*number >= 0 && *number <= INT32_MAX) ||
           refuse(error, "Parameter '%s' expects a number from 0 to %d", name, INT32_MAX);
}

static bool read_screendump(json_t *arguments, struct screendump *request, GError **error)
{
    const char *format = get_string(arguments, "format");

    request->path = get_string(arguments, "filename");
    request->format = format && !strcmp(format, "png") ? PICTURE_PNG : PICTURE_PPM;
    if (!read_number(arguments, "head", SCREENDUMP_ALL_HEADS, &request->head, error) ||
        !read_number(arguments, "surface", 0, &request->surface, error))
        return false;
    if (request->head != SCREENDUMP_ALL_HEADS && !get_string(arguments, "device"))
        return refuse(error, "'head' must be specified together with 'device'");
    if (request->head != SCREENDUMP_ALL_HEADS && request->surface)
        return refuse(error, "'head' and 'surface' exclude each other: heads show surface 0");
    if (format && strcmp(format, "png") && strcmp(format, "ppm"))
        return refuse(error, "Parameter 'format' does not accept value '%s'; valid: ppm, png",
                      format);
    return true;
}

static json_t *screendump(void *opaque, json_t *arguments, GError **error)
{
    struct screendump request;

    if (read_screendump(arguments, &request, error))
        machine_screendump(opaque, get_string(arguments, "device"), &request, error);
    return NULL; /* the answer comes when the file is written */
}

/* Clients */

static bool check_protocol(json_t *arguments, GError **error)
{
    const char *protocol = get_string(arguments, "protocol");

    return !strcmp(protocol, "spice") ||
           refuse(error, "Parameter 'protocol' does not accept value '%s'; valid: spice", protocol);
}

ARGUMENTS(add_client_arguments) = {
    {"protocol", JSON_STRING, false},
    {"fdname", JSON_STRING, false},
    {"skipauth", JSON_TRUE, true},
    {"tls", JSON_TRUE, true},
    ARGUMENTS_END,
};

static bool check_client(struct machine *machine, int fd, bool tls, GError **error)
{
    struct stat status;
    int type = 0;
    socklen_t size = sizeof(type);

    if (fstat(fd, &status) || !S_ISSOCK(status.st_mode) ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_STREAM)
        return refuse(error, "parameter @fdname must name a connected stream socket");
    if (tls && !machine_options(machine)->spice.tls_port)
        return refuse(error, "parameter @tls needs the option -spice tls-port");
    return true;
}

/* The server takes the descriptor over when it takes the client. */
static json_t *add_client(void *opaque, json_t *arguments, GError **error)
{
    SpiceServer *server = machine_spice(opaque);
    bool tls = json_is_true(json_object_get(arguments, "tls"));
    int skip_auth = json_is_true(json_object_get(arguments, "skipauth"));

    if (!check_protocol(arguments, error))
        return NULL;
    int fd = machine_take_fd(opaque, get_string(arguments, "fdname"), error);
    if (fd < 0)
        return NULL;
    if (check_client(opaque, fd, tls, error)) {
        if (!(tls ? spice_server_add_ssl_client(server, fd, skip_auth)
                  : spice_server_add_client(server, fd, skip_auth)))
            return qmp_nothing();
        refuse(error, "spice failed to add client");
    }
    close(fd);
    return NULL;
}

/* The password */

ARGUMENTS(set_password_arguments) = {
    {"protocol", JSON_STRING, false},
    {"password", JSON_STRING, false},
    {"connected", JSON_STRING, true},
    ARGUMENTS_END,
};

ARGUMENTS(expire_password_arguments) = {
    {"protocol", JSON_STRING, false},
    {"time", JSON_STRING, false},
    ARGUMENTS_END,
};

static json_t *set_password(void *opaque, json_t *arguments, GError **error)
{
    static const char *const names[] = {"keep", "fail", "disconnect"};
    const char *connected = get_string(arguments, "connected");
    unsigned choice = SPICE_AUTH_KEEP;

    if (!check_protocol(arguments, error))
        return NULL;
    while (connected && choice < G_N_ELEMENTS(names) && strcmp(names[choice], connected))
        choice++;
    if (choice == G_N_ELEMENTS(names)) {
        refuse(error,
               "Parameter 'connected' does not accept value '%s'; valid: keep, fail, disconnect",
               connected);
        return NULL;
    }
    return spice_auth_set_password(machine_auth(opaque), get_string(arguments, "password"),
                                   (enum spice_auth_connected)choice, error)
               ? qmp_nothing()
               : NULL;
}

static json_t *expire_password(void *opaque, json_t *arguments, GError **error)
{
    return check_protocol(arguments, error) &&
                   spice_auth_expire(machine_auth(opaque), get_string(arguments, "time"), error)
               ? qmp_nothing()
               : NULL;
}

const struct qmp_command qmp_commands[] = {
    {"query-version", NULL, query_version},
    {"query-status", NULL, query_status},
    {"query-name", NULL, query_name},
    {"query-uuid", NULL, query_uuid},
    {"query-spice", NULL, query_spice},
    {"x-query-state", NULL, query_state},
    {"query-spice-stats", NULL, query_spice_stats},
    {"stop", NULL, stop},
    {"cont", NULL, cont},
    {"system_reset", NULL, system_reset},
    {"screendump", screendump_arguments, screendump},
    {"add_client", add_client_arguments, add_client},
    {"set_password", set_password_arguments, set_password},
    {"expire_password", expire_password_arguments, expire_password},
    {"migrate", migrate_arguments, qmp_migrate},
    {"migrate-incoming", migrate_incoming_arguments, qmp_migrate_incoming},
    {"migrate_cancel", NULL, qmp_migrate_cancel},
    {"migrate-pause", NULL, qmp_migrate_pause},
    {"migrate-recover", migrate_recover_arguments, qmp_migrate_recover},
    {"client_migrate_info", client_migrate_info_arguments, qmp_client_migrate_info},
    {"client_migrate_cancel", NULL, qmp_client_migrate_cancel},
    {"migrate-continue", migrate_continue_arguments, qmp_migrate_continue},
    {"query-migrate", NULL, qmp_query_migrate},
    {"migrate-set-parameters", migrate_set_parameters_arguments, qmp_migrate_set_parameters},
    {"query-migrate-parameters", NULL, qmp_query_migrate_parameters},
    {"migrate-set-capabilities", migrate_set_capabilities_arguments, qmp_migrate_set_capabilities},
    {"query-migrate-capabilities", NULL, qmp_query_migrate_capabilities},
    {"quit", NULL, quit},
    {NULL, NULL, NULL},
};
