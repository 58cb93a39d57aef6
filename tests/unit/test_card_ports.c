/*
 * Every I/O port, synchronous and asynchronous, and what guests do wrong with them: qxl-device.md
 * sections 5 and 16.1.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/card_guest.h"

#include <linux/pci_regs.h>
#include <pthread.h>

#define FIELD(field) offsetof(QXLRam, field)

static const struct qxl_config secondary = {0};
static const struct qxl_config primary = {.primary = true};

/* A secondary card with slots; with a screen, too. */
static void begin(struct card_guest *guest)
{
    card_guest_init(guest, &secondary);
    guest_add_slots(guest);
}

static void begin_native(struct card_guest *guest)
{
    begin(guest);
    guest_create_primary(guest, 640, 480);
}

/*
 * After a start the server says what clients can do, on its own thread, and the line is looked at
 * then: waits for that, or as long as it may take when the guest has already seen it.
 */
static void let_server_speak(struct card_guest *guest)
{
    if (qxl_card_config(guest->card)->revision < QXL_REVISION_STABLE_V12)
        return;
    for (int i = 0; i < 100 && !(guest_pending(guest) & QXL_INTERRUPT_CLIENT); i++)
        g_usleep(1000);
}

/* The bug NAME has been seen once, ERROR is raised, and only RESET still works. */
static void assert_frozen(struct card_guest *guest, const char *name)
{
    g_assert_cmpuint(guest_bugs(guest, name), ==, 1);
    g_assert_true(guest_is_frozen(guest));
    let_server_speak(guest);
    /* UPDATE_IRQ is dead too: the line stays as it is. */
    guest_set_header32(guest, FIELD(int_mask), QXL_INTERRUPT_ERROR);
    guest_out(guest, QXL_IO_UPDATE_IRQ, 0);
    g_assert_false(pci_intx_level(guest->pci));
    guest_out(guest, QXL_IO_RESET, 0);
    g_assert_false(guest_is_frozen(guest));
    guest_set_header32(guest, FIELD(int_pending), QXL_INTERRUPT_ERROR);
    guest_set_header32(guest, FIELD(int_mask), QXL_INTERRUPT_ERROR);
    guest_out(guest, QXL_IO_UPDATE_IRQ, 0);
    g_assert_true(pci_intx_level(guest->pci));
    g_assert_cmpuint(guest_bugs(guest, name), ==, 1);
    card_guest_finish(guest);
}

/* Writes a port that must be refused; the asynchronous form completes nevertheless. */
static void assert_refused(struct card_guest *guest, unsigned port, uint8_t value, const char *name,
                           bool async)
{
    guest_out(guest, port, value);
    if (async)
        guest_wait_pending(guest, QXL_INTERRUPT_IO_CMD);
    else
        g_assert_cmphex(guest_pending(guest) & QXL_INTERRUPT_IO_CMD, ==, 0);
    assert_frozen(guest, name);
}

static void assert_fine(struct card_guest *guest)
{
    struct qxl_bug_count bug;

    g_assert_cmpuint(qxl_card_bugs(guest->card, &bug, 1), ==, 0);
    g_assert_false(guest_is_frozen(guest));
    card_guest_finish(guest);
}

static void set_update(struct card_guest *guest, uint32_t surface, QXLRect area)
{
    guest_set_header32(guest, FIELD(update_surface), surface);
    guest_set_header(guest, FIELD(update_area), &area, sizeof(area));
}

static void test_read(void)
{
    struct card_guest guest;
    uint32_t all;

    begin(&guest);
    for (unsigned port = 0; port < 32; port++) {
        uint8_t value = 0;
        g_assert_true(pci_bar_read(guest.pci, QXL_BAR_IO, port, &value, 1));
        g_assert_cmphex(value, ==, 0xff);
    }
    g_assert_true(pci_bar_read(guest.pci, QXL_BAR_IO, 0, &all, 4));
    g_assert_cmphex(all, ==, 0xffffffff);
    g_assert_false(pci_bar_read(guest.pci, QXL_BAR_IO, 32, &all, 1));
    assert_fine(&guest);
}

static void test_wide_write(void)
{
    struct card_guest guest;
    uint32_t four = 0;

    begin(&guest);
    /* The bytes of a wide write go to a port each: 8 and 9 take slots 3, 10 is no port. */
    guest_set_slot(&guest, GUEST_RAM_ADDRESS, GUEST_RAM_ADDRESS + 4096);
    uint16_t two = 3 | 3 << 8;
    g_assert_true(pci_bar_write(guest.pci, QXL_BAR_IO, QXL_IO_MEMSLOT_ADD, &two, 2));
    g_assert_false(guest_is_frozen(&guest));
    g_assert_true(pci_bar_write(guest.pci, QXL_BAR_IO, QXL_IO_MEMSLOT_ADD, &four, 4));
    assert_frozen(&guest, "port-unknown");
}

static void test_unknown_ports(void)
{
    static const uint8_t unknown[] = {QXL_IO_DETACH_PRIMARY, QXL_IO_ATTACH_PRIMARY, 25, 28, 31};

    for (unsigned i = 0; i < G_N_ELEMENTS(unknown); i++) {
        struct card_guest guest;
        begin(&guest);
        assert_refused(&guest, unknown[i], 0, "port-unknown", false);
    }
}

static void test_port_of_later_revision(void)
{
    struct qxl_config config = {.revision = 3};

    for (unsigned port = QXL_IO_MONITORS_CONFIG_ASYNC; port < 32; port += 7) {
        struct card_guest guest;
        card_guest_init(&guest, &config);
        assert_refused(&guest, port, 0, "port-revision", false);
    }
    /* Checked before the rule of VGA mode. */
    struct card_guest guest;
    config.primary = true;
    card_guest_init(&guest, &config);
    assert_refused(&guest, 24, 0, "port-revision", false);
}

static void test_small_port_bars(void)
{
    for (unsigned revision = 1; revision <= 2; revision++) {
        struct qxl_config config = {.revision = revision};
        struct card_guest guest;
        uint8_t value = 0;
        unsigned size = revision == 1 ? 8 : 16;

        card_guest_init(&guest, &config);
        g_assert_true(pci_bar_write(guest.pci, QXL_BAR_IO, size - 1, &value, 1));
        g_assert_false(pci_bar_write(guest.pci, QXL_BAR_IO, size, &value, 1));
        g_assert_false(pci_bar_write(guest.pci, QXL_BAR_IO, size - 1, "ab", 2));
        assert_fine(&guest);
    }
}

static void test_vga_filter(void)
{
    for (unsigned port = 0; port < 32; port++) {
        struct card_guest guest;
        static const uint8_t allowed[] = {3, 5, 6, 7, 8, 9, 12, 17, 18};

        if (memchr(allowed, (int)port, sizeof(allowed)))
            continue;
        card_guest_init(&guest, &primary);
        guest_take_pending(&guest);
        guest_out(&guest, port, 0);
        g_assert_cmphex(guest_pending(&guest) & QXL_INTERRUPT_IO_CMD, ==,
                        port >= 16 && port <= 24 ? QXL_INTERRUPT_IO_CMD : 0);
        assert_fine(&guest);
    }
}

static void test_ports_without_effect(void)
{
    struct card_guest guest;

    begin_native(&guest);
    guest_out(&guest, QXL_IO_NOTIFY_CMD, 0);
    guest_out(&guest, QXL_IO_NOTIFY_CURSOR, 7);
    guest_out(&guest, QXL_IO_NOTIFY_OOM, 0);
    guest_out(&guest, QXL_IO_LOG, 0);
    guest_out(&guest, QXL_IO_UPDATE_IRQ, 0);
    assert_fine(&guest);
}

static void test_log(void)
{
    struct qxl_config config = {.primary = true, .guestdebug = 1};
    static const char text[] = "hello\x1b[31m\n";
    char *shown = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&shown, &size);
    struct card_guest guest;

    card_guest_init(&guest, &config);
    qxl_card_set_guest_log(guest.card, file);
    guest_set_header(&guest, FIELD(log_buf), text, sizeof(text));
    guest_out(&guest, QXL_IO_LOG, 0); /* allowed in VGA mode */
    qxl_card_set_guest_log(guest.card, NULL);
    fclose(file);
    g_assert_cmpstr(shown, ==, "qxl-0: guest says: hello [31m\n");
    free(shown);
    assert_fine(&guest);
}

static void update_area_case(unsigned port, uint32_t surface, QXLRect area, const char *bug)
{
    struct card_guest guest;
    bool async = port == QXL_IO_UPDATE_AREA_ASYNC;

    begin_native(&guest);
    set_update(&guest, surface, area);
    if (bug) {
        assert_refused(&guest, port, 0, bug, async);
        return;
    }
    guest_out(&guest, port, 0);
    if (async)
        guest_wait_pending(&guest, QXL_INTERRUPT_IO_CMD);
    assert_fine(&guest);
}

static void test_update_area(void)
{
    static const unsigned both[] = {QXL_IO_UPDATE_AREA, QXL_IO_UPDATE_AREA_ASYNC};

    for (unsigned i = 0; i < 2; i++) {
        unsigned port = both[i];
        /* Fields: top, left, bottom, right. */
        update_area_case(port, 0, (QXLRect){0, 0, 480, 640}, NULL);
        update_area_case(port, 0, (QXLRect){0, 0, 0, 640}, NULL);
        update_area_case(port, 0, (QXLRect){5, 7, 9, 7}, NULL);
        update_area_case(port, 0, (QXLRect){0, 0, 100000, 100000}, NULL);
        update_area_case(port, 9, (QXLRect){0, 0, 10, 10}, NULL); /* no such surface */
        update_area_case(port, 0, (QXLRect){9, 0, 5, 10}, "update-area");
        update_area_case(port, 0, (QXLRect){0, 9, 5, 2}, "update-area");
        update_area_case(port, 0, (QXLRect){-1, 0, 5, 10}, "update-area");
        update_area_case(port, 0, (QXLRect){0, -1, 5, 10}, "update-area");
        update_area_case(port, 1024, (QXLRect){0, 0, 5, 10}, "surface-id");
        update_area_case(port, 0xffffffff, (QXLRect){0, 0, 5, 10}, "surface-id");
    }
}

static void test_update_area_shows_drawing(void)
{
    static const unsigned both[] = {QXL_IO_UPDATE_AREA, QXL_IO_UPDATE_AREA_ASYNC};

    for (unsigned i = 0; i < 2; i++) {
        struct card_guest guest;
        begin_native(&guest);
        guest_push_raw(&guest, QXL_CMD_DRAW,
                       guest_make_fill(&guest, 0, 10, 20, 30, 40, 0x00123456));
        set_update(&guest, 0, (QXLRect){20, 10, 40, 30});
        guest_out(&guest, both[i], 0);
        if (both[i] == QXL_IO_UPDATE_AREA_ASYNC)
            guest_wait_pending(&guest, QXL_INTERRUPT_IO_CMD);
        uint64_t row = 640 * 4;
        g_assert_cmphex(guest_read32(&guest, 0, 20 * row + 10 * 4) & 0xffffff, ==, 0x123456);
        g_assert_cmphex(guest_read32(&guest, 0, 39 * row + 29 * 4) & 0xffffff, ==, 0x123456);
        g_assert_cmphex(guest_read32(&guest, 0, 39 * row + 30 * 4) & 0xffffff, ==, 0);
        g_assert_cmphex(guest_read32(&guest, 0, 40 * row + 29 * 4) & 0xffffff, ==, 0);
        assert_fine(&guest);
    }
}

/* Holds the worker where it reports an interrupt. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool reached, open;
};

static void wait_at_gate(void *opaque, bool level)
{
    struct gate *gate = opaque;

    (void)level;
    pthread_mutex_lock(&gate->lock);
    gate->reached = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void test_second_async(void)
{
    struct card_guest guest;
    struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    QXLCursorCmd move = {.release_info.id = 1, .type = QXL_CURSOR_MOVE};

    begin_native(&guest);
    guest_take_pending(&guest);
    guest_set_header32(&guest, FIELD(int_mask), QXL_INTERRUPT_CURSOR);
    guest_set_header32(&guest, FIELD(cursor_ring.notify_on_cons), 1);
    pci_intx_set_sink(guest.pci, wait_at_gate, &gate);
    guest_push_cursor_raw(&guest, QXL_CMD_CURSOR, guest_place(&guest, &move, sizeof(move)));
    pthread_mutex_lock(&gate.lock);
    while (!gate.reached)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);

    guest_out(&guest, QXL_IO_FLUSH_SURFACES_ASYNC, 0);
    g_assert_false(guest_is_frozen(&guest));
    guest_out(&guest, QXL_IO_MEMSLOT_ADD_ASYNC, 3);
    g_assert_cmpuint(guest_bugs(&guest, "async-busy"), ==, 1);
    g_assert_true(guest_is_frozen(&guest));
    g_assert_cmphex(guest_pending(&guest) & QXL_INTERRUPT_IO_CMD, ==, 0);

    /* The first still completes. */
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
    guest_wait_pending(&guest, QXL_INTERRUPT_IO_CMD);
    pci_intx_set_sink(guest.pci, NULL, NULL);
    card_guest_finish(&guest);
}

static void test_set_mode(void)
{
    struct card_guest guest;

    card_guest_init(&guest, &primary);
    assert_refused(&guest, QXL_IO_SET_MODE, 128, "set-mode-position", false);
    card_guest_init(&guest, &primary);
    assert_refused(&guest, QXL_IO_SET_MODE, 255, "set-mode-position", false);

    uint16_t nothing = 0;
    card_guest_init(&guest, &primary);
    pci_config_write(guest.pci, PCI_COMMAND, &nothing, 2);
    assert_refused(&guest, QXL_IO_SET_MODE, 1, "set-mode-unmapped", false);

    /* Position 127 of the default list: 3840x2160, 16 bits; with 32 it needs 31.6 MiB. */
    card_guest_init(&guest, &primary);
    struct qxl_screen screen;
    guest_out(&guest, QXL_IO_SET_MODE, 127);
    g_assert_false(qxl_card_screen(guest.card, &screen));
    assert_frozen(&guest, "primary-geometry");
}

static void test_memslot_errors(void)
{
    static const unsigned both[] = {QXL_IO_MEMSLOT_ADD, QXL_IO_MEMSLOT_ADD_ASYNC};
    const uint64_t ram = GUEST_RAM_ADDRESS, ram_end = ram + (64 << 20);
    const struct {
        uint64_t start, end;
        uint8_t id;
        const char *bug;
    } cases[] = {
        {ram, ram + 4096, 8, "memslot-id"},
        {ram, ram + 4096, 255, "memslot-id"},
        {ram, ram + 4096, GUEST_RAM_SLOT, "memslot-active"},
        {ram + 4096, ram, 3, "memslot-range"},
        {ram - 4096, ram + 4096, 3, "memslot-range"},
        {ram, ram_end + 1, 3, "memslot-range"},
        {0, UINT64_MAX, 3, "memslot-range"},
        {UINT64_MAX, UINT64_MAX, 3, "memslot-range"},
        {GUEST_ROM_ADDRESS, GUEST_ROM_ADDRESS + 4096, 3, "memslot-range"},
        {0x1000, 0x2000, 3, "memslot-range"},
    };

    for (unsigned i = 0; i < 2; i++) {
        for (unsigned c = 0; c < G_N_ELEMENTS(cases); c++) {
            struct card_guest guest;
            begin(&guest);
            guest_set_slot(&guest, cases[c].start, cases[c].end);
            assert_refused(&guest, both[i], cases[c].id, cases[c].bug, i == 1);
        }
    }
}

static void test_memslot_accepted(void)
{
    struct card_guest guest;
    const uint64_t ram_end = GUEST_RAM_ADDRESS + (64 << 20);

    begin(&guest);
    guest_set_slot(&guest, ram_end, ram_end); /* empty, at the very end */
    guest_out(&guest, QXL_IO_MEMSLOT_ADD, 0);
    guest_set_slot(&guest, ram_end - 4096, ram_end);
    guest_async(&guest, QXL_IO_MEMSLOT_ADD_ASYNC, 7);
    guest_async(&guest, QXL_IO_MEMSLOT_ADD_ASYNC, 7); /* the same again */
    guest_set_slot(&guest, GUEST_RAM_ADDRESS, GUEST_RAM_ADDRESS + guest.header);
    guest_out(&guest, QXL_IO_MEMSLOT_ADD, GUEST_RAM_SLOT);
    g_assert_cmpuint(guest_rom(&guest).slot_generation, ==, 0);
    guest_out(&guest, QXL_IO_MEMSLOT_DEL, 7);
    guest_out(&guest, QXL_IO_MEMSLOT_DEL, 7);
    guest_set_slot(&guest, GUEST_VRAM_ADDRESS, GUEST_VRAM_ADDRESS + 4096);
    guest_out(&guest, QXL_IO_MEMSLOT_ADD, 7);
    assert_fine(&guest);
}

static void test_memslot_del(void)
{
    struct card_guest guest;

    begin(&guest);
    assert_refused(&guest, QXL_IO_MEMSLOT_DEL, 8, "memslot-id", false);

    /* A slot that holds the screen may go: what is pushed later is dropped, the screen stays. */
    struct qxl_screen screen;
    begin_native(&guest);
    guest_out(&guest, QXL_IO_MEMSLOT_DEL, GUEST_RAM_SLOT);
    guest_push_raw(&guest, QXL_CMD_DRAW, guest_make_fill(&guest, 0, 0, 0, 9, 9, 1));
    guest_out(&guest, QXL_IO_NOTIFY_CMD, 0);
    guest_wait_commands(&guest);
    g_assert_true(qxl_card_screen(guest.card, &screen));
    g_assert_cmpuint(screen.width, ==, 640);
    g_assert_cmpuint(guest_bugs(&guest, "command-range"), ==, 1);
    g_assert_false(guest_is_frozen(&guest));
    card_guest_finish(&guest);

    /* In VGA mode it does not take the host's picture away. */
    card_guest_init(&guest, &primary);
    guest_out(&guest, QXL_IO_MEMSLOT_DEL, 0);
    g_assert_true(qxl_card_screen(guest.card, &screen));
    assert_fine(&guest);
}

static void test_create_primary(void)
{
    static const unsigned both[] = {QXL_IO_CREATE_PRIMARY, QXL_IO_CREATE_PRIMARY_ASYNC};
    QXLSurfaceCreate good = guest_primary(640, 480);

    for (unsigned i = 0; i < 2; i++) {
        struct {
            QXLSurfaceCreate create;
            const char *bug;
        } cases[12];
        for (unsigned c = 0; c < G_N_ELEMENTS(cases); c++)
            cases[c].create = good;
        unsigned n = 0;
#define CASE(field, value, name)                                                                   \
    cases[n].create.field = value;                                                                 \
    cases[n++].bug = name
        CASE(height, 100000, "primary-geometry"); /* larger than vgamem */
        CASE(stride, INT32_MIN, "primary-geometry");
        CASE(stride, 640 * 4 + 2, "primary-geometry");
        CASE(stride, 640 * 4 - 4, "primary-geometry"); /* rows do not fit */
        CASE(stride, 0, "primary-geometry");
        CASE(format, 0, "primary-geometry");
        CASE(format, 33, "primary-geometry");
        CASE(width, 0, "primary-geometry");
        CASE(height, 0, "primary-geometry");
        CASE(mem, guest_address(5, 0), "primary-memory");   /* slot not active */
        CASE(mem, guest_address(200, 0), "primary-memory"); /* no such slot */
        CASE(mem, guest_address(GUEST_RAM_SLOT, 0) | UINT64_C(1) << 48, "primary-memory");
#undef CASE
        for (unsigned c = 0; c < n; c++) {
            struct card_guest guest;
            struct qxl_screen screen;
            begin(&guest);
            guest_set_primary(&guest, &cases[c].create);
            guest_out(&guest, both[i], 0);
            g_assert_false(qxl_card_screen(guest.card, &screen));
            if (i == 1)
                guest_wait_pending(&guest, QXL_INTERRUPT_IO_CMD);
            assert_frozen(&guest, cases[c].bug);
        }

        struct card_guest guest;
        struct qxl_screen screen;
        begin(&guest);
        guest_set_primary(&guest, &good);
        assert_refused(&guest, both[i], 1, "argument", i == 1);

        /* A second one: the first stays. */
        begin_native(&guest);
        QXLSurfaceCreate other = guest_primary(320, 200);
        guest_set_primary(&guest, &other);
        guest_out(&guest, both[i], 0);
        g_assert_true(qxl_card_screen(guest.card, &screen));
        g_assert_cmpuint(screen.width, ==, 640);
        assert_frozen(&guest, "primary-exists");

        begin(&guest);
        good.stride = -640 * 4;
        guest_set_primary(&guest, &good);
        guest_take_pending(&guest);
        guest_out(&guest, both[i], 0);
        if (i == 1)
            guest_wait_pending(&guest, QXL_INTERRUPT_IO_CMD);
        g_assert_true(qxl_card_screen(guest.card, &screen));
        g_assert_cmpint(screen.stride, ==, -640 * 4);
        g_assert_true(screen.pixels == pci_function_bar(guest.pci, 0)->memory);
        good.stride = 640 * 4;
        assert_fine(&guest);
    }
}

static void test_destroy_primary(void)
{
    static const unsigned both[] = {QXL_IO_DESTROY_PRIMARY, QXL_IO_DESTROY_PRIMARY_ASYNC};

    for (unsigned i = 0; i < 2; i++) {
        struct card_guest guest;
        struct qxl_screen screen;

        begin_native(&guest);
        assert_refused(&guest, both[i], 1, "argument", i == 1);
        begin_native(&guest);
        for (unsigned times = 0; times < 2; times++) { /* the second finds nothing to destroy */
            guest_take_pending(&guest);
            guest_out(&guest, both[i], 0);
            g_assert_false(qxl_card_screen(guest.card, &screen));
            if (i == 1)
                guest_wait_pending(&guest, QXL_INTERRUPT_IO_CMD);
        }
        guest_create_primary(&guest, 800, 600);
        g_assert_true(qxl_card_screen(guest.card, &screen));
        assert_fine(&guest);
    }
}

static void test_destroy_surface(void)
{
    static const unsigned both[] = {QXL_IO_DESTROY_SURFACE_WAIT, QXL_IO_DESTROY_SURFACE_ASYNC};

    for (unsigned i = 0; i < 2; i++) {
        struct qxl_config few = {.surfaces = 8};
        struct card_guest guest;

        card_guest_init(&guest, &few);
        assert_refused(&guest, both[i], 8, "surface-id", i == 1);

        begin_native(&guest);
        guest_push_raw(&guest, QXL_CMD_SURFACE,
                       guest_make_surface(&guest, QXL_SURFACE_CMD_CREATE, 3,
                                          SPICE_SURFACE_FMT_32_xRGB, 64, 64, 256,
                                          guest_address(GUEST_VRAM_SLOT, 0)));
        static const uint8_t ids[] = {3, 0, 200}; /* one there, the screen, none */
        for (unsigned s = 0; s < G_N_ELEMENTS(ids); s++) {
            guest_take_pending(&guest);
            guest_out(&guest, both[i], ids[s]);
            if (i == 1)
                guest_wait_pending(&guest, QXL_INTERRUPT_IO_CMD);
        }
        assert_fine(&guest);
    }
}

static void test_destroy_all(void)
{
    static const unsigned both[] = {QXL_IO_DESTROY_ALL_SURFACES, QXL_IO_DESTROY_ALL_SURFACES_ASYNC};

    for (unsigned i = 0; i < 2; i++) {
        struct card_guest guest;
        struct qxl_screen screen;

        begin_native(&guest);
        for (unsigned times = 0; times < 2; times++) {
            guest_take_pending(&guest);
            guest_out(&guest, both[i], 0);
            g_assert_false(qxl_card_screen(guest.card, &screen));
            if (i == 1)
                guest_wait_pending(&guest, QXL_INTERRUPT_IO_CMD);
        }
        guest_create_primary(&guest, 640, 480); /* the slots are still there */
        assert_fine(&guest);
    }
}

static void test_flush_surfaces(void)
{
    struct card_guest guest;

    begin_native(&guest);
    guest_push_raw(&guest, QXL_CMD_DRAW, guest_make_fill(&guest, 0, 0, 0, 640, 480, 0xabcdef));
    guest_async(&guest, QXL_IO_FLUSH_SURFACES_ASYNC, 0);
    g_assert_cmphex(guest_read32(&guest, 0, 479 * 640 * 4 + 639 * 4) & 0xffffff, ==, 0xabcdef);
    assert_fine(&guest);
}

static void test_monitors_config_errors(void)
{
    static const struct {
        QXLPHYSICAL address;
    } cases[] = {{0}, {UINT64_C(5) << 56}, {UINT64_MAX}, {UINT64_C(1) << 56 | 0xffffffffff}};

    for (unsigned c = 0; c < G_N_ELEMENTS(cases); c++) {
        struct card_guest guest;
        begin_native(&guest);
        guest_set_header(&guest, FIELD(monitors_config), &cases[c].address, 8);
        assert_refused(&guest, QXL_IO_MONITORS_CONFIG_ASYNC, 0, "monitors-address", true);
    }
}

static void test_while_stopped(void)
{
    /* A guest that writes although its machine stands: nothing hangs, the interrupt comes later. */
    struct card_guest guest;

    begin_native(&guest);
    guest_take_pending(&guest);
    qxl_card_stop(guest.card);
    set_update(&guest, 0, (QXLRect){0, 0, 10, 10});
    guest_out(&guest, QXL_IO_UPDATE_AREA, 0);
    guest_out(&guest, QXL_IO_UPDATE_AREA_ASYNC, 0);
    guest_out(&guest, QXL_IO_NOTIFY_OOM, 0);
    guest_out(&guest, QXL_IO_FLUSH_RELEASE, 0);
    guest_out(&guest, QXL_IO_NOTIFY_CMD, 0);
    g_assert_cmphex(guest_pending(&guest), ==, 0);
    qxl_card_start(guest.card);
    guest_wait_pending(&guest, QXL_INTERRUPT_IO_CMD);
    assert_fine(&guest);
}

static void test_reset_forgets_async(void)
{
    struct card_guest guest;

    begin_native(&guest);
    guest_out(&guest, QXL_IO_FLUSH_SURFACES_ASYNC, 0);
    guest_out(&guest, QXL_IO_RESET, 0);
    g_assert_cmphex(guest_pending(&guest) & QXL_INTERRUPT_IO_CMD, ==, 0);
    guest_add_slots(&guest);
    guest_create_primary(&guest, 640, 480);
    guest_async(&guest, QXL_IO_FLUSH_SURFACES_ASYNC, 0);
    assert_fine(&guest);
}

int main(int argc, char **argv)
{
    card_guest_test_init(&argc, &argv);
    g_test_add_func("/card/ports/read", test_read);
    g_test_add_func("/card/ports/wide-write", test_wide_write);
    g_test_add_func("/card/ports/unknown", test_unknown_ports);
    g_test_add_func("/card/ports/later-revision", test_port_of_later_revision);
    g_test_add_func("/card/ports/small-bars", test_small_port_bars);
    g_test_add_func("/card/ports/vga-filter", test_vga_filter);
    g_test_add_func("/card/ports/without-effect", test_ports_without_effect);
    g_test_add_func("/card/ports/log", test_log);
    g_test_add_func("/card/ports/update-area", test_update_area);
    g_test_add_func("/card/ports/update-area-shows-drawing", test_update_area_shows_drawing);
    g_test_add_func("/card/ports/second-async", test_second_async);
    g_test_add_func("/card/ports/set-mode", test_set_mode);
    g_test_add_func("/card/ports/memslot-errors", test_memslot_errors);
    g_test_add_func("/card/ports/memslot-accepted", test_memslot_accepted);
    g_test_add_func("/card/ports/memslot-del", test_memslot_del);
    g_test_add_func("/card/ports/create-primary", test_create_primary);
    g_test_add_func("/card/ports/destroy-primary", test_destroy_primary);
    g_test_add_func("/card/ports/destroy-surface", test_destroy_surface);
    g_test_add_func("/card/ports/destroy-all", test_destroy_all);
    g_test_add_func("/card/ports/flush-surfaces", test_flush_surfaces);
    g_test_add_func("/card/ports/monitors-config-errors", test_monitors_config_errors);
    g_test_add_func("/card/ports/while-stopped", test_while_stopped);
    g_test_add_func("/card/ports/reset-forgets-async", test_reset_forgets_async);
    return g_test_run();
}
