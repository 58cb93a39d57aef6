/*
 * Building one command in a frame's memory. For the soft_paint implementation only.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/soft_paint.h"

/* A command being built: its parts follow each other in the frame's memory. */
struct soft_build {
    struct soft_frame *frame;
    uint64_t start;  /* of its soft_command header */
    uint64_t offset; /* of its body, which begins with release_info */
    void *body;
    struct soft_arena *arena, lasting; /* where it is built; room of its own if it lasts */
    int x, y; /* drawables: how far the bounding box begins inside the rectangle asked for */
};

/*
 * Begins a command with a zeroed body of BODY bytes; EXTRA: bytes of all parts to come. False when
 * the frame's memory is used up.
 */
bool soft_build_begin(struct soft_build *build, struct soft_frame *frame, size_t body,
                      size_t extra);
/*
 * The same for what the card keeps for long: behind all frames, so that it does not cut the memory
 * into runs that no frame fits in.
 */
bool soft_build_begin_lasting(struct soft_build *build, struct soft_frame *frame, size_t body,
                              size_t extra);
/* The next part, not zeroed, and its address for the card. Always there as far as EXTRA went. */
void *soft_build_part(struct soft_build *build, size_t size, QXLPHYSICAL *address);
void soft_build_end(struct soft_build *build, uint32_t type, uint32_t destroyed_surface);

/* A part that is a 20-byte chunk header and SIZE bytes, which are returned. */
uint8_t *soft_build_chunk(struct soft_build *build, size_t size, QXLPHYSICAL *address);
/* What a part of SIZE bytes takes at most. */
size_t soft_part_size(size_t size);

/*
 * Begins a drawable of TYPE (QXL_DRAW_*) for RECT, cut to target and clip; false also when nothing
 * is left of it.
 */
QXLDrawable *soft_draw_begin(struct soft_build *build, const struct soft_target *target,
                             struct soft_rect rect, uint8_t type, uint8_t effect, size_t extra);
void soft_draw_end(struct soft_build *build);

QXLBrush soft_solid(uint32_t color);
/* A one-bit image, COLORS its palette for 0 and 1; NULL: a mask. */
size_t soft_bitmap_size(const struct soft_bitmap *bitmap);
QXLPHYSICAL soft_build_bitmap(struct soft_build *build, const struct soft_bitmap *bitmap,
                              const uint32_t colors[2]);
