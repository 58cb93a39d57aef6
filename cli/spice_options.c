/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/spice_options.h"

#include "cli/secret_options.h"
#include "cli/web_page.h"

#include <string.h>

#define DEFAULT_PORT  5930
#define DEFAULT_TRIES 64

/* In the order of the server's enumerations, 0 is the one that says nothing. */
const char *const spice_option_compressions[] = {"default", "off", "auto_glz", "auto_lz", "quic",
                                                 "glz",     "lz",  "lz4",      NULL};
static const char *const streamings[] = {"default", "off", "all", "filter", NULL};
static const char *const wan_compressions[] = {"default", "auto", "always", "never", NULL};
static const char *const releases[] = {"current", "0.4", "0.6", NULL};

#define NO_GL    "nothing is rendered by OpenGL here"
#define NO_SOUND "there is no sound device here"
#define ALL_SEEN "clients see every card, each as a display of its own"

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
    {"image-compression", OPTION_CHOICE, FIELD(image_compression), 0, 0, spice_option_compressions,
     NULL},
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
    {"seamless-migration", OPTION_BOOL, FIELD(seamless_migration), 0, 0, NULL, NULL},
    {"jpeg-wan-compression", OPTION_CHOICE, FIELD(jpeg), 0, 0, wan_compressions, NULL},
    {"zlib-glz-wan-compression", OPTION_CHOICE, FIELD(zlib_glz), 0, 0, wan_compressions, NULL},
    {"video-codecs", OPTION_STRING, FIELD(video_codecs), 0, 0, NULL, NULL},
    {"agent-mouse", OPTION_TRISTATE, FIELD(agent_mouse), 0, 0, NULL, NULL},
    {"disable-copy-paste", OPTION_BOOL, FIELD(disable_copy_paste), 0, 0, NULL, NULL},
    {"disable-agent-file-xfer", OPTION_BOOL, FIELD(disable_file_transfer), 0, 0, NULL, NULL},
    {"web", OPTION_TRISTATE, FIELD(web), 0, 0, NULL, NULL},
    {"web-dir", OPTION_STRING, FIELD(web_dir), 0, 0, NULL, NULL},
    {"compat", OPTION_CHOICE, FIELD(compat), 0, 0, releases, NULL},
    {"features", OPTION_STRING, FIELD(feature_names), 0, 0, NULL, NULL},
    REFUSE("playback-compression", NO_SOUND),
    REFUSE("gl", NO_GL),
    REFUSE("rendernode", NO_GL),
    REFUSE("max-refresh-rate", NO_GL ", and otherwise the guest sets the pace"),
    REFUSE("display", ALL_SEEN),
    REFUSE("head", ALL_SEEN),
    OPTION_END,
};

static bool usage(GError **error, const char *text)
{
    g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "-spice: %s", text);
    return false;
}

void spice_options_init(struct spice_options *options)
{
    *options = (struct spice_options){
        .port = -1, .features = SPICE_FEATURES_ALL, .secrets = secret_table_create()};
}

void spice_options_finish(struct spice_options *options)
{
    g_clear_pointer(&options->password, secret_free);
    g_clear_pointer(&options->x509_key_password, secret_free);
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
    if (options->password && strlen(options->password) > SPICE_PASSWORD_MAX)
        return usage(error, "password: longer than " G_STRINGIFY(SPICE_PASSWORD_MAX) " bytes");
    if (options->web_dir && options->web != OPTION_ON)
        return usage(error, "web-dir needs web=on");
    if (options->web == OPTION_ON && options->unix_socket)
        return usage(error, "web=on needs a port: browsers do not connect to unix sockets");
    return spice_features_parse(options, error);
}

void spice_options_offer_page(struct spice_options *options)
{
    if (options->web == OPTION_UNSET && !options->unix_socket && web_page_exists(NULL))
        options->web = OPTION_ON;
}

enum listen_family spice_options_family(const struct spice_options *options)
{
    return options->ipv4 ? LISTEN_IPV4 : options->ipv6 ? LISTEN_IPV6 : LISTEN_ANY;
}

const char *spice_options_address(const struct spice_options *options)
{
    return options->addr ? options->addr : options->ipv6 ? "::1" : "127.0.0.1";
}

bool spice_options_listen(const struct spice_options *options, struct listener *listener,
                          GError **error)
{
    enum listen_family family = spice_options_family(options);
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

    if (!listen_tcp(listener, spice_options_address(options),
                    options->port < 0 ? DEFAULT_PORT : (int)options->port,
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

bool spice_options_listen_tls(const struct spice_options *options, struct listener *listener,
                              GError **error)
{
    *listener = (struct listener){.fd = -1};
    return !options->tls_port ||
           listen_tcp(listener, spice_options_address(options), (int)options->tls_port, 1,
                      spice_options_family(options), error);
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
