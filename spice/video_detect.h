/*
 * Is it a film that is being drawn? Facts: server-abi.md section 5.7.
 *
 * One thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/graduality.h"

struct video_candidate {
    draw_rect box;
    uint32_t width, height; /* of what is shown there, pixels */
    int64_t last;           /* monotonic us */
    unsigned frames;        /* that followed each other soon enough; 0: there is none */
    unsigned gradual;       /* of them */
};

/* What has been drawn last. All zero at first. */
struct video_detector {
    struct video_candidate candidates[8];
};

/*
 * A picture of WIDTH x HEIGHT pixels that changes BOX is drawn at NOW. True: it goes on like that,
 * it is a film. IS_GRADUAL is asked when it matters, which is if FILTER, when drawings do not
 * count.
 */
bool video_detector_see(struct video_detector *detector, const draw_rect *box, uint32_t width,
                        uint32_t height, int64_t now, bool filter,
                        bool (*is_gradual)(const void *opaque), const void *opaque);
