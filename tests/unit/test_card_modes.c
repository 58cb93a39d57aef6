/*
 * The mode state machine for every revision and role, resets, and which commands run in which mode.
 * qxl-device.md section 6.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/internal.h"
#include "tests/support/card_guest.h"
#include "tests/support/core_loop.h"

#include <linux/pci_regs.h>

#define FIELD(field) offsetof(QXLRam, field)
#define RING(field)  (offsetof(QXLRam, cmd_ring) + offsetof(QXLCommandRing, field))

#define POSITION_640x480x16  0
#define POSITION_640x480x32  1
#define POSITION_1024x768x32 25 /* the seventh resolution's second mode */

enum event { RESET, SET_MODE, CREATE, DESTROY, DESTROY_ALL, VGA_WRITE, EVENTS };

static enum qxl_mode mode_of(struct card_guest *guest)
{
    qxl_lock(guest->card);
    enum qxl_mode mode = guest->card->mode;
    qxl_unlock(guest->card);
    return mode;
}

static void add_missing_slots(struct card_guest *guest)
{
    /* Adding the same again is accepted. */
    guest_add_slots(guest);
}

/* Brings a fresh card into MODE; false when this card has no such mode. */
static bool bring_into(struct card_guest *guest, enum qxl_mode mode)
{
    const struct qxl_config *config = qxl_card_config(guest->card);

    switch (mode) {
    case QXL_MODE_VGA:
        return config->primary;
    case QXL_MODE_UNDEFINED:
        if (!config->primary)
            return true;
        guest_out(guest, QXL_IO_SET_MODE, POSITION_640x480x32);
        if (config->revision == 1)
            return false; /* it has no port that destroys a screen */
        guest_out(guest, QXL_IO_DESTROY_PRIMARY, 0);
        return true;
    case QXL_MODE_COMPAT:
        guest_out(guest, QXL_IO_SET_MODE, POSITION_640x480x32);
        return true;
    case QXL_MODE_NATIVE:
        if (config->revision == 1)
            return false;
        add_missing_slots(guest);
        guest_create_primary(guest, 640, 480);
        return true;
    }
    return false;
}

static void apply(struct card_guest *guest, enum event event)
{
    QXLSurfaceCreate create = guest_primary(320, 240);

    switch (event) {
    case RESET:
        guest_out(guest, QXL_IO_RESET, 0);
        break;
    case SET_MODE:
        guest_out(guest, QXL_IO_SET_MODE, POSITION_1024x768x32);
        break;
    case CREATE:
        add_missing_slots(guest);
        guest_set_primary(guest, &create);
        guest_out(guest, QXL_IO_CREATE_PRIMARY, 0);
        break;
    case DESTROY:
        guest_out(guest, QXL_IO_DESTROY_PRIMARY, 0);
        break;
    case DESTROY_ALL:
        guest_out(guest, QXL_IO_DESTROY_ALL_SURFACES, 0);
        break;
    case VGA_WRITE:
        qxl_card_vga_port_write(guest->card);
        break;
    case EVENTS:
        break;
    }
}

/* Section 6.1's table. */
static enum qxl_mode expected(const struct qxl_config *config, enum qxl_mode from, enum event event)
{
    enum qxl_mode start = config->primary ? QXL_MODE_VGA : QXL_MODE_UNDEFINED;

    switch (event) {
    case RESET:
        return start;
    case SET_MODE:
        return QXL_MODE_COMPAT;
    case CREATE:
        return QXL_MODE_NATIVE;
    case DESTROY:
    case DESTROY_ALL:
        return from == QXL_MODE_VGA ? QXL_MODE_VGA : QXL_MODE_UNDEFINED;
    case VGA_WRITE:
        return config->primary && config->revision <= 4 ? QXL_MODE_VGA : from;
    case EVENTS:
        break;
    }
    g_assert_not_reached();
}

static void test_transitions(gconstpointer data)
{
    struct qxl_config config = {
        .revision = GPOINTER_TO_UINT(data) % 10,
        .primary = GPOINTER_TO_UINT(data) >= 10,
    };

    for (enum qxl_mode from = QXL_MODE_UNDEFINED; from <= QXL_MODE_NATIVE; from++) {
        for (enum event event = RESET; event < EVENTS; event++) {
            struct card_guest guest;
            struct qxl_screen screen;

            if (config.revision == 1 && event >= CREATE && event <= DESTROY_ALL)
                continue; /* no such ports */
            card_guest_init(&guest, &config);
            if (bring_into(&guest, from)) {
                g_assert_cmpint(mode_of(&guest), ==, from);
                apply(&guest, event);
                enum qxl_mode to = expected(&config, from, event);
                g_assert_cmpint(mode_of(&guest), ==, to);
                g_assert_cmpint(qxl_card_screen(guest.card, &screen), ==, to != QXL_MODE_UNDEFINED);
                bool is_bug = event == CREATE && from == QXL_MODE_NATIVE;
                g_assert_cmpint(guest_is_frozen(&guest), ==, is_bug);
                g_assert_cmpuint(guest_bugs(&guest, "primary-exists"), ==, is_bug);
            }
            card_guest_finish(&guest);
        }
    }
}

static void test_vga_screen(void)
{
    struct qxl_config config = {.primary = true};
    struct card_guest guest;
    struct qxl_screen screen;

    card_guest_init(&guest, &config);
    g_assert_true(qxl_card_screen(guest.card, &screen));
    g_assert_cmpuint(screen.width, ==, 720);
    g_assert_cmpuint(screen.height, ==, 400);
    for (uint32_t y = 0; y < screen.height; y++) {
        const uint8_t *row = screen.pixels + (ptrdiff_t)y * screen.stride;
        for (uint32_t x = 0; x < screen.width * 4; x++)
            g_assert_cmpuint(row[x], ==, 0);
    }
    card_guest_finish(&guest);

    config.primary = false;
    card_guest_init(&guest, &config);
    g_assert_false(qxl_card_screen(guest.card, &screen));
    card_guest_finish(&guest);
}

static void test_commands_wait_in_vga(void)
{
    /* Pushed in VGA mode, executed once there is a screen to execute them on. */
    static const unsigned both[] = {QXL_IO_CREATE_PRIMARY, QXL_IO_CREATE_PRIMARY_ASYNC};
    struct qxl_config config = {.primary = true};

    for (unsigned i = 0; i < 2; i++) {
        struct card_guest guest;
        QXLSurfaceCreate create = guest_primary(640, 480);

        card_guest_init(&guest, &config);
        guest_add_slots(&guest);
        guest_take_pending(&guest);
        guest_push_raw(&guest, QXL_CMD_DRAW, guest_make_fill(&guest, 0, 0, 0, 640, 480, 0x445566));
        g_usleep(30000);
        g_assert_cmpuint(guest_header32(&guest, RING(cons)), ==, 0);
        guest_set_primary(&guest, &create);
        guest_out(&guest, both[i], 0);
        if (i == 1)
            guest_wait_pending(&guest, QXL_INTERRUPT_IO_CMD);
        guest_wait_commands(&guest);
        struct qxl_screen screen;
        g_assert_true(qxl_card_screen(guest.card, &screen));
        g_assert_cmphex(guest_read32(&guest, 0, 100 * 4) & 0xffffff, ==, 0x445566);
        card_guest_finish(&guest);
    }
}

static void test_compat(void)
{
    /* A guest of 0.4: addresses are bus addresses, drawables the short layout, colours 5:5:5. */
    static const uint8_t positions[] = {POSITION_640x480x32, POSITION_640x480x16};
    static const uint32_t colors[] = {0x00aa5500, 31 << 10 | 1};
    static const uint32_t shown[] = {0x00aa5500, 0x00ff0008};

    for (unsigned revision = 1; revision <= 5; revision += 2) {
        for (unsigned i = 0; i < 2; i++) {
            struct qxl_config config = {.primary = true, .revision = revision};
            struct card_guest guest;
            QXLCompatDrawable drawable = {
                .release_info.id = 1,
                .effect = QXL_EFFECT_OPAQUE,
                .type = QXL_DRAW_FILL,
                .bbox = {.bottom = 480, .right = 640},
                .u.fill.brush = {.type = SPICE_BRUSH_TYPE_SOLID, .u.color = colors[i]},
                .u.fill.rop_descriptor = SPICE_ROPD_OP_PUT,
            };
            struct qxl_screen screen;

            card_guest_init(&guest, &config);
            guest_out(&guest, QXL_IO_RESET, 0);
            guest_out(&guest, QXL_IO_SET_MODE, positions[i]);
            g_assert_cmpuint(guest_rom(&guest).mode, ==, positions[i]);
            QXLPHYSICAL address = guest_place(&guest, &drawable, sizeof(drawable));
            guest_push_raw(&guest, QXL_CMD_DRAW, GUEST_RAM_ADDRESS + guest_offset(address));
            QXLRect area = {0, 0, 480, 640};
            guest_set_header(&guest, FIELD(update_area), &area, sizeof(area));
            guest_out(&guest, QXL_IO_UPDATE_AREA, 0);
            g_assert_true(qxl_card_screen(guest.card, &screen));
            g_assert_cmpuint(screen.width, ==, 640);
            g_assert_cmpuint(screen.height, ==, 480);
            g_assert_cmpint(screen.stride, ==, -640 * 4);
            g_assert_cmpuint(screen.format, ==, SPICE_SURFACE_FMT_32_xRGB);
            g_assert_cmphex(guest_read32(&guest, 0, 0) & 0xffffff, ==, shown[i]);
            g_assert_cmphex(guest_read32(&guest, 0, 640 * 480 * 4 - 4) & 0xffffff, ==, shown[i]);
            g_assert_false(guest_is_frozen(&guest));

            /* The last mode survives a reset. */
            guest_out(&guest, QXL_IO_RESET, 0);
            g_assert_cmpuint(guest_rom(&guest).mode, ==, positions[i]);
            card_guest_finish(&guest);
        }
    }
}

static void test_drawing_discarded_without_keep_data(void)
{
    struct qxl_config config = {0};
    struct card_guest guest;
    QXLSurfaceCreate create = guest_primary(64, 64);

    card_guest_init(&guest, &config);
    guest_add_slots(&guest);
    guest_write32(&guest, 0, 0, 0x77777777);
    create.flags = QXL_SURF_FLAG_KEEP_DATA;
    guest_set_primary(&guest, &create);
    guest_out(&guest, QXL_IO_CREATE_PRIMARY, 0);
    g_assert_cmphex(guest_read32(&guest, 0, 0), ==, 0x77777777);
    guest_out(&guest, QXL_IO_DESTROY_PRIMARY, 0);
    create.flags = 0;
    guest_set_primary(&guest, &create);
    guest_out(&guest, QXL_IO_CREATE_PRIMARY, 0);
    g_assert_cmphex(guest_read32(&guest, 0, 0), ==, 0);
    card_guest_finish(&guest);
}

static void test_primary_in_vram(void)
{
    struct qxl_config config = {0};
    struct card_guest guest;
    QXLSurfaceCreate create = guest_primary(640, 480);
    struct qxl_screen screen;

    card_guest_init(&guest, &config);
    guest_add_slots(&guest);
    create.mem = guest_address(GUEST_VRAM_SLOT, 0x1000);
    guest_set_primary(&guest, &create);
    guest_out(&guest, QXL_IO_CREATE_PRIMARY, 0);
    guest_push_raw(&guest, QXL_CMD_DRAW, guest_make_fill(&guest, 0, 0, 0, 640, 480, 0x13579b));
    g_assert_true(qxl_card_screen(guest.card, &screen));
    g_assert_true(screen.pixels == pci_function_bar(guest.pci, QXL_BAR_VRAM32)->memory + 0x1000);
    g_assert_cmphex(guest_read32(&guest, QXL_BAR_VRAM32, 0x1000) & 0xffffff, ==, 0x13579b);
    card_guest_finish(&guest);
}

static void test_reset(void)
{
    struct qxl_config config = {0};
    struct card_guest guest;
    struct qxl_screen screen;

    for (unsigned i = 0; i < 2; i++) { /* by port and by bus */
        card_guest_init(&guest, &config);
        guest_add_slots(&guest);
        guest_create_primary(&guest, 640, 480);
        guest_push_raw(&guest, QXL_CMD_DRAW, guest_make_fill(&guest, 0, 0, 0, 9, 9, 1));
        guest_set_header32(&guest, FIELD(int_mask), 0xff);
        guest_set_header32(&guest, FIELD(int_pending), QXL_INTERRUPT_DISPLAY);
        guest_set_header32(&guest, FIELD(update_surface), 3);
        guest_set_header32(&guest, FIELD(log_buf) + 0x10, 0x12345678);
        guest_set_header32(&guest, FIELD(monitors_config), 0x12345678);
        guest_set_header32(&guest, FIELD(magic), 0);
        guest_out(&guest, QXL_IO_UPDATE_IRQ, 0);
        g_assert_true(pci_intx_level(guest.pci));
        if (i == 0)
            guest_out(&guest, QXL_IO_RESET, 0);
        else
            pci_function_reset(guest.pci);
        g_assert_false(pci_intx_level(guest.pci));
        g_assert_cmpuint(guest_header32(&guest, FIELD(magic)), ==, 0x41525851);
        g_assert_cmpuint(guest_header32(&guest, FIELD(int_mask)), ==, 0);
        g_assert_cmpuint(guest_pending(&guest) & ~QXL_INTERRUPT_CLIENT, ==, 0);
        g_assert_cmpuint(guest_header32(&guest, FIELD(update_surface)), ==, 0);
        g_assert_cmpuint(guest_header32(&guest, FIELD(monitors_config)), ==, 0);
        g_assert_cmpuint(guest_header32(&guest, RING(prod)), ==, 0);
        g_assert_cmpuint(guest_header32(&guest, RING(cons)), ==, 0);
        g_assert_cmphex(guest_header32(&guest, FIELD(log_buf) + 0x10), ==, 0x12345678);
        g_assert_false(qxl_card_screen(guest.card, &screen));
        if (i == 0) {
            /* The slots are gone: a screen needs them anew. */
            QXLSurfaceCreate create = guest_primary(640, 480);
            guest_set_primary(&guest, &create);
            guest_out(&guest, QXL_IO_CREATE_PRIMARY, 0);
            g_assert_cmpuint(guest_bugs(&guest, "primary-memory"), ==, 1);
        } else {
            uint16_t command;
            pci_config_read(guest.pci, PCI_COMMAND, &command, 2);
            g_assert_cmphex(command, ==, 0);
        }
        card_guest_finish(&guest);
    }
}

static void test_reset_under_load(void)
{
    struct qxl_config config = {.primary = true};
    struct card_guest guest;

    card_guest_init(&guest, &config);
    for (unsigned round = 0; round < 20; round++) {
        guest.free_memory = 16 << 20;
        guest_add_slots(&guest);
        guest_create_primary(&guest, 640, 480);
        for (unsigned i = 0; i < 50; i++)
            guest_push_raw(&guest, QXL_CMD_DRAW, guest_make_fill(&guest, 0, 0, 0, 640, 480, i));
        guest_out(&guest, QXL_IO_RESET, 0);
        g_assert_cmpuint(guest_header32(&guest, RING(cons)), ==, 0);
        g_assert_cmpuint(guest_header32(&guest, FIELD(release_ring.prod)), ==, 0);
    }
    g_assert_false(guest_is_frozen(&guest));
    card_guest_finish(&guest);
}

static void test_vga_write_with_full_rings(void)
{
    /* Frozen by a bug, with commands in the rings: the old VGA rule just switches. */
    struct qxl_config config = {.primary = true, .revision = 4};
    struct card_guest guest;

    card_guest_init(&guest, &config);
    guest_add_slots(&guest);
    guest_create_primary(&guest, 640, 480);
    guest_out(&guest, QXL_IO_DETACH_PRIMARY, 0);
    g_assert_true(guest_is_frozen(&guest));
    guest_push_raw(&guest, QXL_CMD_DRAW, guest_make_fill(&guest, 0, 0, 0, 9, 9, 1));
    qxl_card_vga_port_write(guest.card);
    g_assert_cmpint(mode_of(&guest), ==, QXL_MODE_VGA);
    g_assert_cmpuint(guest_header32(&guest, RING(cons)), ==, 1);
    guest_take_pending(&guest);
    guest_create_primary(&guest, 640, 480); /* the slots are still there, the freeze is not */
    card_guest_finish(&guest);
}

static void test_stop_and_start(void)
{
    struct qxl_config config = {0};
    struct card_guest guest;
    struct qxl_screen screen;

    card_guest_init(&guest, &config);
    guest_add_slots(&guest);
    guest_create_primary(&guest, 640, 480);
    guest_push_raw(&guest, QXL_CMD_DRAW, guest_make_fill(&guest, 0, 0, 0, 640, 480, 0x111111));
    g_assert_true(qxl_card_screen(guest.card, &screen));
    qxl_card_stop(guest.card);
    uint32_t prod = guest_header32(&guest, RING(prod));
    guest_push_raw(&guest, QXL_CMD_DRAW, guest_make_fill(&guest, 0, 0, 0, 640, 480, 0x222222));
    guest_out(&guest, QXL_IO_NOTIFY_CMD, 0);
    g_usleep(30000);
    g_assert_cmpuint(guest_header32(&guest, RING(cons)), ==, prod);
    g_assert_true(qxl_card_screen(guest.card, &screen));
    g_assert_cmphex(guest_read32(&guest, 0, 0) & 0xffffff, ==, 0x111111);
    qxl_card_start(guest.card);
    qxl_card_start(guest.card); /* twice is once */
    g_assert_true(qxl_card_screen(guest.card, &screen));
    g_assert_cmphex(guest_read32(&guest, 0, 0) & 0xffffff, ==, 0x222222);
    card_guest_finish(&guest);
}

static void test_moved_bars(void)
{
    /* Slots show the card's memory wherever the BAR is, and also when it is nowhere. */
    struct qxl_config config = {0};
    struct card_guest guest;
    uint32_t elsewhere = 0xa0000000;
    uint16_t nothing = 0;
    struct qxl_screen screen;

    card_guest_init(&guest, &config);
    guest_add_slots(&guest);
    guest_create_primary(&guest, 640, 480);
    pci_config_write(guest.pci, PCI_BASE_ADDRESS_0, &elsewhere, 4);
    guest_push_raw(&guest, QXL_CMD_DRAW, guest_make_fill(&guest, 0, 0, 0, 640, 480, 0x010101));
    g_assert_true(qxl_card_screen(guest.card, &screen));
    g_assert_cmphex(guest_read32(&guest, 0, 0) & 0xffffff, ==, 0x010101);
    pci_config_write(guest.pci, PCI_COMMAND, &nothing, 2);
    guest_push_raw(&guest, QXL_CMD_DRAW, guest_make_fill(&guest, 0, 0, 0, 640, 480, 0x020202));
    g_assert_true(qxl_card_screen(guest.card, &screen));
    g_assert_cmphex(guest_read32(&guest, 0, 0) & 0xffffff, ==, 0x020202);
    /* A new slot needs the BAR where it is now. */
    guest_out(&guest, QXL_IO_MEMSLOT_ADD, 3);
    g_assert_cmpuint(guest_bugs(&guest, "memslot-range"), ==, 1);
    card_guest_finish(&guest);
}

static void test_surface_over_the_rings(void)
{
    /* A guest that lets the card draw over its own rings harms itself only. */
    struct qxl_config config = {0};
    struct card_guest guest;
    QXLSurfaceCreate create = guest_primary(64, 64);
    struct qxl_screen screen;

    card_guest_init(&guest, &config);
    guest_add_slots(&guest);
    guest_set_slot(&guest, GUEST_RAM_ADDRESS, GUEST_RAM_ADDRESS + (64 << 20));
    guest_out(&guest, QXL_IO_MEMSLOT_ADD, 3);
    create.mem = guest_address(3, (64 << 20) - 64 * 64 * 4);
    guest_set_primary(&guest, &create);
    guest_out(&guest, QXL_IO_CREATE_PRIMARY, 0); /* clears the memory, rings included */
    QXLCommand command = {guest_make_fill(&guest, 0, 0, 0, 64, 64, 0xffffffff), QXL_CMD_DRAW, 0};
    guest_set_header(&guest, RING(items), &command, sizeof(command));
    guest_set_header32(&guest, RING(prod), 1);
    guest_out(&guest, QXL_IO_NOTIFY_CMD, 0);
    g_assert_true(qxl_card_screen(guest.card, &screen));
    guest_out(&guest, QXL_IO_NOTIFY_CMD, 0);
    guest_out(&guest, QXL_IO_NOTIFY_OOM, 0);
    g_assert_true(qxl_card_screen(guest.card, &screen));
    guest_out(&guest, QXL_IO_RESET, 0);
    g_assert_cmpuint(guest_header32(&guest, RING(num_items)), ==, 32);
    guest_add_slots(&guest);
    guest_create_primary(&guest, 640, 480);
    card_guest_finish(&guest);
}

struct host_record {
    unsigned changes;
    uint32_t width, height;
};

static void ignore_irq(void *opaque, bool level)
{
    (void)opaque;
    (void)level;
}

static bool bar_at_its_place(void *opaque, enum qxl_bar bar, uint64_t *address)
{
    (void)opaque;
    *address = bar == QXL_BAR_RAM ? GUEST_RAM_ADDRESS : GUEST_VRAM_ADDRESS;
    return bar != QXL_BAR_VRAM64;
}

static void note_display(void *opaque, uint32_t width, uint32_t height)
{
    struct host_record *record = opaque;

    record->changes++;
    record->width = width;
    record->height = height;
}

static void test_host_hears_of_sizes(void)
{
    static const struct qxl_host host = {ignore_irq, bar_at_its_place, note_display};
    struct qxl_config config = {.primary = true};
    struct host_record record = {0};
    SpiceServer *server = spice_server_new();
    GError *error = NULL;

    spice_server_set_noauth(server);
    g_assert_cmpint(spice_server_init(server, core_loop_interface()), ==, 0);
    struct qxl_card *card = qxl_card_create(&config, server, 0, &host, &record, &error);
    g_assert_no_error(error);
    qxl_card_start(card);
    g_assert_cmpuint(record.changes, ==, 1);
    g_assert_cmpuint(record.width, ==, 720);
    qxl_card_io_write(card, QXL_IO_SET_MODE, POSITION_1024x768x32);
    g_assert_cmpuint(record.width, ==, 1024);
    g_assert_cmpuint(record.height, ==, 768);
    unsigned before = record.changes;
    qxl_card_io_write(card, QXL_IO_UPDATE_IRQ, 0);
    g_assert_cmpuint(record.changes, ==, before);
    qxl_card_io_write(card, QXL_IO_DESTROY_PRIMARY, 0);
    g_assert_cmpuint(record.width, ==, 0);
    qxl_card_io_write(card, QXL_IO_RESET, 0);
    g_assert_cmpuint(record.width, ==, 720);
    qxl_card_destroy(card);
    spice_server_destroy(server);
}

int main(int argc, char **argv)
{
    card_guest_test_init(&argc, &argv);
    for (unsigned revision = 1; revision <= 5; revision++) {
        for (unsigned primary = 0; primary < 2; primary++) {
            g_autofree char *name = g_strdup_printf("/card/modes/transitions/%s/%u",
                                                    primary ? "qxl-vga" : "qxl", revision);
            g_test_add_data_func(name, GUINT_TO_POINTER(revision + 10 * primary), test_transitions);
        }
    }
    g_test_add_func("/card/modes/vga-screen", test_vga_screen);
    g_test_add_func("/card/modes/commands-wait-in-vga", test_commands_wait_in_vga);
    g_test_add_func("/card/modes/compat", test_compat);
    g_test_add_func("/card/modes/keep-data", test_drawing_discarded_without_keep_data);
    g_test_add_func("/card/modes/primary-in-vram", test_primary_in_vram);
    g_test_add_func("/card/modes/reset", test_reset);
    g_test_add_func("/card/modes/reset-under-load", test_reset_under_load);
    g_test_add_func("/card/modes/vga-write-with-full-rings", test_vga_write_with_full_rings);
    g_test_add_func("/card/modes/stop-and-start", test_stop_and_start);
    g_test_add_func("/card/modes/moved-bars", test_moved_bars);
    g_test_add_func("/card/modes/surface-over-the-rings", test_surface_over_the_rings);
    g_test_add_func("/card/modes/host-hears-of-sizes", test_host_hears_of_sizes);
    return g_test_run();
}
