/*
 * Recording what the workers of a server are told ("SPICE_REPLAY 1", server-abi.md section 8), for
 * spice_replay_*() of this and of the reference server.
 *
 * One recorder serves all workers of a server; any thread. A recording always ends with a whole
 * event, unless the process is killed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/memslot.h"

struct recorder;

/*
 * A recorder for the file that SPICE_WORKER_RECORD_FILENAME names, written through the command
 * SPICE_WORKER_RECORD_FILTER if that is set. NULL: none is wanted, or it cannot be written, which a
 * warning says.
 */
struct recorder *recorder_create_from_environment(void);
/* NULL is allowed. The file is complete when it returns. */
void recorder_destroy(struct recorder *recorder);

/*
 * COMMAND as it was fetched from a ring. One that is not readable has no effect and is left out;
 * one that the format cannot hold ends the recording with a warning.
 */
void recorder_command(struct recorder *recorder, const struct memslots *memslots,
                      const QXLCommandExt *command);

/* What the host did, after the commands before it. PIXELS: |stride| * height bytes. */
void recorder_create_primary(struct recorder *recorder, const QXLDevSurfaceCreate *create,
                             const void *pixels);
void recorder_destroy_primary(struct recorder *recorder);
void recorder_destroy_surfaces(struct recorder *recorder);
