/*
 * Image codecs: one file each (codec_lz4.c, ...), one interface.
 *
 * An encoder takes rows of pixels as they lie in memory and writes the bytes that follow the size
 * field of the image on the wire (codecs.md section 0.1). It keeps no state between images except in
 * the object itself, so one object belongs to one thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/draw.h"

/* Rows of pixels. */
struct codec_source {
    uint8_t format; /* SPICE_BITMAP_FMT_* */
    bool top_down; /* the order of the rows in memory */
    uint32_t width, height; /* pixels; at least 1 */
    uint32_t stride; /* bytes between rows */
    struct draw_bytes data; /* stride * height bytes */
    bool no_alpha; /* 32BIT: without compression three bytes a pixel are enough */
};

struct encoder;

struct encoder_impl {
    const char *name;
    uint8_t image_type; /* SPICE_IMAGE_TYPE_* it produces */
    bool (*accepts)(uint8_t format);
    struct encoder *(*create)(void);
    void (*destroy)(struct encoder *encoder);
    /*
     * Encodes SOURCE. On success *OUT is a buffer of *OUT_SIZE bytes that belongs to the caller
     * (g_free). Returns false when the result would not be smaller than the source's pixels.
     */
    bool (*encode)(struct encoder *encoder, const struct codec_source *source, uint8_t **out,
                   size_t *out_size);
};

/* What a stream says of its picture, and how the decoder lays it out. */
struct codec_picture {
    uint8_t format; /* SPICE_BITMAP_FMT_16BIT, _32BIT, _RGBA or _8BIT_A */
    bool top_down; /* the order of the decoded rows */
    uint32_t width, height; /* pixels, at least 1 */
    uint32_t stride; /* bytes of a decoded row, without padding */
};

/*
 * Decoders of streams that guests make: all of a stream is hostile. They keep nothing between
 * pictures and may be used in any thread. DATA must not change meanwhile.
 */
struct decoder_impl {
    const char *name;
    uint8_t image_type; /* SPICE_IMAGE_TYPE_* */
    /* Reads the size before anything of that size is allocated. NULL, or what is wrong. */
    const char *(*read_header)(const uint8_t *data, size_t size, struct codec_picture *picture);
    /*
     * Decodes a stream whose header gave PICTURE into stride * height bytes at ROWS, aligned to 4.
     * 32BIT pixels get a top byte of 0. NULL, or what is wrong; then ROWS are undefined.
     */
    const char *(*decode)(const uint8_t *data, size_t size, const struct codec_picture *picture,
                          uint8_t *rows);
};

extern const struct decoder_impl decoder_lz, decoder_jpeg;

extern const struct encoder_impl encoder_lz, encoder_lz_palette, encoder_quic;
extern const struct encoder_impl encoder_jpeg, encoder_jpeg_alpha; /* what they lose, is lost */
#include "config.h"
#ifdef HAVE_LZ4
extern const struct encoder_impl encoder_lz4;
#endif
