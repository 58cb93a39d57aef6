/*
 * Batches of commands: what is left out is never missed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/draw_batch.h"
#include "tests/support/random_draw.h"

#include <glib.h>
#include <spice/enums.h>
#include <string.h>

#define COUNT 4
#define SIDE  40

static const struct random_surface shapes[COUNT] = {
    {SPICE_SURFACE_FMT_32_xRGB, SIDE, SIDE},
    {SPICE_SURFACE_FMT_32_ARGB, SIDE, SIDE},
    {SPICE_SURFACE_FMT_32_xRGB, SIDE, SIDE},
    {SPICE_SURFACE_FMT_16_555, SIDE, SIDE},
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

static void screen_destroy(struct screen *screen)
{
    for (unsigned id = 0; id < COUNT; id++) {
        if (surfaces_find(&screen->surfaces, id) != NULL)
            surface_destroy(&screen->surfaces, surfaces_find(&screen->surfaces, id));
    }
    surfaces_finish(&screen->surfaces);
    g_free(screen);
}

static void screen_draw(struct screen *screen, const struct draw *draw)
{
    pixman_region32_t dirty;

    surface_draw(&screen->surfaces, surfaces_find(&screen->surfaces, draw->surface_id), draw,
                 &dirty);
    pixman_region32_fini(&dirty);
}

static void batch_add(struct draw_batch *batch, struct screen *screen, const struct draw *draw)
{
    struct drawable *drawable = drawable_create(NULL);

    drawable->draw = *draw;
    draw_batch_add(batch, drawable, &screen->surfaces);
}

static void batch_flush(struct draw_batch *batch, struct screen *screen)
{
    for (unsigned i = 0; i < batch->count; i++) {
        screen_draw(screen, &batch->drawables[i]->draw);
        drawable_unref(batch->drawables[i]);
    }
    batch->count = 0;
}

static struct draw fill(uint32_t surface, draw_rect box, uint32_t color)
{
    return (struct draw){.type = QXL_DRAW_FILL,
                         .effect = QXL_EFFECT_OPAQUE,
                         .surface_id = surface,
                         .box = box,
                         .sources = {-1, -1, -1},
                         .fill = {.brush = {.type = SPICE_BRUSH_TYPE_SOLID, .color = color},
                                  .rop = SPICE_ROPD_OP_PUT}};
}

static struct draw copy_bits(uint32_t surface, draw_rect box)
{
    return (struct draw){.type = QXL_COPY_BITS,
                         .effect = QXL_EFFECT_OPAQUE,
                         .surface_id = surface,
                         .box = box,
                         .sources = {-1, -1, -1},
                         .copy_bits = {.from = {1, 1}}};
}

static void test_hidden(void)
{
    struct screen *screen = screen_create();
    struct draw_batch *batch = g_new0(struct draw_batch, 1);
    struct draw below = fill(0, (draw_rect){2, 2, 9, 9}, 1), draw;

#define ADD(...)                                                                                   \
    do {                                                                                           \
        draw = __VA_ARGS__;                                                                        \
        batch_add(batch, screen, &draw);                                                           \
    } while (0)

    batch_add(batch, screen, &below);
    ADD(fill(0, (draw_rect){2, 2, 8, 9}, 2)); /* not all of it */
    g_assert_cmpuint(batch->count, ==, 2);
    ADD(fill(1, (draw_rect){0, 0, 20, 20}, 3)); /* elsewhere */
    g_assert_cmpuint(batch->count, ==, 3);
    ADD(fill(0, (draw_rect){2, 2, 9, 9}, 4)); /* both */
    g_assert_cmpuint(batch->count, ==, 2);
    g_assert_cmpuint(batch->drawables[0]->draw.surface_id, ==, 1);
    g_assert_cmpuint(batch->drawables[1]->draw.fill.brush.color, ==, 4);
    batch_flush(batch, screen);

    /* What is read in between stays. */
    batch_add(batch, screen, &below);
    ADD(copy_bits(0, (draw_rect){20, 20, 24, 24}));
    batch_add(batch, screen, &below);
    ADD(fill(0, (draw_rect){0, 0, 10, 10}, 5));
    g_assert_cmpuint(batch->count, ==, 3);
    g_assert_cmpint(batch->drawables[1]->draw.type, ==, QXL_COPY_BITS);
    batch_flush(batch, screen);

    /* What does not replace every pixel hides nothing. */
    batch_add(batch, screen, &below);
    draw = below;
    draw.fill.rop = SPICE_ROPD_OP_XOR;
    batch_add(batch, screen, &draw);
    draw = below;
    draw.clip.has_rects = true;
    batch_add(batch, screen, &draw);
    g_assert_cmpuint(batch->count, ==, 3);
    batch_flush(batch, screen);
#undef ADD
    g_free(batch);
    screen_destroy(screen);
}

static void test_forget(void)
{
    struct screen *screen = screen_create();
    struct draw_batch *batch = g_new0(struct draw_batch, 1);
    struct draw on_one = fill(1, (draw_rect){2, 2, 9, 9}, 1), on_two = on_one, reader = on_one;

    on_two.surface_id = 2;
    reader.surface_id = 0;
    reader.sources[1] = 1;
    batch_add(batch, screen, &on_one);
    batch_add(batch, screen, &reader);
    batch_add(batch, screen, &on_one);
    batch_add(batch, screen, &on_two);
    g_assert_true(draw_batch_forget(batch, 1)); /* all but what was drawn after the reader */
    g_assert_cmpuint(batch->count, ==, 3);
    g_assert_false(draw_batch_forget(batch, 2));
    g_assert_cmpuint(batch->count, ==, 2);
    g_assert_false(draw_batch_forget(batch, 3));
    g_assert_cmpuint(batch->count, ==, 2);
    batch_flush(batch, screen);
    g_free(batch);
    screen_destroy(screen);
}

/* Random commands give the same pixels at once and in batches. */
static void test_random(void)
{
    struct draw_batch *batch = g_new0(struct draw_batch, 1);
    unsigned dropped = 0;

    for (uint32_t seed = 1; seed <= 300; seed++) {
        struct screen *at_once = screen_create(), *batched = screen_create();
        struct random_draw random;

        random_draw_init(&random, seed, shapes, COUNT);
        for (unsigned i = 0; i < DRAW_BATCH_MAX; i++) {
            unsigned surface = random_between(&random, 0, COUNT - 1);
            struct draw *draw = random_draw_any(&random, surface);
            struct draw wide;

            if (i % 8 == 7) {
                wide = fill(surface, (draw_rect){0, 0, SIDE, SIDE}, seed);
                wide.box.x1 = random_between(&random, 0, 9);
                wide.box.y2 = random_between(&random, 30, SIDE);
                draw = &wide;
            }
            screen_draw(at_once, draw);
            batch_add(batch, batched, draw);
        }
        dropped += DRAW_BATCH_MAX - batch->count;
        batch_flush(batch, batched);
        g_assert_cmpmem(at_once->pixels, sizeof(at_once->pixels), batched->pixels,
                        sizeof(batched->pixels));
        random_draw_finish(&random);
        screen_destroy(at_once);
        screen_destroy(batched);
    }
    g_test_message("%u commands were hidden", dropped);
    g_assert_cmpuint(dropped, >, 300);
    g_free(batch);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/draw-batch/hidden", test_hidden);
    g_test_add_func("/draw-batch/forget", test_forget);
    g_test_add_func("/draw-batch/random", test_random);
    return g_test_run();
}
