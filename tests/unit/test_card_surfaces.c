/*
 * SURFACE and CURSOR commands as the card checks and remembers them: qxl-device.md sections 8.11
 * and 16.5. The server's worker stands still; the test takes its place.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/internal.h"
#include "tests/support/card_guest.h"

static const struct qxl_config few = {.surfaces = 16};

static QXLInstance *begin(struct card_guest *guest)
{
    card_guest_init(guest, &few);
    guest_add_slots(guest);
    guest_create_primary(guest, 640, 480);
    spice_qxl_stop(&guest->card->instance);
    guest_take_pending(guest);
    return &guest->card->instance;
}

/* Does the server get the command? If not, the guest must have got it back. */
static bool passes(struct card_guest *guest, QXLPHYSICAL address)
{
    QXLInstance *instance = &guest->card->instance;
    QXLCommandExt command;

    guest_push_raw(guest, QXL_CMD_SURFACE, address);
    bool passed = qxl_interface.get_command(instance, &command);
    g_assert_cmpint(qxl_interface.flush_resources(instance), ==, passed ? 0 : 1);
    guest_collect(guest);
    return passed;
}

static bool passes_cursor(struct card_guest *guest, const QXLCursorCmd *cursor)
{
    QXLInstance *instance = &guest->card->instance;
    QXLCommandExt command;
    QXLPHYSICAL address = guest_place(guest, cursor, sizeof(*cursor));
    uint64_t id = guest_offset(address);

    g_assert_true(pci_bar_write(guest->pci, QXL_BAR_RAM, id, &id, sizeof(id)));
    guest_push_cursor_raw(guest, QXL_CMD_CURSOR, address);
    bool passed = qxl_interface.get_cursor_command(instance, &command);
    g_assert_cmpint(qxl_interface.flush_resources(instance), ==, passed ? 0 : 1);
    guest_collect(guest);
    return passed;
}

static QXLPHYSICAL create(struct card_guest *guest, uint32_t id)
{
    return guest_make_surface(guest, QXL_SURFACE_CMD_CREATE, id, SPICE_SURFACE_FMT_32_xRGB, 64, 32,
                              256, guest_address(GUEST_VRAM_SLOT, 0));
}

static QXLPHYSICAL destroy(struct card_guest *guest, uint32_t id)
{
    return guest_make_surface(guest, QXL_SURFACE_CMD_DESTROY, id, 0, 0, 0, 0, 0);
}

static void test_tracking(void)
{
    struct card_guest guest;
    begin(&guest);
    const struct qxl_surface *surface = &guest.card->surfaces[5];
    QXLPHYSICAL command = create(&guest, 5);

    g_assert_true(passes(&guest, command));
    g_assert_true(surface->exists);
    g_assert_cmphex(surface->command, ==, command);
    /* Rewriting the command later changes nothing. */
    g_assert_true(pci_bar_write(guest.pci, 0, guest_offset(command) + 8, "\xff\xff\xff\xff", 4));
    g_assert_cmpuint(surface->width, ==, 64);
    g_assert_cmpuint(surface->height, ==, 32);
    g_assert_cmpint(surface->stride, ==, 256);
    g_assert_cmpuint(surface->format, ==, SPICE_SURFACE_FMT_32_xRGB);

    /* The second CREATE is the server's to return, and not remembered. */
    QXLPHYSICAL second = create(&guest, 5);
    g_assert_true(passes(&guest, second));
    g_assert_cmphex(surface->command, ==, command);
    g_assert_cmpuint(guest_bugs(&guest, "surface-repeated"), ==, 1);
    g_assert_true(passes(&guest, destroy(&guest, 5)));
    g_assert_false(surface->exists);
    g_assert_true(passes(&guest, destroy(&guest, 5)));
    g_assert_cmpuint(guest_bugs(&guest, "surface-repeated"), ==, 2);
    g_assert_false(guest_is_frozen(&guest));

    /* Ports forget. */
    g_assert_true(passes(&guest, create(&guest, 5)));
    g_assert_true(passes(&guest, create(&guest, 6)));
    guest_out(&guest, QXL_IO_DESTROY_SURFACE_WAIT, 5);
    g_assert_false(guest.card->surfaces[5].exists);
    g_assert_true(guest.card->surfaces[6].exists);
    guest_out(&guest, QXL_IO_DESTROY_ALL_SURFACES, 0);
    g_assert_false(guest.card->surfaces[6].exists);
    g_assert_true(passes(&guest, create(&guest, 6)));
    guest_async(&guest, QXL_IO_DESTROY_ALL_SURFACES_ASYNC, 0);
    g_assert_false(guest.card->surfaces[6].exists);
    g_assert_true(passes(&guest, create(&guest, 7)));
    guest_async(&guest, QXL_IO_DESTROY_SURFACE_ASYNC, 7);
    g_assert_false(guest.card->surfaces[7].exists);
    card_guest_finish(&guest);
}

static void test_bad_ids(void)
{
    static const uint32_t ids[] = {0, 16, 1024, 0xffffffff};

    for (unsigned i = 0; i < 2 * G_N_ELEMENTS(ids); i++) {
        struct card_guest guest;
        begin(&guest);
        uint32_t id = ids[i / 2];
        g_assert_false(passes(&guest, i % 2 ? destroy(&guest, id) : create(&guest, id)));
        g_assert_cmpuint(guest_bugs(&guest, "surface-id"), ==, 1);
        g_assert_true(guest_is_frozen(&guest));
        card_guest_finish(&guest);
    }
}

static void test_bad_parameters(void)
{
    uint64_t vram = 64 << 20;
    const struct {
        uint32_t format, width, height;
        int32_t stride;
        QXLPHYSICAL data;
        const char *bug;
    } cases[] = {
        {0, 64, 64, 256, guest_address(2, 0), "surface-command"},
        {33, 64, 64, 256, guest_address(2, 0), "surface-command"},
        {32, 0, 64, 256, guest_address(2, 0), "surface-command"},
        {32, 64, 0, 256, guest_address(2, 0), "surface-command"},
        {32, 65, 64, 256, guest_address(2, 0), "surface-command"},
        {32, 65, 64, -256, guest_address(2, 0), "surface-command"},
        {32, 0xffffffff, 64, 256, guest_address(2, 0), "surface-command"},
        {32, 64, 0xffffffff, 256, guest_address(2, 0), "surface-command"},
        {32, 64, 64, INT32_MIN, guest_address(2, 0), "surface-command"},
        {32, 64, 64, 256, guest_address(2, vram - 64 * 256 + 4), "surface-command"},
        {32, 64, 64, 256, guest_address(5, 0), "surface-command"},
        {32, 64, 64, 256, guest_address(99, 0), "surface-command"},
        {32, 64, 64, 256, 0, "surface-command"},
        {32, 64, 64, 258, guest_address(2, 0), "surface-stride"},
        {8, 63, 64, 63, guest_address(2, 0), "surface-stride"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct card_guest guest;
        begin(&guest);
        QXLPHYSICAL command =
            guest_make_surface(&guest, QXL_SURFACE_CMD_CREATE, 3, cases[i].format, cases[i].width,
                               cases[i].height, cases[i].stride, cases[i].data);
        g_assert_false(passes(&guest, command));
        g_assert_false(guest.card->surfaces[3].exists);
        g_assert_cmpuint(guest_bugs(&guest, cases[i].bug), ==, 1);
        g_assert_cmpint(guest_is_frozen(&guest), ==, g_str_equal(cases[i].bug, "surface-stride"));
        card_guest_finish(&guest);
    }
}

static void test_good_parameters(void)
{
    struct card_guest guest;
    uint64_t vram = 64 << 20;
    static const uint32_t formats[] = {1, 8, 16, 32, 80, 96};

    begin(&guest);
    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++)
        g_assert_true(passes(&guest, guest_make_surface(&guest, QXL_SURFACE_CMD_CREATE, i + 1,
                                                        formats[i], 64, 64, i % 2 ? -256 : 256,
                                                        guest_address(2, vram - 64 * 256))));
    g_assert_true(passes(&guest, guest_make_surface(&guest, QXL_SURFACE_CMD_CREATE, 15, 1, 9, 1, 4,
                                                    guest_address(1, 0))));
    g_assert_false(passes(&guest, guest_make_surface(&guest, 2, 3, 32, 64, 64, 256,
                                                     guest_address(2, 0)))); /* no such type */
    g_assert_cmpuint(guest_bugs(&guest, "surface-command"), ==, 1);
    g_assert_false(guest_is_frozen(&guest));
    card_guest_finish(&guest);
}

static QXLPHYSICAL make_shape(struct card_guest *guest, uint16_t type, uint16_t width,
                              uint16_t height)
{
    uint64_t offset = guest_allocate(guest, sizeof(QXLCursor) + 16384);
    QXLCursor shape = {
        .header = {.type = type, .width = width, .height = height},
        .data_size = 16384,
        .chunk.data_size = 16384,
    };

    g_assert_true(pci_bar_write(guest->pci, QXL_BAR_RAM, offset, &shape, sizeof(shape)));
    return guest_address(GUEST_RAM_SLOT, offset);
}

static void test_cursor(void)
{
    struct card_guest guest;
    begin(&guest);
    QXLCursorCmd set = {.type = QXL_CURSOR_SET, .u.set.visible = 1};
    QXLCursorCmd move = {.type = QXL_CURSOR_MOVE}, hide = {.type = QXL_CURSOR_HIDE};
    QXLCursorCmd trail = {.type = QXL_CURSOR_TRAIL};

    set.u.set.shape = make_shape(&guest, SPICE_CURSOR_TYPE_ALPHA, 64, 64);
    g_assert_true(passes_cursor(&guest, &move));
    g_assert_cmphex(guest.card->cursor.command, ==, 0);
    g_assert_true(passes_cursor(&guest, &set));
    g_assert_cmphex(guest.card->cursor.command, !=, 0);
    g_assert_true(passes_cursor(&guest, &move));
    g_assert_true(passes_cursor(&guest, &trail));
    g_assert_cmphex(guest.card->cursor.command, !=, 0);
    g_assert_true(passes_cursor(&guest, &hide));
    g_assert_cmphex(guest.card->cursor.command, ==, 0);
    g_assert_true(passes_cursor(&guest, &set));
    guest_out(&guest, QXL_IO_DESTROY_PRIMARY, 0);
    g_assert_cmphex(guest.card->cursor.command, ==, 0);
    g_assert_cmpuint(guest_bugs(&guest, "cursor-command"), ==, 0);
    card_guest_finish(&guest);
}

static void test_bad_cursors(void)
{
    struct card_guest guest;
    begin(&guest);
    QXLCursorCmd set = {.type = QXL_CURSOR_SET, .u.set.visible = 1}, unknown = {.type = 4};
    unsigned seen = 0;

    g_assert_false(passes_cursor(&guest, &unknown));
    g_assert_cmpuint(guest_bugs(&guest, "cursor-command"), ==, ++seen);
    const QXLPHYSICAL shapes[] = {
        make_shape(&guest, 7, 64, 64),
        make_shape(&guest, SPICE_CURSOR_TYPE_ALPHA, 513, 64),
        make_shape(&guest, SPICE_CURSOR_TYPE_ALPHA, 64, 513),
        make_shape(&guest, SPICE_CURSOR_TYPE_MONO, 0xffff, 0xffff),
        0,
        guest_address(99, 0),
        guest_address(GUEST_RAM_SLOT, guest.header - sizeof(QXLCursor) + 1),
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(shapes); i++) {
        set.u.set.shape = shapes[i];
        g_assert_false(passes_cursor(&guest, &set));
        g_assert_cmpuint(guest_bugs(&guest, "cursor-command"), ==, ++seen);
    }
    g_assert_cmphex(guest.card->cursor.command, ==, 0);
    g_assert_false(guest_is_frozen(&guest));
    set.u.set.shape = make_shape(&guest, SPICE_CURSOR_TYPE_ALPHA, 512, 512);
    g_assert_true(passes_cursor(&guest, &set));
    card_guest_finish(&guest);
}

static void test_update_command(void)
{
    /* The meaning of old: the id appears in the ROM, DISPLAY is raised. The real worker works. */
    struct card_guest guest;
    QXLUpdateCmd update = {
        .release_info.id = 1,
        .area = {.bottom = 480, .right = 640},
        .update_id = 4711,
    };

    card_guest_init(&guest, &few);
    guest_add_slots(&guest);
    guest_create_primary(&guest, 640, 480);
    guest_take_pending(&guest);
    guest_push_raw(&guest, QXL_CMD_UPDATE, guest_place(&guest, &update, sizeof(update)));
    guest_wait_pending(&guest, QXL_INTERRUPT_DISPLAY);
    g_assert_cmpuint(guest_rom(&guest).update_id, ==, 4711);
    guest_out(&guest, QXL_IO_RESET, 0);
    g_assert_cmpuint(guest_rom(&guest).update_id, ==, 0);
    card_guest_finish(&guest);
}

int main(int argc, char **argv)
{
    card_guest_test_init(&argc, &argv);
    g_test_add_func("/card/surfaces/tracking", test_tracking);
    g_test_add_func("/card/surfaces/bad-ids", test_bad_ids);
    g_test_add_func("/card/surfaces/bad-parameters", test_bad_parameters);
    g_test_add_func("/card/surfaces/good-parameters", test_good_parameters);
    g_test_add_func("/card/surfaces/cursor", test_cursor);
    g_test_add_func("/card/surfaces/bad-cursors", test_bad_cursors);
    g_test_add_func("/card/surfaces/update-command", test_update_command);
    return g_test_run();
}
