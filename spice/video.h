/*
 * Films: pictures that change one place again and again are sent as a video stream, to each client
 * that can have it at its own rate. What a client shows of a film is not exact; when it ends, it is
 * made so (display_lossy.h). The peer's rules of when and how: server-abi.md sections 5.7 and 5.8.
 *
 * A frame is not held: what is sent is what the surface shows by then, so a client that is slow
 * gets fewer frames and no old ones.
 *
 * The worker's thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/drawable.h"
#include "spice/surface.h"
#include "spice/video_detect.h"

#define VIDEO_STREAMS 50 /* ids are below */

struct display;
struct video_workshop;

/* A film, on surface 0. */
struct video_stream {
    draw_rect box;
    int64_t last;     /* frame, monotonic us; 0: there is no such film */
    uint32_t mm_time; /* of that frame */
};

struct video {
    struct video_detector detector;
    struct video_stream streams[VIDEO_STREAMS];
    unsigned count; /* of films */
    uint32_t ids;   /* given to clients' streams */
    struct loop_timer *timer;
    struct video_workshop *workshop, *encoders; /* NULL: not needed yet */
};

void video_init(struct display *display);
void video_finish(struct display *display);

/*
 * Is DRAWABLE, which has changed all of REGION on SURFACE, a frame of a film? Its stream; NULL: no.
 */
struct video_stream *video_find(struct display *display, const struct drawable *drawable,
                                const struct surface *surface, const pixman_region32_t *region);
/* Clients are sent that frame, which the surface's front shows, in REGION. */
void video_show(struct display *display, struct video_stream *stream, struct drawable *drawable,
                const struct surface *surface, const pixman_region32_t *region);
/* Where encoders are built, which may take a while, and where they work. */
struct video_workshop *video_get_workshop(struct display *display);
struct video_workshop *video_get_encoders(struct display *display);
/* All films end. */
void video_stop(struct display *display);
