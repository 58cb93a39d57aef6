/*
 * Encoders of films, one file each.
 *
 * An encoder belongs to one stream of one client. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/jpeg.h"

struct video_encoder;

/* What a frame is to cost. */
struct video_quality {
    int jpeg;               /* 1 to 100, for codecs whose frames stand for themselves */
    double bits_per_second; /* for the others, */
    double interval;        /* with so many seconds between frames */
};

struct video_encoder_impl {
    /* CODEC: SPICE_VIDEO_CODEC_TYPE_*. All frames have this size; NULL: it cannot be done here. */
    struct video_encoder *(*create)(uint8_t codec, uint32_t width, uint32_t height);
    void (*destroy)(struct video_encoder *encoder);
    /* The result is valid until the next call; its size, 0: the frame is left out. */
    size_t (*encode)(struct video_encoder *encoder, const struct jpeg_rows *rows,
                     const struct video_quality *quality, const uint8_t **out);
};

extern const struct video_encoder_impl video_encoder_mjpeg, video_encoder_gstreamer;
