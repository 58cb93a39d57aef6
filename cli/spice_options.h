/*
 * -spice and -object secret: where and how the SPICE server listens.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "cli/listen.h"
#include "cli/options.h"

#include <spice.h>

struct spice_options {
    int64_t port; /* -1: not given */
    char *addr;   /* NULL: not given; with unix the socket's path */
    bool ipv4, ipv6, unix_socket;
    enum option_tristate disable_ticketing;
    char *password, *password_secret;
    int image_compression; /* 0: not given; the server's values */
    int streaming_video;
    int64_t tls_port; /* 0: no TLS */
    char *x509_dir;   /* where the files are that are not named; NULL: here */
    char *x509_ca, *x509_cert, *x509_key, *x509_key_password, *x509_dh, *tls_ciphers;
    GPtrArray *tls_channels, *plaintext_channels; /* names, or "default"; NULL: none */
    bool sasl;
    GHashTable *secrets; /* of -object: id to text */
};

void spice_options_init(struct spice_options *options);
void spice_options_finish(struct spice_options *options);
/* TEXT: the value of -spice. */
bool spice_options_parse(const char *text, struct spice_options *options, GError **error);
/* TEXT: the value of -object, secret,id=ID,file=PATH. */
bool spice_options_parse_object(const char *text, struct spice_options *options, GError **error);

/*
 * Listens as the options say; without port and addr on loopback at the first free port from 5930.
 * False as well when others than this machine's users could connect and nothing says who may.
 */
bool spice_options_listen(const struct spice_options *options, struct listener *listener,
                          GError **error);

/*
 * The password that clients must give; *REQUIRED false: none. With *REQUIRED true NULL means that
 * nobody can connect until the monitor sets one. The string stays the options'.
 */
const char *spice_options_password(const struct spice_options *options,
                                   const struct listener *listener, bool *required);

/* Hands what is left to SERVER, before spice_server_init(). */
bool spice_options_apply(const struct spice_options *options, SpiceServer *server, GError **error);
