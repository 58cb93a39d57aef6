/*
 * The decoders of pictures that guests send: the first byte says which one.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/codec.h"
#include "display/quic.h"
#include "tests/fuzz/fuzz.h"

#define PIXELS_MAX (256u * 256u)

static void decode(const struct decoder_impl *decoder, const uint8_t *data, size_t size)
{
    struct codec_picture picture;

    if (decoder->read_header(data, size, &picture) ||
        (uint64_t)picture.stride * picture.height > PIXELS_MAX * 4)
        return;
    g_autofree uint8_t *rows = g_malloc((size_t)picture.stride * picture.height);
    decoder->decode(data, size, &picture, rows);
}

static void decode_quic(const uint8_t *data, size_t size)
{
    struct quic_info info;

    if (quic_read_header(data, size, &info) || (uint64_t)info.width * info.height > PIXELS_MAX)
        return;
    /* Pixels of three bytes get a fourth. */
    size_t stride = (size_t)info.width * (info.type == QUIC_RGB24 ? 4 : quic_pixel_size(info.type));
    g_autofree uint8_t *pixels = g_malloc(stride * info.height);
    quic_decode(data, size, &info, pixels, (ptrdiff_t)stride);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    if (size == 0)
        return 0;
    /* A copy of exactly this size, so that a byte too much is seen. */
    g_autofree uint8_t *data = g_memdup2(input + 1, size - 1);
    switch (input[0] % 3) {
    case 0:
        decode_quic(data, size - 1);
        break;
    case 1:
        decode(&decoder_lz, data, size - 1);
        break;
    case 2:
        decode(&decoder_jpeg, data, size - 1);
        break;
    }
    return 0;
}
