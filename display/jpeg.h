/*
 * JPEG pictures, encoded by libjpeg-turbo: codecs.md section 5.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/codec.h"

#define JPEG_MAX_SIDE 65500 /* pixels, libjpeg's limit */

struct jpeg_rows {
    uint8_t format;         /* SPICE_BITMAP_FMT_16BIT ... RGBA, whose alpha is left out */
    uint32_t width, height; /* at least 1 */
    const uint8_t *top;     /* the first row of the picture */
    ptrdiff_t stride;       /* bytes from it to the next one */
};

/* Memory that is used from picture to picture; one thread. */
struct jpeg_encoder;
struct jpeg_encoder *jpeg_encoder_create(void);
void jpeg_encoder_destroy(struct jpeg_encoder *encoder); /* NULL is allowed */

/*
 * Encodes ROWS at QUALITY, 1 to 100, FAST with a transform that is less exact. The result is valid
 * until the next call. Returns its size, 0 when libjpeg cannot do it.
 */
size_t jpeg_encode(struct jpeg_encoder *encoder, const struct jpeg_rows *rows, int quality,
                   bool fast, const uint8_t **out);

/* JPEG_ALPHA is two streams one after the other: how long the first of the last picture is. */
size_t encoder_jpeg_alpha_first_size(const struct encoder *encoder);
