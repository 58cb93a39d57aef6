/*
 * TLS for the page: who comes, by the first message, and a context of our own.
 *
 * A browser that wants a page says that it could do HTTP/2 as well (ALPN "h2"); one that opens a
 * WebSocket does not, and a SPICE client names no protocol. So it can be told before a single byte
 * is taken, and the server gets its clients as they came.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A longest first record: header and 16 KiB. */
#define WEB_HELLO_MAX (5 + 16384)

enum web_hello { WEB_HELLO_INCOMPLETE, WEB_HELLO_PAGE, WEB_HELLO_OTHER };

/* What the SIZE bytes that have come so far are the beginning of. */
enum web_hello web_hello_kind(const uint8_t *data, size_t size);

/* NULL and ERROR: the files do not do. PASSWORD: of the key, or NULL. */
SSL_CTX *web_tls_create(const char *certificate, const char *key, const char *password,
                        const char *ciphers, GError **error);
