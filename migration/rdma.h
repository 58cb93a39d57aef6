/*
 * The RDMA transport: sockets of librdmacm (rsocket(7)), which are descriptors, but take that
 * library's calls only. A build without the library refuses by name.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/address.h"

/* Does this build have the transport? URI is named in the ERROR. */
bool migration_rdma_check(const char *uri, GError **error);

/* Waits, until CANCEL. */
struct migration_channel *migration_rdma_connect(const struct migration_address *address,
                                                 GCancellable *cancel, GError **error);
/*
 * A listening socket for migration_rdma_accept() and migration_rdma_close(); -1 and ERROR. HOST and
 * PORT of the address become those it listens at.
 */
int migration_rdma_listen(struct migration_address *address, GError **error);
struct migration_channel *migration_rdma_accept(const struct migration_address *address,
                                                int listener, GCancellable *cancel, GError **error);
int migration_rdma_close(int listener);
