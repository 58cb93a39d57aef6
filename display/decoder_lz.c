/*
 * LZ pictures without a palette, decoded: codecs.md section 2.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/codec.h"
#include "display/lz.h"

static uint8_t bitmap_format(enum lz_type type)
{
    switch (type) {
    case LZ_RGB16:
        return SPICE_BITMAP_FMT_16BIT;
    case LZ_RGB24:
    case LZ_RGB32:
        return SPICE_BITMAP_FMT_32BIT;
    case LZ_RGBA:
        return SPICE_BITMAP_FMT_RGBA;
    case LZ_A8:
        return SPICE_BITMAP_FMT_8BIT_A;
    default:
        return 0;
    }
}

static const char *read_header(const uint8_t *data, size_t size, struct codec_picture *picture)
{
    struct lz_info info;
    const char *error = lz_read_header(data, size, &info);

    if (error)
        return error;
    *picture = (struct codec_picture){
        .format = bitmap_format(info.type),
        .top_down = info.top_down,
        .width = info.width,
        .height = info.height,
        .stride = lz_decoded_stride(&info),
    };
    return picture->format ? NULL : "LZ picture's pixels are not colours";
}

static const char *decode(const uint8_t *data, size_t size, const struct codec_picture *picture,
                          uint8_t *rows)
{
    struct lz_info info;
    const char *error = lz_read_header(data, size, &info);

    (void)picture;
    return error ? error : lz_decode(data, size, &info, rows);
}

const struct decoder_impl decoder_lz = {
    .name = "LZ",
    .image_type = SPICE_IMAGE_TYPE_LZ_RGB,
    .read_header = read_header,
    .decode = decode,
};
