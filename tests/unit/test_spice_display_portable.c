/*
 * Which commands are left to clients. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/quic.h"
#include "spice/display_portable.h"

#include <glib.h>
#include <string.h>

enum { SCREEN, ALPHA, HIGH_COLOR, OTHER };

struct fixture {
    struct surfaces surfaces;
    uint8_t pixels[4][64 * 64 * 4];
    struct draw_image image, other;
    struct draw draw;
};

static void set_up(struct fixture *fixture, gconstpointer data)
{
    static const uint32_t formats[] = {
        [SCREEN] = SPICE_SURFACE_FMT_32_xRGB,
        [ALPHA] = SPICE_SURFACE_FMT_8_A,
        [HIGH_COLOR] = SPICE_SURFACE_FMT_16_565,
        [OTHER] = SPICE_SURFACE_FMT_32_ARGB,
    };
    const struct guest_resource nothing = {0};
    const char *wrong;

    (void)data;
    surfaces_init(&fixture->surfaces, G_N_ELEMENTS(formats));
    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++)
        g_assert_nonnull(surface_create(&fixture->surfaces, i, 64, 64, 64 * 4, formats[i],
                                        fixture->pixels[i], false, &nothing, &wrong));
    fixture->image = (struct draw_image){.type = SPICE_IMAGE_TYPE_BITMAP, .width = 8, .height = 8};
    fixture->image.bitmap.format = SPICE_BITMAP_FMT_32BIT;
    fixture->other = fixture->image;
    fixture->draw = (struct draw){.box = {10, 10, 30, 30}, .sources = {-1, -1, -1}};
}

static void tear_down(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < fixture->surfaces.count; i++)
        surface_destroy(&fixture->surfaces, surfaces_find(&fixture->surfaces, i));
    surfaces_finish(&fixture->surfaces);
}

static bool portable(const struct fixture *fixture)
{
    return draw_is_portable(&fixture->draw, &fixture->surfaces);
}

static void make_surface(struct draw_image *image, uint32_t id)
{
    image->type = SPICE_IMAGE_TYPE_SURFACE;
    image->surface_id = id;
}

static void test_images(struct fixture *fixture, gconstpointer data)
{
    uint8_t pixels[8 * 8] = {0}, stream[1024];
    struct quic_info info = {.type = QUIC_GRAY, .width = 8, .height = 8};
    struct iovec pieces[2];

    (void)data;
    fixture->draw.type = QXL_DRAW_COPY;
    fixture->draw.copy.image = &fixture->image;
    g_assert_true(portable(fixture));
    fixture->image.bitmap.format = SPICE_BITMAP_FMT_1BIT_LE;
    g_assert_false(portable(fixture));
    fixture->image.bitmap.format = SPICE_BITMAP_FMT_4BIT_LE;
    g_assert_false(portable(fixture));
    fixture->image.bitmap.format = SPICE_BITMAP_FMT_8BIT;
    g_assert_true(portable(fixture));
    fixture->draw.surface_id = HIGH_COLOR;
    g_assert_false(portable(fixture));
    fixture->image.bitmap.format = SPICE_BITMAP_FMT_16BIT;
    g_assert_true(portable(fixture));

    /* The header may lie in pieces. */
    g_assert_cmpuint(quic_encoded_bound(&info), <=, sizeof(stream));
    fixture->image.type = SPICE_IMAGE_TYPE_QUIC;
    fixture->image.quic.data = (struct draw_bytes){.count = 2, .pieces = pieces};
    fixture->image.quic.data.size = quic_encode(&info, pixels, 8, stream);
    pieces[0] = (struct iovec){stream, 7};
    pieces[1] = (struct iovec){stream + 7, fixture->image.quic.data.size - 7};
    g_assert_false(portable(fixture));
    info.type = QUIC_RGB16;
    info.width = 4;
    fixture->image.quic.data.size = quic_encode(&info, pixels, 8, stream);
    pieces[1].iov_len = fixture->image.quic.data.size - 7;
    g_assert_true(portable(fixture));
}

static void test_rop3(struct fixture *fixture, gconstpointer data)
{
    unsigned accepted = 0;

    (void)data;
    fixture->draw.type = QXL_DRAW_ROP3;
    fixture->draw.rop3.image = &fixture->image;
    fixture->draw.rop3.brush.type = SPICE_BRUSH_TYPE_SOLID;
    for (unsigned code = 0; code < 256; code++) {
        fixture->draw.rop3.rop3 = code;
        accepted += portable(fixture);
    }
    g_assert_cmpuint(accepted, ==, 218); /* functions of exactly three of three variables */
    fixture->draw.rop3.rop3 = 0xcc;      /* S */
    g_assert_false(portable(fixture));
    fixture->draw.rop3.rop3 = 0xb8; /* PSDPxax */
    g_assert_true(portable(fixture));

    fixture->draw.rop3.brush = (struct draw_brush){
        .type = SPICE_BRUSH_TYPE_PATTERN, .pattern = &fixture->other, .pattern_origin = {10, 10}};
    g_assert_true(portable(fixture));
    fixture->draw.rop3.brush.pattern_origin.x = 11;
    g_assert_false(portable(fixture));
    fixture->draw.rop3.brush.pattern_origin = (struct draw_point){10, 11};
    g_assert_false(portable(fixture));

    fixture->draw.rop3.brush.pattern_origin = (struct draw_point){0, 0};
    fixture->draw.surface_id = ALPHA;
    g_assert_false(portable(fixture));
}

static void test_stroke(struct fixture *fixture, gconstpointer data)
{
    struct draw_path_segment segments[2] = {{.flags = SPICE_PATH_BEGIN}, {.flags = SPICE_PATH_END}};

    (void)data;
    fixture->draw.type = QXL_DRAW_STROKE;
    fixture->draw.stroke.path = (struct draw_path){2, segments};
    fixture->draw.stroke.brush.type = SPICE_BRUSH_TYPE_SOLID;
    fixture->draw.clip.has_rects = true;
    fixture->draw.clip.count = 1;
    g_assert_true(portable(fixture));
    fixture->draw.clip.count = 2;
    g_assert_false(portable(fixture));
    fixture->draw.clip.count = 1;
    fixture->draw.stroke.brush =
        (struct draw_brush){.type = SPICE_BRUSH_TYPE_PATTERN, .pattern = &fixture->image};
    g_assert_true(portable(fixture));
    make_surface(&fixture->image, OTHER);
    g_assert_false(portable(fixture));
    fixture->draw.stroke.brush.type = SPICE_BRUSH_TYPE_SOLID;
    segments[1].flags |= SPICE_PATH_BEZIER;
    g_assert_false(portable(fixture));
}

static void test_text(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->draw.type = QXL_DRAW_TEXT;
    fixture->draw.text.string.flags = SPICE_STRING_FLAGS_RASTER_A4;
    fixture->draw.text.fore_brush =
        (struct draw_brush){.type = SPICE_BRUSH_TYPE_PATTERN, .pattern = &fixture->image};
    g_assert_true(portable(fixture));
    fixture->draw.text.string.flags = SPICE_STRING_FLAGS_RASTER_A8;
    g_assert_false(portable(fixture));
    fixture->draw.text.string.flags = SPICE_STRING_FLAGS_RASTER_A1;
    make_surface(&fixture->image, OTHER);
    g_assert_false(portable(fixture));
}

static void test_alpha_blend(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->draw.type = QXL_DRAW_ALPHA_BLEND;
    fixture->draw.surface_id = HIGH_COLOR;
    fixture->draw.alpha_blend.image = &fixture->image;
    fixture->draw.alpha_blend.alpha_flags = SPICE_ALPHA_FLAGS_SRC_SURFACE_HAS_ALPHA;
    make_surface(&fixture->image, OTHER);
    g_assert_true(portable(fixture));
    make_surface(&fixture->image, SCREEN);
    g_assert_false(portable(fixture));
    fixture->draw.alpha_blend.alpha_flags = 0;
    g_assert_true(portable(fixture));
}

static void test_composite(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->draw.type = QXL_DRAW_COMPOSITE;
    fixture->draw.composite.source = &fixture->image;
    fixture->draw.composite.flags = SPICE_COMPOSITE_HAS_SRC_TRANSFORM;
    g_assert_true(portable(fixture));
    make_surface(&fixture->image, OTHER);
    g_assert_false(portable(fixture));

    fixture->draw.composite.flags = SPICE_COMPOSITE_SOURCE_OPAQUE;
    g_assert_true(portable(fixture));
    make_surface(&fixture->image, ALPHA);
    g_assert_false(portable(fixture));
    fixture->draw.composite.flags = SPICE_COMPOSITE_DEST_OPAQUE;
    g_assert_true(portable(fixture));
    fixture->draw.surface_id = ALPHA;
    g_assert_false(portable(fixture));
    fixture->draw.surface_id = SCREEN;

    fixture->draw.composite.flags = SPICE_COMPOSITE_HAS_MASK;
    fixture->draw.composite.mask = &fixture->other;
    make_surface(&fixture->other, OTHER);
    g_assert_true(portable(fixture));
    fixture->draw.composite.flags |= SPICE_COMPOSITE_HAS_MASK_TRANSFORM;
    g_assert_false(portable(fixture));
    fixture->draw.composite.flags = SPICE_COMPOSITE_HAS_MASK;
    make_surface(&fixture->other, ALPHA);
    g_assert_false(portable(fixture));
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct fixture *fixture, gconstpointer data);
    } tests[] = {
        {"/portable/images", test_images},       {"/portable/rop3", test_rop3},
        {"/portable/stroke", test_stroke},       {"/portable/text", test_text},
        {"/portable/composite", test_composite}, {"/portable/alpha-blend", test_alpha_blend},
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, struct fixture, NULL, set_up, tests[i].run, tear_down);
    return g_test_run();
}
