/*
 * Frames that decoders can begin with. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/video_key_frame.h"

#include <glib.h>
#include <spice/enums.h>

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static const struct frame {
    const char *what;
    uint8_t codec;
    const uint8_t *data;
    size_t size;
    bool is_key;
} frames[] = {
    {"any JPEG", SPICE_VIDEO_CODEC_TYPE_MJPEG, BYTES(0xff, 0xd8), true},
    {"nothing", SPICE_VIDEO_CODEC_TYPE_MJPEG, NULL, 0, false},
    {"VP8 key", SPICE_VIDEO_CODEC_TYPE_VP8, BYTES(0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a), true},
    {"VP8 inter", SPICE_VIDEO_CODEC_TYPE_VP8, BYTES(0xb1, 0x01, 0x00), false},
    {"VP9 key, profile 0", SPICE_VIDEO_CODEC_TYPE_VP9, BYTES(0x82, 0x49, 0x83, 0x42), true},
    {"VP9 inter, profile 0", SPICE_VIDEO_CODEC_TYPE_VP9, BYTES(0x86, 0x00), false},
    {"VP9 old one shown again", SPICE_VIDEO_CODEC_TYPE_VP9, BYTES(0x88), false},
    {"VP9 key, profile 1", SPICE_VIDEO_CODEC_TYPE_VP9, BYTES(0xa2, 0x49, 0x83), true},
    {"VP9 key, profile 3", SPICE_VIDEO_CODEC_TYPE_VP9, BYTES(0xb1, 0x24, 0xc1), true},
    {"VP9 inter, profile 3", SPICE_VIDEO_CODEC_TYPE_VP9, BYTES(0xb3, 0x00), false},
    {"VP9 without its mark", SPICE_VIDEO_CODEC_TYPE_VP9, BYTES(0x02), false},
    {"H.264 delimiter, SPS", SPICE_VIDEO_CODEC_TYPE_H264,
     BYTES(0, 0, 0, 1, 0x09, 0x10, 0, 0, 0, 1, 0x67, 0x42), true},
    {"H.264 IDR alone", SPICE_VIDEO_CODEC_TYPE_H264, BYTES(0, 0, 1, 0x65, 0x88), false},
    {"H.264 slice, then SPS", SPICE_VIDEO_CODEC_TYPE_H264,
     BYTES(0, 0, 1, 0x41, 0x9a, 0, 0, 1, 0x67, 0x42), false},
    {"H.264 that ends in a start code", SPICE_VIDEO_CODEC_TYPE_H264, BYTES(0, 0, 1), false},
    {"H.264 without start codes", SPICE_VIDEO_CODEC_TYPE_H264, BYTES(1, 1, 1, 1, 0, 1, 0x67),
     false},
    {"H.265 VPS", SPICE_VIDEO_CODEC_TYPE_H265, BYTES(0, 0, 0, 1, 0x40, 0x01, 0x0c), true},
    {"H.265 delimiter, SPS", SPICE_VIDEO_CODEC_TYPE_H265,
     BYTES(0, 0, 1, 0x46, 0x01, 0x50, 0, 0, 1, 0x42, 0x01), true},
    {"H.265 slice", SPICE_VIDEO_CODEC_TYPE_H265, BYTES(0, 0, 1, 0x02, 0x01, 0xd0), false},
    {"no codec", 0, BYTES(0, 0, 1, 0x67), false},
};

static void test_frames(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(frames); i++) {
        /* In memory of exactly its size, so that ASan sees every byte too many. */
        uint8_t *copy = g_memdup2(frames[i].data, frames[i].size);

        g_test_message("%s", frames[i].what);
        g_assert_cmpint(video_is_key_frame(frames[i].codec, copy, frames[i].size), ==,
                        frames[i].is_key);
        g_free(copy);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/video-key-frame/frames", test_frames);
    return g_test_run();
}
