/*
 * A display channel whose only surface is one film, which the guest encodes (stream_device.h).
 *
 * Frames are passed on as they are. Each client has a queue of them, and a note of what it has been
 * told of surface and stream. A frame that can be shown without those before it makes them
 * superfluous; so a client that is slow loses whole frames, and goes on with such a one. Memory is
 * bounded by that, and by frames being taken no faster than the fastest client takes them.
 *
 * IO thread. Facts: spice-wire.md section 4.9, server-abi.md section 5.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/channel.h"

#define STREAM_CHANNEL_CODECS 8 /* more than there are */

struct stream_format {
    uint32_t width, height; /* pixels, 0: there is no film */
    uint8_t codec;          /* SPICE_VIDEO_CODEC_TYPE_* */
};

struct stream_channel {
    struct channel channel;
    struct stream_format format;
    uint32_t surface, stream; /* count those that there have been; 0: never one */
    bool wanted;              /* there is a client that could be shown one */
    int64_t asked;            /* for a new stream, monotonic us */
    /* The guest shall begin a new stream, or stop: see stream_channel_codecs(). */
    void (*ask)(void *opaque);
    /* stream_channel_has_room() has become true. */
    void (*has_room)(void *opaque);
    void *opaque;
};

/* Registering the channel is up to the caller. */
void stream_channel_init(struct stream_channel *stream, SpiceServer *server, uint8_t id,
                         void (*ask)(void *opaque), void (*has_room)(void *opaque), void *opaque);
void stream_channel_finish(struct stream_channel *stream);

/* Fills CODECS with what all clients can show and returns how many; 0: there are no clients. */
unsigned stream_channel_codecs(const struct stream_channel *stream,
                               uint8_t codecs[STREAM_CHANNEL_CODECS]);

/* Asks the guest for a new stream; notes when. */
void stream_channel_ask(struct stream_channel *stream);

/* A new stream begins. */
void stream_channel_start(struct stream_channel *stream, const struct stream_format *format);
/* There is none any more, nor a picture. */
void stream_channel_stop(struct stream_channel *stream);
/* Takes a reference of FRAME, to be shown at MM_TIME. Without a stream it is nothing. */
void stream_channel_frame(struct stream_channel *stream, GBytes *frame, uint32_t mm_time);
/* Is there a client that has been sent all there was, or none? */
bool stream_channel_has_room(const struct stream_channel *stream);
