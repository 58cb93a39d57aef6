/*
 * Addresses as texts.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/address.h"

#include "migration/rdma.h"

#include <string.h>
#include <unistd.h>

static bool parse_number(const char *uri, const char *what, const char *text, uint64_t max,
                         uint64_t *number, GError **error)
{
    bool hexadecimal = g_str_has_prefix(text, "0x");

    return g_ascii_string_to_unsigned(text + (hexadecimal ? 2 : 0), hexadecimal ? 16 : 10, 0, max,
                                      number, NULL) ||
           migration_fail(error, "%s: %s '%s' is not a number from 0 to %" G_GUINT64_FORMAT, uri,
                          what, text, max);
}

/* HOST:PORT, with brackets around a host that has colons. */
static bool parse_host(struct migration_address *address, const char *uri, const char *rest,
                       GError **error)
{
    const char *colon = strrchr(rest, ':');
    uint64_t port;

    if (!colon)
        return migration_fail(error, "%s: the form is %.*s:HOST:PORT", uri, (int)strcspn(uri, ":"),
                              uri);
    address->host = g_strndup(rest, (gsize)(colon - rest));
    if (address->host[0] == '[' && g_str_has_suffix(address->host, "]")) {
        g_autofree char *bracketed = address->host;
        address->host = g_strndup(bracketed + 1, strlen(bracketed) - 2);
    }
    address->port = g_strdup(colon + 1);
    return parse_number(uri, "port", address->port, 65535, &port, error);
}

static bool parse_vsock(struct migration_address *address, const char *uri, const char *rest,
                        GError **error)
{
    g_auto(GStrv) words = g_strsplit(rest, ":", 2);
    uint64_t cid, port;

    if (!words[0] || !words[1])
        return migration_fail(error, "%s: the form is vsock:CID:PORT", uri);
    if (!parse_number(uri, "cid", words[0], UINT32_MAX, &cid, error) ||
        !parse_number(uri, "port", words[1], UINT32_MAX, &port, error))
        return false;
    address->cid = (uint32_t)cid;
    address->vsock_port = (uint32_t)port;
    return true;
}

static bool parse_file(struct migration_address *address, const char *uri, const char *rest,
                       GError **error)
{
    const char *option = strstr(rest, ",offset=");

    address->path = option ? g_strndup(rest, (gsize)(option - rest)) : g_strdup(rest);
    if (!*address->path)
        return migration_fail(error, "%s: the form is file:PATH[,offset=N]", uri);
    return !option || parse_number(uri, "offset", option + strlen(",offset="), INT64_MAX,
                                   &address->offset, error);
}

static bool parse(struct migration_address *address, const char *uri, GError **error)
{
    static const struct {
        const char *prefix;
        enum migration_transport transport;
    } transports[] = {
        {"tcp:", MIGRATION_TCP},   {"unix:", MIGRATION_UNIX}, {"vsock:", MIGRATION_VSOCK},
        {"fd:", MIGRATION_FD},     {"exec:", MIGRATION_EXEC}, {"file:", MIGRATION_FILE},
        {"rdma:", MIGRATION_RDMA},
    };
    const char *rest = NULL;
    uint64_t number;

    for (unsigned i = 0; i < G_N_ELEMENTS(transports) && !rest; i++) {
        if (g_str_has_prefix(uri, transports[i].prefix)) {
            address->transport = transports[i].transport;
            rest = uri + strlen(transports[i].prefix);
        }
    }
    if (!rest)
        return migration_fail(
            error,
            "unknown migration protocol: %s; valid: tcp:HOST:PORT, "
            "unix:PATH, vsock:CID:PORT, fd:N, exec:COMMAND, file:PATH, rdma:HOST:PORT",
            uri);
    switch (address->transport) {
    case MIGRATION_TCP:
        return parse_host(address, uri, rest, error);
    case MIGRATION_RDMA:
        return migration_rdma_check(uri, error) && parse_host(address, uri, rest, error);
    case MIGRATION_VSOCK:
        return parse_vsock(address, uri, rest, error);
    case MIGRATION_FILE:
        return parse_file(address, uri, rest, error);
    case MIGRATION_UNIX:
        address->path = g_strdup(rest);
        return *rest || migration_fail(error, "%s: the form is unix:PATH", uri);
    case MIGRATION_FD:
        if (*rest && !g_ascii_isdigit(*rest)) {
            address->name = g_strdup(rest);
            return true;
        }
        if (!parse_number(uri, "descriptor", rest, INT32_MAX, &number, error))
            return false;
        address->fd = (int)number;
        return true;
    case MIGRATION_EXEC:
        address->command = g_new0(char *, 4);
        address->command[0] = g_strdup("/bin/sh");
        address->command[1] = g_strdup("-c");
        address->command[2] = g_strdup(rest);
        return *rest || migration_fail(error, "%s: the form is exec:COMMAND", uri);
    }
    return false;
}

bool migration_address_parse(struct migration_address *address, const char *uri, GError **error)
{
    *address = (struct migration_address){.fd = -1};
    if (parse(address, uri, error))
        return true;
    migration_address_finish(address);
    return false;
}

void migration_address_finish(struct migration_address *address)
{
    g_free(address->host);
    g_free(address->port);
    g_free(address->path);
    g_free(address->name);
    g_free(address->tls_hostname);
    migration_tls_unref(address->tls);
    if (address->owns_fd)
        close(address->fd);
    g_strfreev(address->command);
    *address = (struct migration_address){.fd = -1};
}

static char *describe_host(const char *protocol, const struct migration_address *address)
{
    return g_strdup_printf(strchr(address->host, ':') ? "%s:[%s]:%s" : "%s:%s:%s", protocol,
                           address->host, address->port);
}

char *migration_address_describe(const struct migration_address *address)
{
    switch (address->transport) {
    case MIGRATION_TCP:
        return describe_host("tcp", address);
    case MIGRATION_RDMA:
        return describe_host("rdma", address);
    case MIGRATION_UNIX:
        return g_strdup_printf("unix:%s", address->path);
    case MIGRATION_VSOCK:
        return g_strdup_printf("vsock:%u:%u", address->cid, address->vsock_port);
    case MIGRATION_FD:
        return address->name ? g_strdup_printf("fd:%s", address->name)
                             : g_strdup_printf("fd:%d", address->fd);
    case MIGRATION_FILE:
        return g_strdup_printf("file:%s", address->path);
    case MIGRATION_EXEC:
        break;
    }
    g_autofree char *words = g_strjoinv(" ", address->command);
    return g_strdup_printf("exec:%s", words);
}

bool migration_address_fail(const struct migration_address *address, const char *what,
                            const char *why, GError **error)
{
    g_autofree char *text = migration_address_describe(address);
    return migration_fail(error, "cannot %s %s: %s", what, text, why);
}
