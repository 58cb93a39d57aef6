/*
 * The other end of a saver (saver.h): takes its stream in pieces of any size, as somebody else
 * brings them.
 *
 * Memory changes as it comes, all else of the machine only when everything has come and is sound.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/set.h"

struct migration_loader;

/* All memory of SET must be zero. */
struct migration_loader *migration_loader_create(const struct migration_set *set);
void migration_loader_destroy(struct migration_loader *loader); /* NULL: nothing */

/*
 * False, with ERROR, at the first byte that shows that something is wrong; the loader then accepts
 * nothing more. Any one thread.
 */
bool migration_loader_write(struct migration_loader *loader, const void *data, size_t size,
                            GError **error);
/*
 * The machine becomes what has come, if that is all of a stream and sound. IO thread, with the
 * guest standing still.
 */
bool migration_loader_commit(struct migration_loader *loader, GError **error);
