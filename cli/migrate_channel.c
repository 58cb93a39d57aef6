/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/migrate_channel.h"

#include "cli/machine.h"

#include <string.h>

/* A string member; NULL, with ERROR, when it is missing or something else. */
static const char *need_string(json_t *object, const char *name, GError **error)
{
    json_t *value = json_object_get(object, name);

    if (!value)
        migration_fail(error, "Parameter '%s' is missing", name);
    else if (!json_is_string(value))
        migration_fail(error, "Invalid parameter type for '%s', expected: string", name);
    return json_string_value(value);
}

/* Parses the URI made of FORMAT, so that both spellings obey the same rules. */
static bool parse_as_uri(struct migration_address *address, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
static bool parse_as_uri(struct migration_address *address, GError **error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *uri = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return migration_address_parse(address, uri, error);
}

static bool parse_socket(json_t *socket, struct migration_address *address, GError **error)
{
    const char *type = need_string(socket, "type", error);
    const char *first, *second;

    if (!type)
        return false;
    if (!strcmp(type, "inet")) {
        return (first = need_string(socket, "host", error)) &&
               (second = need_string(socket, "port", error)) &&
               parse_as_uri(address, error, "tcp:%s:%s", first, second);
    }
    if (!strcmp(type, "unix")) {
        return (first = need_string(socket, "path", error)) &&
               parse_as_uri(address, error, "unix:%s", first);
    }
    if (!strcmp(type, "vsock")) {
        return (first = need_string(socket, "cid", error)) &&
               (second = need_string(socket, "port", error)) &&
               parse_as_uri(address, error, "vsock:%s:%s", first, second);
    }
    if (!strcmp(type, "fd")) {
        return (first = need_string(socket, "str", error)) &&
               parse_as_uri(address, error, "fd:%s", first);
    }
    return migration_fail(error,
                          "Parameter 'type' does not accept value '%s'; valid: inet, unix, "
                          "vsock, fd",
                          type);
}

/* "args": the command and its arguments; "exec-str": a line for the shell. */
static bool parse_exec(json_t *addr, struct migration_address *address, GError **error)
{
    json_t *args = json_object_get(addr, "args");

    if (!args) {
        const char *line = json_object_get(addr, "exec-str") ? need_string(addr, "exec-str", error)
                                                             : need_string(addr, "args", error);
        return line && parse_as_uri(address, error, "exec:%s", line);
    }
    if (!json_is_array(args) || !json_array_size(args))
        return migration_fail(error, "Parameter 'args' must be a list with a command");
    for (size_t i = 0; i < json_array_size(args); i++) {
        if (!json_is_string(json_array_get(args, i)))
            return migration_fail(error, "Invalid parameter type for 'args[%zu]', expected: string",
                                  i);
    }
    *address = (struct migration_address){.transport = MIGRATION_EXEC, .fd = -1};
    address->command = g_new0(char *, json_array_size(args) + 1);
    for (size_t i = 0; i < json_array_size(args); i++)
        address->command[i] = g_strdup(json_string_value(json_array_get(args, i)));
    return true;
}

static bool parse_file(json_t *addr, struct migration_address *address, GError **error)
{
    const char *name = need_string(addr, "filename", error);
    json_t *offset = json_object_get(addr, "offset");

    if (!name)
        return false;
    if (offset && (!json_is_integer(offset) || json_integer_value(offset) < 0))
        return migration_fail(error, "Parameter 'offset' must be a number from 0 on");
    *address = (struct migration_address){.transport = MIGRATION_FILE,
                                          .fd = -1,
                                          .path = g_strdup(name),
                                          .offset = (uint64_t)json_integer_value(offset)};
    return true;
}

/* "host" and "port"; "rdma-str": both in one, in the original proposal. */
static bool parse_rdma(json_t *addr, struct migration_address *address, GError **error)
{
    const char *host, *port;

    if (json_object_get(addr, "rdma-str")) {
        host = need_string(addr, "rdma-str", error);
        return host && parse_as_uri(address, error, "rdma:%s", host);
    }
    return (host = need_string(addr, "host", error)) && (port = need_string(addr, "port", error)) &&
           parse_as_uri(address, error, "rdma:%s:%s", host, port);
}

static bool parse_addr(json_t *addr, struct migration_address *address, GError **error)
{
    if (!json_is_object(addr))
        return migration_fail(error, "Parameter 'addr' is missing or no object");
    const char *transport = need_string(addr, "transport", error);
    if (!transport)
        return false;
    if (!strcmp(transport, "socket")) {
        /* In the original proposal the socket is an object of its own. */
        json_t *nested = json_object_get(addr, "socket-type");
        return parse_socket(json_is_object(nested) ? nested : addr, address, error);
    }
    if (!strcmp(transport, "exec"))
        return parse_exec(addr, address, error);
    if (!strcmp(transport, "file"))
        return parse_file(addr, address, error);
    if (!strcmp(transport, "rdma"))
        return parse_rdma(addr, address, error);
    return migration_fail(error,
                          "Parameter 'transport' does not accept value '%s'; valid: socket, "
                          "exec, file, rdma",
                          transport);
}

static bool parse_channel(json_t *channel, const char *type_name, struct migration_address *address,
                          GError **error)
{
    if (!json_is_object(channel))
        return migration_fail(error, "Invalid parameter type for a channel, expected: object");
    const char *type = need_string(channel, type_name, error);
    if (!type)
        return false;
    if (strcmp(type, "main") != 0)
        return migration_fail(error, "Parameter '%s' does not accept value '%s'; valid: main",
                              type_name, type);
    return parse_addr(json_object_get(channel, "addr"), address, error);
}

bool migrate_channel_parse(json_t *arguments, const char *command,
                           struct migration_address *address, GError **error)
{
    static const char *const names[] = {"uri", "channels", "channel"};
    const char *given = NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (!json_object_get(arguments, names[i]))
            continue;
        if (given)
            return migration_fail(error,
                                  "'%s' and '%s' arguments are mutually exclusive; exactly "
                                  "one of the two should be present in '%s' qmp command",
                                  given, names[i], command);
        given = names[i];
    }
    if (!given)
        return migration_fail(error,
                              "neither 'uri' or 'channels' argument are specified in '%s' "
                              "qmp command",
                              command);
    json_t *value = json_object_get(arguments, given);
    if (!strcmp(given, "uri"))
        return migration_address_parse(address, json_string_value(value), error);
    if (!strcmp(given, "channel"))
        return parse_channel(value, "channeltype", address, error);
    if (json_array_size(value) != 1)
        return migration_fail(error, "Parameter 'channels' must have exactly one entry, of "
                                     "channel-type 'main'");
    return parse_channel(json_array_get(value, 0), "channel-type", address, error);
}

bool migrate_channel_take_fd(struct machine *machine, struct migration_address *address,
                             GError **error)
{
    if (!address->name)
        return true;
    address->fd = machine_take_fd(machine, address->name, error);
    address->owns_fd = address->fd >= 0;
    if (!address->owns_fd)
        migration_address_finish(address);
    return address->owns_fd;
}
