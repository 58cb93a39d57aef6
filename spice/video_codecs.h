/*
 * The encoders of films that the host prefers. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <spice.h>
#include <stdint.h>

#define VIDEO_CODECS_MAX 8

enum video_maker { VIDEO_BY_SPICE, VIDEO_BY_GSTREAMER };

struct video_codec {
    enum video_maker maker;
    uint8_t codec; /* SPICE_VIDEO_CODEC_TYPE_* */
};

/* Fills CODECS, the best first, and returns how many there are. Any thread. */
unsigned server_video_codecs(SpiceServer *server, struct video_codec codecs[VIDEO_CODECS_MAX]);
