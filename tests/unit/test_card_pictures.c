/*
 * What the card shows its host: heads and surfaces; and a card as it was before there were any.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/internal.h"
#include "qxl/state.h"
#include "qxl/state_parts.h"
#include "tests/support/card_guest.h"

#define WIDTH  640
#define HEIGHT 480
#define BLUE   0x0000ff
#define RED    0xff0000

static void begin(struct card_guest *guest, const struct qxl_config *config)
{
    card_guest_init(guest, config);
    guest_add_slots(guest);
    guest_create_primary(guest, WIDTH, HEIGHT);
}

typedef struct SPICE_ATTR_PACKED {
    QXLMonitorsConfig config;
    QXLHead heads[4];
} four_heads;

static void set_heads(struct card_guest *guest, const four_heads *layout)
{
    QXLPHYSICAL address = guest_place(guest, layout, sizeof(*layout));

    guest_set_header(guest, offsetof(QXLRam, monitors_config), &address, sizeof(address));
    guest_async(guest, QXL_IO_MONITORS_CONFIG_ASYNC, 0);
}

static void expect_head(struct card_guest *guest, unsigned head, int left, int top, int right,
                        int bottom)
{
    struct qxl_screen screen;
    QXLRect area;

    g_assert_true(qxl_card_screen(guest->card, &screen));
    g_assert_true(qxl_card_head(guest->card, &screen, head, &area));
    g_assert_cmpint(area.left, ==, left);
    g_assert_cmpint(area.top, ==, top);
    g_assert_cmpint(area.right, ==, right);
    g_assert_cmpint(area.bottom, ==, bottom);
}

static void expect_no_head(struct card_guest *guest, unsigned head)
{
    struct qxl_screen screen;
    QXLRect area;

    g_assert_true(qxl_card_screen(guest->card, &screen));
    g_assert_false(qxl_card_head(guest->card, &screen, head, &area));
}

static void test_heads(void)
{
    static const struct qxl_config config = {.max_outputs = 4};
    struct card_guest guest;

    begin(&guest, &config);
    expect_head(&guest, 0, 0, 0, WIDTH, HEIGHT);
    expect_no_head(&guest, 1);
    four_heads layout = {
        .config = {.count = 4, .max_allowed = 4},
        .heads = {{.id = 0, .width = 400, .height = HEIGHT},
                  {.id = 1, .x = 400, .y = 80, .width = 240, .height = 400},
                  /* Partly and wholly outside. */
                  {.id = 2, .x = 600, .y = 400, .width = UINT32_MAX, .height = UINT32_MAX},
                  {.id = 3, .x = 640, .width = 100, .height = 100}},
    };
    set_heads(&guest, &layout);
    expect_head(&guest, 0, 0, 0, 400, HEIGHT);
    expect_head(&guest, 1, 400, 80, WIDTH, HEIGHT);
    expect_head(&guest, 2, 600, 400, WIDTH, HEIGHT);
    expect_no_head(&guest, 3);
    expect_no_head(&guest, 4);
    expect_no_head(&guest, UINT32_MAX);
    card_guest_finish(&guest);
}

static uint32_t first_pixel(const struct qxl_screen *screen)
{
    return *(const uint32_t *)(const void *)screen->pixels & 0xffffff;
}

/* The commands are on the ring when the picture is asked for. */
static void test_surfaces(void)
{
    static const struct qxl_config config = {.surfaces = 16};
    struct card_guest guest;
    struct qxl_screen screen;

    begin(&guest, &config);
    guest_push_raw(&guest, QXL_CMD_SURFACE,
                   guest_make_surface(&guest, QXL_SURFACE_CMD_CREATE, 5, SPICE_SURFACE_FMT_32_xRGB,
                                      64, 32, 256, guest_address(GUEST_VRAM_SLOT, 0)));
    guest_push_raw(&guest, QXL_CMD_DRAW, guest_make_fill(&guest, 5, 0, 0, 64, 32, BLUE));
    guest_push_raw(&guest, QXL_CMD_DRAW, guest_make_fill(&guest, 0, 0, 0, WIDTH, HEIGHT, RED));
    g_assert_true(qxl_card_surface(guest.card, 5, &screen));
    g_assert_cmpuint(screen.width, ==, 64);
    g_assert_cmpuint(screen.height, ==, 32);
    g_assert_cmpuint(screen.format, ==, SPICE_SURFACE_FMT_32_xRGB);
    g_assert_cmphex(first_pixel(&screen), ==, BLUE);
    g_assert_true(qxl_card_surface(guest.card, 0, &screen));
    g_assert_cmpuint(screen.width, ==, WIDTH);
    g_assert_cmphex(first_pixel(&screen), ==, RED);
    g_assert_false(qxl_card_surface(guest.card, 6, &screen));
    g_assert_false(qxl_card_surface(guest.card, 16, &screen));
    g_assert_false(qxl_card_surface(guest.card, UINT32_MAX, &screen));

    /* While it stands still, too. */
    qxl_card_stop(guest.card);
    g_assert_true(qxl_card_surface(guest.card, 5, &screen));
    g_assert_cmphex(first_pixel(&screen), ==, BLUE);
    qxl_card_start(guest.card);

    guest_push_raw(&guest, QXL_CMD_SURFACE,
                   guest_make_surface(&guest, QXL_SURFACE_CMD_DESTROY, 5, 0, 0, 0, 0, 0));
    g_assert_false(qxl_card_surface(guest.card, 5, &screen));
    card_guest_finish(&guest);
}

/* Server features of release 0.4: revision 1 and the primary surface only. */
static const struct qxl_config release_0_4 = {.revision = 1, .surfaces = 1, .max_outputs = 1};

static void test_old_card(void)
{
    struct card_guest guest;

    card_guest_init(&guest, &release_0_4);
    g_assert_cmpuint(guest_rom(&guest).n_surfaces, ==, 1);
    g_assert_cmpuint(qxl_card_config(guest.card)->revision, ==, 1);
    g_assert_cmpuint(qxl_card_bar(guest.card, QXL_BAR_IO).size, ==, 8);
    g_assert_cmpuint(qxl_card_config(guest.card)->vram_size, ==, 4096);
    card_guest_finish(&guest);
}

/* May a guest of a card like FROM move to one like TO? NULL, or why not. g_free. */
static char *refusal(const struct qxl_config *from, const struct qxl_config *to)
{
    struct card_guest source, target;
    struct qxl_config_state state = {0};
    GError *error = NULL;
    char *why = NULL;

    card_guest_init(&source, from);
    qxl_config_part.save(source.card, &state);
    card_guest_finish(&source);
    card_guest_init(&target, to);
    if (!qxl_config_part.check(target.card, &state, &error))
        why = g_strdup(error->message);
    card_guest_finish(&target);
    g_clear_error(&error);
    return why;
}

static void test_old_card_moves(void)
{
    static const struct qxl_config now = {.max_outputs = 1},
                                   one_head = {.revision = 1, .max_outputs = 1};
    g_autofree char *same = refusal(&release_0_4, &release_0_4);
    g_autofree char *to_new = refusal(&release_0_4, &now);
    g_autofree char *to_old = refusal(&now, &release_0_4);
    g_autofree char *to_revision_1 = refusal(&release_0_4, &one_head);

    g_assert_null(same);
    g_assert_cmpstr(to_new, ==,
                    "the source's card is in 0.4 mode (-spice compat=0.4), the target's is not");
    g_assert_cmpstr(to_old, ==,
                    "the target's card is in 0.4 mode (-spice compat=0.4), the source's is not");
    g_assert_cmpstr(to_revision_1, ==, to_new);
}

int main(int argc, char **argv)
{
    card_guest_test_init(&argc, &argv);
    g_test_add_func("/pictures/heads", test_heads);
    g_test_add_func("/pictures/surfaces", test_surfaces);
    g_test_add_func("/pictures/0.4", test_old_card);
    g_test_add_func("/pictures/0.4-moves", test_old_card_moves);
    return g_test_run();
}
