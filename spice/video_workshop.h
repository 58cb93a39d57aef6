/*
 * Threads for what films need and what takes longer than a worker may: libraries that are loaded,
 * encoders that are built, frames that are encoded. They are there from the first job on.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

/* One thread uses it. */
struct video_workshop;

/* THREADS: so many jobs at once, at least 1 and never many. */
struct video_workshop *video_workshop_create(unsigned threads);
/* Waits until all is done. NULL is allowed. */
void video_workshop_destroy(struct video_workshop *workshop);

/* RUN(OPAQUE) is called on another thread; jobs begin in the order in which they come. */
void video_workshop_do(struct video_workshop *workshop, void (*run)(void *opaque), void *opaque);
