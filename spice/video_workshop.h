/*
 * A thread for what films need and what takes longer than a worker may: libraries that are loaded,
 * encoders that are built. It is there while there is something to do.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

/* One thread uses it. */
struct video_workshop;

struct video_workshop *video_workshop_create(void);
/* Waits until all is done. NULL is allowed. */
void video_workshop_destroy(struct video_workshop *workshop);

/* RUN(OPAQUE) is called on the other thread, one job after the other. */
void video_workshop_do(struct video_workshop *workshop, void (*run)(void *opaque), void *opaque);
