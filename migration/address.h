/*
 * Where a migration goes to or comes from.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/channel.h"

enum migration_transport {
    MIGRATION_TCP,
    MIGRATION_UNIX,
    MIGRATION_VSOCK,
    MIGRATION_FD,
    MIGRATION_EXEC,
    MIGRATION_FILE,
    MIGRATION_RDMA,
};

struct migration_address {
    enum migration_transport transport;
    char *host; /* TCP, RDMA: NULL or "" means every address of this machine */
    char *port; /* TCP, RDMA */
    char *path; /* UNIX, FILE */
    uint32_t cid, vsock_port;
    int fd;                    /* FD: a number of this process; -1: the one that is called NAME */
    char *name;                /* FD: NULL, or what whoever gave it to us calls it */
    bool owns_fd;              /* it is closed with the address */
    char **command;            /* EXEC */
    uint64_t offset;           /* FILE */
    struct migration_tls *tls; /* TCP: NULL, or the credentials to use; a reference */
    char *tls_hostname;        /* NULL: HOST */
};

/*
 * QEMU's forms: tcp:HOST:PORT, unix:PATH, vsock:CID:PORT, fd:N, fd:NAME, exec:COMMAND,
 * file:PATH[,offset=N], rdma:HOST:PORT.
 */
bool migration_address_parse(struct migration_address *address, const char *uri, GError **error);
void migration_address_finish(struct migration_address *address);
/* The form that migration_address_parse() takes; to be freed. */
char *migration_address_describe(const struct migration_address *address);
/* Makes ERROR "cannot WHAT ADDRESS: WHY". Always false. */
bool migration_address_fail(const struct migration_address *address, const char *what,
                            const char *why, GError **error);

/* Opens the way out. Waits, until CANCEL. */
struct migration_channel *migration_address_connect(const struct migration_address *address,
                                                    GCancellable *cancel, GError **error);
/* Removes the file that a migration which failed has left; nothing for other transports. */
void migration_address_discard(const struct migration_address *address);
/*
 * Opens the way in: FILE, EXEC and FD at once. For sockets LISTENER is the listening descriptor and
 * this waits for somebody to connect.
 */
struct migration_channel *migration_address_accept(const struct migration_address *address,
                                                   int listener, GCancellable *cancel,
                                                   GError **error);
/* A listening vsock socket; -1 and ERROR. */
int migration_address_listen_vsock(const struct migration_address *address, GError **error);
