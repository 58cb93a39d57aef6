/*
 * Key frames. Facts: RFC 6386 section 9.1 (VP8), the VP9 bitstream's uncompressed header, ITU-T
 * H.264 and H.265 annex B and table 7-1. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/video_key_frame.h"

#include <spice/enums.h>
#include <string.h>

/* The fields before frame_type, the high bit first. */
static bool is_vp9_key(uint8_t first)
{
    unsigned profile = (first >> 5 & 1) | (first >> 4 & 1) << 1;
    unsigned at = profile == 3 ? 2 : 3; /* the bit of show_existing_frame; a zero precedes it */

    return first >> 6 == 2 && !(first >> at & 1) && !(first >> (at - 1) & 1);
}

/* A unit's type is in its first byte: SHIFT bits up, of MASK. */
struct unit_types {
    unsigned shift, mask;
    unsigned parameters, last_parameters; /* what decoders begin with */
    unsigned first_slice, last_slice;     /* pictures, behind which nothing helps */
};
static const struct unit_types h264 = {0, 0x1f, 7, 7, 1, 5};
static const struct unit_types h265 = {1, 0x3f, 32, 33, 0, 31};

/* Do parameters come before the first picture? Units follow the bytes 0, 0, 1. */
static bool begins_with_parameters(const struct unit_types *types, const uint8_t *data, size_t size)
{
    for (size_t at = 2; at + 1 < size; at++) {
        const uint8_t *one = memchr(data + at, 1, size - 1 - at);
        unsigned type;

        if (one == NULL)
            return false;
        at = (size_t)(one - data);
        if (one[-1] != 0 || one[-2] != 0)
            continue;
        type = one[1] >> types->shift & types->mask;
        if (type >= types->parameters && type <= types->last_parameters)
            return true;
        if (type >= types->first_slice && type <= types->last_slice)
            return false;
    }
    return false;
}

bool video_is_key_frame(uint8_t codec, const uint8_t *data, size_t size)
{
    if (size == 0)
        return false;
    switch (codec) {
    case SPICE_VIDEO_CODEC_TYPE_MJPEG:
        return true;
    case SPICE_VIDEO_CODEC_TYPE_VP8:
        return !(data[0] & 1);
    case SPICE_VIDEO_CODEC_TYPE_VP9:
        return is_vp9_key(data[0]);
    case SPICE_VIDEO_CODEC_TYPE_H264:
        return begins_with_parameters(&h264, data, size);
    case SPICE_VIDEO_CODEC_TYPE_H265:
        return begins_with_parameters(&h265, data, size);
    default:
        return false;
    }
}
