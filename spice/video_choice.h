/*
 * Which codec a client's film is sent in: the host's list, the client's wishes, and what both can
 * do.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/display_client.h"
#include "spice/video_codecs.h"
#include "spice/video_encoder.h"

/* All zero at first. */
struct video_choice {
    uint8_t codec; /* SPICE_VIDEO_CODEC_TYPE_* */
    const struct video_encoder_impl *impl;
    struct video_encoder *encoder; /* NULL: none */
    unsigned tried;                /* of what would have done, until this one */
};

/* Does CC, of a display channel, say that it can show CODEC, a SPICE_VIDEO_CODEC_TYPE_*? */
bool video_can_read(const struct channel_client *cc, uint8_t codec);

/*
 * Chooses for frames of that size; again: the next best, since what there is turned out impossible.
 * False: nothing will do. What takes its time is left to WORKSHOP.
 */
bool video_choose(const struct display_client *client, uint32_t width, uint32_t height,
                  struct video_workshop *workshop, struct video_choice *choice);
enum video_readiness video_choice_readiness(const struct video_choice *choice);
void video_choice_finish(struct video_choice *choice);
