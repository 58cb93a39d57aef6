/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>

/* Largest plain text of a record; pieces are collected up to it. */
#define RECORD_BYTES SSL3_RT_MAX_PLAIN_LENGTH

struct tls_context {
    SSL_CTX *ssl;
    BIO_METHOD *transport; /* how OpenSSL reaches the layer below */
};

struct tls_layer {
    struct stream_layer base;
    struct stream *stream;
    SSL *ssl;
    bool open;   /* the handshake is done */
    bool ended;  /* the peer has closed the layer below */
    bool broken; /* after a fatal error OpenSSL must not be asked for anything */
};

void tls_settings_finish(struct tls_settings *settings)
{
    g_free(settings->ca);
    g_free(settings->certificates);
    g_free(settings->key);
    if (settings->key_password != NULL) {
        OPENSSL_cleanse(settings->key_password, strlen(settings->key_password));
    }
    g_free(settings->key_password);
    g_free(settings->dh);
    g_free(settings->ciphers);
    *settings = (struct tls_settings){0};
}

/* The oldest error in OpenSSL's queue, which is emptied. */
static char *take_error(void)
{
    unsigned long code = ERR_get_error();
    char text[256];

    if (code == 0) {
        return NULL;
    }
    ERR_clear_error();
    ERR_error_string_n(code, text, sizeof(text));
    return g_strdup(text);
}

static bool bad_setting(const char *what, const char *value)
{
    char *reason = take_error();

    g_warning("TLS: %s '%s' cannot be used: %s", what, value, reason ? reason : "unknown reason");
    g_free(reason);
    return false;
}

/* Transport between OpenSSL and the layer below: no SIGPIPE, and other layers than sockets. */

static int transport_read(BIO *bio, char *data, int size)
{
    struct tls_layer *layer = BIO_get_data(bio);
    ssize_t n = stream_layer_read(&layer->base, data, (size_t)size);

    BIO_clear_retry_flags(bio);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        BIO_set_retry_read(bio);
    }
    layer->ended = n == 0;
    return (int)n;
}

static int transport_write(BIO *bio, const char *data, int size)
{
    struct tls_layer *layer = BIO_get_data(bio);
    struct iovec piece = {(char *)data, (size_t)size};
    ssize_t n = stream_layer_writev(&layer->base, &piece, 1);

    BIO_clear_retry_flags(bio);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        BIO_set_retry_write(bio);
    }
    return (int)n;
}

static long transport_control(BIO *bio, int command, long number G_GNUC_UNUSED,
                              void *pointer G_GNUC_UNUSED)
{
    const struct tls_layer *layer = BIO_get_data(bio);

    return command == BIO_CTRL_EOF ? layer->ended : command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *create_transport(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "spice stream");

    BIO_meth_set_read(method, transport_read);
    BIO_meth_set_write(method, transport_write);
    BIO_meth_set_ctrl(method, transport_control);
    return method;
}

/* Settings. */

static int give_password(char *out, int size, int encrypting G_GNUC_UNUSED, void *opaque)
{
    const char *password = opaque;
    size_t length = password != NULL ? strlen(password) : 0;

    if (length > (size_t)size) {
        return -1;
    }
    memcpy(out, password != NULL ? password : "", length);
    return (int)length;
}

/* OpenSSL wants TLS 1.3's suites apart from the others. */
static bool set_ciphers(SSL_CTX *ssl, const char *ciphers)
{
    char **names = g_strsplit(ciphers, ":", -1);
    GString *older = g_string_new(NULL), *suites = g_string_new(NULL);
    bool set = true;

    for (char **name = names; *name != NULL; name++) {
        GString *list = g_str_has_prefix(*name, "TLS_") ? suites : older;

        g_string_append_printf(list, "%s%s", list->len > 0 ? ":" : "", *name);
    }
    if (older->len > 0) {
        set = SSL_CTX_set_cipher_list(ssl, older->str) == 1;
    }
    if (suites->len > 0) {
        set = set && SSL_CTX_set_ciphersuites(ssl, suites->str) == 1;
    }
    g_string_free(older, TRUE);
    g_string_free(suites, TRUE);
    g_strfreev(names);
    return set;
}

static bool set_dh(SSL_CTX *ssl, const char *path)
{
    BIO *file;
    EVP_PKEY *parameters;

    if (path == NULL) {
        SSL_CTX_set_dh_auto(ssl, 1);
        return true;
    }
    file = BIO_new_file(path, "r");
    parameters = file != NULL ? PEM_read_bio_Parameters(file, NULL) : NULL;
    BIO_free(file);
    if (parameters == NULL || SSL_CTX_set0_tmp_dh_pkey(ssl, parameters) != 1) {
        EVP_PKEY_free(parameters);
        return false;
    }
    return true;
}

static bool apply(SSL_CTX *ssl, const struct tls_settings *settings)
{
    static const unsigned char session_context[] = "SPICE";

    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(ssl, 0);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(ssl, session_context, sizeof(session_context) - 1);
    /* Data is offered again after EAGAIN, but maybe from another place, and more of it. */
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    if (SSL_CTX_use_certificate_chain_file(ssl, settings->certificates) != 1) {
        return bad_setting("certificate file", settings->certificates);
    }
    SSL_CTX_set_default_passwd_cb(ssl, give_password);
    SSL_CTX_set_default_passwd_cb_userdata(ssl, settings->key_password);
    if (SSL_CTX_use_PrivateKey_file(ssl, settings->key, SSL_FILETYPE_PEM) != 1) {
        return bad_setting("private key file", settings->key);
    }
    SSL_CTX_set_default_passwd_cb_userdata(ssl, NULL);
    if (SSL_CTX_load_verify_file(ssl, settings->ca) != 1) {
        return bad_setting("CA certificate file", settings->ca);
    }
    if (!set_dh(ssl, settings->dh)) {
        return bad_setting("DH parameter file", settings->dh);
    }
    if (settings->ciphers != NULL && !set_ciphers(ssl, settings->ciphers)) {
        return bad_setting("cipher list", settings->ciphers);
    }
    return true;
}

struct tls_context *tls_context_create(const struct tls_settings *settings)
{
    struct tls_context *context = g_new0(struct tls_context, 1);

    ERR_clear_error();
    context->transport = create_transport();
    context->ssl = SSL_CTX_new(TLS_server_method());
    if (context->ssl == NULL || !apply(context->ssl, settings)) {
        tls_context_destroy(context);
        return NULL;
    }
    return context;
}

void tls_context_destroy(struct tls_context *context)
{
    if (context == NULL) {
        return;
    }
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->transport);
    g_free(context);
}

/* The layer. */

/* errno for a failed call of OpenSSL, and 0 for an orderly end. */
static int error_of(struct tls_layer *layer, int returned)
{
    switch (SSL_get_error(layer->ssl, returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        layer->broken = true;
        return errno != 0 && errno != EAGAIN ? errno : EPIPE;
    default:
        layer->broken = true;
        return EPROTO;
    }
}

static ssize_t tls_read(struct stream_layer *base, void *data, size_t size)
{
    struct tls_layer *layer = (struct tls_layer *)base;
    int n;

    if (layer->broken) {
        errno = EPIPE;
        return -1;
    }
    ERR_clear_error();
    n = SSL_read(layer->ssl, data, (int)MIN(size, G_MAXINT));
    if (n > 0) {
        return n;
    }
    errno = error_of(layer, n);
    return errno == 0 ? 0 : -1;
}

/* One record at a time: what small pieces have together, or as much of one large piece. */
static ssize_t tls_writev(struct stream_layer *base, const struct iovec *pieces, int count)
{
    struct tls_layer *layer = (struct tls_layer *)base;
    uint8_t record[RECORD_BYTES];
    const void *data = record;
    size_t size = 0;
    int n;

    if (layer->broken) {
        errno = EPIPE;
        return -1;
    }
    if (count > 0 && pieces[0].iov_len >= sizeof(record)) {
        data = pieces[0].iov_base;
        size = sizeof(record);
    } else {
        for (int i = 0; i < count && size < sizeof(record); i++) {
            size_t part = MIN(pieces[i].iov_len, sizeof(record) - size);

            memcpy(record + size, pieces[i].iov_base, part);
            size += part;
        }
    }
    ERR_clear_error();
    n = SSL_write(layer->ssl, data, (int)size);
    if (n > 0) {
        return n;
    }
    errno = error_of(layer, n);
    if (errno == 0) {
        errno = EPIPE;
    }
    return -1;
}

static bool tls_pending(const struct stream_layer *base)
{
    return SSL_pending(((const struct tls_layer *)base)->ssl) > 0;
}

static void tls_say_goodbye(struct stream_layer *base)
{
    struct tls_layer *layer = (struct tls_layer *)base;

    if (layer->open && !layer->broken) {
        SSL_shutdown(layer->ssl);
        ERR_clear_error();
    }
}

static void tls_destroy(struct stream_layer *base)
{
    struct tls_layer *layer = (struct tls_layer *)base;

    SSL_free(layer->ssl);
    g_free(layer);
}

static const struct stream_layer_ops tls_ops = {
    .read = tls_read,
    .writev = tls_writev,
    .parts_messages = true,
    .pending = tls_pending,
    .say_goodbye = tls_say_goodbye,
    .destroy = tls_destroy,
};

struct stream_layer *tls_push(struct tls_context *context, struct stream *stream)
{
    struct tls_layer *layer = g_new0(struct tls_layer, 1);
    BIO *bio = BIO_new(context->transport);

    layer->base.ops = &tls_ops;
    layer->stream = stream;
    layer->ssl = SSL_new(context->ssl);
    BIO_set_data(bio, layer);
    BIO_set_init(bio, 1);
    SSL_set_bio(layer->ssl, bio, bio);
    SSL_set_accept_state(layer->ssl);
    stream_push(stream, &layer->base);
    return &layer->base;
}

enum tls_progress tls_handshake(struct stream_layer *base, char **reason)
{
    struct tls_layer *layer = (struct tls_layer *)base;
    int done;

    ERR_clear_error();
    done = SSL_do_handshake(layer->ssl);
    if (done == 1) {
        layer->open = true;
        stream_info(layer->stream)->flags |= SPICE_CHANNEL_EVENT_FLAG_TLS;
        return TLS_DONE;
    }
    switch (SSL_get_error(layer->ssl, done)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANTS_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANTS_WRITE;
    default:
        layer->broken = true;
        if (ERR_peek_error() == 0) {
            /* The peer has gone: in the words of OpenSSL, which hosts' tests wait for. */
            ERR_raise(ERR_LIB_SSL, SSL_R_UNEXPECTED_EOF_WHILE_READING);
        }
        *reason = take_error();
        return TLS_FAILED;
    }
}

int tls_strength(const struct stream_layer *layer)
{
    return SSL_get_cipher_bits(((const struct tls_layer *)layer)->ssl, NULL);
}
