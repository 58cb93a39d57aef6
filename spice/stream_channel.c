/*
 * A display channel of a film. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/stream_channel.h"

#include "spice/server.h"
#include "spice/stream_client.h"
#include "spice/video_key_frame.h"

#include <spice/protocol.h>

/* A client that waits for a frame it can begin with is not given one for so long: ask for it. */
#define ASK_AGAIN_US (5 * G_TIME_SPAN_SECOND)

static void wake_clients(struct stream_channel *stream)
{
    /* A client may go away inside the call. */
    for (GList *l = stream->channel.clients, *next; l != NULL; l = next) {
        next = l->next;
        channel_client_wake(l->data);
    }
}

void stream_channel_ask(struct stream_channel *stream)
{
    stream->asked = g_get_monotonic_time();
    stream->ask(stream->opaque);
}

void stream_channel_init(struct stream_channel *stream, SpiceServer *server, uint8_t id,
                         void (*ask_guest)(void *opaque), void (*has_room)(void *opaque),
                         void *opaque)
{
    *stream = (struct stream_channel){.ask = ask_guest, .has_room = has_room, .opaque = opaque};
    channel_init(&stream->channel, server, SPICE_CHANNEL_DISPLAY, id, &stream_client_ops,
                 server_loop(server), stream);
    channel_set_capability(&stream->channel, SPICE_DISPLAY_CAP_MONITORS_CONFIG);
    channel_set_capability(&stream->channel, SPICE_DISPLAY_CAP_STREAM_REPORT);
}

void stream_channel_finish(struct stream_channel *stream)
{
    channel_finish(&stream->channel);
}

unsigned stream_channel_codecs(const struct stream_channel *stream,
                               uint8_t codecs[STREAM_CHANNEL_CODECS])
{
    unsigned count = 0, clients = 0;

    G_STATIC_ASSERT(SPICE_VIDEO_CODEC_TYPE_ENUM_END <= STREAM_CHANNEL_CODECS);
    for (GList *l = stream->channel.clients; l != NULL; l = l->next)
        clients += stream_client_is_served(l->data);
    if (clients == 0)
        return 0;
    codecs[count++] = SPICE_VIDEO_CODEC_TYPE_MJPEG; /* always, guests rely on it */
    for (uint8_t codec = codecs[0] + 1; codec < SPICE_VIDEO_CODEC_TYPE_ENUM_END; codec++) {
        bool all = true;

        for (GList *l = stream->channel.clients; l != NULL; l = l->next)
            all = all &&
                  (!stream_client_is_served(l->data) || stream_client_can_show(l->data, codec));
        if (all)
            codecs[count++] = codec;
    }
    return count;
}

static void begin(struct stream_channel *stream, bool lost)
{
    for (GList *l = stream->channel.clients; l != NULL; l = l->next)
        stream_client_begin(l->data, lost);
    wake_clients(stream);
}

void stream_channel_start(struct stream_channel *stream, const struct stream_format *format)
{
    if (stream->format.width != format->width || stream->format.height != format->height)
        stream->surface++;
    stream->stream++;
    stream->format = *format;
    begin(stream, false); /* the first frame of a stream needs no others */
}

void stream_channel_stop(struct stream_channel *stream)
{
    stream->format = (struct stream_format){0};
    stream->stream++;
    stream->surface++;
    begin(stream, true);
}

bool stream_channel_has_room(const struct stream_channel *stream)
{
    bool waits = false;

    for (GList *l = stream->channel.clients; l != NULL; l = l->next) {
        const struct stream_client *client = l->data;

        if (stream_client_is_served(client) && client->idle)
            return true;
        waits = waits || stream_client_is_served(client);
    }
    return !waits;
}

void stream_channel_frame(struct stream_channel *stream, GBytes *frame, uint32_t mm_time)
{
    size_t size;
    const uint8_t *data = g_bytes_get_data(frame, &size);
    bool is_key, one_is_lost = false;

    if (stream->format.width == 0 || size == 0)
        return;
    is_key = video_is_key_frame(stream->format.codec, data, size);
    for (GList *l = stream->channel.clients; l != NULL; l = l->next) {
        struct stream_client *client = l->data;

        if (!stream_client_is_served(client) ||
            !stream_client_can_show(client, stream->format.codec))
            continue;
        if (!stream_client_frame(client, frame, is_key, mm_time))
            one_is_lost = one_is_lost || client->idle;
    }
    if (one_is_lost && g_get_monotonic_time() - stream->asked > ASK_AGAIN_US)
        stream_channel_ask(stream);
    wake_clients(stream);
}
