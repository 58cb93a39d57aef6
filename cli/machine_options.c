/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/machine_options.h"

#include "cli/secret_options.h"
#include "cli/tls_creds.h"

#include <string.h>

static void free_device(void *device)
{
    device_options_finish(device);
    g_free(device);
}

static void free_socket(void *socket)
{
    char_socket_options_free(socket);
}

void machine_options_init(struct machine_options *options)
{
    *options = (struct machine_options){
        .devices = g_ptr_array_new_with_free_func(free_device),
        .monitors = g_ptr_array_new_with_free_func(g_free),
        .sockets = g_ptr_array_new_with_free_func(free_socket),
        .tls_creds = tls_creds_table_create(),
    };
    spice_options_init(&options->spice);
}

void machine_options_finish(struct machine_options *options)
{
    spice_options_finish(&options->spice);
    g_ptr_array_unref(options->devices);
    g_ptr_array_unref(options->monitors);
    g_ptr_array_unref(options->sockets);
    g_hash_table_unref(options->tls_creds);
    g_free(options->name);
    g_free(options->pidfile);
    g_free(options->log_file);
    g_free(options->record);
}

struct device_options *machine_options_add_device(struct machine_options *options)
{
    struct device_options *device = g_new(struct device_options, 1);

    device_options_init(device);
    g_ptr_array_add(options->devices, device);
    return device;
}

static bool apply_spice(void *target, const char *value, GError **error)
{
    struct machine_options *options = target;
    return spice_options_parse(value, &options->spice, error);
}

static bool apply_object(void *target, const char *value, GError **error)
{
    struct machine_options *options = target;

    if (g_str_has_prefix(value, TLS_CREDS_TYPE))
        return tls_creds_parse(options->tls_creds, value, error);
    return secret_table_parse(options->spice.secrets, value, error);
}

static bool apply_device(void *target, const char *value, GError **error)
{
    return device_options_parse(value, machine_options_add_device(target), error);
}

struct monitor_values {
    char *address;
    bool server, wait;
};

static const struct option_key monitor_keys[] = {
    {"path", OPTION_STRING, offsetof(struct monitor_values, address), 0, 0, NULL, NULL},
    {"server", OPTION_BOOL, offsetof(struct monitor_values, server), 0, 0, NULL, NULL},
    {"wait", OPTION_BOOL, offsetof(struct monitor_values, wait), 0, 0, NULL, NULL},
    OPTION_END,
};

static bool apply_qmp(void *target, const char *value, GError **error)
{
    struct machine_options *options = target;
    struct monitor_values values = {.server = true};
    const char *wrong = NULL;

    if (!option_list_parse("-qmp", value, monitor_keys, "path", &values, error)) {
        option_list_clear(monitor_keys, &values);
        return false;
    }
    if (!values.address || !g_str_has_prefix(values.address, "unix:") || !values.address[5])
        wrong = "the monitor listens on a unix socket only: unix:PATH";
    else if (!values.server)
        wrong = "server=off is not available: the monitor always listens";
    else if (values.wait)
        wrong = "wait=on is not available; -S waits for the monitor's cont";
    else
        g_ptr_array_add(options->monitors, g_strdup(values.address + 5));
    option_list_clear(monitor_keys, &values);
    if (wrong)
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "-qmp: %s", wrong);
    return !wrong;
}

struct name_values {
    char *guest;
    bool debug_threads;
};

static const struct option_key name_keys[] = {
    {"guest", OPTION_STRING, offsetof(struct name_values, guest), 0, 0, NULL, NULL},
    {"debug-threads", OPTION_BOOL, offsetof(struct name_values, debug_threads), 0, 0, NULL, NULL},
    OPTION_END,
};

static bool apply_name(void *target, const char *value, GError **error)
{
    struct machine_options *options = target;
    struct name_values values = {0};
    bool good = option_list_parse("-name", value, name_keys, "guest", &values, error);

    if (good && values.guest) {
        g_free(options->name);
        options->name = g_steal_pointer(&values.guest);
    }
    option_list_clear(name_keys, &values);
    return good;
}

static bool apply_uuid(void *target, const char *value, GError **error)
{
    struct machine_options *options = target;
    unsigned digits = 0;

    if (!g_uuid_string_is_valid(value)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "-uuid: '%s' does not have the form "
                    "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
                    value);
        return false;
    }
    memset(options->uuid, 0, sizeof(options->uuid));
    for (; *value; value++) {
        if (*value == '-')
            continue;
        int digit = g_ascii_xdigit_value(*value);
        options->uuid[digits / 2] |= (uint8_t)(digits % 2 ? digit : digit << 4);
        digits++;
    }
    options->has_uuid = true;
    return true;
}

static bool apply_display(void *target, const char *value, GError **error)
{
    struct machine_options *options = target;

    options->window = !strcmp(value, "sdl");
    if (options->window || !strcmp(value, "none"))
        return true;
    g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                "-display: '%s' is not available, only sdl and none", value);
    return false;
}

static bool apply_debug(void *target, const char *value, GError **error)
{
    g_auto(GStrv) items = g_strsplit(value, ",", -1);
    const char *unknown = *items ? NULL : "";

    for (char **item = items; *item; item++) {
        if (strcmp(*item, "guest_errors"))
            unknown = *item;
    }
    if (unknown) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "-d: unknown item '%s'; valid items: guest_errors", unknown);
        return false;
    }
    return ((struct machine_options *)target)->guest_errors = true;
}

static bool add_socket(struct machine_options *options, enum char_socket_kind kind,
                       const char *value, GError **error)
{
    struct char_socket_options *socket = char_socket_options_parse(kind, value, error);

    if (socket)
        g_ptr_array_add(options->sockets, socket);
    return socket;
}

static bool apply_agent(void *target, const char *value, GError **error)
{
    struct machine_options *options = target;

    for (guint i = 0; i < options->sockets->len; i++) {
        const struct char_socket_options *socket = g_ptr_array_index(options->sockets, i);
        if (socket->kind == CHAR_SOCKET_AGENT) {
            g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "-agent: a guest has one agent");
            return false;
        }
    }
    return add_socket(options, CHAR_SOCKET_AGENT, value, error);
}

static bool apply_port(void *target, const char *value, GError **error)
{
    return add_socket(target, CHAR_SOCKET_PORT, value, error);
}

static bool apply_usbredir(void *target, const char *value, GError **error)
{
    return add_socket(target, CHAR_SOCKET_USBREDIR, value, error);
}

static bool apply_webdav(void *target, const char *value, GError **error)
{
    return add_socket(target, CHAR_SOCKET_WEBDAV, value, error);
}

static void set_string(char **string, const char *value)
{
    g_free(*string);
    *string = g_strdup(value);
}

static bool apply_log_file(void *target, const char *value, GError **error)
{
    (void)error;
    set_string(&((struct machine_options *)target)->log_file, value);
    return true;
}

static bool apply_pidfile(void *target, const char *value, GError **error)
{
    (void)error;
    set_string(&((struct machine_options *)target)->pidfile, value);
    return true;
}

static bool apply_record(void *target, const char *value, GError **error)
{
    (void)error;
    set_string(&((struct machine_options *)target)->record, value);
    return true;
}

static bool apply_daemonize(void *target, const char *value, GError **error)
{
    (void)value;
    (void)error;
    return ((struct machine_options *)target)->daemonize = true;
}

static bool apply_paused(void *target, const char *value, GError **error)
{
    (void)value;
    (void)error;
    return ((struct machine_options *)target)->paused = true;
}

const struct command_option machine_command_options[] = {
    {"spice", "KEY=VALUE,...",
     "port=N (0: any free one), addr=ADDRESS, ipv4=on, ipv6=on, unix=on with addr=PATH,\n"
     "password-secret=ID, password=TEXT, disable-ticketing=on|off, image-compression=...,\n"
     "streaming-video=..., seamless-migration=on|off, ...; see cassia(1);\n"
     "default: 127.0.0.1, the first free port from 5930, no password",
     apply_spice},
    {"object", "secret,id=ID,file=PATH", "a password for -spice password-secret=ID", apply_object},
    {"object", TLS_CREDS_TYPE ",id=ID,dir=DIR[,endpoint=client|server][,verify-peer=on|off]",
     "certificates for migrations (parameter tls-creds)", apply_object},
    {"device", "qxl|qxl-vga,...",
     "the card: id, ram_size_mb, vram_size_mb, vram64_size_mb, vgamem_mb, revision (1-5),\n"
     "surfaces, max_outputs, guestdebug, xres, yres; default: qxl",
     apply_device},
    {"qmp", "unix:PATH,server=on,wait=off", "a monitor; may be given more than once", apply_qmp},
    {"agent", "PATH[,server=on|off][,reconnect-ms=N]",
     "the guest agent of a guest in another monitor, by a unix socket: clipboard, files, mouse",
     apply_agent},
    {"usbredir", "PATH[,server=on|off][,reconnect-ms=N]",
     "one of its USB ports; may be given more than once", apply_usbredir},
    {"port", "name=NAME,path=PATH[,server=on|off][,reconnect-ms=N]",
     "one of its other ports; may be given more than once", apply_port},
    {"webdav", "PATH[,server=on|off][,reconnect-ms=N]", "its shared folder", apply_webdav},
    {"name", "NAME", "the machine's name, shown by clients", apply_name},
    {"uuid", "UUID", "the machine's UUID, told to clients", apply_uuid},
    {"S", NULL, "start paused; the monitor's cont starts", apply_paused},
    {"display", "sdl|none",
     "sdl: show the card in a window here, which ends the program when it is closed;\n"
     "default: none, connect a SPICE client",
     apply_display},
    {"record", "FILE", "record what the cards show, for cassia replay", apply_record},
    {"d", "guest_errors", "log what the guest does wrong", apply_debug},
    {"D", "FILE", "append the log to FILE instead of standard error", apply_log_file},
    {"pidfile", "FILE", "write the process id to FILE while running", apply_pidfile},
    {"daemonize", NULL, "go to the background once everything listens", apply_daemonize},
    {NULL, NULL, NULL, NULL},
};
