/*
 * Encoders of films, one file each.
 *
 * An encoder belongs to one stream of one client. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/jpeg.h"

#include <glib.h>

struct video_encoder;
struct video_workshop;

/* What a frame is to cost. */
struct video_quality {
    int jpeg;               /* 1 to 100, for codecs whose frames stand for themselves */
    double bits_per_second; /* for the others, */
    double interval;        /* with so many seconds between frames */
};

enum video_readiness { VIDEO_PREPARING, VIDEO_READY, VIDEO_IMPOSSIBLE };

struct video_encoder_impl {
    /*
     * CODEC: SPICE_VIDEO_CODEC_TYPE_*. All frames have this size. What takes its time to set up is
     * left to WORKSHOP. NULL: it cannot be done here.
     */
    struct video_encoder *(*create)(uint8_t codec, uint32_t width, uint32_t height,
                                    struct video_workshop *workshop);
    /* It may become ready, and in the end impossible; NULL: it is always ready. */
    enum video_readiness (*readiness)(struct video_encoder *encoder);
    void (*destroy)(struct video_encoder *encoder); /* also one that is not ready */
    /* NULL: the frame is left out. */
    GBytes *(*encode)(struct video_encoder *encoder, const struct jpeg_rows *rows,
                      const struct video_quality *quality);
};

extern const struct video_encoder_impl video_encoder_mjpeg, video_encoder_gstreamer;
