/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/lz.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

/* What a unit is to a pass over the stream; known where decode_pass() is called. */
struct unit {
    unsigned size;    /* bytes in the output */
    unsigned literal; /* bytes in the stream */
    unsigned bias;    /* added to a match's length */
    unsigned offset;  /* of the byte that a one-byte literal goes to */
};

static const struct unit unit_byte = {1, 1, 2, 0};
static const struct unit unit_rgb16 = {2, 2, 1, 0};
static const struct unit unit_rgb = {4, 3, 0, 0};
static const struct unit unit_alpha = {4, 1, 2, 3};

static const char too_short[] = "LZ stream ends too early";

static bool is_palette(enum lz_type type)
{
    return type <= LZ_PLT8;
}

unsigned lz_pixels_per_byte(enum lz_type type)
{
    return type <= LZ_PLT1_BE ? 8 : type <= LZ_PLT4_BE ? 2 : 1;
}

static uint32_t read_be32(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

/* Bytes of an encoded row; the only value that the header may have. */
static uint64_t tight_stride(enum lz_type type, uint32_t width)
{
    if (is_palette(type)) {
        unsigned pixels = lz_pixels_per_byte(type);
        return ((uint64_t)width + pixels - 1) / pixels;
    }
    static const uint8_t bytes[] = {
        [LZ_RGB16] = 2, [LZ_RGB24] = 3, [LZ_RGB32] = 4, [LZ_RGBA] = 4, [LZ_XXXA] = 4, [LZ_A8] = 1};
    return (uint64_t)width * bytes[type];
}

const char *lz_read_header(const uint8_t *data, size_t size, struct lz_info *info)
{
    if (size < LZ_HEADER_SIZE)
        return "LZ stream is shorter than its header";
    if (read_be32(data) != LZ_MAGIC)
        return "LZ stream has no magic number";
    if (read_be32(data + 4) != LZ_VERSION)
        return "LZ stream has an unknown version";
    uint32_t type = read_be32(data + 8);
    if (type < LZ_PLT1_LE || type > LZ_A8)
        return "LZ stream has an unknown pixel type";
    info->type = (enum lz_type)type;
    info->width = read_be32(data + 12);
    info->height = read_be32(data + 16);
    info->stride = read_be32(data + 20);
    info->top_down = read_be32(data + 24) != 0;
    if (info->width == 0 || info->height == 0 || info->width > INT32_MAX ||
        info->height > INT32_MAX)
        return "LZ picture has an impossible size";
    if (info->stride != tight_stride(info->type, info->width))
        return "LZ picture's stride does not fit its width";
    if ((uint64_t)info->stride * info->height > LZ_MAX_BYTES ||
        (uint64_t)lz_decoded_stride(info) * info->height > 2 * LZ_MAX_BYTES)
        return "LZ picture is too large";
    return NULL;
}

size_t lz_decoded_stride(const struct lz_info *info)
{
    if (is_palette(info->type))
        return info->stride;
    if (info->type == LZ_A8)
        return info->width;
    return (size_t)info->width * (info->type == LZ_RGB16 ? 2 : 4);
}

INLINE void store_literals(uint8_t *out, const uint8_t *in, size_t count, struct unit unit)
{
    switch (unit.literal) {
    case 1:
        for (size_t i = 0; i < count; i++)
            out[i * unit.size + unit.offset] = in[i];
        break;
    case 2:
        for (size_t i = 0; i < count; i++) {
            out[i * 2] = in[i * 2 + 1];
            out[i * 2 + 1] = in[i * 2] & 0x7f;
        }
        break;
    default:
        for (size_t i = 0; i < count; i++) {
            out[i * 4] = in[i * 3];
            out[i * 4 + 1] = in[i * 3 + 1];
            out[i * 4 + 2] = in[i * 3 + 2];
            out[i * 4 + 3] = 0;
        }
        break;
    }
}

/* Repeats what lies DISTANCE units back; the areas may overlap. */
INLINE void copy_match(uint8_t *out, size_t distance, size_t length, struct unit unit)
{
    const uint8_t *from = out - distance * unit.size;
    if (unit.literal < unit.size && unit.literal == 1) {
        for (size_t i = 0; i < length; i++)
            out[i * unit.size + unit.offset] = from[i * unit.size + unit.offset];
        return;
    }
    /* What is copied at once doubles each time, so that overlapping areas are read when written. */
    size_t span = distance * unit.size, left = length * unit.size;
    while (left > span) {
        memcpy(out, from, span);
        out += span;
        left -= span;
        span *= 2;
    }
    memcpy(out, from, left);
}

/* COUNT units from *DATA on; moves *DATA behind them. */
INLINE const char *decode_pass(const uint8_t **data, const uint8_t *end, uint8_t *out, size_t count,
                               struct unit unit)
{
    const uint8_t *in = *data;
    size_t done = 0;
    while (done < count) {
        if (in == end)
            return too_short;
        unsigned control = *in++;
        if (control < 32) {
            size_t literals = control + 1;
            if (literals > count - done)
                return "LZ stream has more literals than pixels are left";
            if (literals * unit.literal > (size_t)(end - in))
                return too_short;
            store_literals(out + done * unit.size, in, literals, unit);
            in += literals * unit.literal;
            done += literals;
            continue;
        }
        size_t length = control >> 5, distance = (size_t)(control & 31) << 8;
        if (length == 7) {
            unsigned more;
            do {
                if (in == end)
                    return too_short;
                more = *in++;
                length += more;
            } while (more == 255 && length <= count);
        }
        if (in == end)
            return too_short;
        unsigned low = *in++;
        distance += low;
        if (low == 255 && (control & 31) == 31) {
            if (end - in < 2)
                return too_short;
            distance = ((size_t)in[0] << 8 | in[1]) + 8191;
            in += 2;
        }
        length += unit.bias;
        distance += 1;
        if (distance > done)
            return "LZ stream refers to pixels before the first";
        if (length > count - done)
            return "LZ stream has a match that leaves the picture";
        copy_match(out + done * unit.size, distance, length, unit);
        done += length;
    }
    *data = in;
    return NULL;
}

const char *lz_decode(const uint8_t *data, size_t size, const struct lz_info *info, uint8_t *rows)
{
    const uint8_t *in = data + LZ_HEADER_SIZE, *end = data + size;
    size_t pixels = (size_t)info->width * info->height;
    const char *error = NULL;
    switch (info->type) {
    case LZ_PLT1_LE:
    case LZ_PLT1_BE:
    case LZ_PLT4_LE:
    case LZ_PLT4_BE:
    case LZ_PLT8:
        error = decode_pass(&in, end, rows, (size_t)info->stride * info->height, unit_byte);
        break;
    case LZ_A8:
        error = decode_pass(&in, end, rows, pixels, unit_byte);
        break;
    case LZ_RGB16:
        error = decode_pass(&in, end, rows, pixels, unit_rgb16);
        break;
    case LZ_RGB24:
    case LZ_RGB32:
        error = decode_pass(&in, end, rows, pixels, unit_rgb);
        break;
    case LZ_RGBA:
        error = decode_pass(&in, end, rows, pixels, unit_rgb);
        if (!error)
            error = decode_pass(&in, end, rows, pixels, unit_alpha);
        break;
    case LZ_XXXA:
        error = decode_pass(&in, end, rows, pixels, unit_alpha);
        break;
    }
    if (!error && in != end)
        error = "LZ stream goes on after the last pixel";
    return error;
}
