/*
 * Films in codecs that GStreamer has, if it is there when they are wanted: the libraries are opened
 * then, and what is declared here of them is their stable interface.
 *
 * That and building a pipeline take from milliseconds to seconds, the workshop's. From then on a
 * frame goes in and its code comes out at once: encoders are set up to look at no later frames.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/video_encoder.h"
#include "spice/video_workshop.h"

#include <dlfcn.h>
#include <glib.h>
#include <spice/enums.h>
#include <string.h>

/* So long an encoder may think about a frame before it is given up. */
#define PATIENCE_NS (2 * G_GUINT64_CONSTANT(1000000000))

/* Opaque: GstElement, GstBuffer, GstSample and the like; numbers as GStreamer has them. */
enum { STATE_NULL = 1, STATE_PLAYING = 4, STATE_CHANGE_FAILURE = 0, MAP_READ = 1 };

struct map { /* GstMapInfo */
    void *memory;
    int flags;
    uint8_t *data;
    gsize size, room;
    void *user_data[4], *reserved[4];
};

#define FUNCTIONS(X)                                                                               \
    X(gboolean, gst_init_check, (int *, char ***, GError **))                                      \
    X(void *, gst_parse_launch, (const char *, GError **))                                         \
    X(void *, gst_bin_get_by_name, (void *, const char *))                                         \
    X(int, gst_element_set_state, (void *, int))                                                   \
    X(void, gst_object_unref, (void *))                                                            \
    X(void, gst_mini_object_unref, (void *))                                                       \
    X(void *, gst_buffer_new_allocate, (void *, gsize, void *))                                    \
    X(gsize, gst_buffer_fill, (void *, gsize, const void *, gsize))                                \
    X(gboolean, gst_buffer_map, (void *, struct map *, int))                                       \
    X(void, gst_buffer_unmap, (void *, struct map *))                                              \
    X(void *, gst_sample_get_buffer, (void *))                                                     \
    X(int, gst_app_src_push_buffer, (void *, void *))                                              \
    X(void *, gst_app_sink_try_pull_sample, (void *, guint64))                                     \
    X(void, g_object_set, (void *, const char *, ...))

struct gstreamer {
    void *library;
#define MEMBER(type, name, arguments) type(*name) arguments;
    FUNCTIONS(MEMBER)
#undef MEMBER
};

/* Who destroys an encoder that is being built: the one who sees that the other has gone. */
enum { BUILDING, BUILT, ABANDONED };

struct video_encoder {
    uint8_t codec;
    gint stage; /* atomic; the workshop has all the rest while it is BUILDING */
    struct gstreamer gst;
    void *pipeline, *source, *sink, *coder;
    const struct element *element;
    uint32_t width, height;
    int bit_rate; /* as the element was told */
    bool broken;
    uint8_t *row; /* 32-bit pixels of a row of others */
};

/* A frame's code, where GStreamer has it. */
struct code {
    void (*unmap)(void *buffer, struct map *map);
    void (*unref)(void *sample);
    void *sample, *buffer;
    struct map map;
};

/* Elements that make a codec, the best first. */
static const struct element {
    uint8_t codec; /* SPICE_VIDEO_CODEC_TYPE_* */
    const char *pipeline;
    bool even;        /* widths and heights only */
    const char *rate; /* its property, */
    int rate_unit;    /* and how many bits a second it counts in */
} elements[] = {
    {SPICE_VIDEO_CODEC_TYPE_VP8,
     "vp8enc name=coder deadline=1 cpu-used=-16 end-usage=cbr lag-in-frames=0 error-resilient=1 "
     "keyframe-max-dist=1200",
     false, "target-bitrate", 1},
    {SPICE_VIDEO_CODEC_TYPE_VP9,
     "vp9enc name=coder deadline=1 cpu-used=8 end-usage=cbr lag-in-frames=0 error-resilient=1 "
     "keyframe-max-dist=1200",
     false, "target-bitrate", 1},
    {SPICE_VIDEO_CODEC_TYPE_H264,
     "x264enc name=coder tune=zerolatency speed-preset=ultrafast byte-stream=true ! "
     "video/x-h264,stream-format=byte-stream,alignment=au",
     true, "bitrate", 1000},
    {SPICE_VIDEO_CODEC_TYPE_H264,
     "openh264enc name=coder complexity=low rate-control=bitrate ! "
     "video/x-h264,stream-format=byte-stream,alignment=au",
     true, "bitrate", 1},
    {SPICE_VIDEO_CODEC_TYPE_H265,
     "x265enc name=coder tune=zerolatency speed-preset=ultrafast ! "
     "video/x-h265,stream-format=byte-stream,alignment=au",
     true, "bitrate", 1000},
};

static bool open_library(struct gstreamer *gst)
{
    bool complete = true;

    /* It pulls in the others, and cannot be unloaded. */
    gst->library = dlopen("libgstapp-1.0.so.0", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (gst->library == NULL)
        return false;
#define FIND(type, name, arguments)                                                                \
    *(void **)&gst->name = dlsym(gst->library, #name);                                             \
    complete = complete && gst->name != NULL;
    FUNCTIONS(FIND)
#undef FIND
    return complete && gst->gst_init_check(NULL, NULL, NULL);
}

static void unref(struct video_encoder *encoder, void *object)
{
    if (object != NULL)
        encoder->gst.gst_object_unref(object);
}

static void finish(struct video_encoder *encoder)
{
    if (encoder->pipeline != NULL)
        encoder->gst.gst_element_set_state(encoder->pipeline, STATE_NULL);
    unref(encoder, encoder->source);
    unref(encoder, encoder->sink);
    unref(encoder, encoder->coder);
    unref(encoder, encoder->pipeline);
    if (encoder->gst.library != NULL)
        dlclose(encoder->gst.library);
    g_free(encoder->row);
    g_free(encoder);
}

static void destroy(struct video_encoder *encoder)
{
    if (!g_atomic_int_compare_and_exchange(&encoder->stage, BUILDING, ABANDONED))
        finish(encoder);
}

/* False: there is no such element. */
static bool build_with(struct video_encoder *encoder, const struct element *element)
{
    const struct gstreamer *gst = &encoder->gst;
    g_autofree char *text = g_strdup_printf(
        "appsrc name=source is-live=true do-timestamp=true format=time "
        "caps=video/x-raw,format=BGRx,width=%u,height=%u,framerate=30/1 ! "
        "videoconvert ! video/x-raw,format=I420 ! %s ! appsink name=sink sync=false",
        encoder->width, encoder->height, element->pipeline);
    GError *error = NULL;

    encoder->pipeline = gst->gst_parse_launch(text, &error);
    encoder->element = element;
    if (error == NULL && encoder->pipeline != NULL) {
        encoder->source = gst->gst_bin_get_by_name(encoder->pipeline, "source");
        encoder->sink = gst->gst_bin_get_by_name(encoder->pipeline, "sink");
        encoder->coder = gst->gst_bin_get_by_name(encoder->pipeline, "coder");
        return encoder->source != NULL && encoder->sink != NULL && encoder->coder != NULL &&
               gst->gst_element_set_state(encoder->pipeline, STATE_PLAYING) != STATE_CHANGE_FAILURE;
    }
    g_clear_error(&error);
    if (encoder->pipeline != NULL)
        gst->gst_object_unref(encoder->pipeline);
    encoder->pipeline = NULL;
    return false;
}

static bool can_take(const struct video_encoder *encoder, const struct element *element)
{
    bool odd = encoder->width % 2 != 0 || encoder->height % 2 != 0;

    return element->codec == encoder->codec && !(odd && element->even);
}

/* The workshop's. */
static void build(void *opaque)
{
    struct video_encoder *encoder = opaque;
    bool found = false;

    if (g_atomic_int_get(&encoder->stage) == BUILDING && open_library(&encoder->gst)) {
        for (unsigned i = 0; i < G_N_ELEMENTS(elements) && !found; i++)
            found = can_take(encoder, &elements[i]) && build_with(encoder, &elements[i]);
    }
    encoder->broken = !found;
    if (!g_atomic_int_compare_and_exchange(&encoder->stage, BUILDING, BUILT))
        finish(encoder);
}

static struct video_encoder *create(uint8_t codec, uint32_t width, uint32_t height,
                                    struct video_workshop *workshop)
{
    struct video_encoder *encoder = g_new0(struct video_encoder, 1);

    encoder->codec = codec;
    encoder->width = width;
    encoder->height = height;
    encoder->stage = BUILDING;
    video_workshop_do(workshop, build, encoder);
    return encoder;
}

static enum video_readiness readiness(struct video_encoder *encoder)
{
    if (g_atomic_int_get(&encoder->stage) == BUILDING)
        return VIDEO_PREPARING;
    return encoder->broken ? VIDEO_IMPOSSIBLE : VIDEO_READY;
}

static const uint8_t *widen_row(struct video_encoder *encoder, const uint8_t *row)
{
    uint8_t *to;

    if (encoder->row == NULL)
        encoder->row = g_malloc((size_t)encoder->width * 4);
    to = encoder->row;
    for (uint32_t x = 0; x < encoder->width; x++, to += 4) {
        unsigned pixel = row[x * 2] | row[x * 2 + 1] << 8;

        to[0] = (pixel & 31) << 3 | (pixel & 31) >> 2;
        to[1] = (pixel >> 5 & 31) << 3 | (pixel >> 5 & 31) >> 2;
        to[2] = (pixel >> 10 & 31) << 3 | (pixel >> 10 & 31) >> 2;
        to[3] = 0;
    }
    return encoder->row;
}

static bool push(struct video_encoder *encoder, const struct jpeg_rows *rows)
{
    const struct gstreamer *gst = &encoder->gst;
    gsize size = (gsize)rows->width * 4;
    void *buffer = gst->gst_buffer_new_allocate(NULL, size * rows->height, NULL);

    if (buffer == NULL)
        return false;
    for (uint32_t y = 0; y < rows->height; y++) {
        const uint8_t *row = rows->top + (ptrdiff_t)y * rows->stride;

        if (rows->format == SPICE_BITMAP_FMT_16BIT)
            row = widen_row(encoder, row);
        gst->gst_buffer_fill(buffer, y * size, row, size);
    }
    return gst->gst_app_src_push_buffer(encoder->source, buffer) == 0; /* takes it */
}

static void release_code(void *opaque)
{
    struct code *code = opaque;

    code->unmap(code->buffer, &code->map);
    code->unref(code->sample);
    g_free(code);
}

static GBytes *pull(struct video_encoder *encoder)
{
    const struct gstreamer *gst = &encoder->gst;
    void *sample = gst->gst_app_sink_try_pull_sample(encoder->sink, PATIENCE_NS);
    void *buffer = sample != NULL ? gst->gst_sample_get_buffer(sample) : NULL;
    struct code *code = g_new(struct code, 1);

    *code = (struct code){gst->gst_buffer_unmap, gst->gst_mini_object_unref, sample, buffer, {0}};
    if (buffer != NULL && gst->gst_buffer_map(buffer, &code->map, MAP_READ))
        return g_bytes_new_with_free_func(code->map.data, code->map.size, release_code, code);
    if (sample != NULL)
        gst->gst_mini_object_unref(sample);
    g_free(code);
    return NULL;
}

static GBytes *encode(struct video_encoder *encoder, const struct jpeg_rows *rows,
                      const struct video_quality *quality)
{
    int bit_rate = (int)(MIN(quality->bits_per_second, 1e9) / encoder->element->rate_unit);
    GBytes *code;

    if (encoder->broken)
        return NULL;
    if (bit_rate != encoder->bit_rate) {
        encoder->gst.g_object_set(encoder->coder, encoder->element->rate, bit_rate, NULL);
        encoder->bit_rate = bit_rate;
    }
    code = push(encoder, rows) ? pull(encoder) : NULL;
    if (code == NULL) {
        encoder->broken = true;
        g_warning("GStreamer does not encode a film of %ux%u; it is sent as pictures",
                  encoder->width, encoder->height);
    }
    return code;
}

const struct video_encoder_impl video_encoder_gstreamer = {
    .create = create,
    .readiness = readiness,
    .destroy = destroy,
    .encode = encode,
};
