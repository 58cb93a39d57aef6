/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/migrate_clients_qmp.h"

#include "cli/machine.h"
#include "cli/migrate_clients.h"

#include <string.h>

#define NO_PORT 0 /* libspice-server would tell clients port 65535 for -1 */

const struct qmp_argument client_migrate_info_arguments[] = {
    {"protocol", JSON_STRING, false},    {"hostname", JSON_STRING, false},
    {"port", JSON_INTEGER, true},        {"tls-port", JSON_INTEGER, true},
    {"cert-subject", JSON_STRING, true}, {NULL, JSON_NULL, false},
};

static bool refuse(GError **error, const char *text, const char *name)
{
    g_set_error(error, QMP_ERROR, QMP_ERROR_GENERIC, text, name);
    return false;
}

static bool get_port(json_t *arguments, const char *name, int *port, GError **error)
{
    json_t *value = json_object_get(arguments, name);
    json_int_t number = json_integer_value(value);

    *port = NO_PORT;
    if (!value)
        return true;
    if (number < 1 || number > UINT16_MAX)
        return refuse(error, "Parameter '%s' expects an integer in the range of 1 to 65535", name);
    *port = (int)number;
    return true;
}

json_t *qmp_client_migrate_info(void *opaque, json_t *arguments, GError **error)
{
    const char *protocol = json_string_value(json_object_get(arguments, "protocol"));
    const char *host = json_string_value(json_object_get(arguments, "hostname"));
    const char *subject = json_string_value(json_object_get(arguments, "cert-subject"));
    int port, tls_port;
    bool good;

    if (strcmp(protocol, "spice") != 0)
        good = refuse(error, "Parameter '%s' expects 'spice'", "protocol");
    else if (!*host)
        good = refuse(error, "Parameter '%s' expects the target's name or address", "hostname");
    else
        good = get_port(arguments, "port", &port, error) &&
               get_port(arguments, "tls-port", &tls_port, error);
    if (good && port == NO_PORT && tls_port == NO_PORT)
        good = refuse(error, "Parameter '%s' is missing", "port/tls-port");
    return good && migrate_clients_ask(machine_migrate_clients(opaque), host, port, tls_port,
                                       subject, error)
               ? qmp_nothing()
               : NULL;
}

json_t *qmp_client_migrate_cancel(void *opaque, json_t *arguments, GError **error)
{
    (void)arguments;
    (void)error;
    migrate_clients_cancel(machine_migrate_clients(opaque));
    return qmp_nothing();
}
