/*
 * TLS on a channel: who we are, whom we believe, and one connection.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/error.h"

#include <stddef.h>
#include <sys/types.h>

/* Certificates and what is asked of the other side's. Any thread. */
struct migration_tls;

/*
 * Reads QEMU's files from folder DIR: ca-cert.pem, and server-cert.pem and server-key.pem (SERVER)
 * or client-cert.pem and client-key.pem, which a client need not have. VERIFY: the other side must
 * have a certificate of that authority, and as a server the name that it was connected by.
 */
struct migration_tls *migration_tls_create(const char *dir, bool server, bool verify,
                                           GError **error);
struct migration_tls *migration_tls_ref(struct migration_tls *tls);
void migration_tls_unref(struct migration_tls *tls); /* NULL: nothing */
bool migration_tls_is_server(const struct migration_tls *tls);

/* One connection's; one thread at a time. The socket never blocks. */
struct tls_session;

/* HOSTNAME: the name, or number, that the server's certificate must have; NULL for a server. */
struct tls_session *tls_session_create(struct migration_tls *tls, int fd, const char *hostname,
                                       GError **error);
/* Says goodbye if that can be done at once. The socket stays open. NULL: nothing. */
void tls_session_destroy(struct tls_session *session);

/* 1: done; 0: later, see tls_session_events(); -1 and ERROR. */
int tls_session_handshake(struct tls_session *session, GError **error);
/* As read() and send(); with EAGAIN see tls_session_events(). EPROTO: the other side broke it. */
ssize_t tls_session_read(struct tls_session *session, void *data, size_t size);
ssize_t tls_session_write(struct tls_session *session, const void *data, size_t size);
/* The events of poll() that the last call waits for. */
short tls_session_events(const struct tls_session *session);
/* Is there something to read that has been taken from the socket already? */
bool tls_session_pending(const struct tls_session *session);
