/*
 * -spice and -object secret: where and how the SPICE server listens.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "cli/listen.h"
#include "cli/options.h"
#include "qxl/card.h"

#include <spice.h>

/* The bits of spice_server_enable_features(), which not every server has. */
enum {
    SPICE_FEATURE_MAJOR2 = 1 << 0,
    SPICE_FEATURE_SURFACES = 1 << 1,
    SPICE_FEATURE_MULTIMONITOR = 1 << 2,
    SPICE_FEATURES_ALL = SPICE_FEATURE_MAJOR2 | SPICE_FEATURE_SURFACES | SPICE_FEATURE_MULTIMONITOR,
};
enum spice_compat { SPICE_COMPAT_CURRENT, SPICE_COMPAT_0_4, SPICE_COMPAT_0_6 };

struct spice_options {
    int64_t port; /* -1: not given */
    char *addr;   /* NULL: not given; with unix the socket's path */
    bool ipv4, ipv6, unix_socket;
    enum option_tristate disable_ticketing;
    char *password, *password_secret;
    int image_compression; /* 0: not given; the server's values */
    int streaming_video;
    int jpeg, zlib_glz; /* 0: not given; spice_wan_compression_t */
    char *video_codecs;
    enum option_tristate agent_mouse;
    bool disable_copy_paste, disable_file_transfer;
    enum option_tristate web; /* a page for browsers, from the same ports */
    char *web_dir;            /* where its files are; NULL: where the package has them */
    int compat;               /* enum spice_compat */
    char *feature_names;
    unsigned features; /* SPICE_FEATURE_*, from the two above */
    int64_t tls_port;  /* 0: no TLS */
    char *x509_dir;    /* where the files are that are not named; NULL: here */
    char *x509_ca, *x509_cert, *x509_key, *x509_key_password, *x509_dh, *tls_ciphers;
    GPtrArray *tls_channels, *plaintext_channels; /* names, or "default"; NULL: none */
    bool sasl;
    bool seamless_migration; /* clients that move take the state of their channels along */
    GHashTable *secrets;     /* of -object: id to text */
};

void spice_options_init(struct spice_options *options);
void spice_options_finish(struct spice_options *options);
/* TEXT: the value of -spice. */
bool spice_options_parse(const char *text, struct spice_options *options, GError **error);

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

/* Turns the page on unless the options say otherwise or there is none. */
void spice_options_offer_page(struct spice_options *options);

/* Where TCP ports are opened. */
enum listen_family spice_options_family(const struct spice_options *options);
const char *spice_options_address(const struct spice_options *options);

/* Where TLS is to be listened on; fd -1: nowhere. */
bool spice_options_listen_tls(const struct spice_options *options, struct listener *listener,
                              GError **error);

/* Files in PEM; g_free. */
char *spice_options_certificate(const struct spice_options *options);
char *spice_options_key(const struct spice_options *options);

/*
 * Hands what is left to SERVER, before spice_server_init(). HIDDEN_TLS_PORT: where the server is to
 * listen on the loopback address instead of where the options say; 0: as they say.
 */
bool spice_options_apply(const struct spice_options *options, int hidden_tls_port,
                         SpiceServer *server, GError **error);
/* What a server takes only after spice_server_init(). */
bool spice_options_apply_late(const struct spice_options *options, SpiceServer *server,
                              GError **error);

/* spice_features.c: sets the field from compat and feature_names. */
bool spice_features_parse(struct spice_options *options, GError **error);
bool spice_features_apply(const struct spice_options *options, SpiceServer *server, GError **error);
/* A card on such a server: without surfaces revision 1, without multimonitor one head. */
bool spice_features_limit_card(const struct spice_options *options, struct qxl_config *config,
                               GError **error);

extern const char *const spice_option_compressions[]; /* by the server's numbers */
