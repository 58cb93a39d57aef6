/*
 * Encoding frames. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/video_frames.h"

#include "spice/video_workshop.h"

#include <spice/enums.h>
#include <string.h>

struct video_frames {
    struct event_loop *loop;
    void (*done)(void *opaque, const struct video_code *code); /* NULL: nobody wants to know */
    void *opaque;
    bool busy; /* another thread has what follows */
    struct video_choice choice;
    struct jpeg_rows rows; /* in PIXELS */
    struct video_quality quality;
    struct video_code code;
    uint8_t *pixels;
    size_t size; /* bytes of them */
};

struct video_frames *video_frames_create(struct event_loop *loop,
                                         void (*done)(void *opaque, const struct video_code *code),
                                         void *opaque)
{
    struct video_frames *frames = g_new0(struct video_frames, 1);

    frames->loop = loop;
    frames->done = done;
    frames->opaque = opaque;
    return frames;
}

static void finish(struct video_frames *frames)
{
    g_free(frames->pixels);
    g_free(frames);
}

void video_frames_destroy(struct video_frames *frames, struct video_choice *choice)
{
    if (frames->busy) {
        frames->done = NULL;
        choice->encoder = NULL;
        return;
    }
    video_choice_finish(choice);
    finish(frames);
}

bool video_frames_is_busy(const struct video_frames *frames)
{
    return frames->busy;
}

/* Posted by the other thread. */
static void hand_over(void *opaque)
{
    struct video_frames *frames = opaque;
    GBytes *bytes = g_steal_pointer(&frames->code.bytes);

    frames->busy = false;
    if (frames->done != NULL) {
        const struct video_code code = {bytes, frames->code.bytes_in, frames->code.encode_ns,
                                        frames->code.mm_time};

        frames->done(frames->opaque, &code);
    } else {
        video_choice_finish(&frames->choice);
        finish(frames);
    }
    if (bytes != NULL)
        g_bytes_unref(bytes);
}

/* The other thread's. */
static void encode(void *opaque)
{
    struct video_frames *frames = opaque;
    const struct video_choice *choice = &frames->choice;
    int64_t began = g_get_monotonic_time();

    frames->code.bytes = choice->impl->encode(choice->encoder, &frames->rows, &frames->quality);
    frames->code.encode_ns = (uint64_t)(g_get_monotonic_time() - began) * 1000;
    event_loop_post(frames->loop, hand_over, frames);
}

static void copy_rows(struct video_frames *frames, const struct jpeg_rows *rows)
{
    size_t row = (size_t)rows->width * (rows->format == SPICE_BITMAP_FMT_16BIT ? 2 : 4);

    if (frames->size != row * rows->height) {
        g_free(frames->pixels);
        frames->size = row * rows->height;
        frames->pixels = g_malloc(frames->size);
    }
    for (uint32_t y = 0; y < rows->height; y++)
        memcpy(frames->pixels + y * row, rows->top + (ptrdiff_t)y * rows->stride, row);
    frames->rows = *rows;
    frames->rows.top = frames->pixels;
    frames->rows.stride = (ptrdiff_t)row;
    frames->code.bytes_in = frames->size;
}

void video_frames_begin(struct video_frames *frames, struct video_workshop *workshop,
                        const struct video_choice *choice, const struct jpeg_rows *rows,
                        const struct video_quality *quality, uint32_t mm_time)
{
    frames->busy = true;
    frames->choice = *choice;
    frames->quality = *quality;
    frames->code.mm_time = mm_time;
    copy_rows(frames, rows);
    video_workshop_do(workshop, encode, frames);
}
