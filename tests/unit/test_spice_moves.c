/*
 * Scrolling is found in pictures, and is what was done to them.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/boxes.h"
#include "spice/moves.h"

#include <spice/enums.h>
#include <string.h>

/* Of high pictures only some rows are looked at. */
enum { WIDTH = 640, HEIGHT = 300, HIGH = 1100 };

struct fixture {
    struct front front;
    struct canvas *canvas;
    struct pixel_view view;
    draw_rect all;
    uint32_t pixels[WIDTH * HIGH];
    GRand *rand;
};

/* DATA: the picture's height. */
static void set_up(struct fixture *fixture, gconstpointer data)
{
    int height = GPOINTER_TO_INT(data);

    fixture->all = (draw_rect){0, 0, WIDTH, height};
    fixture->rand = g_rand_new_with_seed(11);
    /* Lines of text of different length, some empty. */
    for (int y = 0; y < height; y++) {
        int width = y / 12 % 5 == 0 ? 0 : g_rand_int_range(fixture->rand, 20, WIDTH);

        for (int x = 0; x < WIDTH; x++)
            fixture->pixels[y * WIDTH + x] =
                x < width && g_rand_int_range(fixture->rand, 0, 4) == 0 ? 0xffffff : 0x102030;
    }
    fixture->canvas =
        canvas_create(WIDTH, height, WIDTH * 4, SPICE_SURFACE_FMT_32_xRGB, fixture->pixels);
    fixture->view = canvas_view(fixture->canvas);
    front_init(&fixture->front, WIDTH, height, SPICE_SURFACE_FMT_32_xRGB);
    front_open(&fixture->front, &fixture->view);
}

static void tear_down(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    front_finish(&fixture->front);
    canvas_destroy(fixture->canvas);
    g_rand_free(fixture->rand);
}

/* Moves BOX by DISTANCE rows on the canvas; what is free then is new. */
static void scroll(struct fixture *fixture, const draw_rect *box, int distance)
{
    uint32_t *before = g_memdup2(fixture->pixels, sizeof(fixture->pixels));

    for (int y = box->y1; y < box->y2; y++) {
        for (int x = box->x1; x < box->x2; x++) {
            int from = y + distance;

            fixture->pixels[y * WIDTH + x] = from >= box->y1 && from < box->y2
                                                 ? before[from * WIDTH + x]
                                                 : g_rand_int(fixture->rand) & 0xffffff;
        }
    }
    g_free(before);
}

/* Does what is found, and returns how many pixels of BOX it leaves different. */
static int64_t apply(struct fixture *fixture, const draw_rect *box)
{
    struct move moves[MOVES_MAX];
    unsigned count = moves_find(&fixture->front, &fixture->view, box, moves);
    int64_t different = 0;

    for (unsigned i = 0; i < count; i++) {
        g_assert_true(box_contains(box, &moves[i].box));
        g_assert_cmpint(moves[i].from.y, >=, box->y1);
        g_assert_cmpint(moves[i].from.y + moves[i].box.y2 - moves[i].box.y1, <=, box->y2);
        front_move(&fixture->front, &moves[i].box, moves[i].from);
    }
    for (int y = 0; y < fixture->all.y2; y++) {
        for (int x = 0; x < WIDTH; x++)
            different +=
                memcmp(front_at(&fixture->front, x, y), &fixture->pixels[y * WIDTH + x], 3) != 0;
    }
    return different;
}

static void test_scroll(struct fixture *fixture, gconstpointer data)
{
    static const int distances[] = {12, -12, 1, -3, 150};

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(distances); i++) {
        scroll(fixture, &fixture->all, distances[i]);
        g_assert_cmpint(apply(fixture, &fixture->all), <=, (int64_t)WIDTH * ABS(distances[i]));
        front_take(&fixture->front, &fixture->view, &fixture->all);
    }
}

/* A part scrolls, beside it other things change, and a bar in it does too. */
static void test_part(struct fixture *fixture, gconstpointer data)
{
    const draw_rect part = {200, 20, WIDTH, 280};

    (void)data;
    for (int y = 20; y < 280; y++)
        fixture->pixels[y * WIDTH + 20 + y % 7] ^= 0xff;
    scroll(fixture, &part, 24);
    for (int y = 100; y < 140; y++)
        memset(&fixture->pixels[y * WIDTH + WIDTH - 8], 0x55, 8 * 4);
    /* What came in, the column, the bar, and up to 15 columns beside each of them. */
    g_assert_cmpint(apply(fixture, &fixture->all), <,
                    24 * (WIDTH - 200) + 260 + 2 * (8 + 16) * 260 + 16 * 260);
}

static void test_nothing(struct fixture *fixture, gconstpointer data)
{
    struct move moves[MOVES_MAX];

    (void)data;
    g_assert_cmpuint(moves_find(&fixture->front, &fixture->view, &fixture->all, moves), ==, 0);
    for (unsigned i = 0; i < WIDTH * HEIGHT; i++)
        fixture->pixels[i] = g_rand_int(fixture->rand) & 0xffffff;
    g_assert_cmpuint(moves_find(&fixture->front, &fixture->view, &fixture->all, moves), ==, 0);
    memset(fixture->pixels, 0, sizeof(fixture->pixels)); /* all rows are the same */
    g_assert_cmpuint(moves_find(&fixture->front, &fixture->view, &fixture->all, moves), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/moves/scroll", struct fixture, GINT_TO_POINTER(HEIGHT), set_up, test_scroll,
               tear_down);
    g_test_add("/moves/scroll-high", struct fixture, GINT_TO_POINTER(HIGH), set_up, test_scroll,
               tear_down);
    g_test_add("/moves/part", struct fixture, GINT_TO_POINTER(HEIGHT), set_up, test_part,
               tear_down);
    g_test_add("/moves/nothing", struct fixture, GINT_TO_POINTER(HEIGHT), set_up, test_nothing,
               tear_down);
    return g_test_run();
}
