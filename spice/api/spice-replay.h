/*
 * Playing back what a display worker recorded (SPICE_WORKER_RECORD_FILENAME).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef SPICE_REPLAY_H_
#define SPICE_REPLAY_H_

#ifndef SPICE_H_INSIDE
#error "Include spice.h, which includes this header."
#endif

typedef struct SpiceReplay SpiceReplay;

SpiceReplay *spice_replay_new(FILE *file, int nsurfaces);
/* The next drawing command; recorded calls before it are made on INSTANCE. NULL: the end. */
QXLCommandExt *spice_replay_next_cmd(SpiceReplay *replay, QXLInstance *instance);
void spice_replay_free_cmd(SpiceReplay *replay, QXLCommandExt *cmd);
void spice_replay_free(SpiceReplay *replay);

#endif
