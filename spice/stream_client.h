/*
 * A client of a film's channel (stream_channel.h): what it has been told, and what waits for it.
 *
 * IO thread. Facts: spice-wire.md section 4.9.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/stream_channel.h"

struct stream_client {
    struct channel_client base;
    bool ready;               /* INIT has come, or it has come from another server */
    uint32_t surface, stream; /* what it has, of the channel's count; 0: none */
    uint32_t refused;         /* bits of codecs that it had to give up on */
    bool lost;                /* it needs a key frame */
    bool idle;                /* it has been sent all, and can be sent more */
    GQueue frames;            /* of struct frame */
    size_t queued;            /* bytes of them */
};

/* Of a struct stream_channel. */
extern const struct channel_ops stream_client_ops;

/* Has it said that it is ready, and is it still there? */
bool stream_client_is_served(const struct stream_client *client);
/* CODEC: SPICE_VIDEO_CODEC_TYPE_*. */
bool stream_client_can_show(const struct stream_client *client, uint8_t codec);

/* Another stream, or none, has begun. LOST: nothing can be shown before a key frame. */
void stream_client_begin(struct stream_client *client, bool lost);
/* Takes a reference of FRAME, to be shown at MM_TIME. False: it is of no use to CLIENT. */
bool stream_client_frame(struct stream_client *client, GBytes *frame, bool is_key,
                         uint32_t mm_time);
