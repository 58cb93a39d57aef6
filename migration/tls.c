/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

struct migration_tls {
    SSL_CTX *context;
    bool server, verify;
};

struct tls_session {
    SSL *ssl;
    short events;
};

/* --- credentials --- */

static void finish_tls(void *opaque)
{
    SSL_CTX_free(((struct migration_tls *)opaque)->context);
}

struct migration_tls *migration_tls_ref(struct migration_tls *tls)
{
    return g_atomic_rc_box_acquire(tls);
}

void migration_tls_unref(struct migration_tls *tls)
{
    if (tls)
        g_atomic_rc_box_release_full(tls, finish_tls);
}

bool migration_tls_is_server(const struct migration_tls *tls)
{
    return tls->server;
}

/* What OpenSSL has to say, as one line; its queue is empty afterwards. */
static const char *reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return text ? text : "unknown reason";
}

static bool fail_file(const char *path, GError **error)
{
    const char *why = g_file_test(path, G_FILE_TEST_EXISTS) ? reason() : "there is no such file";

    ERR_clear_error();
    return migration_fail(error, "%s: %s", path, why);
}

static bool load_identity(struct migration_tls *tls, const char *dir, GError **error)
{
    const char *who = tls->server ? "server" : "client";
    g_autofree char *cert = g_strdup_printf("%s/%s-cert.pem", dir, who);
    g_autofree char *key = g_strdup_printf("%s/%s-key.pem", dir, who);

    if (!tls->server && !g_file_test(cert, G_FILE_TEST_EXISTS))
        return true;
    if (SSL_CTX_use_certificate_chain_file(tls->context, cert) != 1)
        return fail_file(cert, error);
    return SSL_CTX_use_PrivateKey_file(tls->context, key, SSL_FILETYPE_PEM) == 1 ||
           fail_file(key, error);
}

static bool load(struct migration_tls *tls, const char *dir, GError **error)
{
    g_autofree char *authority = g_strdup_printf("%s/ca-cert.pem", dir);
    int mode = SSL_VERIFY_PEER | (tls->server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);

    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
    SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                       SSL_MODE_RELEASE_BUFFERS);
    /* A connection is never resumed. */
    SSL_CTX_set_session_cache_mode(tls->context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(tls->context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_verify(tls->context, tls->verify ? mode : SSL_VERIFY_NONE, NULL);
    if (tls->verify && SSL_CTX_load_verify_file(tls->context, authority) != 1)
        return fail_file(authority, error);
    return load_identity(tls, dir, error);
}

struct migration_tls *migration_tls_create(const char *dir, bool server, bool verify,
                                           GError **error)
{
    struct migration_tls *tls = g_atomic_rc_box_new0(struct migration_tls);

    tls->context = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    tls->server = server;
    tls->verify = verify;
    if (tls->context && load(tls, dir, error))
        return tls;
    if (!tls->context)
        migration_fail(error, "TLS is not available: %s", reason());
    migration_tls_unref(tls);
    return NULL;
}

/* --- connections --- */

static void expect_name(SSL *ssl, const char *hostname)
{
    struct in6_addr number;

    if (inet_pton(AF_INET, hostname, &number) == 1 || inet_pton(AF_INET6, hostname, &number) == 1) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), hostname);
        return;
    }
    SSL_set1_host(ssl, hostname);
    SSL_set_tlsext_host_name(ssl, hostname);
}

struct tls_session *tls_session_create(struct migration_tls *tls, int fd, const char *hostname,
                                       GError **error)
{
    struct tls_session *session = g_new0(struct tls_session, 1);

    session->ssl = SSL_new(tls->context);
    if (!session->ssl || SSL_set_fd(session->ssl, fd) != 1) {
        migration_fail(error, "no TLS connection can be made: %s", reason());
        SSL_free(session->ssl);
        g_free(session);
        return NULL;
    }
    if (tls->server) {
        SSL_set_accept_state(session->ssl);
    } else {
        SSL_set_connect_state(session->ssl);
        if (tls->verify && hostname)
            expect_name(session->ssl, hostname);
    }
    return session;
}

void tls_session_destroy(struct tls_session *session)
{
    if (!session)
        return;
    if (SSL_is_init_finished(session->ssl))
        SSL_shutdown(session->ssl);
    ERR_clear_error();
    SSL_free(session->ssl);
    g_free(session);
}

/* The errno of a call that returned RESULT, 0 for the end of the stream; notes the events. */
static int failure(struct tls_session *session, int result)
{
    int code = errno;

    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        session->events = POLLIN;
        return EAGAIN;
    case SSL_ERROR_WANT_WRITE:
        session->events = POLLOUT;
        return EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        return code ? code : ECONNRESET;
    default:
        return EPROTO;
    }
}

int tls_session_handshake(struct tls_session *session, GError **error)
{
    ERR_clear_error();
    errno = 0;
    int result = SSL_do_handshake(session->ssl);
    if (result == 1)
        return 1;
    int code = failure(session, result);
    if (code == EAGAIN)
        return 0;
    long verdict = SSL_get_verify_result(session->ssl);
    const char *why = verdict != X509_V_OK          ? X509_verify_cert_error_string(verdict)
                      : code == EPROTO              ? reason()
                      : code == ECONNRESET || !code ? "the other side closed the connection"
                                                    : g_strerror(code);
    ERR_clear_error();
    migration_fail(error, "the TLS handshake failed: %s", why);
    return -1;
}

static ssize_t result_of(struct tls_session *session, int result)
{
    if (result > 0)
        return result;
    errno = failure(session, result);
    ERR_clear_error();
    return errno ? -1 : 0;
}

ssize_t tls_session_read(struct tls_session *session, void *data, size_t size)
{
    ERR_clear_error();
    errno = 0;
    return result_of(session, SSL_read(session->ssl, data, (int)MIN(size, INT_MAX)));
}

ssize_t tls_session_write(struct tls_session *session, const void *data, size_t size)
{
    ERR_clear_error();
    errno = 0;
    ssize_t written = result_of(session, SSL_write(session->ssl, data, (int)MIN(size, INT_MAX)));
    if (written == 0)
        errno = EPIPE;
    return written > 0 ? written : -1;
}

short tls_session_events(const struct tls_session *session)
{
    return session->events;
}

bool tls_session_pending(const struct tls_session *session)
{
    return SSL_pending(session->ssl) > 0;
}
