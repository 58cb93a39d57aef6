/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/web_tls.h"

#include "cli/options.h"

#include <openssl/err.h>
#include <string.h>

/* RFC 8446 sections 5.1 and 4.1.2, RFC 7301. */
enum {
    RECORD_HANDSHAKE = 22,
    CLIENT_HELLO = 1,
    EXTENSION_ALPN = 16,
    HELLO_FIXED = 2 + 32, /* version, random */
};

/* What is left to read. */
struct part {
    const uint8_t *data;
    size_t size;
};

/* Takes a number of BYTES bytes off; false: there are not so many. */
static bool take_number(struct part *part, unsigned bytes, size_t *number)
{
    if (part->size < bytes)
        return false;
    *number = 0;
    for (unsigned i = 0; i < bytes; i++)
        *number = *number << 8 | part->data[i];
    part->data += bytes;
    part->size -= bytes;
    return true;
}

/* Takes off what a length of LENGTH_BYTES bytes stands before. */
static bool take_part(struct part *part, unsigned length_bytes, struct part *taken)
{
    size_t size;

    if (!take_number(part, length_bytes, &size) || part->size < size)
        return false;
    *taken = (struct part){part->data, size};
    part->data += size;
    part->size -= size;
    return true;
}

static bool offers_http2(struct part protocols)
{
    struct part list, name;

    if (!take_part(&protocols, 2, &list))
        return false;
    while (take_part(&list, 1, &name)) {
        if (name.size == 2 && !memcmp(name.data, "h2", 2))
            return true;
    }
    return false;
}

static bool wants_page(struct part hello)
{
    struct part skipped, extensions, extension;
    size_t type;

    if (hello.size < HELLO_FIXED)
        return false;
    hello.data += HELLO_FIXED;
    hello.size -= HELLO_FIXED;
    /* Session, ciphers, compression. */
    if (!take_part(&hello, 1, &skipped) || !take_part(&hello, 2, &skipped) ||
        !take_part(&hello, 1, &skipped) || !take_part(&hello, 2, &extensions))
        return false;
    while (take_number(&extensions, 2, &type) && take_part(&extensions, 2, &extension)) {
        if (type == EXTENSION_ALPN)
            return offers_http2(extension);
    }
    return false;
}

enum web_hello web_hello_kind(const uint8_t *data, size_t size)
{
    struct part all = {data, size}, record = {0}, hello;
    size_t type, version, message;

    if (size > 0 && data[0] != RECORD_HANDSHAKE)
        return WEB_HELLO_OTHER;
    if (!take_number(&all, 1, &type) || !take_number(&all, 2, &version))
        return WEB_HELLO_INCOMPLETE;
    if (!take_part(&all, 2, &record))
        return size < WEB_HELLO_MAX ? WEB_HELLO_INCOMPLETE : WEB_HELLO_OTHER;
    /* A message in several records is not a browser's. */
    if (!take_number(&record, 1, &message) || message != CLIENT_HELLO ||
        !take_part(&record, 3, &hello))
        return WEB_HELLO_OTHER;
    return wants_page(hello) ? WEB_HELLO_PAGE : WEB_HELLO_OTHER;
}

/* Of what a browser offers, HTTP/1.1 is what there is. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                           const unsigned char *in, unsigned in_size, void *opaque)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;

    (void)ssl;
    (void)opaque;
    if (SSL_select_next_proto(&chosen, out_size, ours, sizeof(ours) - 1, in, in_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int give_password(char *buffer, int size, int writing, void *password)
{
    (void)writing;
    return password ? (int)MIN(g_strlcpy(buffer, password, (gsize)size), (gsize)size - 1) : 0;
}

SSL_CTX *web_tls_create(const char *certificate, const char *key, const char *password,
                        const char *ciphers, GError **error)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    const char *wrong = NULL;

    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    SSL_CTX_set_default_passwd_cb(context, give_password);
    SSL_CTX_set_default_passwd_cb_userdata(context, (void *)password);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
        wrong = certificate;
    else if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        wrong = key;
    else if (ciphers && SSL_CTX_set_cipher_list(context, ciphers) != 1)
        wrong = "tls-ciphers";
    if (wrong) {
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "-spice: tls-port: %s: %s", wrong,
                    reason ? reason : "not usable");
        SSL_CTX_free(context);
        context = NULL;
    }
    ERR_clear_error();
    return context;
}
