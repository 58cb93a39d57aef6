/*
 * What recorded commands consist of, made whole again in host memory: numbers, places, data,
 * pictures.
 *
 * As those of the reader, these functions return zero or NULL once something was wrong.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/replay_command.h"

#include <spice/qxl_dev.h>

/* What is being read: where from, and the command that owns what is made. */
struct replay_builder {
    struct replay_reader *in;
    struct replay_command *command;
    const struct replay_surfaces *surfaces;
};

static inline QXLPHYSICAL replay_address(const void *host)
{
    return (QXLPHYSICAL)(uintptr_t)host;
}

/* BLOCK (g_free) becomes the command's; NULL is allowed. Returns it. */
void *replay_own(struct replay_builder *b, void *block);
/* SIZE zero bytes of the command's. */
void *replay_new_block(struct replay_builder *b, size_t size);

uint64_t replay_field(struct replay_builder *b, const char *name);
QXLRect replay_rect(struct replay_builder *b, const char *name);
QXLPoint replay_point(struct replay_builder *b);
QXLPoint16 replay_point16(struct replay_builder *b, const char *name);
/* The id that the surface RECORDED has now; 0 when it is unknown. */
uint32_t replay_surface(struct replay_builder *b, uint32_t recorded);

/* A piece with HEADER bytes before it, owned by the command. */
void *replay_data(struct replay_builder *b, const char *name, size_t header, size_t *size);
/*
 * A chunk chain whose first chunk lies HEADER bytes into the returned block, as in the structures
 * that embed it. *TOTAL is the payload's size.
 */
void *replay_chunks(struct replay_builder *b, const char *name, size_t header, size_t *total);

QXLPHYSICAL replay_image(struct replay_builder *b); /* 0: none */
void replay_brush(struct replay_builder *b, QXLBrush *brush);
void replay_mask(struct replay_builder *b, QXLQMask *mask);

/* replay_draw.c: a QXL_CMD_DRAW. */
QXLReleaseInfo *replay_draw(struct replay_builder *b);
