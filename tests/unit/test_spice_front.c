/*
 * What clients see is compared with what has been drawn, and boxes are gathered.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/boxes.h"
#include "spice/front.h"

#include <spice/enums.h>
#include <string.h>

enum { WIDTH = 320, HEIGHT = 200 };

struct fixture {
    struct front front;
    struct canvas *canvas;
    struct pixel_view view;
    uint32_t pixels[WIDTH * HEIGHT];
    GArray *changes;
};

static void set_up(struct fixture *fixture, gconstpointer format)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(fixture->pixels); i++)
        fixture->pixels[i] = i * 7;
    fixture->canvas =
        canvas_create(WIDTH, HEIGHT, WIDTH * 4, GPOINTER_TO_UINT(format), fixture->pixels);
    fixture->view = canvas_view(fixture->canvas);
    front_init(&fixture->front, WIDTH, HEIGHT, GPOINTER_TO_UINT(format));
    front_open(&fixture->front, &fixture->view);
    fixture->changes = g_array_new(FALSE, FALSE, sizeof(draw_rect));
}

static void tear_down(struct fixture *fixture, gconstpointer format)
{
    (void)format;
    g_array_free(fixture->changes, TRUE);
    front_finish(&fixture->front);
    canvas_destroy(fixture->canvas);
}

static const draw_rect all = {0, 0, WIDTH, HEIGHT};

static void compare(struct fixture *fixture, const draw_rect *box)
{
    g_array_set_size(fixture->changes, 0);
    front_compare(&fixture->front, &fixture->view, box, fixture->changes);
}

static uint32_t *pixel(struct fixture *fixture, int x, int y)
{
    return &fixture->pixels[y * WIDTH + x];
}

static void assert_box(const draw_rect *box, int x1, int y1, int x2, int y2)
{
    g_assert_cmpint(box->x1, ==, x1);
    g_assert_cmpint(box->y1, ==, y1);
    g_assert_cmpint(box->x2, ==, x2);
    g_assert_cmpint(box->y2, ==, y2);
}

static void test_one_change(struct fixture *fixture, gconstpointer format)
{
    const draw_rect elsewhere = {0, 0, WIDTH, 20};

    (void)format;
    compare(fixture, &all);
    g_assert_cmpuint(fixture->changes->len, ==, 0);
    *pixel(fixture, 100, 50) ^= 0x000100;
    *pixel(fixture, 140, 57) ^= 0x010000;
    g_assert_false(front_differs(&fixture->front, &fixture->view, &elsewhere));
    g_assert_true(front_differs(&fixture->front, &fixture->view, &all));
    compare(fixture, &all);
    g_assert_cmpuint(fixture->changes->len, ==, 1);
    assert_box(&g_array_index(fixture->changes, draw_rect, 0), 100, 50, 141, 58);

    front_take(&fixture->front, &fixture->view, &all);
    compare(fixture, &all);
    g_assert_cmpuint(fixture->changes->len, ==, 0);
}

/* What lies far apart is told apart, and nothing is left out, whatever the pattern. */
static void test_many_changes(struct fixture *fixture, gconstpointer format)
{
    GRand *rand = g_rand_new_with_seed(7);

    (void)format;
    *pixel(fixture, 3, 3) ^= 1;
    *pixel(fixture, 310, 100) ^= 1;
    *pixel(fixture, 3, 190) ^= 1;
    compare(fixture, &all);
    g_assert_cmpuint(fixture->changes->len, ==, 3);
    for (unsigned i = 0; i < 3; i++)
        g_assert_cmpint(box_size(&g_array_index(fixture->changes, draw_rect, i)), ==, 1);

    for (unsigned round = 0; round < 200; round++) {
        unsigned count = g_rand_int_range(rand, 1, 400);

        for (unsigned i = 0; i < count; i++)
            *pixel(fixture, g_rand_int_range(rand, 0, WIDTH), g_rand_int_range(rand, 0, HEIGHT)) ^=
                2;
        compare(fixture, &all);
        g_assert_cmpuint(fixture->changes->len, <=, 64);
        for (unsigned i = 0; i < fixture->changes->len; i++)
            front_take(&fixture->front, &fixture->view,
                       &g_array_index(fixture->changes, draw_rect, i));
        g_assert_false(front_differs(&fixture->front, &fixture->view, &all));
    }
    g_rand_free(rand);
}

/* The byte above the colours is seen on surfaces with alpha only. */
static void test_unused_byte(struct fixture *fixture, gconstpointer format)
{
    *pixel(fixture, 8, 8) ^= 0xff000000;
    compare(fixture, &all);
    g_assert_cmpuint(fixture->changes->len, ==,
                     GPOINTER_TO_UINT(format) == SPICE_SURFACE_FMT_32_ARGB ? 1 : 0);
}

static void test_move(struct fixture *fixture, gconstpointer format)
{
    static const struct draw_point ways[] = {{-5, 0}, {5, 0}, {-3, -4}, {3, 4}, {6, -2}, {-6, 2}};

    (void)format;
    for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
        const draw_rect to = {40, 40, 90, 80};
        uint32_t *before = g_memdup2(fixture->pixels, sizeof(fixture->pixels));

        front_move(&fixture->front, &to, (struct draw_point){to.x1 + ways[i].x, to.y1 + ways[i].y});
        for (int y = to.y1; y < to.y2; y++)
            memcpy(pixel(fixture, to.x1, y), &before[(y + ways[i].y) * WIDTH + to.x1 + ways[i].x],
                   (to.x2 - to.x1) * 4);
        g_assert_false(front_differs(&fixture->front, &fixture->view, &all));
        g_free(before);
    }
}

static void test_boxes(void)
{
    GRand *rand = g_rand_new_with_seed(3);
    struct boxes boxes = {0};
    draw_rect added[200];

    for (unsigned i = 0; i < G_N_ELEMENTS(added); i++) {
        int x = g_rand_int_range(rand, 0, 5000), y = g_rand_int_range(rand, 0, 5000);

        added[i] =
            (draw_rect){x, y, x + g_rand_int_range(rand, 1, 90), y + g_rand_int_range(rand, 1, 90)};
        boxes_add(&boxes, &added[i]);
        g_assert_cmpuint(boxes.count, <=, BOXES_MAX);
        for (unsigned j = 0; j <= i; j++) {
            bool covered = false;

            for (unsigned k = 0; k < boxes.count; k++)
                covered = covered || box_contains(&boxes.boxes[k], &added[j]);
            g_assert_true(covered);
        }
    }
    boxes_remove_covered(&boxes, &(draw_rect){0, 0, 6000, 6000});
    g_assert_cmpuint(boxes.count, ==, 0);
    g_rand_free(rand);
}

/* A line of glyphs becomes one box; a second line far away another. */
static void test_neighbours(void)
{
    struct boxes boxes = {0};

    for (int x = 0; x < 60; x++)
        boxes_add(&boxes, &(draw_rect){x * 9, 100, x * 9 + 8, 112});
    for (int x = 0; x < 60; x++)
        boxes_add(&boxes, &(draw_rect){x * 9, 900, x * 9 + 8, 912});
    g_assert_cmpuint(boxes.count, ==, 2);
    assert_box(&boxes.boxes[0], 0, 100, 539, 112);
    assert_box(&boxes.boxes[1], 0, 900, 539, 912);
}

static draw_rect in_cells(int x, int y, int width, int height)
{
    const int cell = 100; /* boxes that are near become one */

    return (draw_rect){x * cell, y * cell, (x + width) * cell, (y + height) * cell};
}

static bool is_noted(const struct boxes *boxes, const draw_rect *cell)
{
    for (unsigned i = 0; i < boxes->count; i++) {
        if (box_contains(&boxes->boxes[i], cell))
            return true;
    }
    return false;
}

/* Whatever is noted goes along with moves, whatever else is. */
static void test_moved_boxes(void)
{
    enum { SIDE = 40, STEPS = 12 };
    GRand *rand = g_rand_new_with_seed(5);
    struct boxes boxes = {0};
    bool noted[SIDE][SIDE], before[SIDE][SIDE];

    for (unsigned i = 0; i < 2000; i++) {
        bool add = i % STEPS < 4;
        int width = g_rand_int_range(rand, 1, add ? 4 : SIDE),
            height = g_rand_int_range(rand, 1, add ? 4 : SIDE);
        int x = g_rand_int_range(rand, 0, SIDE - width + 1),
            y = g_rand_int_range(rand, 0, SIDE - height + 1),
            from_x = g_rand_int_range(rand, 0, SIDE - width + 1),
            from_y = g_rand_int_range(rand, 0, SIDE - height + 1);
        draw_rect to = in_cells(x, y, width, height), from = in_cells(from_x, from_y, 1, 1);

        if (i % STEPS == 0) {
            boxes.count = 0;
            memset(noted, 0, sizeof(noted));
        }
        memcpy(before, noted, sizeof(noted));
        if (add)
            boxes_add(&boxes, &to);
        else
            boxes_move(&boxes, &to, (struct draw_point){from.x1, from.y1});
        for (int row = 0; row < height; row++) {
            for (int column = 0; column < width; column++)
                noted[y + row][x + column] = add || before[from_y + row][from_x + column];
        }
        g_assert_cmpuint(boxes.count, <=, BOXES_MAX);
        for (y = 0; y < SIDE; y++) {
            for (x = 0; x < SIDE; x++) {
                draw_rect cell = in_cells(x, y, 1, 1);

                g_assert_true(!noted[y][x] || is_noted(&boxes, &cell));
            }
        }
    }
    g_rand_free(rand);
}

/* A line that was painted moves alone, not all that scrolls with it. */
static void test_moved_line(void)
{
    const draw_rect line = {0, 500, 600, 512}, window = {0, 88, 600, 500};
    struct boxes boxes = {0};

    boxes_add(&boxes, &line);
    boxes_move(&boxes, &window, (struct draw_point){0, 100});
    g_assert_cmpuint(boxes.count, ==, 1);
    assert_box(&boxes.boxes[0], 0, 488, 600, 512);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct fixture *fixture, gconstpointer format);
    } tests[] = {{"/front/one-change", test_one_change},
                 {"/front/many-changes", test_many_changes},
                 {"/front/unused-byte", test_unused_byte},
                 {"/front/move", test_move}};

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *alpha = g_strconcat(tests[i].name, "/alpha", NULL);

        g_test_add(tests[i].name, struct fixture, GUINT_TO_POINTER(SPICE_SURFACE_FMT_32_xRGB),
                   set_up, tests[i].run, tear_down);
        g_test_add(alpha, struct fixture, GUINT_TO_POINTER(SPICE_SURFACE_FMT_32_ARGB), set_up,
                   tests[i].run, tear_down);
    }
    g_test_add_func("/boxes/cover", test_boxes);
    g_test_add_func("/boxes/neighbours", test_neighbours);
    g_test_add_func("/boxes/moved", test_moved_boxes);
    g_test_add_func("/boxes/moved-line", test_moved_line);
    return g_test_run();
}
