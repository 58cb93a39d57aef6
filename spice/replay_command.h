/*
 * Recorded QXL commands made whole again in host memory (server-abi.md section 8.2).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/replay_reader.h"

#include <spice.h>

/* One command as the worker fetches it, and the memory that it points into. */
struct replay_command {
    QXLCommandExt ext; /* first: its address is the command's name in the public interface */
    GPtrArray *blocks; /* g_free */
    uint32_t destroys_surface; /* id that is free again once the worker has let go; 0: none */
};

/* Recorded surface ids are looked up, created and destroyed through these. */
struct replay_surfaces {
    uint32_t (*find)(void *opaque, uint32_t recorded);   /* 0 when unknown */
    uint32_t (*create)(void *opaque, uint32_t recorded); /* 0: none is free */
    uint32_t (*destroy)(void *opaque, uint32_t recorded);
    void *opaque;
};

/*
 * Reads the command of TYPE (QXL_CMD_*) that follows. NULL for NOP, for a type that cannot be
 * replayed and after an error, which READER then has.
 */
struct replay_command *replay_command_read(struct replay_reader *reader, uint32_t type,
                                           const struct replay_surfaces *surfaces);
void replay_command_free(struct replay_command *command);
