/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/stream_client.h"

#include "spice/display_encode.h"
#include "spice/parse.h"
#include "spice/stream_message.h"
#include "spice/video_choice.h"

#include <spice/protocol.h>

#define MAX_CLIENT_MESSAGE 300 /* bytes; a list of 255 codecs is the longest */
#define INIT_SIZE          14

/* What may wait for a client, but for one frame, which may always. */
#define MAX_QUEUED_BYTES  (8 * 1024 * 1024)
#define MAX_QUEUED_FRAMES 32

/* Ids that clients know streams by; a client has one at a time. */
#define STREAM_IDS 32

/* Reports are wanted only for "I cannot show this", so as rarely as can be. */
#define REPORT_FRAMES 1000
#define REPORT_MS     60000

struct frame {
    GBytes *data;
    uint32_t mm_time;
};

static struct stream_channel *client_stream(const struct stream_client *client)
{
    return client->base.channel->opaque;
}

bool stream_client_can_show(const struct stream_client *client, uint8_t codec)
{
    return video_can_read(&client->base, codec) && !(client->refused >> codec & 1);
}

static void free_frame(void *opaque)
{
    struct frame *frame = opaque;

    g_bytes_unref(frame->data);
    g_free(frame);
}

static void drop_frames(struct stream_client *client)
{
    g_queue_clear_full(&client->frames, free_frame);
    g_queue_init(&client->frames);
    client->queued = 0;
}

/* ---- Sending ---- */

static void send_stream_end(struct stream_client *client)
{
    channel_client_send(&client->base, stream_message_destroy(client->stream % STREAM_IDS));
    client->stream = 0;
}

static void send_surface_end(struct stream_client *client)
{
    channel_client_send(&client->base, display_encode_surface_destroy(0));
    client->surface = 0;
}

static void send_surface(struct stream_client *client)
{
    const struct stream_channel *stream = client_stream(client);
    const struct stream_format *format = &stream->format;
    struct monitors_config monitors = {
        .count = 1,
        .max_allowed = 1,
        .heads = {{.width = format->width, .height = format->height}},
    };
    struct channel_client *cc = &client->base;

    channel_client_send(cc, stream_message_surface(format->width, format->height));
    channel_client_send(cc, stream_message_black(format->width, format->height));
    if (channel_client_has_cap(cc, SPICE_DISPLAY_CAP_MONITORS_CONFIG))
        channel_client_send(cc, display_encode_monitors(&monitors));
    channel_client_send(cc, message_create(SPICE_MSG_DISPLAY_MARK));
    client->surface = stream->surface;
}

static void send_stream(struct stream_client *client)
{
    const struct stream_channel *stream = client_stream(client);
    draw_rect box = {.x2 = (int32_t)stream->format.width, .y2 = (int32_t)stream->format.height};
    uint32_t id = stream->stream % STREAM_IDS;
    struct channel_client *cc = &client->base;
    pixman_region32_t whole;

    channel_client_send(cc, stream_message_create(id, stream->format.codec, &box));
    pixman_region32_init_rect(&whole, 0, 0, stream->format.width, stream->format.height);
    channel_client_send(cc, stream_message_clip(id, &whole));
    pixman_region32_fini(&whole);
    if (channel_client_has_cap(cc, SPICE_DISPLAY_CAP_STREAM_REPORT))
        channel_client_send(
            cc, stream_message_activate_report(id, stream->stream, REPORT_FRAMES, REPORT_MS));
    client->stream = stream->stream;
}

static bool send_frame(struct stream_client *client)
{
    struct frame *frame = g_queue_pop_head(&client->frames);

    if (frame == NULL)
        return false;
    client->queued -= g_bytes_get_size(frame->data);
    channel_client_send(&client->base, stream_message_frame(client->stream % STREAM_IDS,
                                                            frame->mm_time, frame->data));
    free_frame(frame);
    return true;
}

/* What CLIENT lacks first. False: nothing. */
static bool send_next(struct stream_client *client)
{
    const struct stream_channel *stream = client_stream(client);
    bool is_shown = stream->format.width != 0;
    bool has_stream = is_shown && stream_client_can_show(client, stream->format.codec);

    if (client->stream != 0 && (!has_stream || client->stream != stream->stream))
        send_stream_end(client);
    else if (client->surface != 0 && client->surface != stream->surface)
        send_surface_end(client);
    else if (is_shown && client->surface == 0)
        send_surface(client);
    else if (has_stream && client->stream == 0)
        send_stream(client);
    else
        return send_frame(client);
    return true;
}

static bool client_produce(struct channel_client *cc)
{
    struct stream_client *client = (struct stream_client *)cc;
    struct stream_channel *stream = client_stream(client);

    if (!client->ready)
        return false;
    if (send_next(client))
        return true;
    client->idle = channel_client_backlog(cc) == 0;
    if (client->idle)
        stream->has_room(stream->opaque); /* may bring a frame at once, or another stream */
    return send_next(client);
}

/* ---- Coming, reporting, going ---- */

static void start_client(struct stream_client *client)
{
    client->ready = true;
    client->lost = true; /* what the guest is sending now began without it */
    client_stream(client)->wanted = true;
    stream_channel_ask(client_stream(client));
    channel_client_wake(&client->base);
}

static bool client_connect(struct channel_client *cc)
{
    struct stream_client *client = (struct stream_client *)cc;

    g_queue_init(&client->frames);
    if (cc->resumes)
        start_client(client); /* it has said INIT to the other server */
    return true;
}

/* The only report that matters: nothing could be shown at all. */
static bool receive_report(struct stream_client *client, struct message_reader *reader)
{
    struct stream_channel *stream = client_stream(client);
    uint32_t id = message_read_u32(reader), frames, drops;

    message_read_u32(reader); /* the unique id, which a client that failed may not know */
    message_read_u32(reader); /* when its first frame was due, */
    message_read_u32(reader); /* and its last one */
    frames = message_read_u32(reader);
    drops = message_read_u32(reader);
    message_read_u32(reader); /* the delay, */
    message_read_u32(reader); /* and the sound's */
    if (reader->failed || id >= STREAM_IDS)
        return false;
    if (frames == 0 && drops == UINT32_MAX && client->stream != 0 &&
        client->stream == stream->stream && id == client->stream % STREAM_IDS) {
        client->refused |= 1u << stream->format.codec;
        drop_frames(client);
        channel_client_wake(&client->base);
        if (stream->format.codec != SPICE_VIDEO_CODEC_TYPE_MJPEG)
            stream_channel_ask(stream);
    }
    return true;
}

static bool client_receive(struct channel_client *cc, uint16_t type, const uint8_t *body,
                           uint32_t size)
{
    struct stream_client *client = (struct stream_client *)cc;
    struct message_reader reader = message_reader(body, size);

    switch (type) {
    case SPICE_MSGC_DISPLAY_INIT:
        if (client->ready || size < INIT_SIZE)
            return false;
        start_client(client); /* it has no use for caches */
        return true;
    case SPICE_MSGC_DISPLAY_STREAM_REPORT:
        return receive_report(client, &reader);
    case SPICE_MSGC_DISPLAY_PREFERRED_COMPRESSION:
    case SPICE_MSGC_DISPLAY_PREFERRED_VIDEO_CODEC_TYPE:
        return true; /* it is the guest that encodes */
    default:
        return false;
    }
}

/* It takes nothing along to the other server, which begins with a surface of its own. */
static void client_leave(struct channel_client *cc)
{
    struct stream_client *client = (struct stream_client *)cc;

    client->ready = false;
    drop_frames(client);
    if (client->stream != 0)
        send_stream_end(client);
    if (client->surface != 0)
        send_surface_end(client);
}

static void client_disconnect(struct channel_client *cc)
{
    struct stream_client *client = (struct stream_client *)cc;
    struct stream_channel *stream = client_stream(client);
    uint8_t codecs[STREAM_CHANNEL_CODECS];

    drop_frames(client);
    if (stream->wanted && stream_channel_codecs(stream, codecs) == 0) {
        /* It was the last one. The next one gets a stream that begins with it. */
        stream->wanted = false;
        stream_channel_stop(stream);
        stream_channel_ask(stream);
    }
    if (stream_channel_has_room(stream))
        stream->has_room(stream->opaque); /* it may have been the one to be waited for */
}

const struct channel_ops stream_client_ops = {
    .client_size = sizeof(struct stream_client),
    .max_message = MAX_CLIENT_MESSAGE,
    .has_ack_window = true,
    .connect = client_connect,
    .receive = client_receive,
    .produce = client_produce,
    .disconnect = client_disconnect,
    .leave = client_leave,
};

bool stream_client_is_served(const struct stream_client *client)
{
    return client->ready && !channel_client_is_closed(&client->base);
}

void stream_client_begin(struct stream_client *client, bool lost)
{
    drop_frames(client);
    client->lost = lost;
}

static bool make_room(struct stream_client *client, bool is_key, size_t size)
{
    if (is_key) {
        client->lost = false;
        drop_frames(client);
    } else if (!g_queue_is_empty(&client->frames) && (client->queued + size > MAX_QUEUED_BYTES ||
                                                      client->frames.length >= MAX_QUEUED_FRAMES)) {
        client->lost = true;
        drop_frames(client);
    }
    return !client->lost;
}

bool stream_client_frame(struct stream_client *client, GBytes *data, bool is_key, uint32_t mm_time)
{
    size_t size = g_bytes_get_size(data);

    if (!make_room(client, is_key, size))
        return false;
    struct frame *frame = g_new(struct frame, 1);
    *frame = (struct frame){g_bytes_ref(data), mm_time};
    g_queue_push_tail(&client->frames, frame);
    client->queued += size;
    client->idle = false;
    return true;
}
