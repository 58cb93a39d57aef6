/*
 * Sending what a machine consists of, apart from the content of its memory.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/stream.h"

/* The state of PART now, as it travels. IO thread, with the guest standing still unless it is
 * early. */
GByteArray *part_save(const struct migration_part *part);
bool part_send(struct migration_channel *channel, const struct migration_part *part,
               const GByteArray *state, GError **error);
/* What comes before any memory: the parts that are early, and the list of blocks. */
bool parts_send_early(struct migration_channel *channel, const struct migration_set *set,
                      GError **error);
