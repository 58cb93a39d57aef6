/*
 * Pictures that are drawn later: nobody ever sees that they were.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/trim.h"
#include "spice/surface.h"
#include "tests/support/random_draw.h"

#include <glib.h>
#include <spice/enums.h>
#include <string.h>

#define COUNT  2
#define SIDE   160
#define MARGIN 8 /* of a picture around what is copied of it */

static const struct random_surface shapes[COUNT] = {
    {SPICE_SURFACE_FMT_32_xRGB, SIDE, SIDE},
    {SPICE_SURFACE_FMT_32_ARGB, SIDE, SIDE},
};

struct screen {
    struct surfaces surfaces;
    uint32_t pixels[COUNT][SIDE * SIDE];
};

static struct screen *screen_create(void)
{
    static const struct guest_resource nothing;
    struct screen *screen = g_new0(struct screen, 1);
    const char *wrong;

    surfaces_init(&screen->surfaces, COUNT);
    for (unsigned id = 0; id < COUNT; id++)
        g_assert_nonnull(surface_create(&screen->surfaces, id, SIDE, SIDE, SIDE * 4,
                                        shapes[id].format, screen->pixels[id], false, &nothing,
                                        &wrong));
    return screen;
}

static struct surface *surface_of(struct screen *screen, unsigned id)
{
    return surfaces_find(&screen->surfaces, id);
}

static void screen_destroy(struct screen *screen)
{
    for (unsigned id = 0; id < COUNT; id++)
        surface_destroy(&screen->surfaces, surface_of(screen, id));
    surfaces_finish(&screen->surfaces);
    g_free(screen);
}

static void draw_at_once(struct screen *screen, const struct draw *draw)
{
    pixman_region32_t dirty;

    surface_draw(&screen->surfaces, surface_of(screen, draw->surface_id), draw, &dirty);
    pixman_region32_fini(&dirty);
}

static void assert_same(const struct screen *expected, const struct screen *screen,
                        const draw_rect *box)
{
    for (int y = box->y1; y < box->y2; y++)
        g_assert_cmpmem(&expected->pixels[0][y * SIDE + box->x1], (size_t)(box->x2 - box->x1) * 4,
                        &screen->pixels[0][y * SIDE + box->x1], (size_t)(box->x2 - box->x1) * 4);
}

/* Is what VIEW shows what the screen has where nothing is put off? */
static void assert_shows(const struct pixel_view *view, const struct screen *expected,
                         const draw_rect *box)
{
    for (int y = box->y1; y < box->y2; y++)
        g_assert_cmpmem(&expected->pixels[0][y * SIDE + box->x1], (size_t)(box->x2 - box->x1) * 4,
                        pixel_view_at(view, box->x1, y, 4), (size_t)(box->x2 - box->x1) * 4);
}

/* Later if that is possible; a picture is DATA_SIZE bytes of the guest's memory. */
static bool draw_later(struct screen *screen, const struct draw *draw, size_t data_size,
                       const struct screen *expected)
{
    struct surface *surface = surface_of(screen, draw->surface_id);
    struct drawable *drawable = drawable_create(NULL);
    struct pixel_view view;
    pixman_region32_t dirty;
    bool later;

    drawable->draw = *draw;
    drawable->data_size = data_size;
    draw_trim(&drawable->draw);
    later = surface_put_off(surface, drawable, &view, &dirty);
    if (later) {
        assert_shows(&view, expected, pixman_region32_extents(&dirty));
        pixman_region32_fini(&dirty);
    } else {
        draw_at_once(screen, &drawable->draw);
    }
    drawable_unref(drawable);
    return later;
}

static draw_rect random_box(struct random_draw *random, int least)
{
    draw_rect box;

    box.x1 = random_between(random, 0, SIDE - least);
    box.y1 = random_between(random, 0, SIDE - least);
    box.x2 = random_between(random, box.x1 + least, SIDE);
    box.y2 = random_between(random, box.y1 + least, SIDE);
    return box;
}

/* A picture, in memory of its own, in pieces of some rows, that lives as long as RANDOM. */
struct picture {
    struct draw draw;
    struct draw_image image;
    struct iovec pieces[SIDE + 2 * MARGIN];
};

static struct picture *random_picture(struct random_draw *random)
{
    struct picture *picture = g_new0(struct picture, 1);
    struct draw *draw = &picture->draw;
    struct draw_image *image = &picture->image;
    draw_rect box = random_box(random, 64);
    int left = random_between(random, 0, MARGIN), top = random_between(random, 0, MARGIN);
    uint32_t stride, rows;

    image->type = SPICE_IMAGE_TYPE_BITMAP;
    image->width = left + box.x2 - box.x1 + random_between(random, 0, MARGIN);
    image->height = top + box.y2 - box.y1 + random_between(random, 0, MARGIN);
    stride = (image->width + random_between(random, 0, 3)) * 4;
    rows = image->height;
    if (random_between(random, 0, 1))
        rows = random_between(random, 1, image->height);
    image->bitmap.format =
        random_between(random, 0, 1) ? SPICE_BITMAP_FMT_32BIT : SPICE_BITMAP_FMT_RGBA;
    image->bitmap.top_down = random_between(random, 0, 1);
    image->bitmap.stride = stride;
    image->bitmap.data.size = (size_t)stride * image->height;
    image->bitmap.data.pieces = picture->pieces;
    for (uint32_t done = 0; done < image->height; done += rows) {
        size_t size = (size_t)stride * MIN(rows, image->height - done);
        void *memory = g_malloc(size);

        random_bytes(random, memory, size);
        g_ptr_array_add(random->memory, memory);
        picture->pieces[image->bitmap.data.count++] = (struct iovec){memory, size};
    }
    *draw = (struct draw){
        .type = QXL_DRAW_COPY,
        .effect = QXL_EFFECT_OPAQUE,
        .box = box,
        .sources = {-1, -1, -1},
        .copy = {.image = image,
                 .area = {left, top, left + box.x2 - box.x1, top + box.y2 - box.y1},
                 .rop = SPICE_ROPD_OP_PUT},
    };
    g_ptr_array_add(random->memory, picture);
    return picture;
}

/* Random commands and pictures give the same pixels at once and later. */
static void test_random(void)
{
    const draw_rect all = {0, 0, SIDE, SIDE};
    unsigned later = 0, pictures = 0;

    for (uint32_t seed = 1; seed <= 200; seed++) {
        struct screen *expected = screen_create(), *screen = screen_create();
        struct random_draw random;

        random_draw_init(&random, seed, shapes, COUNT);
        for (unsigned i = 0; i < 80; i++) {
            draw_rect clip = random_box(&random, 70), looked_at = random_box(&random, 1);

            if (random_between(&random, 0, 2) > 0) {
                struct picture *picture = random_picture(&random);

                if (random_between(&random, 0, 3) == 0)
                    picture->draw.clip = (struct draw_clip){true, 1, &clip};
                draw_at_once(expected, &picture->draw);
                later +=
                    draw_later(screen, &picture->draw, picture->image.bitmap.data.size, expected);
                pictures++;
            } else {
                struct draw *draw = random_draw_any(&random, random_between(&random, 0, COUNT - 1));

                draw_at_once(expected, draw);
                draw_later(screen, draw, 0, expected);
            }
            if (random_between(&random, 0, 9) == 0) {
                surface_settle(surface_of(screen, 0), &looked_at);
                assert_same(expected, screen, &looked_at);
            }
        }
        surface_settle(surface_of(screen, 0), NULL);
        assert_same(expected, screen, &all);
        g_assert_cmpmem(expected->pixels[1], sizeof(expected->pixels[1]), screen->pixels[1],
                        sizeof(screen->pixels[1]));
        random_draw_finish(&random);
        screen_destroy(expected);
        screen_destroy(screen);
    }
    g_test_message("%u of %u pictures were put off", later, pictures);
    g_assert_cmpuint(later, >, pictures / 2);
}

/* What is painted over is never drawn, and what is held of the guest has its limits. */
static void test_limits(void)
{
    struct screen *screen = screen_create(), *expected = screen_create();
    struct surface *surface = surface_of(screen, 0);
    struct put_off *put_off = &surface->put_off;
    struct random_draw random;
    struct picture *picture;

    random_draw_init(&random, 1, shapes, COUNT);
    picture = random_picture(&random);
    draw_at_once(expected, &picture->draw);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_true(draw_later(screen, &picture->draw, 1000, expected));
        g_assert_cmpuint(put_off->count, ==, 1);
        g_assert_cmpuint(put_off->bytes, ==, 1000);
        g_assert_cmphex(screen->pixels[0][picture->draw.box.y1 * SIDE + picture->draw.box.x1], ==,
                        0);
    }
    /* Too large to be held at all, and too large to be held together. */
    g_assert_false(draw_later(screen, &picture->draw, PUT_OFF_MAX_BYTES + 1, expected));
    g_assert_true(draw_later(screen, &picture->draw, PUT_OFF_MAX_BYTES, expected));
    picture->draw.box.y2--;
    picture->draw.copy.area.y2--;
    g_assert_true(draw_later(screen, &picture->draw, 1, expected));
    g_assert_cmpuint(put_off->count, ==, 1);
    g_assert_cmpuint(put_off->bytes, ==, 1);
    put_off_drop(put_off, NULL);
    /* As many as there is room for, and then one more. */
    picture->draw.box = (draw_rect){0, 0, 64, 64};
    picture->draw.copy.area = (draw_rect){0, 0, 64, 64};
    for (unsigned i = 0; i <= PUT_OFF_MAX; i++) {
        draw_at_once(expected, &picture->draw);
        g_assert_true(draw_later(screen, &picture->draw, 1, expected));
        g_assert_cmpuint(put_off->count, ==, i % PUT_OFF_MAX + 1);
        picture->draw.box.x1++;
        picture->draw.box.x2++;
    }
    random_draw_finish(&random);
    screen_destroy(screen);
    screen_destroy(expected);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/put-off/random", test_random);
    g_test_add_func("/put-off/limits", test_limits);
    return g_test_run();
}
