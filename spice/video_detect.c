/*
 * Finding films. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/video_detect.h"

#include <glib.h>
#include <string.h>

enum {
    MIN_AREA = 96 * 96, /* pixels, of what is filtered; also narrow: guests draw films in bands */
    MAX_GAP_MS = 200,
    MIN_FRAMES = 20,
    MAX_FRAMES = 100,    /* without being found to be a film; then it starts over */
    GRADUAL_PERCENT = 20 /* of the frames, at least */
};

static struct video_candidate *find(struct video_detector *detector, const draw_rect *box,
                                    uint32_t width, uint32_t height)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(detector->candidates); i++) {
        struct video_candidate *candidate = &detector->candidates[i];

        if (candidate->frames > 0 && candidate->width == width && candidate->height == height &&
            memcmp(&candidate->box, box, sizeof(*box)) == 0)
            return candidate;
    }
    return NULL;
}

static struct video_candidate *find_oldest(struct video_detector *detector)
{
    struct video_candidate *oldest = detector->candidates;

    for (unsigned i = 1; i < G_N_ELEMENTS(detector->candidates); i++) {
        if (detector->candidates[i].last < oldest->last)
            oldest = &detector->candidates[i];
    }
    return oldest;
}

bool video_detector_see(struct video_detector *detector, const draw_rect *box, uint32_t width,
                        uint32_t height, int64_t now, bool filter,
                        bool (*is_gradual)(const void *opaque), const void *opaque)
{
    struct video_candidate *candidate;

    if (filter && (int64_t)(box->x2 - box->x1) * (box->y2 - box->y1) < MIN_AREA)
        return false;
    candidate = find(detector, box, width, height);
    if (candidate == NULL) {
        candidate = find_oldest(detector);
        *candidate = (struct video_candidate){.box = *box, .width = width, .height = height};
    } else if (now - candidate->last > MAX_GAP_MS * 1000 || candidate->frames >= MAX_FRAMES) {
        candidate->frames = candidate->gradual = 0;
    }
    candidate->last = now;
    candidate->frames++;
    if (filter && is_gradual(opaque))
        candidate->gradual++;
    if (candidate->frames < MIN_FRAMES ||
        (filter && candidate->gradual * 100 < candidate->frames * GRADUAL_PERCENT))
        return false;
    candidate->frames = 0;
    return true;
}
