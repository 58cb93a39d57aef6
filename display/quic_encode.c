/*
 * What is coded of a row depends on pixels only, never on the model. So which pixels equal their
 * left neighbours is found out for a whole row at a time, and residuals for a block at a time, in
 * loops that the compiler vectorises; blocks inside a run are never looked at. What is left for
 * each pixel is to look up three codes and to append them as one.
 *
 * All of this works on packed pixels: four components side by side, as 32-bit pixels have them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/quic.h"
#include "display/quic_codes.h"

#include <glib.h>

#define INLINE static inline __attribute__((always_inline))

enum {
    PACKED = 4, /* bytes of a pixel */
    BLOCK = 32, /* pixels */
    ROOM = 16,  /* bytes behind a map that may be read */
};

/* The bytes of a packed pixel in the order of coding. */
struct group_layout {
    unsigned channels, bpc, first; /* first, and the ones before it */
    uint32_t mask;                 /* of a pixel: what counts when two are compared */
};

/* A packed pixel's B, G and R; its last byte; its first byte. */
static const struct group_layout layout_color = {3, 8, 2, 0x00ffffff};
static const struct group_layout layout_color5 = {3, 5, 2, 0x00ffffff};
static const struct group_layout layout_alpha = {1, 8, 3, 0xff000000};
static const struct group_layout layout_gray = {1, 8, 0, 0x000000ff};

/* What is known of one component: how its buckets fare, and which parameter a residual leads to. */
struct coder_channel {
    struct quic_bucket buckets[QUIC_MAX_BUCKETS];
    uint8_t parameters[256]; /* of the code, by the residual to the left */
};

struct coder {
    struct quic_context context;
    struct coder_channel channels[3];
    uint8_t *residuals;             /* packed, from pixel -1 on; section 1.2: what stays in it */
    uint8_t *same_now, *same_above; /* not 0 where a pixel equals its left neighbour */
};

/* The rows that are being encoded, and their folded residuals. */
struct rows {
    uint32_t width;
    const uint8_t *now, *above; /* packed; above is NULL in the first row */
    uint8_t *symbols;           /* packed; of the blocks that are ready */
    uint8_t *ready;             /* by block */
};

/* Bits to 32-bit little-endian words, the most significant first. */
struct bit_writer {
    uint8_t *out;
    uint64_t window; /* bits not yet written, at the bottom */
    unsigned bits;   /* how many; less than 32 between calls */
};

/* COUNT: at most 32. */
INLINE void put_bits(struct bit_writer *out, uint64_t value, unsigned count)
{
    out->window = out->window << count | value;
    out->bits += count;
    /* Whether a word is full cannot be predicted: it is written each time, and counts or not. */
    uint32_t word = GUINT32_TO_LE((uint32_t)(out->window >> (out->bits & 31)));
    memcpy(out->out, &word, sizeof(word));
    out->out += out->bits / 32 * sizeof(word);
    out->bits &= 31;
}

static void put_run(struct bit_writer *out, struct quic_context *context, uint32_t length)
{
    uint32_t step;
    while (length >= (step = 1u << quic_run_orders[context->run_state])) {
        put_bits(out, 1, 1);
        length -= step;
        quic_run_longer(context);
    }
    put_bits(out, length, 1u + quic_run_orders[context->run_state]);
    quic_run_shorter(context);
}

/* ---- Residuals ---- */

/* Small differences of either sign become small numbers, section 1.4. */
INLINE uint8_t fold(uint8_t difference, unsigned bpc)
{
    if (bpc == 8)
        return (uint8_t)((uint8_t)(difference << 1) ^ (uint8_t) - (difference >> 7));
    difference &= 31;
    return (uint8_t)((uint8_t)(difference << 1) ^ (uint8_t)(-(difference >> 4) & 63));
}

/* COUNT components from FIRST on; not the first pixel's. */
INLINE void fold_components(const struct rows *rows, size_t first, size_t count, unsigned bpc)
{
    const uint8_t *restrict now = rows->now + first;
    const uint8_t *restrict above = rows->above ? rows->above + first : NULL;
    uint8_t *restrict symbols = rows->symbols + first;
    const uint8_t *restrict left = now - PACKED;

    if (above == NULL) {
        for (size_t i = 0; i < count; i++)
            symbols[i] = fold((uint8_t)(now[i] - left[i]), bpc);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t mean = (uint8_t)((left[i] & above[i]) + ((left[i] ^ above[i]) >> 1));
        symbols[i] = fold((uint8_t)(now[i] - mean), bpc);
    }
}

static void fold_block(const struct rows *rows, uint32_t block, unsigned bpc)
{
    size_t first = (size_t)block * BLOCK * PACKED, end = (size_t)rows->width * PACKED;

    rows->ready[block] = 1;
    if (block == 0) {
        for (unsigned c = 0; c < PACKED; c++)
            rows->symbols[c] =
                fold((uint8_t)(rows->now[c] - (rows->above ? rows->above[c] : 0)), bpc);
        first = PACKED;
    } else if (end - first >= BLOCK * PACKED) {
        fold_components(rows, first, BLOCK * PACKED, bpc);
        return;
    }
    fold_components(rows, first, MIN(end, (block + 1) * (size_t)BLOCK * PACKED) - first, bpc);
}

INLINE uint32_t load_pixel(const uint8_t *at)
{
    uint32_t pixel;
    memcpy(&pixel, at, sizeof(pixel));
    return GUINT32_FROM_LE(pixel);
}

/* Which pixels equal their left neighbours. */
INLINE void map_same(const struct rows *rows, uint8_t *restrict same, struct group_layout layout)
{
    const uint8_t *restrict now = rows->now;

    same[0] = 0;
    for (uint32_t i = 1; i < rows->width; i++) {
        uint32_t difference =
            load_pixel(now + (size_t)i * PACKED) ^ load_pixel(now + (size_t)(i - 1) * PACKED);
        same[i] = (difference & layout.mask) == 0 ? 0xff : 0;
    }
}

INLINE uint64_t load8(const uint8_t *at)
{
    uint64_t bytes;
    memcpy(&bytes, at, sizeof(bytes));
    return GUINT64_FROM_LE(bytes);
}

/* The first column from FROM, at least 3, on where a run may begin; END: none. */
INLINE uint32_t find_run(const struct coder *coder, uint32_t from, uint32_t end)
{
    for (uint32_t i = from; i < end; i += 8) {
        uint64_t both = load8(coder->same_above + i) & load8(coder->same_now + i - 1);
        if (both) {
            uint32_t found = i + (unsigned)__builtin_ctzll(both) / 8;
            return found < end ? found : end;
        }
    }
    return end;
}

/* The first column from FROM on that differs from its left neighbour; END: none. */
INLINE uint32_t find_end_of_run(const struct coder *coder, uint32_t from, uint32_t end)
{
    for (uint32_t i = from; i < end; i += 8) {
        uint64_t different = ~load8(coder->same_now + i);
        if (different) {
            uint32_t found = i + (unsigned)__builtin_ctzll(different) / 8;
            return found < end ? found : end;
        }
    }
    return end;
}

/* ---- Coding ---- */

INLINE unsigned component(uint32_t packed, unsigned byte)
{
    return packed >> (8 * byte) & 0xff;
}

/* Columns I to END, all of which are in one block that is ready. */
INLINE void code_pixels(struct bit_writer *writer, struct coder *coder, const struct rows *rows,
                        uint32_t i, uint32_t end, struct group_layout layout)
{
    struct bit_writer out = *writer;
    const uint16_t *codes = layout.bpc == 8 ? quic_codes8 : quic_codes5;
    const uint8_t *symbols = rows->symbols;
    uint8_t *residuals = coder->residuals;
    uint32_t left = load_pixel(residuals + ((ptrdiff_t)i - 1) * PACKED);

    for (; i < end; i++) {
        uint32_t symbol = load_pixel(symbols + (size_t)i * PACKED);
        uint64_t value = 0;
        unsigned length = 0;

        memcpy(residuals + (size_t)i * PACKED, symbols + (size_t)i * PACKED, PACKED);
        for (unsigned c = 0; c < layout.channels; c++) {
            unsigned byte = layout.first - c;
            unsigned k = coder->channels[c].parameters[component(left, byte)];
            unsigned code = codes[component(symbol, byte) * QUIC_MAX_BPC + k];

            value = value << (code >> 8) | (code & 0xff);
            length += code >> 8;
        }
        left = symbol;
        if (__builtin_expect(length > 32, 0)) {
            if (length > 64) {
                put_bits(&out, 0, length - 64); /* what does not fit VALUE are zeros */
                length = 64;
            }
            put_bits(&out, value >> 32, length - 32);
            put_bits(&out, value & UINT32_MAX, 32);
        } else {
            put_bits(&out, value, length);
        }
    }
    *writer = out;
}

INLINE void code_stretch(struct bit_writer *out, struct coder *coder, const struct rows *rows,
                         uint32_t i, uint32_t end, struct group_layout layout)
{
    while (i < end) {
        uint32_t block = i / BLOCK, next = (block + 1) * BLOCK;
        uint32_t stop = end < next ? end : next;

        if (!rows->ready[block])
            fold_block(rows, block, layout.bpc);
        code_pixels(out, coder, rows, i, stop, layout);
        i = stop;
    }
}

/* The parameter of a bucket has changed: residuals 2^INDEX - 1 on, and twice as many less one. */
static void set_parameter(struct coder_channel *channel, unsigned index, unsigned k, unsigned bpc)
{
    unsigned first = (1u << index) - 1, last_bucket = bpc == 8 ? 7 : 4;
    unsigned end = index == last_bucket ? 1u << bpc : (2u << index) - 1;

    memset(channel->parameters + first, (int)k, end - first);
}

INLINE void update_model(struct coder *coder, uint32_t i, struct group_layout layout)
{
    const uint8_t *lengths = layout.bpc == 8 ? quic_lengths8 : quic_lengths5;
    uint32_t left = load_pixel(coder->residuals + ((ptrdiff_t)i - 1) * PACKED);
    uint32_t symbol = load_pixel(coder->residuals + (ptrdiff_t)i * PACKED);

    for (unsigned c = 0; c < layout.channels; c++) {
        struct coder_channel *channel = &coder->channels[c];
        unsigned byte = layout.first - c;
        unsigned index = quic_bucket_index(component(left, byte), layout.bpc);
        struct quic_bucket *bucket = &channel->buckets[index];
        unsigned before = bucket->best;

        quic_bucket_update(bucket, lengths + component(symbol, byte) * QUIC_MAX_BPC, layout.bpc,
                           coder->context.trigger);
        if (bucket->best != before)
            set_parameter(channel, index, bucket->best, layout.bpc);
    }
}

/* Columns BEGIN to END of a row, one wait mask. */
INLINE void encode_segment(struct bit_writer *out, struct coder *coder, const struct rows *rows,
                           uint32_t begin, uint32_t end, struct group_layout layout)
{
    struct quic_context *context = &coder->context;
    uint32_t i = begin;

    if (i == 0) {
        code_stretch(out, coder, rows, 0, 1, layout);
        if (context->wait > 0) {
            context->wait--;
        } else {
            context->wait = quic_next_wait(context);
            update_model(coder, 0, layout);
        }
        i = 1;
    }
    uint64_t stop = (uint64_t)i + context->wait; /* the column after which the model learns */
    uint32_t run = rows->above ? find_run(coder, MAX(i, 3), end) : end;
    while (i < end) {
        if (i == run) {
            uint32_t first = i;

            context->wait = (uint32_t)(stop - i);
            i = find_end_of_run(coder, i, end);
            put_run(out, context, i - first);
            if (i == end)
                return;
            stop = (uint64_t)i + context->wait;
            run = find_run(coder, i + (i == first), end);
            continue;
        }
        uint32_t next = (uint32_t)MIN(stop + 1, run);

        code_stretch(out, coder, rows, i, next, layout);
        i = next;
        if (i == stop + 1) {
            update_model(coder, (uint32_t)stop, layout);
            stop = (uint64_t)i + quic_next_wait(context);
        }
    }
    context->wait = (uint32_t)(stop - end);
}

INLINE void encode_row(struct bit_writer *writer, struct coder *coder, const struct rows *rows,
                       struct group_layout layout)
{
    struct bit_writer out = *writer;
    uint8_t *same = coder->same_above;

    coder->same_above = coder->same_now;
    coder->same_now = same;
    map_same(rows, same, layout);
    if (rows->above)
        memcpy(coder->residuals - PACKED, coder->residuals, PACKED);
    for (uint32_t at = 0; at < rows->width;) {
        uint32_t length = quic_segment_length(&coder->context, rows->width - at);

        encode_segment(&out, coder, rows, at, at + length, layout);
        quic_segment_done(&coder->context, length);
        at += length;
    }
    *writer = out;
}

/* One function each, so that what is constant in a layout is. */
static void encode_color_row(struct bit_writer *out, struct coder *coder, const struct rows *rows)
{
    encode_row(out, coder, rows, layout_color);
}

static void encode_color5_row(struct bit_writer *out, struct coder *coder, const struct rows *rows)
{
    encode_row(out, coder, rows, layout_color5);
}

static void encode_alpha_row(struct bit_writer *out, struct coder *coder, const struct rows *rows)
{
    encode_row(out, coder, rows, layout_alpha);
}

static void encode_gray_row(struct bit_writer *out, struct coder *coder, const struct rows *rows)
{
    encode_row(out, coder, rows, layout_gray);
}

/* ---- Pictures ---- */

/* All of it lies in one block, which is returned. */
static void *coder_init(struct coder *coder, uint32_t width, unsigned bpc)
{
    size_t map = (size_t)width + ROOM, residuals = ((size_t)width + 1) * PACKED;
    uint8_t *block = g_malloc0(residuals + 2 * map);

    quic_context_init(&coder->context);
    coder->residuals = block + PACKED;
    coder->same_now = block + residuals;
    coder->same_above = coder->same_now + map;
    for (unsigned c = 0; c < G_N_ELEMENTS(coder->channels); c++) {
        struct coder_channel *channel = &coder->channels[c];

        memset(channel->buckets, 0, sizeof(channel->buckets));
        for (unsigned b = 0; b < QUIC_MAX_BUCKETS; b++)
            channel->buckets[b].best = (uint8_t)(bpc - 1);
        memset(channel->parameters, (int)bpc - 1, sizeof(channel->parameters));
    }
    return block;
}

/* ROW of any other type than the 32-bit ones, as packed pixels. */
static void pack_row(const struct quic_info *info, const uint8_t *restrict row,
                     uint8_t *restrict packed)
{
    uint32_t width = info->width;

    switch (info->type) {
    case QUIC_GRAY:
        for (uint32_t x = 0; x < width; x++)
            packed[x * 4] = row[x];
        break;
    case QUIC_RGB16:
        for (uint32_t x = 0; x < width; x++) {
            unsigned pixel = row[x * 2] | row[x * 2 + 1] << 8;
            packed[x * 4] = pixel & 0x1f;
            packed[x * 4 + 1] = pixel >> 5 & 0x1f;
            packed[x * 4 + 2] = pixel >> 10 & 0x1f;
        }
        break;
    default:
        for (uint32_t x = 0; x < width; x++) {
            packed[x * 4] = row[x * 3];
            packed[x * 4 + 1] = row[x * 3 + 1];
            packed[x * 4 + 2] = row[x * 3 + 2];
        }
        break;
    }
}

static void encode_rows(struct bit_writer *writer, const struct quic_info *info,
                        const uint8_t *pixels, ptrdiff_t stride)
{
    bool is_packed = info->type == QUIC_RGB32 || info->type == QUIC_RGBA;
    bool has_alpha = info->type == QUIC_RGBA;
    unsigned bpc = info->type == QUIC_RGB16 ? 5 : 8;
    size_t row_size = (size_t)info->width * PACKED, blocks = info->width / BLOCK + 1;
    struct coder color, alpha;
    g_autofree void *color_block = coder_init(&color, info->width, bpc);
    g_autofree void *alpha_block = has_alpha ? coder_init(&alpha, info->width, 8) : NULL;
    g_autofree uint8_t *buffer = g_malloc0(row_size * (is_packed ? 1 : 3) + blocks);
    struct rows rows = {.width = info->width, .symbols = buffer + blocks, .ready = buffer};

    for (uint32_t y = 0; y < info->height; y++) {
        rows.above = rows.now;
        if (is_packed) {
            rows.now = pixels + (ptrdiff_t)y * stride;
        } else {
            uint8_t *packed = rows.symbols + row_size * (1 + (y & 1));

            pack_row(info, pixels + (ptrdiff_t)y * stride, packed);
            rows.now = packed;
        }
        memset(rows.ready, 0, blocks);
        if (info->type == QUIC_GRAY)
            encode_gray_row(writer, &color, &rows);
        else if (bpc == 5)
            encode_color5_row(writer, &color, &rows);
        else
            encode_color_row(writer, &color, &rows);
        if (has_alpha)
            encode_alpha_row(writer, &alpha, &rows);
    }
}

size_t quic_encoded_bound(const struct quic_info *info)
{
    /* No code is longer than the limit; a run costs less than what it stands for, or one bit. One
     * word more is written ahead. */
    uint64_t bits = (uint64_t)info->width * info->height * (4 * QUIC_CODE_LIMIT + 2);
    return QUIC_HEADER_WORDS * 4 + bits / 8 + 16;
}

size_t quic_encode(const struct quic_info *info, const uint8_t *pixels, ptrdiff_t stride,
                   uint8_t *out)
{
    struct bit_writer writer = {.out = out};

    put_bits(&writer, QUIC_MAGIC, 32);
    put_bits(&writer, QUIC_VERSION, 32);
    put_bits(&writer, info->type, 32);
    put_bits(&writer, info->width, 32);
    put_bits(&writer, info->height, 32);
    encode_rows(&writer, info, pixels, stride);
    if (writer.bits > 0)
        put_bits(&writer, 0, 32 - writer.bits);
    put_bits(&writer, 0, 32); /* the decoders' look-ahead */
    return (size_t)(writer.out - out);
}
