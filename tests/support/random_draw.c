/*
 * Random drawing commands.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/random_draw.h"
#include "display/canvas.h"
#include "display/codec.h"
#include "display/quic.h"

#include <string.h>

void random_draw_init(struct random_draw *random, uint32_t seed,
                      const struct random_surface *surfaces, unsigned surface_count)
{
    memset(random, 0, sizeof(*random));
    random->rand = g_rand_new_with_seed(seed);
    random->surfaces = surfaces;
    random->surface_count = surface_count;
    random->memory = g_ptr_array_new_with_free_func(g_free);
}

void random_draw_finish(struct random_draw *random)
{
    g_rand_free(random->rand);
    g_ptr_array_free(random->memory, TRUE);
}

void random_draw_forget(struct random_draw *random)
{
    g_ptr_array_set_size(random->memory, 0);
}

int random_between(struct random_draw *random, int first, int last)
{
    return g_rand_int_range(random->rand, first, last + 1);
}

void random_bytes(struct random_draw *random, void *to, size_t size)
{
    uint8_t *bytes = to;

    for (size_t i = 0; i < size; i++)
        bytes[i] = g_rand_int(random->rand);
}

static void *keep(struct random_draw *random, size_t size)
{
    void *memory = g_malloc0(size);

    g_ptr_array_add(random->memory, memory);
    return memory;
}

static bool chance(struct random_draw *random, int percent)
{
    return random_between(random, 1, 100) <= percent;
}

static draw_rect random_rect(struct random_draw *random, int width, int height)
{
    int x = random_between(random, 0, width - 1), y = random_between(random, 0, height - 1);

    return (draw_rect){x, y, random_between(random, x + 1, width),
                       random_between(random, y + 1, height)};
}

static struct draw_palette *random_palette(struct random_draw *random, unsigned bits)
{
    struct draw_palette *palette = keep(random, sizeof(*palette));

    palette->count = 1u << bits;
    random_bytes(random, palette->colors, palette->count * 4);
    return palette;
}

/* Data in one or more pieces that do not care for rows. */
static struct draw_bytes random_data(struct random_draw *random, size_t size)
{
    struct draw_bytes data = {.size = size, .count = chance(random, 60) ? 1 : 3};
    size_t used = 0;

    data.pieces = keep(random, data.count * sizeof(struct iovec));
    for (unsigned i = 0; i < data.count; i++) {
        size_t left = size - used;
        size_t part = i + 1 < data.count ? (size_t)random_between(random, 0, left) : left;
        data.pieces[i].iov_base = keep(random, part + 16);
        data.pieces[i].iov_len = part;
        random_bytes(random, data.pieces[i].iov_base, part);
        used += part;
    }
    return data;
}

static struct draw_image *random_bitmap(struct random_draw *random, uint8_t format, int width,
                                        int height)
{
    struct draw_image *image = keep(random, sizeof(*image));
    unsigned bits = bitmap_format_bits(format);

    image->type = SPICE_IMAGE_TYPE_BITMAP;
    image->width = width;
    image->height = height;
    image->id = g_rand_int(random->rand);
    image->bitmap.format = format;
    image->bitmap.top_down = chance(random, 50);
    image->bitmap.stride =
        (width * bits + 7) / 8 + (chance(random, 40) ? random_between(random, 0, 5) : 0);
    if (chance(random, 50))
        image->bitmap.stride = (image->bitmap.stride + 3) & ~3;
    if (format <= SPICE_BITMAP_FMT_8BIT)
        image->bitmap.palette = random_palette(random, bits);
    image->bitmap.data = random_data(random, (size_t)image->bitmap.stride * height);
    if (chance(random, 20))
        image->flags |= SPICE_IMAGE_FLAGS_HIGH_BITS_SET;
    return image;
}

/* A compressed picture; its stream is in two pieces, the first one of FIRST bytes. */
static struct draw_image *stream_image(struct random_draw *random, uint8_t type, int width,
                                       int height, const uint8_t *stream, size_t size, size_t first)
{
    struct draw_image *image = keep(random, sizeof(*image));

    image->type = type;
    image->width = width;
    image->height = height;
    image->quic.data = (struct draw_bytes){size, 2, keep(random, 2 * sizeof(struct iovec))};
    image->quic.data.pieces[0] = (struct iovec){keep(random, first + 1), first};
    image->quic.data.pieces[1] = (struct iovec){keep(random, size - first + 1), size - first};
    memcpy(image->quic.data.pieces[0].iov_base, stream, first);
    memcpy(image->quic.data.pieces[1].iov_base, stream + first, size - first);
    if (chance(random, 20))
        image->flags |= SPICE_IMAGE_FLAGS_HIGH_BITS_SET;
    return image;
}

static struct draw_image *random_quic(struct random_draw *random, int width, int height)
{
    struct quic_info info = {random_between(random, QUIC_RGB16, QUIC_RGBA), width, height};
    size_t pixel = quic_pixel_size(info.type), size = pixel * width * height;
    uint8_t *pixels = g_malloc(size), *stream = g_malloc(quic_encoded_bound(&info));

    for (size_t i = 0; i < size; i++)
        pixels[i] = i / 3 + random_between(random, 0, 9);
    size_t length = quic_encode(&info, pixels, pixel * width, stream);
    size_t cut = random_between(random, 6, length / 4) * 4;
    struct draw_image *image =
        stream_image(random, SPICE_IMAGE_TYPE_QUIC, width, height, stream, length, cut);
    g_free(pixels);
    g_free(stream);
    return image;
}

/* An LZ or JPEG picture, or NULL: a bitmap would be smaller. */
static struct draw_image *random_lz_or_jpeg(struct random_draw *random, int width, int height)
{
    const struct encoder_impl *codec = chance(random, 50) ? &encoder_jpeg : &encoder_lz;
    uint8_t format = random_between(random, SPICE_BITMAP_FMT_16BIT, SPICE_BITMAP_FMT_RGBA);
    uint32_t stride = width * bitmap_format_bits(format) / 8;
    struct iovec piece = {g_malloc((size_t)stride * height), (size_t)stride * height};
    struct codec_source source = {.format = format,
                                  .top_down = chance(random, 50),
                                  .width = width,
                                  .height = height,
                                  .stride = stride,
                                  .data = {piece.iov_len, 1, &piece}};
    struct encoder *encoder = codec->create();
    struct draw_image *image = NULL;
    uint8_t *stream, value = 0;
    size_t size;

    for (size_t i = 0; i < piece.iov_len; i++) {
        if (chance(random, 5))
            random_bytes(random, &value, 1);
        /* Few changes for LZ, a smooth picture for JPEG: what is small in spite of its tables. */
        ((uint8_t *)piece.iov_base)[i] = codec == &encoder_lz ? value : i / stride * 3;
    }
    if (codec->accepts(format) && codec->encode(encoder, &source, &stream, &size)) {
        image = stream_image(random, codec->image_type, width, height, stream, size,
                             random_between(random, 0, size));
        g_free(stream);
    }
    codec->destroy(encoder);
    g_free(piece.iov_base);
    return image;
}

static uint8_t random_bitmap_format(struct random_draw *random, uint32_t surface_format)
{
    unsigned bits = surface_format_bits(surface_format);

    for (;;) {
        uint8_t format = random_between(random, SPICE_BITMAP_FMT_1BIT_LE, SPICE_BITMAP_FMT_8BIT_A);
        bool palette = format <= SPICE_BITMAP_FMT_8BIT;
        if (palette && bits < 16)
            continue;
        if (random->only_reference &&
            (format == SPICE_BITMAP_FMT_1BIT_LE || format == SPICE_BITMAP_FMT_4BIT_LE ||
             (palette && surface_format == SPICE_SURFACE_FMT_16_565)))
            continue;
        return format;
    }
}

/* A surface other than TARGET to read from, of the same depth unless ANY; -1: there is none. */
static int random_source(struct random_draw *random, unsigned target, bool any)
{
    unsigned bits = surface_format_bits(random->surfaces[target].format);

    for (int i = 0; i < 20; i++) {
        unsigned id = random_between(random, 0, random->surface_count - 1);
        unsigned other = surface_format_bits(random->surfaces[id].format);
        if (id != target && (other == bits || (any && other > 1)))
            return id;
    }
    return -1;
}

static struct draw_image *surface_image(struct random_draw *random, unsigned id)
{
    struct draw_image *image = keep(random, sizeof(*image));

    image->type = SPICE_IMAGE_TYPE_SURFACE;
    image->surface_id = id;
    image->width = random->surfaces[id].width;
    image->height = random->surfaces[id].height;
    return image;
}

/* Another surface, which becomes one of those that DRAW reads. */
static struct draw_image *other_surface_image(struct random_draw *random, struct draw *draw,
                                              unsigned id)
{
    for (int i = 0; i < 3; i++)
        if (draw->sources[i] < 0) {
            draw->sources[i] = id;
            break;
        }
    return surface_image(random, id);
}

/* The destination itself when it is large enough; else NULL. */
static struct draw_image *self_image(struct random_draw *random, const struct draw *draw, int width,
                                     int height)
{
    const struct random_surface *surface = &random->surfaces[draw->surface_id];

    if (surface->width < width || surface->height < height)
        return NULL;
    /* The reference gives up when it is to make a bitmap out of these. */
    if (random->only_reference &&
        (surface->format == SPICE_SURFACE_FMT_16_565 || surface->format == SPICE_SURFACE_FMT_1_A))
        return NULL;
    return surface_image(random, draw->surface_id);
}

/* Can DRAW read the destination's own pixels? The reference refuses the others. */
static bool may_read_itself(const struct draw *draw)
{
    return draw->type == QXL_DRAW_OPAQUE || draw->type == QXL_DRAW_ROP3 ||
           draw->type == QXL_DRAW_TRANSPARENT || draw->type == QXL_DRAW_ALPHA_BLEND ||
           draw->type == QXL_DRAW_COMPOSITE;
}

/* An image of at least WIDTH x HEIGHT pixels; surfaces are used when they are large enough. */
static struct draw_image *random_image(struct random_draw *random, struct draw *draw, int width,
                                       int height, bool any_depth)
{
    uint32_t format = random->surfaces[draw->surface_id].format;
    int id = chance(random, 30) ? random_source(random, draw->surface_id, any_depth) : -1;

    if (id >= 0 && random->surfaces[id].width >= width && random->surfaces[id].height >= height)
        return other_surface_image(random, draw, id);
    if (chance(random, 10))
        return random_quic(random, width + random_between(random, 0, 9),
                           height + random_between(random, 0, 9));
    if (random->lz_and_jpeg && chance(random, 20)) {
        struct draw_image *image = random_lz_or_jpeg(random, width, height);

        if (image != NULL)
            return image;
    }
    return random_bitmap(random, random_bitmap_format(random, format),
                         width + random_between(random, 0, 9),
                         height + random_between(random, 0, 9));
}

/* An image and the part of it that goes into the box. */
static struct draw_image *random_area(struct random_draw *random, struct draw *draw, int scaled,
                                      bool any_depth, draw_rect *area)
{
    int width = draw->box.x2 - draw->box.x1, height = draw->box.y2 - draw->box.y1;

    if (chance(random, scaled)) {
        width = random_between(random, 1, 24);
        height = random_between(random, 1, 24);
    }
    struct draw_image *image = NULL;
    if (may_read_itself(draw) && chance(random, 10))
        image = self_image(random, draw, width, height);
    if (image == NULL)
        image = random_image(random, draw, width, height, any_depth);
    area->x1 = random_between(random, 0, image->width - width);
    area->y1 = random_between(random, 0, image->height - height);
    area->x2 = area->x1 + width;
    area->y2 = area->y1 + height;
    return image;
}

static struct draw_brush random_brush(struct random_draw *random, struct draw *draw)
{
    struct draw_brush brush = {.type = SPICE_BRUSH_TYPE_SOLID, .color = g_rand_int(random->rand)};
    int kind = random_between(random, 0, 9);

    if (kind == 0) {
        brush.type = SPICE_BRUSH_TYPE_NONE;
    } else if (kind < 5) {
        brush.type = SPICE_BRUSH_TYPE_PATTERN;
        brush.pattern = random_image(random, draw, random_between(random, 1, 12),
                                     random_between(random, 1, 12), false);
        brush.pattern_origin.x = random_between(random, -30, 30);
        brush.pattern_origin.y = random_between(random, -30, 30);
    }
    return brush;
}

/* A surface of masks as one; NULL: there is none. */
static struct draw_image *mask_surface(struct random_draw *random, struct draw *draw)
{
    unsigned id = random_between(random, 0, random->surface_count - 1);

    if (random->surfaces[id].format != SPICE_SURFACE_FMT_1_A || id == draw->surface_id)
        return NULL;
    return other_surface_image(random, draw, id);
}

static struct draw_mask random_mask(struct random_draw *random, struct draw *draw)
{
    struct draw_mask mask = {.inverted = chance(random, 50)};

    if (!chance(random, 35))
        return mask;
    if (chance(random, 50))
        mask.image = mask_surface(random, draw);
    if (mask.image) {
        mask.origin.x = random_between(random, -10, 20);
        mask.origin.y = random_between(random, -10, 20);
        return mask;
    }
    mask.image = random_bitmap(
        random, random_between(random, SPICE_BITMAP_FMT_1BIT_LE, SPICE_BITMAP_FMT_1BIT_BE),
        random_between(random, 1, 80), random_between(random, 1, 60));
    mask.image->flags = 0;
    mask.image->bitmap.palette = NULL;
    mask.origin.x = random_between(random, -10, 20);
    mask.origin.y = random_between(random, -10, 20);
    return mask;
}

static uint16_t random_ropd(struct random_draw *random)
{
    uint16_t rop = SPICE_ROPD_OP_PUT << random_between(random, 0, 6);

    if (chance(random, 30))
        return SPICE_ROPD_OP_PUT;
    return rop | (g_rand_int(random->rand) & (SPICE_ROPD_INVERS_SRC | SPICE_ROPD_INVERS_BRUSH |
                                              SPICE_ROPD_INVERS_DEST | SPICE_ROPD_INVERS_RES));
}

/* libspice-server does not have the ternary operations that are really binary or less. */
static uint8_t random_rop3(struct random_draw *random)
{
    for (;;) {
        uint8_t rop = g_rand_int(random->rand);
        bool needs_p = rop >> 4 != (rop & 15);
        bool needs_s = (rop >> 2 & 0x33) != (rop & 0x33);
        bool needs_d = (rop >> 1 & 0x55) != (rop & 0x55);
        if (!random->only_reference || (needs_p && needs_s && needs_d))
            return rop;
    }
}

static void random_glyphs(struct random_draw *random, struct draw *draw)
{
    struct draw_string *string = &draw->text.string;
    unsigned bits = chance(random, 50) ? 1 : chance(random, 70) || random->only_reference ? 4 : 8;

    string->flags = bits == 1   ? SPICE_STRING_FLAGS_RASTER_A1
                    : bits == 4 ? SPICE_STRING_FLAGS_RASTER_A4
                                : SPICE_STRING_FLAGS_RASTER_A8;
    string->count = random_between(random, 1, 8);
    string->glyphs = keep(random, string->count * sizeof(struct draw_glyph));
    for (unsigned i = 0; i < string->count; i++) {
        struct draw_glyph *glyph = &string->glyphs[i];
        glyph->width = random_between(random, 1, 19);
        glyph->height = random_between(random, 1, 14);
        glyph->render_pos.x = random_between(random, draw->box.x1 - 5, draw->box.x2);
        glyph->render_pos.y = random_between(random, draw->box.y1, draw->box.y2);
        glyph->origin.x = random_between(random, -3, 3);
        glyph->origin.y = random_between(random, -12, 0);
        size_t size = (glyph->width * bits + 7) / 8 * (size_t)glyph->height;
        uint8_t *data = keep(random, size);
        random_bytes(random, data, size);
        glyph->bits = data;
    }
}

/* Curves that go from START on without turning back: the reference never ends with loops. */
static void random_gentle_curves(struct random_draw *random, const struct draw *draw,
                                 struct draw_path_segment *segment, struct draw_point start)
{
    struct draw_point *p = segment->points;
    unsigned i = 0;

    if (segment->flags & SPICE_PATH_BEGIN)
        p[i++] = start = (struct draw_point){16 * draw->box.x1, 16 * draw->box.y1};
    for (; i < segment->count; i += 3) {
        int dx = 16 * random_between(random, 12, 60), dy = 16 * random_between(random, -40, 40);
        for (int j = 0; j < 3; j++) {
            p[i + j].x = start.x + dx * (j + 1) / 3 + (j < 2 ? random_between(random, -40, 40) : 0);
            p[i + j].y = start.y + dy * (j + 1) / 3 + (j < 2 ? random_between(random, -90, 90) : 0);
        }
        start = p[i + 2];
    }
}

static void random_path(struct random_draw *random, struct draw *draw)
{
    struct draw_path *path = &draw->stroke.path;
    const draw_rect *box = &draw->box;
    int out = chance(random, 30) ? 40 : 0;
    struct draw_point start = {0};

    path->count = random_between(random, 1, 3);
    path->segments = keep(random, path->count * sizeof(struct draw_path_segment));
    for (unsigned i = 0; i < path->count; i++) {
        struct draw_path_segment *segment = &path->segments[i];
        bool curve = chance(random, 25);
        segment->flags = i == 0 || chance(random, 50) ? SPICE_PATH_BEGIN : 0;
        segment->count = curve ? 3 * random_between(random, 1, 2) : random_between(random, 1, 4);
        if (curve)
            segment->flags |= SPICE_PATH_BEZIER;
        if (segment->flags & SPICE_PATH_BEGIN)
            segment->count++;
        if (i + 1 == path->count || chance(random, 40)) {
            segment->flags |= SPICE_PATH_END;
            if (chance(random, 40))
                segment->flags |= SPICE_PATH_CLOSE;
        }
        /* After an end there is nothing to go on from. */
        if (i && path->segments[i - 1].flags & SPICE_PATH_END &&
            !(segment->flags & SPICE_PATH_BEGIN)) {
            segment->flags |= SPICE_PATH_BEGIN;
            segment->count++;
        }
        segment->points = keep(random, segment->count * sizeof(struct draw_point));
        if (curve && random->only_reference) {
            random_gentle_curves(random, draw, segment, start);
            start = segment->points[segment->count - 1];
            continue;
        }
        for (unsigned j = 0; j < segment->count; j++) {
            segment->points[j].x =
                random_between(random, (box->x1 - out) * 16, (box->x2 - 1 + out) * 16);
            segment->points[j].y =
                random_between(random, (box->y1 - out) * 16, (box->y2 - 1 + out) * 16);
        }
        start = segment->points[segment->count - 1];
    }
    if (chance(random, 40)) {
        struct draw_line_style *style = &draw->stroke.style;
        style->flags =
            SPICE_LINE_FLAGS_STYLED | (chance(random, 50) ? SPICE_LINE_FLAGS_START_WITH_GAP : 0);
        style->count = random_between(random, 1, 5);
        style->lengths = keep(random, style->count * sizeof(int32_t));
        for (unsigned i = 0; i < style->count; i++)
            style->lengths[i] = random_between(random, 16, 12 * 16);
    }
    draw->stroke.fore_mode = random_ropd(random);
    draw->stroke.back_mode = draw->stroke.fore_mode;
    draw->stroke.brush = random_brush(random, draw);
    /* The reference cannot take dashes and lines from a pattern on another surface. */
    while (random->only_reference && draw->stroke.brush.type == SPICE_BRUSH_TYPE_PATTERN &&
           draw->stroke.brush.pattern->type == SPICE_IMAGE_TYPE_SURFACE)
        draw->stroke.brush = random_brush(random, draw);
}

static struct draw_transform *random_transform(struct random_draw *random)
{
    struct draw_transform *t = keep(random, sizeof(*t));

    t->t00 = random_between(random, 0x4000, 0x20000);
    t->t11 = random_between(random, 0x4000, 0x20000);
    t->t01 = chance(random, 50) ? random_between(random, -0x8000, 0x8000) : 0;
    t->t10 = chance(random, 50) ? random_between(random, -0x8000, 0x8000) : 0;
    t->t02 = random_between(random, -0x80000, 0x80000);
    t->t12 = random_between(random, -0x80000, 0x80000);
    return t;
}

/* The reference would keep the transform of a surface for later commands that have none. */
static struct draw_transform *random_image_transform(struct random_draw *random,
                                                     const struct draw_image *image)
{
    if (random->only_reference && image->type == SPICE_IMAGE_TYPE_SURFACE)
        return NULL;
    return chance(random, 50) ? random_transform(random) : NULL;
}

static void random_composite(struct random_draw *random, struct draw *draw)
{
    static const uint8_t filters[] = {PIXMAN_FILTER_FAST, PIXMAN_FILTER_GOOD, PIXMAN_FILTER_BEST,
                                      PIXMAN_FILTER_NEAREST, PIXMAN_FILTER_BILINEAR};
    uint32_t op = chance(random, 70)
                      ? random_between(random, PIXMAN_OP_CLEAR, PIXMAN_OP_ADD)
                      : random_between(random, PIXMAN_OP_MULTIPLY, PIXMAN_OP_EXCLUSION);

    draw->composite.source = chance(random, 10) ? self_image(random, draw, 20, 20) : NULL;
    if (draw->composite.source == NULL)
        draw->composite.source = random_image(random, draw, 20, 20, true);
    draw->composite.flags = op | filters[random_between(random, 0, 4)] << 8 |
                            filters[random_between(random, 0, 4)] << 11 |
                            random_between(random, 0, 3) << 14 | random_between(random, 0, 3) << 16;
    /* The reference has no opaque form of alpha surfaces. */
    const struct draw_image *source = draw->composite.source;
    bool alpha_surface = source->type == SPICE_IMAGE_TYPE_SURFACE &&
                         random->surfaces[source->surface_id].format == SPICE_SURFACE_FMT_8_A;
    if (chance(random, 30) && !(random->only_reference && alpha_surface))
        draw->composite.flags |= SPICE_COMPOSITE_SOURCE_OPAQUE;
    if (chance(random, 30))
        draw->composite.flags |= SPICE_COMPOSITE_MASK_OPAQUE;
    /* Nor of alpha destinations. */
    if (chance(random, 30) && !(random->only_reference &&
                                random->surfaces[draw->surface_id].format == SPICE_SURFACE_FMT_8_A))
        draw->composite.flags |= SPICE_COMPOSITE_DEST_OPAQUE;
    draw->composite.source_transform = random_image_transform(random, draw->composite.source);
    draw->composite.source_origin.x = random_between(random, -8, 8);
    draw->composite.source_origin.y = random_between(random, -8, 8);
    if (chance(random, 50)) {
        /* With one surface for both the reference mixes up their repeat modes. */
        do
            draw->composite.mask = random_image(random, draw, 20, 20, true);
        while (random->only_reference && source->type == SPICE_IMAGE_TYPE_SURFACE &&
               draw->composite.mask->type == SPICE_IMAGE_TYPE_SURFACE);
        if (chance(random, 30))
            draw->composite.flags |= SPICE_COMPOSITE_COMPONENT_ALPHA;
        draw->composite.mask_transform = random_image_transform(random, draw->composite.mask);
        draw->composite.mask_origin.x = random_between(random, -8, 8);
        draw->composite.mask_origin.y = random_between(random, -8, 8);
    }
}

static void random_clip(struct random_draw *random, struct draw *draw, int width, int height)
{
    if (!chance(random, 40))
        return;
    draw->clip.has_rects = true;
    draw->clip.count = random_between(random, 1, 6);
    draw->clip.rects = keep(random, draw->clip.count * sizeof(draw_rect));
    for (unsigned i = 0; i < draw->clip.count; i++)
        draw->clip.rects[i] = random_rect(random, width, height);
}

static bool is_whole_rop(uint16_t rop)
{
    return rop & (SPICE_ROPD_OP_PUT | SPICE_ROPD_OP_BLACKNESS | SPICE_ROPD_OP_WHITENESS) &&
           !(rop & (SPICE_ROPD_OP_OR | SPICE_ROPD_OP_AND | SPICE_ROPD_OP_XOR));
}

/* Does DRAW set every pixel of its region, whatever was there? */
static bool is_opaque(const struct draw *draw, const struct random_surface *target)
{
    const draw_rect *box = &draw->box;
    const struct draw_point *from = &draw->copy_bits.from;

    switch (draw->type) {
    case QXL_DRAW_FILL:
        return !draw->fill.mask.image && is_whole_rop(draw->fill.rop);
    case QXL_DRAW_OPAQUE:
        return !draw->opaque.mask.image;
    case QXL_DRAW_COPY:
        return !draw->copy.mask.image && is_whole_rop(draw->copy.rop);
    case QXL_COPY_BITS:
        return from->x >= 0 && from->y >= 0 && from->x + box->x2 - box->x1 <= target->width &&
               from->y + box->y2 - box->y1 <= target->height;
    case QXL_DRAW_BLACKNESS:
    case QXL_DRAW_WHITENESS:
        return !draw->whole.mask.image;
    default:
        return false;
    }
}

/* What the guest promises about DRAW; never a lie. */
static uint8_t random_effect(struct random_draw *random, const struct draw *draw,
                             const struct random_surface *target)
{
    if (chance(random, 30))
        return QXL_EFFECT_BLEND;
    if (is_opaque(draw, target))
        return QXL_EFFECT_OPAQUE;
    if (draw->type == QXL_DRAW_INVERS)
        return QXL_EFFECT_REVERT_ON_DUP;
    return QXL_EFFECT_BLEND;
}

struct draw *random_draw_make(struct random_draw *random, uint8_t type, unsigned surface)
{
    const struct random_surface *target = &random->surfaces[surface];
    struct draw *draw = keep(random, sizeof(*draw));

    draw->type = type;
    draw->surface_id = surface;
    draw->box = random_rect(random, target->width, target->height);
    for (int i = 0; i < 3; i++)
        draw->sources[i] = -1;
    random_clip(random, draw, target->width, target->height);

    switch (type) {
    case QXL_DRAW_FILL:
        draw->fill.brush = random_brush(random, draw);
        draw->fill.rop = random_ropd(random);
        draw->fill.mask = random_mask(random, draw);
        break;
    case QXL_DRAW_OPAQUE:
        draw->opaque.image = random_area(random, draw, 25, false, &draw->opaque.area);
        draw->opaque.brush = random_brush(random, draw);
        draw->opaque.rop = random_ropd(random);
        draw->opaque.scale_mode = random_between(random, 0, 1);
        draw->opaque.mask = random_mask(random, draw);
        break;
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
        draw->copy.image = random_area(random, draw, 25, false, &draw->copy.area);
        draw->copy.rop = random_ropd(random);
        draw->copy.scale_mode = random_between(random, 0, 1);
        draw->copy.mask = random_mask(random, draw);
        break;
    case QXL_COPY_BITS:
        draw->copy_bits.from.x = draw->box.x1 + random_between(random, -20, 20);
        draw->copy_bits.from.y = draw->box.y1 + random_between(random, -20, 20);
        break;
    case QXL_DRAW_BLACKNESS:
    case QXL_DRAW_WHITENESS:
    case QXL_DRAW_INVERS:
        draw->whole.mask = random_mask(random, draw);
        break;
    case QXL_DRAW_ROP3:
        draw->rop3.image = random_area(random, draw, 25, false, &draw->rop3.area);
        draw->rop3.brush = random_brush(random, draw);
        /* The reference reads the colour of a brush that has none, and before patterns. */
        if (random->only_reference) {
            if (draw->rop3.brush.type == SPICE_BRUSH_TYPE_NONE)
                draw->rop3.brush.type = SPICE_BRUSH_TYPE_SOLID;
            draw->rop3.brush.pattern_origin.x =
                MIN(draw->rop3.brush.pattern_origin.x, draw->box.x1);
            draw->rop3.brush.pattern_origin.y =
                MIN(draw->rop3.brush.pattern_origin.y, draw->box.y1);
        }
        draw->rop3.rop3 = random_rop3(random);
        draw->rop3.scale_mode = random_between(random, 0, 1);
        draw->rop3.mask = random_mask(random, draw);
        break;
    case QXL_DRAW_STROKE:
        /* The reference loses spans that more than one rectangle of a band cuts. */
        if (random->only_reference)
            draw->clip.count = MIN(draw->clip.count, 1);
        random_path(random, draw);
        break;
    case QXL_DRAW_TEXT:
        random_glyphs(random, draw);
        draw->text.fore_brush = random_brush(random, draw);
        draw->text.back_brush = random_brush(random, draw);
        draw->text.fore_mode = SPICE_ROPD_OP_PUT;
        draw->text.back_mode = SPICE_ROPD_OP_PUT;
        if (chance(random, 50))
            draw->text.back_area = random_rect(random, target->width, target->height);
        /* Patterns of text leave marks on the surfaces of the reference. */
        while (random->only_reference && draw->text.fore_brush.type == SPICE_BRUSH_TYPE_PATTERN &&
               draw->text.fore_brush.pattern->type == SPICE_IMAGE_TYPE_SURFACE)
            draw->text.fore_brush = random_brush(random, draw);
        break;
    case QXL_DRAW_TRANSPARENT:
        draw->transparent.image = random_area(random, draw, 25, false, &draw->transparent.area);
        draw->transparent.true_color = chance(random, 50) ? 0 : g_rand_int(random->rand);
        break;
    case QXL_DRAW_ALPHA_BLEND:
        draw->alpha_blend.image = random_area(random, draw, 25, true, &draw->alpha_blend.area);
        draw->alpha_blend.alpha = chance(random, 40) ? 255 : random_between(random, 0, 255);
        draw->alpha_blend.alpha_flags = random_between(random, 0, SPICE_ALPHA_FLAGS_MASK);
        break;
    case QXL_DRAW_COMPOSITE:
        random_composite(random, draw);
        break;
    default:
        g_assert_not_reached();
    }
    draw->effect = random->promises ? random_effect(random, draw, target) : QXL_EFFECT_BLEND;
    return draw;
}

static const struct draw_image *source_image(const struct draw *draw)
{
    switch (draw->type) {
    case QXL_DRAW_OPAQUE:
        return draw->opaque.image;
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
        return draw->copy.image;
    case QXL_DRAW_ROP3:
        return draw->rop3.image;
    case QXL_DRAW_TRANSPARENT:
        return draw->transparent.image;
    case QXL_DRAW_COMPOSITE:
        return draw->composite.source;
    default:
        return NULL;
    }
}

/* The parser lists the destination, too, where it is read; the generator does not. */
static void list_own_surface(struct draw *draw)
{
    const struct draw_image *image = source_image(draw);

    if (image == NULL || image->type != SPICE_IMAGE_TYPE_SURFACE ||
        image->surface_id != draw->surface_id)
        return;
    for (unsigned i = 0; i < G_N_ELEMENTS(draw->sources); i++) {
        if (draw->sources[i] == -1) {
            draw->sources[i] = draw->surface_id;
            return;
        }
    }
    g_assert_not_reached();
}

struct draw *random_draw_any(struct random_draw *random, unsigned surface)
{
    static const uint8_t types[] = {
        QXL_DRAW_FILL,      QXL_DRAW_OPAQUE, QXL_DRAW_COPY,   QXL_DRAW_BLEND,       QXL_COPY_BITS,
        QXL_DRAW_BLACKNESS, QXL_DRAW_INVERS, QXL_DRAW_STROKE, QXL_DRAW_TEXT,        QXL_DRAW_ROP3,
        QXL_DRAW_COMPOSITE, QXL_DRAW_COPY,   QXL_DRAW_FILL,   QXL_DRAW_TRANSPARENT,
    };
    struct draw *draw = random_draw_make(
        random, types[random_between(random, 0, G_N_ELEMENTS(types) - 1)], surface);

    list_own_surface(draw);
    return draw;
}
