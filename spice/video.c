/*
 * Films of a display. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/video.h"

#include "spice/display_client.h"
#include "spice/server.h"
#include "spice/video_client.h"
#include "spice/video_workshop.h"

#include <spice/protocol.h>
#include <string.h>

#define END_MS 1000 /* after its last frame a film has ended */

static void stop(struct display *display, struct video_stream *stream)
{
    struct video *video = &display->video;

    for (GList *l = display->channel.clients; l != NULL; l = l->next)
        video_client_stop(l->data, stream - video->streams);
    stream->last = 0;
    video->count--;
}

static void end_timer_fired(void *opaque)
{
    struct display *display = opaque;
    struct video *video = &display->video;
    int64_t now = g_get_monotonic_time(), next = INT64_MAX;
    bool off = server_streaming_video(display->channel.server) == SPICE_STREAM_VIDEO_OFF;

    for (unsigned i = 0; i < VIDEO_STREAMS; i++) {
        struct video_stream *stream = &video->streams[i];

        if (stream->last == 0)
            continue;
        if (off || now - stream->last >= END_MS * 1000)
            stop(display, stream);
        else
            next = MIN(next, stream->last + END_MS * 1000);
    }
    if (video->count > 0)
        loop_timer_start(video->timer, (unsigned)((next - now) / 1000 + 1));
    for (GList *l = display->channel.clients, *following; l != NULL; l = following) {
        following = l->next;
        channel_client_wake(l->data);
    }
}

void video_init(struct display *display)
{
    display->video.timer = loop_timer_create(display->channel.loop, end_timer_fired, display);
}

void video_finish(struct display *display)
{
    loop_timer_destroy(display->video.timer);
    video_workshop_destroy(display->video.workshop);
    video_workshop_destroy(display->video.encoders);
}

struct video_workshop *video_get_workshop(struct display *display)
{
    if (display->video.workshop == NULL)
        display->video.workshop = video_workshop_create(1);
    return display->video.workshop;
}

struct video_workshop *video_get_encoders(struct display *display)
{
    if (display->video.encoders == NULL)
        display->video.encoders = video_workshop_create(g_get_num_processors());
    return display->video.encoders;
}

static bool is_gradual(const void *opaque)
{
    const struct draw_image *image = opaque;
    const struct codec_source source = draw_image_source(image);

    return graduality_of(&source) >= GRADUALITY_MEDIUM;
}

/* Could it be a frame at all? */
static bool is_candidate(const struct drawable *drawable, const struct surface *surface)
{
    const struct draw *draw = &drawable->draw;

    return surface->id == 0 && draw->type == QXL_DRAW_COPY && draw->copy.rop == SPICE_ROPD_OP_PUT &&
           draw->copy.mask.image == NULL && draw->copy.image->type == SPICE_IMAGE_TYPE_BITMAP &&
           (surface->format == SPICE_SURFACE_FMT_32_xRGB ||
            surface->format == SPICE_SURFACE_FMT_32_ARGB ||
            surface->format == SPICE_SURFACE_FMT_16_555);
}

static struct video_stream *start(struct video *video, const draw_rect *box)
{
    for (unsigned i = 0; i < VIDEO_STREAMS; i++) {
        struct video_stream *stream = &video->streams[i];

        if (stream->last != 0)
            continue;
        *stream = (struct video_stream){.box = *box};
        video->count++;
        return stream;
    }
    return NULL;
}

struct video_stream *video_find(struct display *display, const struct drawable *drawable,
                                const struct surface *surface, const pixman_region32_t *region)
{
    struct video *video = &display->video;
    const struct draw *draw = &drawable->draw;
    int mode = server_streaming_video(display->channel.server);
    struct video_stream *stream = NULL;
    int64_t now;

    if (mode == SPICE_STREAM_VIDEO_OFF || !is_candidate(drawable, surface) ||
        !pixman_region32_not_empty((pixman_region32_t *)region))
        return NULL;
    now = g_get_monotonic_time();
    for (unsigned i = 0; i < VIDEO_STREAMS && video->count > 0 && stream == NULL; i++) {
        struct video_stream *other = &video->streams[i];

        if (other->last != 0 && memcmp(&other->box, &draw->box, sizeof(other->box)) == 0)
            stream = other;
    }
    if (stream == NULL) {
        const draw_rect *area = &draw->copy.area;

        if (!video_detector_see(&video->detector, &draw->box, area->x2 - area->x1,
                                area->y2 - area->y1, now, mode == SPICE_STREAM_VIDEO_FILTER,
                                is_gradual, draw->copy.image))
            return NULL;
        stream = start(video, &draw->box);
        if (stream == NULL)
            return NULL;
        if (video->count == 1)
            loop_timer_start(video->timer, END_MS);
    }
    stream->last = now;
    stream->mm_time = server_mm_time(display->channel.server);
    return stream;
}

void video_show(struct display *display, struct video_stream *stream, struct drawable *drawable,
                const struct surface *surface, const pixman_region32_t *region)
{
    unsigned id = stream - display->video.streams;

    for (GList *l = display->channel.clients; l != NULL; l = l->next) {
        struct display_client *client = l->data;

        if (!video_client_frame(client, id, region))
            display_client_draw(client, drawable, surface);
    }
}

void video_stop(struct display *display)
{
    for (unsigned i = 0; i < VIDEO_STREAMS && display->video.count > 0; i++) {
        if (display->video.streams[i].last != 0)
            stop(display, &display->video.streams[i]);
    }
    memset(&display->video.detector, 0, sizeof(display->video.detector));
}
