/*
 * Frames of one film for one client, encoded beside the worker: a frame takes as long as twenty
 * pictures of other kinds, and what else is drawn should not wait for it. One frame at a time; its
 * pixels are copied, as the surface goes on.
 *
 * The worker's thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/event_loop.h"
#include "spice/video_choice.h"

struct video_frames;

/* What became of a frame. */
struct video_code {
    GBytes *bytes; /* NULL: nothing */
    uint64_t bytes_in, encode_ns;
    uint32_t mm_time;
};

/* DONE is called on LOOP's thread, which is the caller's, but never from inside begin. */
struct video_frames *video_frames_create(struct event_loop *loop,
                                         void (*done)(void *opaque, const struct video_code *code),
                                         void *opaque);
/*
 * DONE is not called any more. CHOICE's encoder ends, or goes on to the end of the frame that is
 * under way and ends then; it is taken from CHOICE.
 */
void video_frames_destroy(struct video_frames *frames, struct video_choice *choice);

/* Until it is, there cannot be another. */
bool video_frames_is_busy(const struct video_frames *frames);
/* CHOICE, which is ready, is not to be changed before it is done. ROWS are read now. */
void video_frames_begin(struct video_frames *frames, struct video_workshop *workshop,
                        const struct video_choice *choice, const struct jpeg_rows *rows,
                        const struct video_quality *quality, uint32_t mm_time);
