/*
 * A machine as one stream of bytes for somebody else to carry, who takes it piece by piece: the
 * same stream as over a socket (stream.h), without anything being asked or answered.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/dirty.h"

struct migration_saver;

/*
 * Takes down the state of every part now; memory is read as it is asked for. IO thread, with the
 * guest standing still until the saver is destroyed.
 */
struct migration_saver *migration_saver_create(const struct migration_set *set);
/*
 * Only what says for which machine the stream is, so that a wrong target is found before the guest
 * stands still. IO thread; the guest may run. A complete stream may follow it.
 */
struct migration_saver *migration_saver_create_head(const struct migration_set *set);
/*
 * What says so, and memory while the guest writes to it, of which METHOD finds out. There is no end
 * to it before migration_saver_stop(); a read that is not filled means that nothing is left just
 * now.
 */
struct migration_saver *migration_saver_create_live(const struct migration_set *set,
                                                    enum dirty_method method);
/* The guest stands still from now on: the rest of memory and the state of every part. IO thread. */
void migration_saver_stop(struct migration_saver *saver);
void migration_saver_destroy(struct migration_saver *saver); /* any thread; NULL: nothing */

/* The next SIZE bytes; fewer only at the end, or as said above. Any one thread. */
size_t migration_saver_read(struct migration_saver *saver, void *data, size_t size);
/* Has something been read, but not all? */
bool migration_saver_is_midway(const struct migration_saver *saver);
