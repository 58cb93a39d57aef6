/*
 * TLS under a stream: the server's certificate and settings, and the layer.
 *
 * Facts: spice-wire.md section 1.6. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/stream.h"

/* Paths of PEM files and the rest of spice_server_set_tls(); all strings are the holder's. */
struct tls_settings {
    char *ca, *certificates, *key;
    char *key_password; /* or NULL */
    char *dh;           /* parameters; or NULL: as strong as the certificate asks for */
    char *ciphers;      /* OpenSSL's list syntax, TLS 1.3 suites by name; or NULL */
};
void tls_settings_finish(struct tls_settings *settings);

struct tls_context;

/* Reads the files. NULL, with a warning that names the file or setting, when one is no good. */
struct tls_context *tls_context_create(const struct tls_settings *settings);
void tls_context_destroy(struct tls_context *context); /* after its streams; NULL is allowed */

enum tls_progress {
    TLS_DONE,
    TLS_WANTS_READ,
    TLS_WANTS_WRITE,
    TLS_FAILED,
};

/* Puts TLS on top of STREAM, which must have nothing on it yet; the handshake is to follow. */
struct stream_layer *tls_push(struct tls_context *context, struct stream *stream);
/* Goes on with the handshake of the layer that tls_push() returned. *REASON (g_free) with
 * TLS_FAILED. */
enum tls_progress tls_handshake(struct stream_layer *layer, char **reason);
/* Strength of the cipher in bits. */
int tls_strength(const struct stream_layer *layer);
