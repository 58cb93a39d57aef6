/*
 * What -spice says, told to the server.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/spice_options.h"

#include "config.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

static bool usage(GError **error, const char *text)
{
    g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "-spice: %s", text);
    return false;
}

/* FILE, or NAME in the folder that the options name. */
static char *x509_path(const struct spice_options *options, const char *file, const char *name)
{
    return file ? g_strdup(file)
                : g_build_filename(options->x509_dir ? options->x509_dir : ".", name, NULL);
}

char *spice_options_certificate(const struct spice_options *options)
{
    return x509_path(options, options->x509_cert, "server-cert.pem");
}

char *spice_options_key(const struct spice_options *options)
{
    return x509_path(options, options->x509_key, "server-key.pem");
}

static bool set_tls(const struct spice_options *options, int port, SpiceServer *server,
                    GError **error)
{
    g_autofree char *ca = x509_path(options, options->x509_ca, "ca-cert.pem");
    g_autofree char *certificate = spice_options_certificate(options);
    g_autofree char *key = spice_options_key(options);
    const char *files[] = {ca, certificate, key, options->x509_dh};

    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        if (files[i] && g_access(files[i], R_OK)) {
            g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                        "-spice: tls-port: cannot read %s: %s; see x509-dir and x509-*-file",
                        files[i], g_strerror(errno));
            return false;
        }
    }
    if (spice_server_set_tls(server, port, ca, certificate, key, options->x509_key_password,
                             options->x509_dh, options->tls_ciphers))
        return usage(error, "tls-port: the server does not take these settings");
    return true;
}

static void set_tls_address(const struct spice_options *options, SpiceServer *server)
{
    static const int flags[] = {0, SPICE_ADDR_FLAG_IPV4_ONLY, SPICE_ADDR_FLAG_IPV6_ONLY};

    spice_server_set_addr(server, spice_options_address(options),
                          flags[spice_options_family(options)]);
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

static bool set_security(const struct spice_options *options, int hidden_tls_port,
                         SpiceServer *server, GError **error)
{
    if (options->tls_port &&
        !set_tls(options, hidden_tls_port ? hidden_tls_port : (int)options->tls_port, server,
                 error))
        return false;
    if (hidden_tls_port)
        spice_server_set_addr(server, "127.0.0.1", SPICE_ADDR_FLAG_IPV4_ONLY);
    else if (options->tls_port && !options->unix_socket)
        set_tls_address(options, server);
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

static bool set_pictures(const struct spice_options *options, SpiceServer *server, GError **error)
{
    if (options->image_compression &&
        (spice_server_set_image_compression(server,
                                            (SpiceImageCompression)options->image_compression) ||
         (int)spice_server_get_image_compression(server) != options->image_compression)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "-spice: image-compression: the server was built without %s",
                    spice_option_compressions[options->image_compression]);
        return false;
    }
    if (options->jpeg)
        spice_server_set_jpeg_compression(server, (spice_wan_compression_t)options->jpeg);
    if (options->zlib_glz)
        spice_server_set_zlib_glz_compression(server, (spice_wan_compression_t)options->zlib_glz);
    spice_server_set_seamless_migration(server, options->seamless_migration);
    if (options->streaming_video)
        spice_server_set_streaming_video(server, options->streaming_video);
    return true;
}

static void set_agent(const struct spice_options *options, SpiceServer *server)
{
    if (options->agent_mouse)
        spice_server_set_agent_mouse(server, options->agent_mouse == OPTION_ON);
    if (options->disable_copy_paste)
        spice_server_set_agent_copypaste(server, 0);
    if (options->disable_file_transfer)
        spice_server_set_agent_file_xfer(server, 0);
}

bool spice_options_apply(const struct spice_options *options, int hidden_tls_port,
                         SpiceServer *server, GError **error)
{
    if (!set_security(options, hidden_tls_port, server, error) ||
        !set_pictures(options, server, error) || !spice_features_apply(options, server, error))
        return false;
    set_agent(options, server);
    return true;
}

bool spice_options_apply_late(const struct spice_options *options, SpiceServer *server,
                              GError **error)
{
    /* The list is the server's default until it is initialised. */
    if (!options->video_codecs || !spice_server_set_video_codecs(server, options->video_codecs))
        return true;
    return usage(error, "video-codecs: the server knows none of these; a list of ENCODER:CODEC "
                        "separated by ';', or auto");
}
