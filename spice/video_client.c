/*
 * What one client is sent of films. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/video_client.h"

#include "spice/client.h"
#include "spice/display_lossy.h"
#include "spice/play_delay.h"
#include "spice/server.h"
#include "spice/stream_message.h"
#include "spice/video_frames.h"
#include "spice/video_rate.h"

#include <spice/protocol.h>

enum {
    REPORT_FRAMES = 5,
    REPORT_MS = 1000,
    UNSENT_BYTES = 32 * 1024, /* that may wait in a socket; a frame that waits longer is late */
    FRAME_MS = 12,            /* at least between frames; screens do not show more than about 60 */
};

#define FIRST_LIMIT      (10 * 1024 * 1024) /* bits a second */
#define FIRST_LIMIT_SLOW (5 * 512 * 1024)
#define FIRST_SHARE      0.8

/* A film as one client has it. */
struct video_agent {
    struct display_client *client;
    unsigned id;
    uint32_t unique_id;
    bool created; /* the client knows of it */
    bool frame;   /* there is one that it has not been sent */
    bool refused; /* it cannot read it, and is sent pictures */
    bool ends;    /* that is queued */
    pixman_region32_t clip, sent_clip;
    struct video_choice choice;
    struct video_frames *frames;
    int64_t frame_due; /* not sooner is there another one; monotonic us */
    struct loop_timer *frame_timer;
    struct video_rate rate;
};

/* There is a film more or less, or they are wanted later. */
static void tell_delay(struct display_client *client)
{
    const struct channel_client *cc = &client->base;
    uint32_t delay = 0;

    for (unsigned id = 0; id < VIDEO_STREAMS && client->film_count > 0 && delay == 0; id++) {
        if (client->films[id] != NULL && client->films[id]->created)
            delay = client->film_delay.wanted;
    }
    if (delay == client->told_delay)
        return;
    client->told_delay = delay;
    play_delay_want(cc->channel->server, cc->client->id, cc->channel->id, delay);
}

static void agent_destroy(struct display_client *client, unsigned id)
{
    struct video_agent *agent = client->films[id];

    client->films[id] = NULL;
    client->film_count--;
    tell_delay(client);
    video_frames_destroy(agent->frames, &agent->choice);
    loop_timer_destroy(agent->frame_timer);
    pixman_region32_fini(&agent->clip);
    pixman_region32_fini(&agent->sent_clip);
    g_free(agent);
}

void video_client_finish(struct display_client *client)
{
    for (unsigned id = 0; id < VIDEO_STREAMS; id++) {
        if (client->films[id] != NULL)
            agent_destroy(client, id);
    }
}

static bool can_start(struct display_client *client)
{
    const struct client_surface *primary = client->surfaces[0];

    /* A client on this machine has bandwidth enough for what is exact. */
    return client->ready && !channel_client_is_local(&client->base) && primary != NULL &&
           primary->sent && !primary->fresh;
}

/* A frame is sent in place of pixels, so what was still owed of them in REGION is not any more. */
static void replace_damage(struct client_surface *known, const pixman_region32_t *region)
{
    pixman_region32_t *owed[] = {&known->damage, &known->pass, &known->exact};

    if (!known->damaged || known->fresh)
        return;
    for (unsigned i = 0; i < G_N_ELEMENTS(owed); i++)
        pixman_region32_subtract(owed[i], owed[i], (pixman_region32_t *)region);
}

static bool choose(struct display_client *client, struct video_agent *agent, unsigned id)
{
    struct display *display = display_client_display(client);
    const draw_rect *box = &display->video.streams[id].box;

    return video_choose(client, box->x2 - box->x1, box->y2 - box->y1, video_get_workshop(display),
                        &agent->choice);
}

/* Can frames be encoded by now? */
static bool is_prepared(struct display_client *client, struct video_agent *agent, unsigned id)
{
    enum video_readiness readiness = video_choice_readiness(&agent->choice);

    if (readiness == VIDEO_IMPOSSIBLE)
        agent->refused = !choose(client, agent, id);
    return readiness == VIDEO_READY;
}

static void frame_done(void *opaque, const struct video_code *code);
static void frame_timer_fired(void *opaque);

static struct video_agent *start(struct display_client *client, unsigned id)
{
    struct display *display = display_client_display(client);
    double limit = client_is_slow(client->base.client) ? FIRST_LIMIT_SLOW : FIRST_LIMIT;
    struct video_agent *agent = g_new0(struct video_agent, 1);

    agent->client = client;
    agent->id = id;
    agent->unique_id = ++display->video.ids;
    agent->frames = video_frames_create(display->channel.loop, frame_done, agent);
    agent->frame_timer = loop_timer_create(display->channel.loop, frame_timer_fired, agent);
    agent->refused = !choose(client, agent, id);
    pixman_region32_init(&agent->clip);
    pixman_region32_init(&agent->sent_clip);
    video_rate_init(&agent->rate, MAX(limit * FIRST_SHARE, client->film_limit),
                    g_get_monotonic_time());
    client->films[id] = agent;
    client->film_count++;
    return agent;
}

/* Where ITEM_STREAM of film ID is in the queue; -1: nowhere. *LAST: is nothing drawn after it? */
static int find_item(const struct display_client *client, unsigned id, bool *last)
{
    *last = true;
    for (unsigned i = client->queue->len; i-- > client->queue_sent;) {
        const struct display_item *item = &g_array_index(client->queue, struct display_item, i);

        if (item->type == ITEM_STREAM && item->film == id)
            return (int)i;
        *last = *last && item->type != ITEM_DRAW;
    }
    return -1;
}

static void push_item(struct display_client *client, unsigned type, unsigned id)
{
    struct display_item item = {.type = type, .serial = UINT64_MAX, .film = id};

    g_array_append_val(client->queue, item);
}

static void drop_item(struct display_client *client, unsigned id)
{
    bool last;
    int at = find_item(client, id, &last);

    if (at >= 0)
        g_array_remove_index(client->queue, at);
}

bool video_client_frame(struct display_client *client, unsigned id, const pixman_region32_t *region)
{
    struct video_agent *agent = client->films[id];
    int64_t now = g_get_monotonic_time();
    bool last;
    int at;

    if (agent == NULL && can_start(client))
        agent = start(client, id);
    if (agent == NULL || agent->refused || agent->ends || client->surfaces[0] == NULL)
        return false;
    if (!agent->created && !is_prepared(client, agent, id))
        return false;
    video_rate_offer(&agent->rate, agent->frame && channel_client_is_full(&client->base), now);
    agent->frame = true;
    pixman_region32_copy(&agent->clip, (pixman_region32_t *)region);
    replace_damage(client->surfaces[0], region);
    at = find_item(client, id, &last);
    if (at >= 0 && last)
        return true;
    if (at >= 0)
        g_array_remove_index(client->queue, at);
    push_item(client, ITEM_STREAM, id);
    return true;
}

void video_client_stop(struct display_client *client, unsigned id)
{
    struct video_agent *agent = client->films[id];

    if (agent == NULL || agent->ends)
        return;
    drop_item(client, id);
    client->film_limit = MAX(client->film_limit, agent->rate.spent);
    if (agent->frame) /* it will not be sent any more */
        display_lossy_add(client, &agent->clip);
    agent->frame = false;
    if (agent->created) {
        agent->ends = true;
        push_item(client, ITEM_STREAM_END, id);
    } else {
        agent_destroy(client, id);
    }
}

void video_client_cover(struct display_client *client, const pixman_region32_t *region)
{
    for (unsigned id = 0; id < VIDEO_STREAMS && client->film_count > 0; id++) {
        struct video_agent *agent = client->films[id];
        pixman_region32_t rest;
        bool last;

        if (agent == NULL || agent->ends || agent->refused)
            continue;
        pixman_region32_init(&rest);
        pixman_region32_subtract(&rest, &agent->clip, (pixman_region32_t *)region);
        if (!pixman_region32_equal(&rest, &agent->clip)) {
            pixman_region32_copy(&agent->clip, &rest);
            if (find_item(client, id, &last) < 0)
                push_item(client, ITEM_STREAM, id);
        }
        pixman_region32_fini(&rest);
    }
}

void video_client_leave_out(const struct display_client *client, pixman_region32_t *region)
{
    for (unsigned id = 0; id < VIDEO_STREAMS && client->film_count > 0; id++) {
        const struct video_agent *agent = client->films[id];

        if (agent != NULL && !agent->ends && !agent->refused)
            pixman_region32_subtract(region, region, (pixman_region32_t *)&agent->clip);
    }
}

uint64_t video_client_bits_per_second(const struct display_client *client)
{
    double sum = 0;

    for (unsigned id = 0; id < VIDEO_STREAMS && client->film_count > 0; id++) {
        if (client->films[id] != NULL && client->films[id]->created)
            sum += client->films[id]->rate.limit;
    }
    return (uint64_t)sum;
}

/* It is not shown as a film any more, but as pictures. */
static void refuse(struct display_client *client, unsigned id)
{
    struct video_agent *agent = client->films[id];

    if (agent->refused || agent->ends)
        return;
    drop_item(client, id);
    agent->refused = true;
    agent->frame = false;
    display_lossy_add(client, &agent->clip);
    display_lossy_make_up_soon(client);
}

/* ---- Sending ---- */

static void send_create(struct display_client *client, struct video_agent *agent, unsigned id,
                        const draw_rect *box)
{
    struct channel_client *cc = &client->base;

    agent->created = true;
    tell_delay(client);
    channel_client_limit_unsent(cc, UNSENT_BYTES);
    channel_client_send(cc, stream_message_create(id, agent->choice.codec, box));
    if (channel_client_has_cap(cc, SPICE_DISPLAY_CAP_STREAM_REPORT))
        channel_client_send(
            cc, stream_message_activate_report(id, agent->unique_id, REPORT_FRAMES, REPORT_MS));
}

static void begin_frame(struct display_client *client, struct video_agent *agent, unsigned id)
{
    struct display *display = display_client_display(client);
    const struct video_stream *stream = &display->video.streams[id];
    const struct surface *surface = surfaces_find(display->surfaces, 0);
    const struct front *front = &surface->front;
    struct jpeg_rows rows = {
        .format = front->pixel == 2 ? SPICE_BITMAP_FMT_16BIT : SPICE_BITMAP_FMT_32BIT,
        .width = stream->box.x2 - stream->box.x1,
        .height = stream->box.y2 - stream->box.y1,
        .top = front_at(front, stream->box.x1, stream->box.y1),
        .stride = (ptrdiff_t)front->width * front->pixel,
    };
    struct video_quality quality = {
        .jpeg = video_rate_quality(&agent->rate),
        .bits_per_second = agent->rate.limit,
        .interval = agent->rate.interval,
    };

    video_frames_begin(agent->frames, video_get_encoders(display), &agent->choice, &rows, &quality,
                       stream->mm_time);
}

static void send_frame(struct display_client *client, struct video_agent *agent,
                       const struct video_code *code)
{
    struct codec_count *count = &client->statistics.films[agent->choice.codec];
    size_t size = g_bytes_get_size(code->bytes);

    count->images++;
    count->bytes_in += code->bytes_in;
    count->bytes_out += size;
    count->encode_ns += code->encode_ns;
    channel_client_send(&client->base, stream_message_frame(agent->id, code->mm_time, code->bytes));
    video_rate_sent(&agent->rate, size, g_get_monotonic_time());
}

/* A frame that could not be sent when it came is, if it is still the newest. */
static void push_late_frame(struct video_agent *agent)
{
    bool last;

    if (agent->frame && find_item(agent->client, agent->id, &last) < 0)
        push_item(agent->client, ITEM_STREAM, agent->id);
    channel_client_wake(&agent->client->base);
}

static void frame_timer_fired(void *opaque)
{
    struct video_agent *agent = opaque;

    if (!agent->refused && !agent->ends)
        push_late_frame(agent);
}

static void frame_done(void *opaque, const struct video_code *code)
{
    struct video_agent *agent = opaque;
    struct display_client *client = agent->client;

    if (agent->refused || agent->ends)
        return;
    if (code->bytes != NULL)
        send_frame(client, agent, code);
    else if (video_choice_readiness(&agent->choice) == VIDEO_IMPOSSIBLE)
        refuse(client, agent->id);
    push_late_frame(agent);
}

static void send_stream(struct display_client *client, struct video_agent *agent, unsigned id)
{
    struct display *display = display_client_display(client);
    struct surface *surface = surfaces_find(display->surfaces, 0);
    int64_t now = g_get_monotonic_time();

    if (surface == NULL || surface->front.pixels == NULL)
        return;
    if (!agent->created)
        send_create(client, agent, id, &display->video.streams[id].box);
    if (!pixman_region32_equal(&agent->clip, &agent->sent_clip)) {
        pixman_region32_copy(&agent->sent_clip, &agent->clip);
        channel_client_send(&client->base, stream_message_clip(id, &agent->clip));
    }
    if (!agent->frame || video_frames_is_busy(agent->frames))
        return;
    if (now < agent->frame_due) {
        loop_timer_start(agent->frame_timer, (unsigned)((agent->frame_due - now) / 1000 + 1));
        return;
    }
    agent->frame_due = now + FRAME_MS * 1000;
    agent->frame = false;
    display_lossy_add(client, &agent->clip);
    if (video_rate_admits(&agent->rate, now))
        begin_frame(client, agent, id);
    else
        client->statistics.left_out++;
}

void video_client_send(struct display_client *client, const struct display_item *item)
{
    struct video_agent *agent = client->films[item->film];

    if (agent == NULL)
        return;
    if (item->type == ITEM_STREAM) {
        send_stream(client, agent, item->film);
        return;
    }
    channel_client_send(&client->base, stream_message_destroy(item->film));
    agent_destroy(client, item->film);
    display_lossy_make_up_soon(client);
}

/* ---- Receiving ---- */

static void take_report(struct display_client *client, struct video_agent *agent,
                        const struct video_report *report)
{
    const struct channel_client *cc = &client->base;
    uint32_t explained =
        PLAY_DELAY_MS + client_round_trip(cc->client) + 2 * video_rate_frame_ms(&agent->rate);

    client->statistics.late += MIN(report->drops, report->frames);
    if (!video_delay_report(&client->film_delay, report, explained,
                            server_mm_time(cc->channel->server)))
        video_rate_report(&agent->rate, report->frames, report->drops, report->early,
                          g_get_monotonic_time());
    tell_delay(client);
}

bool video_client_report(struct display_client *client, struct message_reader *reader)
{
    uint32_t id = message_read_u32(reader), unique_id = message_read_u32(reader);
    struct video_report report;
    struct video_agent *agent;

    report.first = message_read_u32(reader);
    message_read_u32(reader); /* when the last one was due */
    report.frames = message_read_u32(reader);
    report.drops = message_read_u32(reader);
    report.early = (int32_t)message_read_u32(reader);
    report.sound = message_read_u32(reader);
    if (reader->failed || id >= VIDEO_STREAMS)
        return false;
    agent = client->films[id];
    if (agent == NULL)
        return true; /* it has ended meanwhile */
    if (report.frames == 0 && report.drops == UINT32_MAX)
        refuse(client, id);
    else if (unique_id == agent->unique_id)
        take_report(client, agent, &report);
    return true;
}

bool video_client_prefer(struct display_client *client, struct message_reader *reader)
{
    unsigned count = message_read_u8(reader), kept = 0;
    uint8_t wanted[VIDEO_PREFERENCES] = {0};

    for (unsigned i = 0; i < count; i++) {
        uint8_t codec = message_read_u8(reader);

        if (kept < VIDEO_PREFERENCES && codec >= SPICE_VIDEO_CODEC_TYPE_MJPEG &&
            codec < SPICE_VIDEO_CODEC_TYPE_ENUM_END)
            wanted[kept++] = codec;
    }
    if (reader->failed)
        return false;
    if (kept > 0)
        memcpy(client->preferred_codecs, wanted, sizeof(wanted));
    return true;
}
