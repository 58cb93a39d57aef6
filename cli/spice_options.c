/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/spice_options.h"

#include "config.h"

#include <glib/gstdio.h>
#include <string.h>

#define DEFAULT_ADDRESS "127.0.0.1"
#define DEFAULT_PORT    5930
#define DEFAULT_TRIES   64
#define PASSWORD_MAX    59 /* what a server really takes, server-abi.md section 1.7.2 */

/* In the order of the server's enumerations, 0 is the one that says nothing. */
static const char *const compressions[] = {"default", "off", "auto_glz", "auto_lz", "quic",
                                           "glz",     "lz",  "lz4",      NULL};
static const char *const streamings[] = {"default", "off", "all", "filter", NULL};

#define NO_AGENT "there is no channel to a guest agent yet"
#define NO_GL    "nothing is rendered by OpenGL here"

#define FIELD(field) offsetof(struct spice_options, field)
#define REFUSE(name, why)                                                                          \
    {                                                                                              \
        name, OPTION_REFUSED, 0, 0, 0, NULL, why                                                   \
    }
static const struct option_key keys[] = {
    {"port", OPTION_NUMBER, FIELD(port), 0, 65535, NULL, NULL},
    {"addr", OPTION_STRING, FIELD(addr), 0, 0, NULL, NULL},
    {"ipv4", OPTION_BOOL, FIELD(ipv4), 0, 0, NULL, NULL},
    {"ipv6", OPTION_BOOL, FIELD(ipv6), 0, 0, NULL, NULL},
    {"unix", OPTION_BOOL, FIELD(unix_socket), 0, 0, NULL, NULL},
    {"disable-ticketing", OPTION_TRISTATE, FIELD(disable_ticketing), 0, 0, NULL, NULL},
    {"password", OPTION_STRING, FIELD(password), 0, 0, NULL, NULL},
    {"password-secret", OPTION_STRING, FIELD(password_secret), 0, 0, NULL, NULL},
    {"image-compression", OPTION_CHOICE, FIELD(image_compression), 0, 0, compressions, NULL},
    {"streaming-video", OPTION_CHOICE, FIELD(streaming_video), 0, 0, streamings, NULL},
    {"tls-port", OPTION_NUMBER, FIELD(tls_port), 1, 65535, NULL, NULL},
    {"tls-channel", OPTION_STRINGS, FIELD(tls_channels), 0, 0, NULL, NULL},
    {"plaintext-channel", OPTION_STRINGS, FIELD(plaintext_channels), 0, 0, NULL, NULL},
    {"tls-ciphers", OPTION_STRING, FIELD(tls_ciphers), 0, 0, NULL, NULL},
    {"x509-dir", OPTION_STRING, FIELD(x509_dir), 0, 0, NULL, NULL},
    {"x509-key-file", OPTION_STRING, FIELD(x509_key), 0, 0, NULL, NULL},
    {"x509-key-password", OPTION_STRING, FIELD(x509_key_password), 0, 0, NULL, NULL},
    {"x509-cert-file", OPTION_STRING, FIELD(x509_cert), 0, 0, NULL, NULL},
    {"x509-cacert-file", OPTION_STRING, FIELD(x509_ca), 0, 0, NULL, NULL},
    {"x509-dh-key-file", OPTION_STRING, FIELD(x509_dh), 0, 0, NULL, NULL},
    {"sasl", OPTION_BOOL, FIELD(sasl), 0, 0, NULL, NULL},
    REFUSE("seamless-migration", "clients cannot be moved to another server yet"),
    REFUSE("jpeg-wan-compression", "the server chooses"),
    REFUSE("zlib-glz-wan-compression", "the server chooses"),
    REFUSE("agent-mouse", NO_AGENT),
    REFUSE("disable-copy-paste", NO_AGENT),
    REFUSE("disable-agent-file-xfer", NO_AGENT),
    REFUSE("playback-compression", "there is no sound yet"),
    REFUSE("gl", NO_GL),
    REFUSE("rendernode", NO_GL),
    REFUSE("video-codecs", "the server chooses"),
    REFUSE("max-refresh-rate", "the guest sets the pace"),
    OPTION_END,
};

static bool usage(GError **error, const char *text)
{
    g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "-spice: %s", text);
    return false;
}

/* Strings that held a password do not stay in freed memory. */
static void free_secret(void *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    g_free(secret);
}

void spice_options_init(struct spice_options *options)
{
    *options = (struct spice_options){
        .port = -1, .secrets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_secret)};
}

void spice_options_finish(struct spice_options *options)
{
    g_clear_pointer(&options->password, free_secret);
    g_clear_pointer(&options->x509_key_password, free_secret);
    option_list_clear(keys, options);
    g_clear_pointer(&options->secrets, g_hash_table_unref);
}

bool spice_options_parse(const char *text, struct spice_options *options, GError **error)
{
    if (!option_list_parse("-spice", text, keys, NULL, options, error))
        return false;
    if (options->unix_socket && (!options->addr || options->port >= 0))
        return usage(error, "unix=on takes addr=PATH and no port");
    if (options->ipv4 && options->ipv6)
        return usage(error, "ipv4 and ipv6 exclude each other; give neither for both families");
    if (options->password && options->password_secret)
        return usage(error, "password and password-secret exclude each other");
    if (!options->tls_port && options->tls_channels)
        return usage(error, "tls-channel needs tls-port");
    if (options->password && strlen(options->password) > PASSWORD_MAX)
        return usage(error, "password: longer than " G_STRINGIFY(PASSWORD_MAX) " bytes");
    return true;
}

struct secret {
    char *type, *id, *file, *data;
};

static const struct option_key secret_keys[] = {
    {"qom-type", OPTION_STRING, offsetof(struct secret, type), 0, 0, NULL, NULL},
    {"id", OPTION_STRING, offsetof(struct secret, id), 0, 0, NULL, NULL},
    {"file", OPTION_STRING, offsetof(struct secret, file), 0, 0, NULL, NULL},
    {"data", OPTION_STRING, offsetof(struct secret, data), 0, 0, NULL, NULL},
    REFUSE("format", "a secret is taken as it is"),
    REFUSE("keyid", "secrets are not encrypted; use file=PATH with mode 600"),
    REFUSE("iv", "secrets are not encrypted; use file=PATH with mode 600"),
    OPTION_END,
};

static bool read_secret(const struct secret *secret, char **text, GError **error)
{
    size_t size;

    if (!secret->file) {
        *text = g_strdup(secret->data);
        return true;
    }
    if (!g_file_get_contents(secret->file, text, &size, error)) {
        g_prefix_error(error, "-object: file: ");
        return false;
    }
    /* An editor's or echo's line end is not meant to be typed. */
    if (size && (*text)[size - 1] == '\n')
        (*text)[--size] = '\0';
    if (size > PASSWORD_MAX || strlen(*text) != size) {
        free_secret(*text);
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "-object: file: %s does not hold one line of at most %d bytes", secret->file,
                    PASSWORD_MAX);
        return false;
    }
    return true;
}

bool spice_options_parse_object(const char *text, struct spice_options *options, GError **error)
{
    struct secret secret = {0};
    char *value;
    bool good = option_list_parse("-object", text, secret_keys, "qom-type", &secret, error);

    if (good && (!secret.type || strcmp(secret.type, "secret") || !secret.id ||
                 !secret.file == !secret.data)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "-object: takes secret,id=ID,file=PATH or secret,id=ID,data=TEXT");
        good = false;
    }
    good = good && read_secret(&secret, &value, error);
    if (good)
        g_hash_table_insert(options->secrets, g_strdup(secret.id), value);
    option_list_clear(secret_keys, &secret);
    return good;
}

bool spice_options_listen(const struct spice_options *options, struct listener *listener,
                          GError **error)
{
    enum listen_family family = options->ipv4   ? LISTEN_IPV4
                                : options->ipv6 ? LISTEN_IPV6
                                                : LISTEN_ANY;
    bool open = options->disable_ticketing == OPTION_UNSET && !options->password &&
                !options->password_secret && !options->sasl;

    if (options->password_secret &&
        !g_hash_table_contains(options->secrets, options->password_secret)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "-spice: password-secret: there is no -object secret,id=%s,...",
                    options->password_secret);
        *listener = (struct listener){.fd = -1};
        return false;
    }
    if (options->unix_socket)
        return listen_unix(listener, options->addr, error);

    const char *address = options->addr           ? options->addr
                          : family == LISTEN_IPV6 ? "::1"
                                                  : DEFAULT_ADDRESS;
    if (!listen_tcp(listener, address, options->port < 0 ? DEFAULT_PORT : (int)options->port,
                    options->port < 0 ? DEFAULT_TRIES : 1, family, error))
        return false;
    if (open && !listener->loopback) {
        listener_finish(listener);
        return usage(error, "everybody who reaches this address could connect: add "
                            "password-secret=ID (see -object), or disable-ticketing=on if that is "
                            "meant, or disable-ticketing=off to set a password by the monitor");
    }
    return true;
}

const char *spice_options_password(const struct spice_options *options,
                                   const struct listener *listener, bool *required)
{
    const char *password = options->password;

    if (options->password_secret)
        password = g_hash_table_lookup(options->secrets, options->password_secret);
    if (options->disable_ticketing == OPTION_UNSET)
        *required = password || !listener->loopback;
    else
        *required = options->disable_ticketing == OPTION_OFF;
    return *required ? password : NULL;
}

/* Our own server sends images as they are or LZ4, and no video. */
static bool check_available(const struct spice_options *options, GError **error)
{
#ifdef HAVE_EMBEDDED_SPICE
    if (options->image_compression && options->image_compression != SPICE_IMAGE_COMPRESSION_OFF &&
        options->image_compression != SPICE_IMAGE_COMPRESSION_LZ4)
        return usage(error, "image-compression: this server has off and lz4 only, yet");
    if (options->streaming_video > SPICE_STREAM_VIDEO_OFF)
        return usage(error, "streaming-video: this server has off only, yet");
#else
    (void)options;
    (void)error;
#endif
    return true;
}

/* FILE, or NAME in the folder that the options name. */
static char *x509_path(const struct spice_options *options, const char *file, const char *name)
{
    return file ? g_strdup(file)
                : g_build_filename(options->x509_dir ? options->x509_dir : ".", name, NULL);
}

static bool set_tls(const struct spice_options *options, SpiceServer *server, GError **error)
{
    g_autofree char *ca = x509_path(options, options->x509_ca, "ca-cert.pem");
    g_autofree char *cert = x509_path(options, options->x509_cert, "server-cert.pem");
    g_autofree char *key = x509_path(options, options->x509_key, "server-key.pem");
    const char *files[] = {ca, cert, key, options->x509_dh};

    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        if (files[i] && g_access(files[i], R_OK)) {
            g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                        "-spice: tls-port: cannot read %s: %s; see x509-dir and x509-*-file",
                        files[i], g_strerror(errno));
            return false;
        }
    }
    if (spice_server_set_tls(server, (int)options->tls_port, ca, cert, key,
                             options->x509_key_password, options->x509_dh, options->tls_ciphers))
        return usage(error, "tls-port: the server does not take these settings");
    if (!options->unix_socket)
        spice_server_set_addr(server, options->addr ? options->addr : DEFAULT_ADDRESS,
                              options->ipv4   ? SPICE_ADDR_FLAG_IPV4_ONLY
                              : options->ipv6 ? SPICE_ADDR_FLAG_IPV6_ONLY
                                              : 0);
    return true;
}

static bool set_channels(SpiceServer *server, const char *key, const GPtrArray *names, int security,
                         GError **error)
{
    for (guint i = 0; names && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);

        if (spice_server_set_channel_security(server, strcmp(name, "default") ? name : NULL,
                                              security)) {
            g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                        "-spice: %s: '%s' is no channel: default, main, display, inputs, cursor, "
                        "playback, record, smartcard, usbredir, port or webdav",
                        key, name);
            return false;
        }
    }
    return true;
}

static bool set_security(const struct spice_options *options, SpiceServer *server, GError **error)
{
    if (options->tls_port && !set_tls(options, server, error))
        return false;
    /* Who names only the TLS port does not want anything in plain text. */
    if (options->tls_port && options->port < 0 && !options->unix_socket)
        spice_server_set_channel_security(server, NULL, SPICE_CHANNEL_SECURITY_SSL);
    if (!set_channels(server, "tls-channel", options->tls_channels, SPICE_CHANNEL_SECURITY_SSL,
                      error) ||
        !set_channels(server, "plaintext-channel", options->plaintext_channels,
                      SPICE_CHANNEL_SECURITY_NONE, error))
        return false;
    if (options->sasl && spice_server_set_sasl(server, 1))
        return usage(error, "sasl: the server was built without SASL; use password-secret");
    return true;
}

bool spice_options_apply(const struct spice_options *options, SpiceServer *server, GError **error)
{
    if (!check_available(options, error) || !set_security(options, server, error))
        return false;
    if (options->image_compression &&
        (spice_server_set_image_compression(server,
                                            (SpiceImageCompression)options->image_compression) ||
         (int)spice_server_get_image_compression(server) != options->image_compression)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "-spice: image-compression: the server was built without %s",
                    compressions[options->image_compression]);
        return false;
    }
    if (options->streaming_video)
        spice_server_set_streaming_video(server, options->streaming_video);
    return true;
}
