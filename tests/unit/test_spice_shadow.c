/*
 * Copies are cut down to what is new. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/parse.h"
#include "spice/shadow.h"

#include <glib.h>
#include <spice/protocol.h>

enum { SIDE = 40, PICTURE = 20, LEFT = 10, TOP = 15 };

static unsigned released;

static void release(QXLInstance *qxl, QXLReleaseInfoExt info)
{
    (void)qxl;
    (void)info;
    released++;
}

static const QXLInterface interface = {.release_resource = release};
static QXLInstance qxl = {.base.sif = &interface.base};
static QXLReleaseInfo release_info;

struct fixture {
    struct shadow shadow;
    struct canvas *canvas;
    uint32_t pixels[SIDE * SIDE];
    uint32_t picture[PICTURE * PICTURE];
    struct drawable *drawable;
    pixman_region32_t region;
};

static void set_up(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    released = 0;
    shadow_init(&fixture->shadow, SIDE, SIDE, SPICE_SURFACE_FMT_32_xRGB);
    fixture->canvas =
        canvas_create(SIDE, SIDE, SIDE * 4, SPICE_SURFACE_FMT_32_xRGB, fixture->pixels);
    pixman_region32_init(&fixture->region);
    for (unsigned i = 0; i < PICTURE * PICTURE; i++)
        fixture->picture[i] = 0xff000000 | i * 7;
}

static void tear_down(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    g_clear_pointer(&fixture->drawable, drawable_unref);
    pixman_region32_fini(&fixture->region);
    shadow_finish(&fixture->shadow);
    canvas_destroy(fixture->canvas);
}

static struct draw *new_command(struct fixture *fixture, uint8_t type)
{
    g_clear_pointer(&fixture->drawable, drawable_unref);
    fixture->drawable = drawable_create(&qxl);
    fixture->drawable->resource.info.info = &release_info;
    fixture->drawable->draw.type = type;
    fixture->drawable->draw.box = (draw_rect){LEFT, TOP, LEFT + PICTURE, TOP + PICTURE};
    return &fixture->drawable->draw;
}

static void run(struct fixture *fixture)
{
    const struct draw *draw = &fixture->drawable->draw;

    pixman_region32_fini(&fixture->region);
    canvas_draw_region(draw, SIDE, SIDE, &fixture->region);
    g_assert_null(canvas_draw(fixture->canvas, draw, NULL, NULL));
    shadow_refine(&fixture->shadow, fixture->canvas, fixture->drawable, &fixture->region);
}

/* The picture, clipped to COUNT of CLIPS if there are any. */
static void copy(struct fixture *fixture, bool top_down, draw_rect *clips, unsigned count)
{
    struct draw *draw = new_command(fixture, QXL_DRAW_COPY);
    struct arena *arena = &fixture->drawable->arena;
    struct guest_image *guest = arena_alloc0(arena, sizeof(*guest));
    struct iovec *pieces = arena_alloc0(arena, 3 * sizeof(*pieces));

    pieces[0] = (struct iovec){fixture->picture, PICTURE * 4 * 3};
    pieces[2] = (struct iovec){fixture->picture + PICTURE * 3, PICTURE * 4 * (PICTURE - 3)};
    guest->image = (struct draw_image){
        .type = SPICE_IMAGE_TYPE_BITMAP,
        .flags = SPICE_IMAGE_FLAGS_CACHE_ME,
        .width = PICTURE,
        .height = PICTURE,
        .bitmap = {.format = SPICE_BITMAP_FMT_RGBA,
                   .top_down = top_down,
                   .stride = PICTURE * 4,
                   .data = {.size = sizeof(fixture->picture), .count = 3, .pieces = pieces}},
    };
    fixture->drawable->images = guest;
    draw->copy.image = &guest->image;
    draw->copy.area = (draw_rect){0, 0, PICTURE, PICTURE};
    draw->copy.rop = SPICE_ROPD_OP_PUT;
    draw->clip.has_rects = clips != NULL;
    draw->clip.rects = clips;
    draw->clip.count = count;
    run(fixture);
}

static void assert_region(const struct fixture *fixture, int x1, int y1, int x2, int y2)
{
    const pixman_box32_t *box = &fixture->region.extents;

    g_assert_cmpint(box->x1, ==, x1);
    g_assert_cmpint(box->y1, ==, y1);
    g_assert_cmpint(box->x2, ==, x2);
    g_assert_cmpint(box->y2, ==, y2);
}

static bool nothing_new(struct fixture *fixture)
{
    return !pixman_region32_not_empty(&fixture->region);
}

static void test_cut(struct fixture *fixture, gconstpointer data)
{
    const struct draw *draw;

    (void)data;
    copy(fixture, true, NULL, 0);
    assert_region(fixture, LEFT, TOP, LEFT + PICTURE, TOP + PICTURE);
    g_assert_cmpint(fixture->drawable->draw.copy.image->width, ==, PICTURE);
    copy(fixture, true, NULL, 0);
    g_assert_true(nothing_new(fixture));
    for (unsigned i = 0; i < PICTURE; i++)
        fixture->picture[i] ^= 0x80000000; /* its alpha is not seen */
    copy(fixture, true, NULL, 0);
    g_assert_true(nothing_new(fixture));

    fixture->picture[2 * PICTURE + 5] = 0x112233;
    fixture->picture[6 * PICTURE + 3] = 0x445566;
    released = 0;
    copy(fixture, true, NULL, 0);
    assert_region(fixture, LEFT + 3, TOP + 2, LEFT + 6, TOP + 7);
    draw = &fixture->drawable->draw;
    g_assert_cmpint(draw->box.x1, ==, LEFT + 3);
    g_assert_cmpint(draw->box.y2, ==, TOP + 7);
    g_assert_cmpint(draw->copy.image->flags, ==, 0);
    g_assert_cmpuint(draw->copy.image->width, ==, 3);
    g_assert_cmpuint(draw->copy.image->height, ==, 5);
    for (int y = 0; y < 5; y++)
        g_assert_cmpmem((uint8_t *)draw->copy.image->bitmap.data.pieces[0].iov_base + y * 12, 12,
                        &fixture->picture[(2 + y) * PICTURE + 3], 12);
    g_assert_cmpuint(released, ==, 2); /* the command before, and this one's pixels */
}

static void test_bottom_up(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    copy(fixture, false, NULL, 0);
    fixture->picture[0] ^= 1;
    copy(fixture, false, NULL, 0);
    assert_region(fixture, LEFT, TOP + PICTURE - 1, LEFT + 1, TOP + PICTURE);
    copy(fixture, false, NULL, 0);
    g_assert_true(nothing_new(fixture));
}

static void test_clip(struct fixture *fixture, gconstpointer data)
{
    draw_rect clips[2] = {{LEFT, TOP, LEFT + 2, TOP + 2}, {LEFT + 8, TOP + 8, LEFT + 9, TOP + 9}};

    (void)data;
    copy(fixture, true, clips, 2);
    copy(fixture, true, clips, 2);
    g_assert_true(nothing_new(fixture));
    fixture->picture[4 * PICTURE + 4] ^= 1; /* not inside */
    copy(fixture, true, clips, 2);
    g_assert_true(nothing_new(fixture));
    fixture->picture[PICTURE + 1] ^= 1;
    copy(fixture, true, clips, 2);
    assert_region(fixture, LEFT + 1, TOP + 1, LEFT + 2, TOP + 2);
    /* The rest was never sent. */
    copy(fixture, true, NULL, 0);
    assert_region(fixture, LEFT, TOP, LEFT + PICTURE, TOP + PICTURE);
}

static void test_other_commands(struct fixture *fixture, gconstpointer data)
{
    struct draw *draw;

    (void)data;
    copy(fixture, true, NULL, 0);
    draw = new_command(fixture, QXL_DRAW_FILL);
    draw->box = (draw_rect){LEFT + 4, TOP + 4, LEFT + 6, TOP + 5};
    draw->fill.brush = (struct draw_brush){.type = SPICE_BRUSH_TYPE_SOLID, .color = 0x654321};
    draw->fill.rop = SPICE_ROPD_OP_PUT;
    run(fixture);
    assert_region(fixture, LEFT + 4, TOP + 4, LEFT + 6, TOP + 5);
    copy(fixture, true, NULL, 0);
    assert_region(fixture, LEFT + 4, TOP + 4, LEFT + 6, TOP + 5);
}

/* Some guests write into the surface, and copy it onto itself to have it shown. */
static void test_direct_writing(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    copy(fixture, true, NULL, 0);
    fixture->picture[7 * PICTURE + 7] = 0x999999;
    fixture->pixels[(TOP + 7) * SIDE + LEFT + 7] = 0x999999;
    copy(fixture, true, NULL, 0);
    assert_region(fixture, LEFT + 7, TOP + 7, LEFT + 8, TOP + 8);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct fixture *fixture, gconstpointer data);
    } tests[] = {
        {"/shadow/cut", test_cut},
        {"/shadow/bottom-up", test_bottom_up},
        {"/shadow/clip", test_clip},
        {"/shadow/other-commands", test_other_commands},
        {"/shadow/direct-writing", test_direct_writing},
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, struct fixture, NULL, set_up, tests[i].run, tear_down);
    return g_test_run();
}
