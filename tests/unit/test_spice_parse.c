/*
 * The command parser: what good commands become, and one bad command for each way to be wrong that
 * qxl-device.md sections 16.3 to 16.5 name. Every bad one must be refused for its own reason.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/parse.h"
#include "tests/support/parser_guest.h"

#include <glib.h>
#include <spice/enums.h>

#define GUEST_MEMORY (1024 * 1024)

static struct parser_guest guest;

static QXLPHYSICAL place(const void *data, size_t size)
{
    return parser_guest_place(&guest, data, size);
}

/* SIZE bytes of DATA behind a chunk header, and the chunk that follows it. */
static QXLPHYSICAL place_chunk(const void *data, uint32_t size, QXLPHYSICAL next)
{
    QXLDataChunk header = {.data_size = size, .next_chunk = next};
    QXLPHYSICAL address = place(&header, sizeof(header));

    place(data, size);
    return address;
}

static QXLImage bitmap_image(void)
{
    static const uint8_t pixels[8 * 8 * 4];
    QXLImage image;

    memset(&image, 0, sizeof(image));
    image.descriptor.flags = QXL_IMAGE_CACHE | QXL_IMAGE_HIGH_BITS_SET;
    image.descriptor.width = image.bitmap.x = 8;
    image.descriptor.height = image.bitmap.y = 8;
    image.bitmap.format = SPICE_BITMAP_FMT_32BIT;
    image.bitmap.flags = QXL_BITMAP_DIRECT | QXL_BITMAP_TOP_DOWN;
    image.bitmap.stride = 32;
    image.bitmap.data = place(pixels, sizeof(pixels));
    return image;
}

static QXLDrawable drawable_of(uint8_t type)
{
    QXLDrawable drawable;

    memset(&drawable, 0, sizeof(drawable));
    drawable.type = type;
    drawable.effect = QXL_EFFECT_OPAQUE;
    drawable.bbox = (QXLRect){.top = 2, .left = 1, .bottom = 10, .right = 9};
    memset(drawable.surfaces_dest, -1, sizeof(drawable.surfaces_dest));
    return drawable;
}

static QXLDrawable copy_of(const QXLImage *image)
{
    QXLDrawable drawable = drawable_of(QXL_DRAW_COPY);

    drawable.u.copy.src_bitmap = place(image, sizeof(*image));
    drawable.u.copy.src_area = (QXLRect){.bottom = 8, .right = 8};
    drawable.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    return drawable;
}

static struct drawable *parse(const void *command, size_t size, uint32_t flags, const char **wrong)
{
    QXLCommandExt ext = {.cmd = {.type = QXL_CMD_DRAW, .data = place(command, size)},
                         .flags = flags};
    struct drawable *drawable = drawable_create(&guest.releases);

    *wrong = parse_drawable(&guest.memslots, &ext, drawable);
    return drawable;
}

/* It is refused because of WHY, and released once. */
static void check_bad(const QXLDrawable *command, const char *why)
{
    const char *wrong;
    unsigned before = guest.released;
    struct drawable *drawable = parse(command, sizeof(*command), 0, &wrong);

    g_assert_nonnull(wrong);
    if (strstr(wrong, why) == NULL)
        g_error("refused because \"%s\", not because of \"%s\"", wrong, why);
    drawable_unref(drawable);
    g_assert_cmpuint(guest.released, ==, before + 1);
}

static struct drawable *check_good(const QXLDrawable *command)
{
    const char *wrong;
    struct drawable *drawable = parse(command, sizeof(*command), 0, &wrong);

    g_assert_cmpstr(wrong, ==, NULL);
    return drawable;
}

static void set_up(void **fixture, gconstpointer test)
{
    (void)fixture;
    (void)test;
    parser_guest_init(&guest, GUEST_MEMORY);
}

static void tear_down(void **fixture, gconstpointer test)
{
    (void)fixture;
    (void)test;
    parser_guest_finish(&guest);
}

static void test_copy(void)
{
    QXLImage image = bitmap_image();
    QXLDrawable command = copy_of(&image);
    struct drawable *drawable;
    const struct draw *draw;

    command.surfaces_dest[1] = 7;
    drawable = check_good(&command);
    draw = &drawable->draw;
    g_assert_cmpint(draw->type, ==, QXL_DRAW_COPY);
    g_assert_cmpint(draw->box.x1, ==, 1);
    g_assert_cmpint(draw->box.y1, ==, 2);
    g_assert_cmpint(draw->box.x2, ==, 9);
    g_assert_cmpint(draw->box.y2, ==, 10);
    g_assert_false(draw->clip.has_rects);
    g_assert_cmpint(draw->sources[0], ==, -1);
    g_assert_cmpint(drawable->listed_sources[1], ==, 7);
    g_assert_cmpuint(draw->copy.image->width, ==, 8);
    g_assert_cmpuint(draw->copy.image->flags, ==, SPICE_IMAGE_FLAGS_HIGH_BITS_SET);
    g_assert_true(draw->copy.image->bitmap.top_down);
    g_assert_cmpuint(draw->copy.image->bitmap.data.count, ==, 1);
    g_assert_true(draw->copy.image->bitmap.data.pieces[0].iov_base == guest.memory);
    g_assert_cmpuint(guest.released, ==, 0);
    drawable_unref(drawable);
    g_assert_cmpuint(guest.released, ==, 1);
}

static void test_chunks(void)
{
    uint8_t pixels[256];
    QXLImage image = bitmap_image();
    QXLDrawable command;
    struct drawable *drawable;
    const struct draw_bytes *data;

    for (unsigned i = 0; i < sizeof(pixels); i++)
        pixels[i] = i;
    image.bitmap.flags = 0;
    image.bitmap.data =
        place_chunk(pixels, 100, place_chunk(pixels + 100, 0, place_chunk(pixels + 100, 156, 0)));
    command = copy_of(&image);
    drawable = check_good(&command);
    data = &drawable->draw.copy.image->bitmap.data;
    g_assert_cmpuint(data->size, ==, 256);
    g_assert_cmpuint(data->count, ==, 2);
    g_assert_cmpmem(data->pieces[0].iov_base, data->pieces[0].iov_len, pixels, 100);
    g_assert_cmpmem(data->pieces[1].iov_base, data->pieces[1].iov_len, pixels + 100, 156);
    drawable_unref(drawable);

    /* Unstable pixels are copied. */
    image.bitmap.flags = QXL_BITMAP_UNSTABLE;
    command = copy_of(&image);
    drawable = check_good(&command);
    data = &drawable->draw.copy.image->bitmap.data;
    memset(guest.memory, 0xee, guest.used);
    g_assert_cmpuint(data->count, ==, 1);
    g_assert_cmpmem(data->pieces[0].iov_base, data->pieces[0].iov_len, pixels, 256);
    drawable_unref(drawable);
}

static void test_bad_chunks(void)
{
    QXLImage image = bitmap_image();
    QXLDrawable command;

    image.bitmap.flags = 0;
    image.bitmap.data = place_chunk("1234", 4, PARSER_GUEST_BASE + guest.used);
    command = copy_of(&image);
    check_bad(&command, "does not end"); /* its own next chunk */

    image.bitmap.data = place_chunk("1234", 4, 0);
    command = copy_of(&image);
    check_bad(&command, "has not as much data");

    ((QXLDataChunk *)(guest.memory + (image.bitmap.data - PARSER_GUEST_BASE)))->data_size =
        GUEST_MEMORY;
    check_bad(&command, "beyond its memory slot");
    ((QXLDataChunk *)(guest.memory + (image.bitmap.data - PARSER_GUEST_BASE)))->data_size =
        UINT32_MAX;
    check_bad(&command, "more than 2^31 - 1");

    image.bitmap.data = place_chunk("1234", 4, 0x0100000000000000);
    command = copy_of(&image);
    check_bad(&command, "not in a memory slot");
}

static void test_bad_images(void)
{
    const QXLImage good = bitmap_image();
    QXLImage image;
    QXLDrawable command;

#define BAD_IMAGE(change, why)                                                                     \
    do {                                                                                           \
        image = good;                                                                              \
        image.change;                                                                              \
        command = copy_of(&image);                                                                 \
        check_bad(&command, why);                                                                  \
    } while (0)

    BAD_IMAGE(descriptor.type = SPICE_IMAGE_TYPE_LZ4, "type that guests may not use");
    BAD_IMAGE(descriptor.type = SPICE_IMAGE_TYPE_FROM_CACHE, "type that guests may not use");
    BAD_IMAGE(bitmap.format = 0, "unknown format");
    BAD_IMAGE(bitmap.format = 11, "unknown format");
    BAD_IMAGE(bitmap.x = 0, "width or height");
    BAD_IMAGE(bitmap.y = 0, "width or height");
    BAD_IMAGE(bitmap.x = 0x80000000, "width or height");
    BAD_IMAGE(bitmap.stride = 31, "stride is shorter");
    BAD_IMAGE(bitmap.x = 0x7fffffff, "stride is shorter");
    BAD_IMAGE(bitmap.y = 0x4000000, "more than 2^31 - 1");
    BAD_IMAGE(bitmap.y = 0x3ffffff, "not in a memory slot");
    BAD_IMAGE(bitmap.format = SPICE_BITMAP_FMT_8BIT, "lacks the palette");
    BAD_IMAGE(bitmap.data = 0, "not in a memory slot");
    BAD_IMAGE(bitmap.data = PARSER_GUEST_BASE + GUEST_MEMORY - 255, "not in a memory slot");
#undef BAD_IMAGE

    command = copy_of(&good);
    command.u.copy.src_bitmap = 0;
    check_bad(&command, "no source image");
    command.u.copy.src_bitmap = PARSER_GUEST_BASE + GUEST_MEMORY - 17;
    check_bad(&command, "not in a memory slot");
}

static void test_palettes(void)
{
    struct {
        QXLPalette header;
        uint32_t colors[256];
    } __attribute__((packed))
    palette = {.header = {.unique = 99, .num_ents = 2}, .colors = {0x123456, 0x7fff}};
    QXLImage image = bitmap_image();
    QXLDrawable command;
    struct drawable *drawable;
    const char *wrong;
    QXLCompatDrawable compat = {.type = QXL_DRAW_COPY,
                                .bbox = {.bottom = 8, .right = 8},
                                .u.copy.src_area = {.bottom = 8, .right = 8}};

    image.bitmap.format = SPICE_BITMAP_FMT_8BIT;
    image.bitmap.palette = place(&palette, sizeof(palette));
    command = copy_of(&image);
    drawable = check_good(&command);
    g_assert_cmpuint(drawable->draw.copy.image->bitmap.palette->count, ==, 2);
    g_assert_cmphex(drawable->draw.copy.image->bitmap.palette->colors[0], ==, 0x123456);
    g_assert_cmphex(drawable->draw.copy.image->bitmap.palette->colors[2], ==, 0);
    drawable_unref(drawable);

    compat.u.copy.src_bitmap = command.u.copy.src_bitmap;
    drawable = parse(&compat, sizeof(compat),
                     QXL_COMMAND_FLAG_COMPAT | QXL_COMMAND_FLAG_COMPAT_16BPP, &wrong);
    g_assert_cmpstr(wrong, ==, NULL);
    g_assert_cmphex(drawable->draw.copy.image->bitmap.palette->colors[1], ==, 0xffffff);
    drawable_unref(drawable);

    palette.header.num_ents = 257;
    image.bitmap.palette = place(&palette, sizeof(palette));
    command = copy_of(&image);
    check_bad(&command, "more than 256");
    palette.header.num_ents = 256;
    guest.used = GUEST_MEMORY - sizeof(palette) + 4;
    image.bitmap.palette = place(&palette, sizeof(palette) - 4);
    guest.used = 8192;
    command = copy_of(&image);
    check_bad(&command, "beyond its memory slot");
}

static void test_bad_boxes(void)
{
    QXLImage image = bitmap_image();
    QXLDrawable command = copy_of(&image);
    static const QXLRect areas[] = {
        {.top = 0, .left = 0, .bottom = 8, .right = 9},
        {.top = 0, .left = 0, .bottom = 9, .right = 8},
        {.top = -1, .left = 0, .bottom = 8, .right = 8},
        {.top = 0, .left = 5, .bottom = 8, .right = 4},
        {.top = 3, .left = 0, .bottom = 3, .right = 8},
        {.top = 0, .left = INT32_MIN, .bottom = 8, .right = 8},
    };

    command.bbox.left = -1;
    check_bad(&command, "negative or inside out");
    command.bbox.left = 10;
    check_bad(&command, "negative or inside out");
    command = copy_of(&image);
    for (size_t i = 0; i < G_N_ELEMENTS(areas); i++) {
        command.u.copy.src_area = areas[i];
        check_bad(&command, "source area");
    }
    command = copy_of(&image);
    command.type = 15;
    check_bad(&command, "unknown draw type");
}

static void test_self_bitmap(void)
{
    QXLDrawable command = drawable_of(QXL_DRAW_ALPHA_BLEND);
    struct drawable *drawable;

    command.surface_id = 3;
    command.u.alpha_blend.src_area = (QXLRect){.bottom = 8, .right = 8};
    check_bad(&command, "no source image");
    command.self_bitmap = 1;
    command.self_bitmap_area = (QXLRect){.top = 20, .left = 30, .bottom = 28, .right = 38};
    drawable = check_good(&command);
    g_assert_cmpuint(drawable->draw.alpha_blend.image->type, ==, SPICE_IMAGE_TYPE_SURFACE);
    g_assert_cmpuint(drawable->draw.alpha_blend.image->surface_id, ==, 3);
    g_assert_true(drawable->draw.alpha_blend.image->snapshot);
    g_assert_cmpint(drawable->draw.alpha_blend.image->area.x1, ==, 30);
    g_assert_cmpint(drawable->draw.alpha_blend.image->area.y2, ==, 28);
    g_assert_cmpint(drawable->draw.alpha_blend.image->width, ==, 8);
    g_assert_cmpint(drawable->draw.alpha_blend.area.x2, ==, 8);
    g_assert_cmpint(drawable->draw.sources[0], ==, 3);
    drawable_unref(drawable);
    command.u.alpha_blend.src_area.right = 9;
    check_bad(&command, "not inside the self bitmap");
    command.self_bitmap_area.left = -1;
    check_bad(&command, "empty or negative");
}

static QXLPHYSICAL place_clip(uint32_t count, const QXLRect *rects, size_t size)
{
    QXLClipRects header = {.num_rects = count, .chunk = {.data_size = size}};
    QXLPHYSICAL address = place(&header, sizeof(header));

    place(rects, size);
    return address;
}

static void test_clips(void)
{
    static const QXLRect rects[] = {
        {.top = 0, .left = 0, .bottom = 100, .right = 4}, /* is cut to the box */
        {.top = 5, .left = 5, .bottom = 5, .right = 9},   /* empty */
        {.top = 9, .left = 8, .bottom = 1, .right = 2},   /* inside out */
    };
    QXLDrawable command = drawable_of(QXL_DRAW_BLACKNESS);
    struct drawable *drawable;

    command.clip.type = SPICE_CLIP_TYPE_RECTS;
    command.clip.data = place_clip(3, rects, sizeof(rects));
    drawable = check_good(&command);
    g_assert_true(drawable->draw.clip.has_rects);
    g_assert_cmpuint(drawable->draw.clip.count, ==, 1);
    g_assert_cmpint(drawable->draw.clip.rects[0].x1, ==, 1);
    g_assert_cmpint(drawable->draw.clip.rects[0].y2, ==, 10);
    drawable_unref(drawable);

    command.clip.data = place_clip(2, rects, sizeof(rects));
    check_bad(&command, "does not fit its number");
    command.clip.data = place_clip(0x10000003, rects, sizeof(rects));
    check_bad(&command, "does not fit its number");
    command.clip.data = 0;
    check_bad(&command, "not in a memory slot");
    command.clip.type = 2;
    check_bad(&command, "unknown type");
}

static QXLPHYSICAL place_path(const void *data, uint32_t size)
{
    QXLPath header = {.data_size = size, .chunk = {.data_size = size}};
    QXLPHYSICAL address = place(&header, sizeof(header));

    place(data, size);
    return address;
}

static void test_strokes(void)
{
    struct {
        QXLPathSeg first;
        QXLPointFix points[4];
        QXLPathSeg last;
        QXLPointFix more[2];
    } __attribute__((packed))
    path = {.first = {.flags = SPICE_PATH_BEGIN, .count = 4},
            .points = {{16, 32}, {48, 64}, {1, 2}, {3, 4}},
            .last = {.flags = SPICE_PATH_END | SPICE_PATH_CLOSE, .count = 2}},
    bad = path;
    int32_t dashes[] = {32, 48};
    QXLDrawable command = drawable_of(QXL_DRAW_STROKE);
    struct drawable *drawable;

    command.u.stroke.path = place_path(&path, sizeof(path));
    command.u.stroke.attr.flags = SPICE_LINE_FLAGS_STYLED | SPICE_LINE_FLAGS_START_WITH_GAP;
    drawable = check_good(&command); /* without dashes it is solid */
    g_assert_cmpuint(drawable->draw.stroke.style.flags, ==, 0);
    g_assert_cmpuint(drawable->draw.stroke.path.count, ==, 2);
    g_assert_cmpuint(drawable->draw.stroke.path.segments[0].count, ==, 4);
    g_assert_cmpint(drawable->draw.stroke.path.segments[0].points[1].y, ==, 64);
    drawable_unref(drawable);

    command.u.stroke.attr.style_nseg = 2;
    command.u.stroke.attr.style = place(dashes, sizeof(dashes));
    drawable = check_good(&command);
    g_assert_cmpuint(drawable->draw.stroke.style.count, ==, 2);
    g_assert_cmpint(drawable->draw.stroke.style.lengths[1], ==, 48);
    drawable_unref(drawable);

    dashes[0] = dashes[1] = 7;
    command.u.stroke.attr.style = place(dashes, sizeof(dashes));
    check_bad(&command, "shorter than a pixel");
    dashes[0] = -16;
    command.u.stroke.attr.style = place(dashes, sizeof(dashes));
    check_bad(&command, "negative length");
    command.u.stroke.attr.style = PARSER_GUEST_BASE + GUEST_MEMORY - 7;
    check_bad(&command, "not in a memory slot");
    command.u.stroke.attr.flags = 0;

    bad.last.count = 3;
    command.u.stroke.path = place_path(&bad, sizeof(bad));
    check_bad(&command, "beyond its data");
    bad.last.count = UINT32_MAX;
    command.u.stroke.path = place_path(&bad, sizeof(bad));
    check_bad(&command, "beyond its data");
    bad = path;
    bad.first.flags = 0;
    command.u.stroke.path = place_path(&bad, sizeof(bad));
    check_bad(&command, "BEGIN");
    bad = path;
    bad.last.flags |= SPICE_PATH_BEZIER;
    command.u.stroke.path = place_path(&bad, sizeof(bad));
    check_bad(&command, "three points");
    command.u.stroke.path = place_path(&bad, 8);
    check_bad(&command, "empty");
}

static QXLPHYSICAL place_string(uint16_t length, uint16_t flags, uint32_t size, const void *data,
                                uint32_t chunk)
{
    QXLString header = {
        .data_size = size, .length = length, .flags = flags, .chunk = {.data_size = chunk}};
    QXLPHYSICAL address = place(&header, sizeof(header));

    place(data, chunk);
    return address;
}

static void test_texts(void)
{
    struct {
        QXLRasterGlyph first;
        uint8_t first_bits[6]; /* 9 x 3, 1 bit */
        QXLRasterGlyph last;
        uint8_t last_bits[1];
    } __attribute__((packed))
    glyphs = {.first = {.render_pos = {7, 8}, .width = 9, .height = 3},
              .first_bits = {1, 2, 3, 4, 5, 6},
              .last = {.glyph_origin = {-1, -2}, .width = 1, .height = 1}};
    QXLDrawable command = drawable_of(QXL_DRAW_TEXT);
    const uint32_t size = sizeof(glyphs);
    struct drawable *drawable;

    command.u.text.back_area = (QXLRect){.bottom = 1, .right = 1};
    command.u.text.fore_mode = SPICE_ROPD_OP_XOR;
    command.u.text.str = place_string(2, SPICE_STRING_FLAGS_RASTER_A1, size, &glyphs, size);
    drawable = check_good(&command);
    g_assert_cmpuint(drawable->draw.text.fore_mode, ==, SPICE_ROPD_OP_PUT);
    g_assert_cmpuint(drawable->draw.text.string.count, ==, 2);
    g_assert_cmpint(drawable->draw.text.string.glyphs[0].render_pos.y, ==, 8);
    g_assert_cmpint(drawable->draw.text.string.glyphs[1].origin.x, ==, -1);
    memset(guest.memory, 0xee, guest.used); /* the bits are a private copy */
    g_assert_cmpmem(drawable->draw.text.string.glyphs[0].bits, 6, glyphs.first_bits, 6);
    drawable_unref(drawable);

    command.u.text.str = place_string(2, SPICE_STRING_FLAGS_RASTER_A8, size, &glyphs, size);
    check_bad(&command, "less glyphs");
    command.u.text.str = place_string(1, SPICE_STRING_FLAGS_RASTER_A1, 25, &glyphs, 25);
    check_bad(&command, "beyond its string");
    command.u.text.str = place_string(3, SPICE_STRING_FLAGS_RASTER_A1, size, &glyphs, size);
    check_bad(&command, "less glyphs");
    command.u.text.str = place_string(0, SPICE_STRING_FLAGS_RASTER_A1, size, &glyphs, size);
    check_bad(&command, "no glyphs");
    command.u.text.str = place_string(2, 0, size, &glyphs, size);
    check_bad(&command, "no raster format");
    command.u.text.str = place_string(
        2, SPICE_STRING_FLAGS_RASTER_A1 | SPICE_STRING_FLAGS_RASTER_TOP_DOWN, size, &glyphs, size);
    check_bad(&command, "top down");
    command.u.text.str = place_string(2, SPICE_STRING_FLAGS_RASTER_A1, size - 1, &glyphs, size);
    check_bad(&command, "as its size field says");
    command.u.text.str = 0;
    check_bad(&command, "not in a memory slot");
}

static void test_brushes_and_masks(void)
{
    QXLImage image = bitmap_image();
    QXLDrawable command = drawable_of(QXL_DRAW_FILL);
    struct drawable *drawable;

    command.u.fill.brush.type = SPICE_BRUSH_TYPE_PATTERN;
    check_bad(&command, "pattern brush has no image");
    command.u.fill.brush.type = 3;
    check_bad(&command, "brush has an unknown type");
    command.u.fill.brush.type = SPICE_BRUSH_TYPE_SOLID;
    command.u.fill.mask.bitmap = place(&image, sizeof(image));
    check_bad(&command, "mask has not 1 bit");
    image.bitmap.format = SPICE_BITMAP_FMT_1BIT_BE; /* needs no palette as a mask */
    command.u.fill.mask.bitmap = place(&image, sizeof(image));
    command.u.fill.mask.flags = 0xff;
    drawable = check_good(&command);
    g_assert_true(drawable->draw.fill.mask.inverted);
    g_assert_null(drawable->draw.fill.mask.image->bitmap.palette);
    drawable_unref(drawable);
}

static void test_composites(void)
{
    QXLImage image = bitmap_image();
    QXLDrawable command = drawable_of(QXL_DRAW_COMPOSITE);
    const QXLTransform transform = {65536, 0, 0, 0, 65536, 0};
    struct drawable *drawable;

    check_bad(&command, "no source image");
    command.u.composite.src = place(&image, sizeof(image));
    command.u.composite.flags = 3 | SPICE_COMPOSITE_HAS_MASK;
    drawable = check_good(&command);
    g_assert_cmpuint(drawable->draw.composite.flags, ==, 3); /* says what is there */
    drawable_unref(drawable);
    command.u.composite.src_transform = place(&transform, sizeof(transform));
    command.u.composite.mask = command.u.composite.src;
    drawable = check_good(&command);
    g_assert_cmpuint(drawable->draw.composite.flags, ==,
                     3 | SPICE_COMPOSITE_HAS_MASK | SPICE_COMPOSITE_HAS_SRC_TRANSFORM);
    drawable_unref(drawable);
    command.u.composite.flags = 0x0e;
    check_bad(&command, "unknown operator");
    command.u.composite.flags = 0x3f;
    check_bad(&command, "unknown operator");
    command.u.composite.flags = 3 | 7 << 8;
    check_bad(&command, "unknown filter");
    command.u.composite.flags = 3;
    command.u.composite.mask_transform = 1;
    check_bad(&command, "not in a memory slot");
}

/* A command that is not mapped is not released: there is nothing that could be. */
static void test_bad_commands(void)
{
    static const QXLPHYSICAL addresses[] = {
        0, PARSER_GUEST_BASE + GUEST_MEMORY - sizeof(QXLDrawable) + 1,
        0x0100000000000000 + PARSER_GUEST_BASE, UINT64_MAX};

    for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
        QXLCommandExt ext = {.cmd = {.data = addresses[i]}};
        struct drawable *drawable = drawable_create(&guest.releases);

        g_assert_nonnull(parse_drawable(&guest.memslots, &ext, drawable));
        drawable_unref(drawable);
    }
    g_assert_cmpuint(guest.released, ==, 0);
}

static const char *parse_surface_of(uint32_t width, uint32_t height, int32_t stride,
                                    uint32_t format, QXLPHYSICAL data)
{
    QXLSurfaceCmd command;
    QXLCommandExt ext = {0};
    struct guest_resource resource = {.to = &guest.releases};
    struct surface_command surface = {0};

    memset(&command, 0, sizeof(command));
    command.u.surface_create = (QXLSurface){format, width, height, stride, data};
    ext.cmd.data = place(&command, sizeof(command));
    const char *wrong = parse_surface(&guest.memslots, &ext, &resource, &surface);
    g_assert_nonnull(resource.info.info);
    g_assert_true((wrong == NULL) == (surface.create.pixels != NULL));
    return wrong;
}

static void test_surfaces(void)
{
    const uint32_t rgb = SPICE_SURFACE_FMT_32_xRGB;

    g_assert_null(parse_surface_of(16, 16, 64, rgb, PARSER_GUEST_BASE));
    g_assert_null(parse_surface_of(16, 16, -64, rgb, PARSER_GUEST_BASE));
    g_assert_null(parse_surface_of(9, 16, 4, SPICE_SURFACE_FMT_1_A, PARSER_GUEST_BASE));
    g_assert_nonnull(parse_surface_of(16, 16, 64, 33, PARSER_GUEST_BASE));
    g_assert_nonnull(parse_surface_of(0, 16, 64, rgb, PARSER_GUEST_BASE));
    g_assert_nonnull(parse_surface_of(16, 0, 64, rgb, PARSER_GUEST_BASE));
    g_assert_nonnull(parse_surface_of(17, 16, 64, rgb, PARSER_GUEST_BASE));
    g_assert_nonnull(parse_surface_of(17, 16, -64, rgb, PARSER_GUEST_BASE));
    g_assert_nonnull(parse_surface_of(15, 16, 62, rgb, PARSER_GUEST_BASE));
    g_assert_nonnull(parse_surface_of(16, 16, INT32_MIN, rgb, PARSER_GUEST_BASE));
    g_assert_nonnull(
        parse_surface_of(0x40000001, 1, 4, rgb, PARSER_GUEST_BASE)); /* CVE-2015-5261 */
    g_assert_nonnull(parse_surface_of(16, 0x2000000, 64, rgb, PARSER_GUEST_BASE));
    g_assert_nonnull(parse_surface_of(16, GUEST_MEMORY / 64 + 1, 64, rgb, PARSER_GUEST_BASE));
    g_assert_nonnull(parse_surface_of(16, 16, 64, rgb, PARSER_GUEST_BASE + 2));
}

static const char *parse_cursor_of(const QXLCursor *cursor, uint32_t size,
                                   struct cursor_command *parsed)
{
    QXLCursorCmd command;
    QXLCommandExt ext = {0};
    struct guest_resource resource = {.to = &guest.releases};

    memset(&command, 0, sizeof(command));
    command.u.set.shape = place(cursor, sizeof(*cursor));
    guest.used += size;
    ext.cmd.data = place(&command, sizeof(command));
    return parse_cursor(&guest.memslots, &ext, &resource, parsed);
}

static void test_cursors(void)
{
    struct cursor_command parsed;
    const QXLCursor good = {.header = {.unique = 5,
                                       .type = SPICE_CURSOR_TYPE_MONO,
                                       .width = 9,
                                       .height = 2,
                                       .hot_spot_x = 3},
                            .data_size = 8,
                            .chunk = {.data_size = 3}};
    QXLCursor cursor = good;

    /* Three bytes are there, five are missing. */
    memset(guest.memory, 0xaa, 4096);
    g_assert_null(parse_cursor_of(&cursor, 16, &parsed));
    g_assert_cmpuint(parsed.shape->size, ==, 8);
    g_assert_cmpmem(parsed.shape->data, 8, "\xaa\xaa\xaa\0\0\0\0\0", 8);
    g_assert_cmpuint(parsed.shape->hot_x, ==, 3);
    cursor_shape_unref(parsed.shape);

    cursor.header.width = 513;
    g_assert_nonnull(parse_cursor_of(&cursor, 16, &parsed));
    cursor.header.width = 65535;
    cursor.header.height = 65535;
    g_assert_nonnull(parse_cursor_of(&cursor, 16, &parsed)); /* CVE-2021-4206 */
    cursor = good;
    cursor.header.type = 7;
    g_assert_nonnull(parse_cursor_of(&cursor, 16, &parsed));
    cursor = good;
    cursor.chunk.data_size = 0;
    cursor.chunk.next_chunk = UINT64_MAX;
    g_assert_nonnull(parse_cursor_of(&cursor, 16, &parsed));
    cursor = good;
    cursor.header.width = cursor.header.height = 0; /* how Windows says "nothing" */
    g_assert_null(parse_cursor_of(&cursor, 16, &parsed));
    g_assert_cmpuint(parsed.shape->size, ==, 0);
    cursor_shape_unref(parsed.shape);
}

static void test_monitors(void)
{
    struct {
        QXLMonitorsConfig config;
        QXLHead heads[3];
    } __attribute__((packed))
    config = {.config = {.count = 3, .max_allowed = 4}, .heads = {{.width = 5}}};
    struct monitors_config parsed;

    g_assert_null(
        parse_monitors_config(&guest.memslots, 0, place(&config, sizeof(config)), 64, &parsed));
    g_assert_cmpuint(parsed.count, ==, 3);
    g_assert_cmpuint(parsed.heads[0].width, ==, 5);
    g_assert_null(
        parse_monitors_config(&guest.memslots, 0, place(&config, sizeof(config)), 2, &parsed));
    g_assert_cmpuint(parsed.count, ==, 2);
    g_assert_cmpuint(parsed.max_allowed, ==, 2);
    config.config.max_allowed = 0; /* no limit */
    g_assert_null(
        parse_monitors_config(&guest.memslots, 0, place(&config, sizeof(config)), 64, &parsed));
    config.config.max_allowed = 2;
    g_assert_nonnull(
        parse_monitors_config(&guest.memslots, 0, place(&config, sizeof(config)), 64, &parsed));
    config.config.count = 0;
    g_assert_nonnull(
        parse_monitors_config(&guest.memslots, 0, place(&config, sizeof(config)), 64, &parsed));
    config.config.count = config.config.max_allowed = 65535; /* CVE-2015-3247 */
    g_assert_nonnull(
        parse_monitors_config(&guest.memslots, 0, place(&config, sizeof(config)), 64, &parsed));
}

/* Commands with random bytes in random places: nothing to check but that the sanitizers are quiet.
 */
static void test_random(void)
{
    GRand *rand = g_rand_new_with_seed(1);

    for (int i = 0; i < 20000; i++) {
        QXLImage image;
        QXLDrawable command;
        const char *wrong;

        guest.used = 0;
        image = bitmap_image();
        command = copy_of(&image);
        command.type = g_rand_int_range(rand, 0, 16);
        for (int j = g_rand_int_range(rand, 0, 12); j > 0; j--)
            ((uint8_t *)&command)[g_rand_int_range(rand, 8, sizeof(command))] =
                g_rand_int_range(rand, 0, g_rand_boolean(rand) ? 4 : 256);
        for (int j = 0; j < 4; j++)
            guest.memory[g_rand_int_range(rand, 0, 512)] = g_rand_int(rand);
        drawable_unref(parse(&command, sizeof(command), g_rand_int_range(rand, 0, 4), &wrong));
    }
    g_assert_cmpuint(guest.released, ==, 20000);
    g_rand_free(rand);
}

static void run(void **fixture, gconstpointer test)
{
    (void)fixture;
    ((void (*)(void))test)();
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        {"/parse/copy", test_copy},
        {"/parse/chunks", test_chunks},
        {"/parse/bad-chunks", test_bad_chunks},
        {"/parse/bad-images", test_bad_images},
        {"/parse/palettes", test_palettes},
        {"/parse/bad-boxes", test_bad_boxes},
        {"/parse/self-bitmap", test_self_bitmap},
        {"/parse/clips", test_clips},
        {"/parse/strokes", test_strokes},
        {"/parse/texts", test_texts},
        {"/parse/brushes-and-masks", test_brushes_and_masks},
        {"/parse/composites", test_composites},
        {"/parse/bad-commands", test_bad_commands},
        {"/parse/surfaces", test_surfaces},
        {"/parse/cursors", test_cursors},
        {"/parse/monitors", test_monitors},
        {"/parse/random", test_random},
    };

    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, void *, tests[i].run, set_up, run, tear_down);
    return g_test_run();
}
