/*
 * Choosing a codec for films. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/video_choice.h"

#include "spice/server.h"

#include <spice/protocol.h>

bool video_can_read(const struct channel_client *cc, uint8_t codec)
{
    static const uint8_t caps[] = {
        [SPICE_VIDEO_CODEC_TYPE_MJPEG] = SPICE_DISPLAY_CAP_CODEC_MJPEG,
        [SPICE_VIDEO_CODEC_TYPE_VP8] = SPICE_DISPLAY_CAP_CODEC_VP8,
        [SPICE_VIDEO_CODEC_TYPE_H264] = SPICE_DISPLAY_CAP_CODEC_H264,
        [SPICE_VIDEO_CODEC_TYPE_VP9] = SPICE_DISPLAY_CAP_CODEC_VP9,
        [SPICE_VIDEO_CODEC_TYPE_H265] = SPICE_DISPLAY_CAP_CODEC_H265,
    };

    /* Before there were several, all knew the first. */
    if (!channel_client_has_cap(cc, SPICE_DISPLAY_CAP_MULTI_CODEC))
        return codec == SPICE_VIDEO_CODEC_TYPE_MJPEG;
    return codec < G_N_ELEMENTS(caps) && channel_client_has_cap(cc, caps[codec]);
}

static const struct video_encoder_impl *impl_of(const struct video_codec *codec)
{
    if (codec->codec == SPICE_VIDEO_CODEC_TYPE_MJPEG)
        return &video_encoder_mjpeg;
    return codec->maker == VIDEO_BY_GSTREAMER ? &video_encoder_gstreamer : NULL;
}

struct candidates {
    struct video_codec list[(VIDEO_PREFERENCES + 1) * VIDEO_CODECS_MAX];
    unsigned count;
};

/* What of the host's list is possible; CODEC 0: any. */
static void add_from_list(const struct display_client *client, uint8_t codec,
                          struct candidates *candidates)
{
    struct video_codec list[VIDEO_CODECS_MAX];
    unsigned count = server_video_codecs(client->base.channel->server, list);

    for (unsigned i = 0; i < count; i++) {
        if ((codec == 0 || codec == list[i].codec) && impl_of(&list[i]) != NULL &&
            video_can_read(&client->base, list[i].codec))
            candidates->list[candidates->count++] = list[i];
    }
}

bool video_choose(const struct display_client *client, uint32_t width, uint32_t height,
                  struct video_workshop *workshop, struct video_choice *choice)
{
    struct candidates candidates = {.count = 0};

    for (unsigned i = 0; i < VIDEO_PREFERENCES && client->preferred_codecs[i] != 0; i++)
        add_from_list(client, client->preferred_codecs[i], &candidates);
    add_from_list(client, 0, &candidates);
    video_choice_finish(choice);
    while (choice->encoder == NULL && choice->tried < candidates.count) {
        const struct video_codec *next = &candidates.list[choice->tried++];

        choice->codec = next->codec;
        choice->impl = impl_of(next);
        choice->encoder = choice->impl->create(next->codec, width, height, workshop);
    }
    return choice->encoder != NULL;
}

enum video_readiness video_choice_readiness(const struct video_choice *choice)
{
    if (choice->encoder == NULL)
        return VIDEO_IMPOSSIBLE;
    return choice->impl->readiness != NULL ? choice->impl->readiness(choice->encoder) : VIDEO_READY;
}

void video_choice_finish(struct video_choice *choice)
{
    if (choice->encoder != NULL)
        choice->impl->destroy(choice->encoder);
    choice->encoder = NULL;
}
