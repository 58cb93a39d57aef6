/*
 * Films as pictures one by one: codecs.md section 5.3. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/video_encoder.h"

#include <spice/enums.h>

/* A struct jpeg_encoder by another name. */
static struct video_encoder *create(uint8_t codec, uint32_t width, uint32_t height,
                                    struct video_workshop *workshop G_GNUC_UNUSED)
{
    if (codec != SPICE_VIDEO_CODEC_TYPE_MJPEG || width > JPEG_MAX_SIDE || height > JPEG_MAX_SIDE)
        return NULL;
    return (struct video_encoder *)jpeg_encoder_create();
}

static void destroy(struct video_encoder *encoder)
{
    jpeg_encoder_destroy((struct jpeg_encoder *)encoder);
}

static GBytes *encode(struct video_encoder *encoder, const struct jpeg_rows *rows,
                      const struct video_quality *quality)
{
    const uint8_t *out;
    size_t size = jpeg_encode((struct jpeg_encoder *)encoder, rows, quality->jpeg, true, &out);

    return size > 0 ? g_bytes_new(out, size) : NULL;
}

const struct video_encoder_impl video_encoder_mjpeg = {
    .create = create,
    .destroy = destroy,
    .encode = encode,
};
