/*
 * The canvas against a reference that computes every pixel by itself, straight from the
 * specification (qxl-device.md section 8.5), and against hostile commands.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/canvas.h"
#include "tests/support/random_draw.h"

#include <string.h>

static const struct random_surface surfaces[] = {
    {SPICE_SURFACE_FMT_32_xRGB, 61, 47}, {SPICE_SURFACE_FMT_32_ARGB, 40, 52},
    {SPICE_SURFACE_FMT_16_555, 55, 40},  {SPICE_SURFACE_FMT_16_565, 33, 45},
    {SPICE_SURFACE_FMT_8_A, 44, 31},     {SPICE_SURFACE_FMT_1_A, 45, 37},
};
#define SURFACES G_N_ELEMENTS(surfaces)

struct screen {
    struct canvas *canvases[SURFACES];
    void *memory[SURFACES];
    size_t sizes[SURFACES];
};

static void screen_init(struct screen *screen)
{
    for (unsigned i = 0; i < SURFACES; i++) {
        const struct random_surface *s = &surfaces[i];
        int stride = ((int)(s->width * surface_format_bits(s->format)) + 31) / 32 * 4;
        screen->sizes[i] = (size_t)stride * s->height;
        screen->memory[i] = g_malloc0(screen->sizes[i]);
        screen->canvases[i] = canvas_create(s->width, s->height, i % 2 ? -stride : stride,
                                            s->format, screen->memory[i]);
        g_assert_nonnull(screen->canvases[i]);
    }
}

static void screen_finish(struct screen *screen)
{
    for (unsigned i = 0; i < SURFACES; i++) {
        canvas_destroy(screen->canvases[i]);
        g_free(screen->memory[i]);
    }
}

static struct canvas *find(void *opaque, uint32_t id)
{
    struct screen *screen = opaque;

    return id < SURFACES ? screen->canvases[id] : NULL;
}

static uint32_t get_pixel(const struct canvas *canvas, int x, int y)
{
    const uint8_t *row = canvas_row(canvas, y);

    switch (surface_format_bits(canvas_format(canvas))) {
    case 1:
        return row[x / 8] >> x % 8 & 1;
    case 8:
        return row[x];
    case 16:
        return row[2 * x] | row[2 * x + 1] << 8;
    default:
        return row[4 * x] | row[4 * x + 1] << 8 | row[4 * x + 2] << 16 |
               (uint32_t)row[4 * x + 3] << 24;
    }
}

static uint8_t data_byte(const struct draw_bytes *data, size_t offset)
{
    for (unsigned i = 0; i < data->count; i++) {
        if (offset < data->pieces[i].iov_len)
            return ((const uint8_t *)data->pieces[i].iov_base)[offset];
        offset -= data->pieces[i].iov_len;
    }
    g_assert_not_reached();
}

/* Pixel (x, y) of an image as it goes onto a canvas of DEPTH bits without conversion. */
static uint32_t image_pixel(const struct draw_image *image, int x, int y, struct screen *screen)
{
    if (image->type == SPICE_IMAGE_TYPE_SURFACE)
        return get_pixel(screen->canvases[image->surface_id], x, y);

    int row = image->bitmap.top_down ? y : (int)image->height - 1 - y;
    size_t at = (size_t)image->bitmap.stride * row;
    const struct draw_bytes *data = &image->bitmap.data;
    uint32_t pixel = 0, high = 0;

    switch (image->bitmap.format) {
    case SPICE_BITMAP_FMT_1BIT_LE:
        pixel = image->bitmap.palette->colors[data_byte(data, at + x / 8) >> x % 8 & 1];
        break;
    case SPICE_BITMAP_FMT_1BIT_BE:
        pixel = image->bitmap.palette->colors[data_byte(data, at + x / 8) >> (7 - x % 8) & 1];
        break;
    case SPICE_BITMAP_FMT_4BIT_LE:
        pixel = image->bitmap.palette->colors[data_byte(data, at + x / 2) >> (x & 1) * 4 & 15];
        break;
    case SPICE_BITMAP_FMT_4BIT_BE:
        pixel =
            image->bitmap.palette->colors[data_byte(data, at + x / 2) >> (1 - (x & 1)) * 4 & 15];
        break;
    case SPICE_BITMAP_FMT_8BIT:
        pixel = image->bitmap.palette->colors[data_byte(data, at + x)];
        break;
    case SPICE_BITMAP_FMT_8BIT_A:
        return data_byte(data, at + x);
    default:
        for (unsigned i = 0; i < bitmap_format_bits(image->bitmap.format) / 8; i++)
            pixel |= (uint32_t)data_byte(
                         data, at + x * (bitmap_format_bits(image->bitmap.format) / 8) + i)
                     << 8 * i;
        break;
    }
    if (image->flags & SPICE_IMAGE_FLAGS_HIGH_BITS_SET &&
        image->bitmap.format != SPICE_BITMAP_FMT_RGBA)
        high = 0xff000000;
    return pixel | high;
}

/* Is an image used as it is, so that image_pixel() tells what will be drawn? */
static bool is_plain(const struct draw_image *image, uint32_t surface_format)
{
    unsigned bits = surface_format_bits(surface_format);

    if (!image || image->type == SPICE_IMAGE_TYPE_SURFACE)
        return true;
    if (image->type == SPICE_IMAGE_TYPE_QUIC)
        return false;
    if (image->bitmap.format <= SPICE_BITMAP_FMT_8BIT)
        return true;
    switch (image->bitmap.format) {
    case SPICE_BITMAP_FMT_16BIT:
        return surface_format == SPICE_SURFACE_FMT_16_555;
    case SPICE_BITMAP_FMT_8BIT_A:
        return bits == 8;
    default:
        return bits == 32;
    }
}

static bool in_mask(const struct draw_mask *mask, const draw_rect *box, int x, int y,
                    struct screen *screen)
{
    const struct draw_image *image = mask->image;

    if (!image)
        return true;
    x += mask->origin.x - box->x1;
    y += mask->origin.y - box->y1;
    if (x < 0 || y < 0 || x >= (int)image->width || y >= (int)image->height)
        return false;
    if (image->type == SPICE_IMAGE_TYPE_SURFACE)
        return (get_pixel(screen->canvases[image->surface_id], x, y) != 0) != mask->inverted;
    int row = image->bitmap.top_down ? y : (int)image->height - 1 - y;
    uint8_t byte = data_byte(&image->bitmap.data, (size_t)image->bitmap.stride * row + x / 8);
    bool bit = image->bitmap.format == SPICE_BITMAP_FMT_1BIT_LE ? byte >> x % 8 & 1
                                                                : byte >> (7 - x % 8) & 1;
    return bit != mask->inverted;
}

static bool in_rect(const draw_rect *rect, int x, int y)
{
    return x >= rect->x1 && x < rect->x2 && y >= rect->y1 && y < rect->y2;
}

static bool in_clip(const struct draw *draw, int x, int y)
{
    if (!in_rect(&draw->box, x, y))
        return false;
    if (!draw->clip.has_rects)
        return true;
    for (unsigned i = 0; i < draw->clip.count; i++)
        if (in_rect(&draw->clip.rects[i], x, y))
            return true;
    return false;
}

static uint32_t brush_pixel(const struct draw_brush *brush, int x, int y, struct screen *screen)
{
    if (brush->type == SPICE_BRUSH_TYPE_SOLID)
        return brush->color;
    if (brush->type == SPICE_BRUSH_TYPE_NONE)
        return 0;
    const struct draw_image *tile = brush->pattern;
    int w = tile->width, h = tile->height;
    return image_pixel(tile, ((x - brush->pattern_origin.x) % w + w) % w,
                       ((y - brush->pattern_origin.y) % h + h) % h, screen);
}

static uint32_t ropd(uint16_t rop, uint32_t a, bool invert_a, uint32_t d, bool invert_d)
{
    uint32_t result;

    a = invert_a ? ~a : a;
    d = invert_d ? ~d : d;
    if (rop & SPICE_ROPD_OP_PUT)
        result = a;
    else if (rop & SPICE_ROPD_OP_OR)
        result = a | d;
    else if (rop & SPICE_ROPD_OP_AND)
        result = a & d;
    else if (rop & SPICE_ROPD_OP_XOR)
        result = a ^ d;
    else if (rop & SPICE_ROPD_OP_BLACKNESS)
        return 0;
    else if (rop & SPICE_ROPD_OP_WHITENESS)
        return UINT32_MAX;
    else
        return invert_d ? d : ~d;
    return rop & SPICE_ROPD_INVERS_RES ? ~result : result;
}

static uint32_t rop3(uint8_t code, uint32_t p, uint32_t s, uint32_t d)
{
    uint32_t result = 0;

    for (int bit = 0; bit < 32; bit++) {
        unsigned index = (p >> bit & 1) * 4 + (s >> bit & 1) * 2 + (d >> bit & 1);
        result |= (uint32_t)(code >> index & 1) << bit;
    }
    return result;
}

/* What pixel (x, y), now D, becomes. */
static uint32_t expected_pixel(const struct draw *draw, int x, int y, uint32_t d,
                               struct screen *screen)
{
    const struct random_surface *surface = &surfaces[draw->surface_id];
    int dx = -draw->box.x1, dy = -draw->box.y1;
    uint32_t s;

    switch (draw->type) {
    case QXL_DRAW_FILL:
        if (!in_mask(&draw->fill.mask, &draw->box, x, y, screen))
            return d;
        return ropd(draw->fill.rop, brush_pixel(&draw->fill.brush, x, y, screen),
                    draw->fill.rop & SPICE_ROPD_INVERS_BRUSH, d,
                    draw->fill.rop & SPICE_ROPD_INVERS_DEST);
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
        if (!in_mask(&draw->copy.mask, &draw->box, x, y, screen))
            return d;
        s = image_pixel(draw->copy.image, x + dx + draw->copy.area.x1, y + dy + draw->copy.area.y1,
                        screen);
        return ropd(draw->copy.rop, s, draw->copy.rop & SPICE_ROPD_INVERS_SRC, d,
                    draw->copy.rop & SPICE_ROPD_INVERS_DEST);
    case QXL_DRAW_OPAQUE:
        if (!in_mask(&draw->opaque.mask, &draw->box, x, y, screen))
            return d;
        s = image_pixel(draw->opaque.image, x + dx + draw->opaque.area.x1,
                        y + dy + draw->opaque.area.y1, screen);
        return ropd(draw->opaque.rop, brush_pixel(&draw->opaque.brush, x, y, screen),
                    draw->opaque.rop & SPICE_ROPD_INVERS_BRUSH, s,
                    draw->opaque.rop & SPICE_ROPD_INVERS_SRC);
    case QXL_DRAW_BLACKNESS:
        return in_mask(&draw->whole.mask, &draw->box, x, y, screen) ? 0 : d;
    case QXL_DRAW_WHITENESS:
        return in_mask(&draw->whole.mask, &draw->box, x, y, screen) ? UINT32_MAX : d;
    case QXL_DRAW_INVERS:
        return in_mask(&draw->whole.mask, &draw->box, x, y, screen) ? ~d : d;
    case QXL_DRAW_ROP3:
        if (!in_mask(&draw->rop3.mask, &draw->box, x, y, screen))
            return d;
        s = image_pixel(draw->rop3.image, x + dx + draw->rop3.area.x1, y + dy + draw->rop3.area.y1,
                        screen);
        return rop3(draw->rop3.rop3, brush_pixel(&draw->rop3.brush, x, y, screen), s, d);
    case QXL_DRAW_TRANSPARENT: {
        uint32_t key = draw->transparent.true_color & 0xffffff, mask = 0xffffff;
        if (surface->format == SPICE_SURFACE_FMT_16_555) {
            key = (key >> 19) << 10 | (key >> 11 & 31) << 5 | (key >> 3 & 31);
            mask = 0xffff;
        } else if (surface->format == SPICE_SURFACE_FMT_16_565) {
            key = (key >> 19) << 11 | (key >> 10 & 63) << 5 | (key >> 3 & 31);
            mask = 0xffff;
        }
        s = image_pixel(draw->transparent.image, x + dx + draw->transparent.area.x1,
                        y + dy + draw->transparent.area.y1, screen);
        return (s & mask) == key ? d : s;
    }
    case QXL_COPY_BITS: {
        int from_x = x + dx + draw->copy_bits.from.x, from_y = y + dy + draw->copy_bits.from.y;
        if (from_x < 0 || from_y < 0 || from_x >= surface->width || from_y >= surface->height)
            return d;
        return get_pixel(screen->canvases[draw->surface_id], from_x, from_y);
    }
    default:
        g_assert_not_reached();
    }
}

/* Only commands of which the reference knows everything: no scaling, no conversion. */
static bool reference_knows(const struct draw *draw)
{
    uint32_t format = surfaces[draw->surface_id].format;
    const struct draw_image *image = NULL, *tile = NULL;
    const draw_rect *area = &draw->box;

    switch (draw->type) {
    case QXL_DRAW_FILL:
        tile = draw->fill.brush.pattern;
        break;
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
        image = draw->copy.image;
        area = &draw->copy.area;
        break;
    case QXL_DRAW_OPAQUE:
        image = draw->opaque.image;
        area = &draw->opaque.area;
        tile = draw->opaque.brush.pattern;
        break;
    case QXL_DRAW_ROP3:
        image = draw->rop3.image;
        area = &draw->rop3.area;
        tile = draw->rop3.brush.pattern;
        break;
    case QXL_DRAW_TRANSPARENT:
        image = draw->transparent.image;
        area = &draw->transparent.area;
        if (surface_format_bits(format) < 16)
            return false;
        break;
    default:
        break;
    }
    return is_plain(image, format) && is_plain(tile, format) &&
           area->x2 - area->x1 == draw->box.x2 - draw->box.x1 &&
           area->y2 - area->y1 == draw->box.y2 - draw->box.y1;
}

static void check_draw(const struct draw *draw, struct screen *screen)
{
    struct canvas *canvas = screen->canvases[draw->surface_id];
    const struct random_surface *surface = &surfaces[draw->surface_id];
    unsigned bits = surface_format_bits(surface->format);
    uint32_t mask = bits == 32 ? UINT32_MAX : (1u << bits) - 1;
    uint32_t *expected = g_new(uint32_t, surface->width * surface->height), *at = expected;

    for (int y = 0; y < surface->height; y++)
        for (int x = 0; x < surface->width; x++, at++) {
            *at = get_pixel(canvas, x, y);
            if (in_clip(draw, x, y))
                *at = expected_pixel(draw, x, y, *at, screen) & mask;
        }
    g_assert_cmpstr(canvas_draw(canvas, draw, find, screen), ==, NULL);
    at = expected;
    for (int y = 0; y < surface->height; y++)
        for (int x = 0; x < surface->width; x++, at++)
            if (*at != get_pixel(canvas, x, y))
                g_error("type %u format %u at %d,%d: expected %x, got %x", draw->type,
                        surface->format, x, y, *at, get_pixel(canvas, x, y));
    g_free(expected);
}

static void test_pixels(gconstpointer data)
{
    uint8_t type = GPOINTER_TO_UINT(data);
    struct screen screen;
    struct random_draw random;
    unsigned checked[SURFACES] = {0};

    screen_init(&screen);
    random_draw_init(&random, type, surfaces, SURFACES);
    for (unsigned i = 0; i < SURFACES; i++)
        random_bytes(&random, screen.memory[i], screen.sizes[i]);
    for (int i = 0; i < 1500; i++) {
        struct draw *draw = random_draw_make(&random, type, i % SURFACES);
        if (reference_knows(draw)) {
            check_draw(draw, &screen);
            checked[i % SURFACES]++;
        }
        random_draw_forget(&random);
    }
    /* On 1-bit surfaces every image is converted, TRANSPARENT is for colours. */
    for (unsigned i = 0; i < SURFACES; i++)
        if (surface_format_bits(surfaces[i].format) >= (type == QXL_DRAW_TRANSPARENT ? 16 : 8))
            g_assert_cmpuint(checked[i], >, 5);
    random_draw_finish(&random);
    screen_finish(&screen);
}

/*
 * All types, all of them valid: nothing may be refused, nothing outside of the clip may change, and
 * nothing but in rows that are said to.
 */
static void test_everything(void)
{
    struct screen screen;
    struct random_draw random;

    screen_init(&screen);
    random_draw_init(&random, 99, surfaces, SURFACES);
    for (int i = 0; i < 3000; i++) {
        unsigned id = random_between(&random, 0, SURFACES - 1);
        uint8_t type = random_between(&random, QXL_DRAW_FILL, QXL_DRAW_COMPOSITE);
        struct draw *draw = random_draw_make(&random, type, id);
        struct canvas *canvas = screen.canvases[id];
        bool blends = type == QXL_DRAW_TEXT || type == QXL_DRAW_ALPHA_BLEND;
        uint32_t ignored =
            blends && surfaces[id].format == SPICE_SURFACE_FMT_32_xRGB ? 0xff000000 : 0;
        uint8_t *before = g_memdup2(screen.memory[id], screen.sizes[id]);
        struct canvas *old = canvas_create(surfaces[id].width, surfaces[id].height,
                                           canvas_stride(canvas), surfaces[id].format, before);
        struct canvas_rows changed;
        const char *reason = canvas_draw_rows(canvas, draw, find, &screen, &changed);
        if (reason && !strstr(reason, "surface has another depth"))
            g_error("type %u on format %u: %s", type, surfaces[id].format, reason);
        for (int y = 0; y < surfaces[id].height; y++)
            for (int x = 0; x < surfaces[id].width; x++)
                if (!in_clip(draw, x, y) || y < changed.first || y >= changed.end)
                    g_assert_cmphex(get_pixel(old, x, y) & ~ignored, ==,
                                    get_pixel(canvas, x, y) & ~ignored);
        canvas_destroy(old);
        g_free(before);
        random_draw_forget(&random);
    }
    random_draw_finish(&random);
    screen_finish(&screen);
}

static int32_t wild(struct random_draw *random)
{
    static const int32_t values[] = {0, -1, 1, INT32_MAX, INT32_MIN, 32767, -32768, 65536, 1 << 28};
    int kind = random_between(random, 0, 3);

    return kind == 0 ? values[random_between(random, 0, G_N_ELEMENTS(values) - 1)]
                     : random_between(random, -100, 200);
}

static draw_rect wild_rect(struct random_draw *random)
{
    return (draw_rect){wild(random), wild(random), wild(random), wild(random)};
}

/* Numbers that no parser lets through: refused or drawn, but memory stays whole (run with ASan). */
static void test_hostile(void)
{
    struct screen screen;
    struct random_draw random;
    unsigned refused = 0;

    screen_init(&screen);
    random_draw_init(&random, 7, surfaces, SURFACES);
    for (int i = 0; i < 6000; i++) {
        unsigned id = random_between(&random, 0, SURFACES - 1);
        struct draw *draw = random_draw_make(
            &random, random_between(&random, QXL_DRAW_FILL, QXL_DRAW_COMPOSITE), id);
        if (random_between(&random, 0, 2) == 0)
            draw->box = wild_rect(&random);
        if (draw->clip.count)
            draw->clip.rects[0] = wild_rect(&random);
        switch (draw->type) {
        case QXL_DRAW_FILL:
            draw->fill.mask.origin = (struct draw_point){wild(&random), wild(&random)};
            draw->fill.brush.pattern_origin = (struct draw_point){wild(&random), wild(&random)};
            break;
        case QXL_DRAW_COPY:
        case QXL_DRAW_BLEND:
            draw->copy.area = wild_rect(&random);
            draw->copy.scale_mode = wild(&random);
            break;
        case QXL_DRAW_OPAQUE:
            draw->opaque.area = wild_rect(&random);
            break;
        case QXL_COPY_BITS:
            draw->copy_bits.from = (struct draw_point){wild(&random), wild(&random)};
            break;
        case QXL_DRAW_ROP3:
            draw->rop3.area = wild_rect(&random);
            break;
        case QXL_DRAW_TRANSPARENT:
            draw->transparent.area = wild_rect(&random);
            break;
        case QXL_DRAW_ALPHA_BLEND:
            draw->alpha_blend.area = wild_rect(&random);
            break;
        case QXL_DRAW_TEXT:
            draw->text.string.glyphs[0].render_pos =
                (struct draw_point){wild(&random), wild(&random)};
            draw->text.back_area = wild_rect(&random);
            draw->text.fore_brush.pattern_origin =
                (struct draw_point){wild(&random), wild(&random)};
            break;
        case QXL_DRAW_STROKE:
            draw->stroke.path.segments[0].points[0] =
                (struct draw_point){wild(&random), wild(&random)};
            break;
        case QXL_DRAW_COMPOSITE:
            draw->composite.flags = g_rand_int(random.rand);
            draw->composite.source_origin = (struct draw_point){wild(&random), wild(&random)};
            break;
        default:
            break;
        }
        refused += canvas_draw(screen.canvases[id], draw, find, &screen) != NULL;
        random_draw_forget(&random);
    }
    g_assert_cmpuint(refused, >, 100);
    random_draw_finish(&random);
    screen_finish(&screen);
}

/* What is there already is not said to have changed. */
static void test_changed_rows(void)
{
    enum { SIDE = 16 };
    uint32_t pixels[SIDE * SIDE] = {0}, data[SIDE * SIDE];
    struct canvas *canvas = canvas_create(SIDE, SIDE, 4 * SIDE, SPICE_SURFACE_FMT_32_xRGB, pixels);
    struct iovec piece = {data, sizeof(data)};
    struct draw_image image = {.type = SPICE_IMAGE_TYPE_BITMAP,
                               .width = SIDE,
                               .height = SIDE,
                               .bitmap = {.format = SPICE_BITMAP_FMT_32BIT,
                                          .top_down = true,
                                          .stride = 4 * SIDE,
                                          .data = {sizeof(data), 1, &piece}}};
    struct draw draw = {.type = QXL_DRAW_COPY,
                        .effect = QXL_EFFECT_OPAQUE,
                        .box = {0, 0, SIDE, SIDE},
                        .sources = {-1, -1, -1}};
    struct canvas_rows changed;

    draw.copy.image = &image;
    draw.copy.area = draw.box;
    draw.copy.rop = SPICE_ROPD_OP_PUT;
    memset(data, 7, sizeof(data));
    g_assert_null(canvas_draw_rows(canvas, &draw, NULL, NULL, &changed));
    g_assert_true(changed.first == 0 && changed.end == SIDE);
    g_assert_null(canvas_draw_rows(canvas, &draw, NULL, NULL, &changed));
    g_assert_true(changed.first == changed.end);
    data[5 * SIDE + 3]++;
    data[9 * SIDE]++;
    g_assert_null(canvas_draw_rows(canvas, &draw, NULL, NULL, &changed));
    g_assert_true(changed.first == 5 && changed.end == 10);
    draw.copy.rop = SPICE_ROPD_OP_XOR; /* looks at nothing before it writes */
    g_assert_null(canvas_draw_rows(canvas, &draw, NULL, NULL, &changed));
    g_assert_true(changed.first == 0 && changed.end == SIDE);
    canvas_destroy(canvas);
}

static void test_refusals(void)
{
    uint32_t pixels[16 * 16] = {0}, data[4] = {1, 2, 3, 4};
    struct canvas *canvas = canvas_create(16, 16, 64, SPICE_SURFACE_FMT_32_xRGB, pixels);
    struct iovec piece = {data, sizeof(data)};
    struct draw_image image = {
        .type = SPICE_IMAGE_TYPE_BITMAP,
        .width = 2,
        .height = 2,
        .bitmap = {.format = SPICE_BITMAP_FMT_32BIT, .stride = 8, .data = {16, 1, &piece}}};
    struct draw draw = {.type = QXL_DRAW_COPY, .box = {0, 0, 2, 2}, .sources = {-1, -1, -1}};

    draw.copy.image = &image;
    draw.copy.area = (draw_rect){0, 0, 2, 2};
    draw.copy.rop = SPICE_ROPD_OP_PUT;
    g_assert_cmpstr(canvas_draw(canvas, &draw, NULL, NULL), ==, NULL);
    g_assert_cmpuint(pixels[0], ==, 3);
    g_assert_cmpuint(pixels[16], ==, 1);

    draw.copy.area = (draw_rect){1, 0, 3, 2};
    g_assert_nonnull(strstr(canvas_draw(canvas, &draw, NULL, NULL), "outside of the image"));
    draw.copy.area = (draw_rect){0, 0, 2, 2};
    image.height = 3;
    g_assert_nonnull(strstr(canvas_draw(canvas, &draw, NULL, NULL), "shorter than its rows"));
    image.type = SPICE_IMAGE_TYPE_SURFACE;
    g_assert_nonnull(strstr(canvas_draw(canvas, &draw, NULL, NULL), "does not exist"));
    image.type = SPICE_IMAGE_TYPE_JPEG;
    g_assert_nonnull(strstr(canvas_draw(canvas, &draw, NULL, NULL), "unknown image type"));
    draw.type = 77;
    g_assert_nonnull(strstr(canvas_draw(canvas, &draw, NULL, NULL), "unknown draw type"));
    g_assert_cmpuint(pixels[0], ==, 3);

    g_assert_null(canvas_create(16, 16, 60, SPICE_SURFACE_FMT_32_xRGB, pixels));
    g_assert_null(canvas_create(16, 16, 64, 33, pixels));
    g_assert_null(canvas_create(0, 16, 64, SPICE_SURFACE_FMT_32_xRGB, pixels));
    g_assert_null(canvas_create(16, 1 << 26, 64, SPICE_SURFACE_FMT_32_xRGB, pixels));
    canvas_destroy(canvas);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        uint8_t type;
    } types[] = {
        {"fill", QXL_DRAW_FILL},           {"opaque", QXL_DRAW_OPAQUE},
        {"copy", QXL_DRAW_COPY},           {"blend", QXL_DRAW_BLEND},
        {"copy-bits", QXL_COPY_BITS},      {"blackness", QXL_DRAW_BLACKNESS},
        {"whiteness", QXL_DRAW_WHITENESS}, {"invers", QXL_DRAW_INVERS},
        {"rop3", QXL_DRAW_ROP3},           {"transparent", QXL_DRAW_TRANSPARENT},
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        char *path = g_strdup_printf("/display/pixels/%s", types[i].name);
        g_test_add_data_func(path, GUINT_TO_POINTER(types[i].type), test_pixels);
        g_free(path);
    }
    g_test_add_func("/display/everything", test_everything);
    g_test_add_func("/display/hostile", test_hostile);
    g_test_add_func("/display/refusals", test_refusals);
    g_test_add_func("/display/changed-rows", test_changed_rows);
    return g_test_run();
}
