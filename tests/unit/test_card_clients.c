/*
 * What passes between clients and guest through the card: monitor layouts both ways and client
 * capabilities; and the interrupts that tell of it. qxl-device.md sections 3.3, 3.4, 10 and 12.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/internal.h"
#include "tests/support/card_guest.h"

#define FIELD(field)  offsetof(QXLRam, field)
#define CONFIG_OFFSET 0x84 /* of the client monitors config in the ROM */
#define CONFIG_SIZE   1028

static const struct qxl_config secondary = {0};

/* The kernel's crc32(0, ...), bit by bit. */
static uint32_t kernel_crc(const uint8_t *bytes, size_t size)
{
    uint32_t crc = 0;

    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return crc;
}

static void assert_crc(struct card_guest *guest)
{
    QXLRom rom = guest_rom(guest);
    g_assert_cmphex(rom.client_monitors_config_crc, ==,
                    kernel_crc((const uint8_t *)&rom + CONFIG_OFFSET, CONFIG_SIZE));
}

static VDAgentMonitorsConfig *make_wish(unsigned count)
{
    VDAgentMonitorsConfig *wish = g_malloc0(sizeof(*wish) + count * sizeof(VDAgentMonConfig));

    wish->num_of_monitors = count;
    for (unsigned i = 0; i < count; i++)
        wish->monitors[i] = (VDAgentMonConfig){
            .width = 800 + i, .height = 600 + i, .depth = 32, .x = (int)(1000 * i), .y = (int)i};
    return wish;
}

static int wish(struct card_guest *guest, unsigned count)
{
    g_autofree VDAgentMonitorsConfig *config = make_wish(count);
    return qxl_interface.client_monitors_config(&guest->card->instance, config);
}

static int probe(struct card_guest *guest)
{
    return qxl_interface.client_monitors_config(&guest->card->instance, NULL);
}

static void listen_for_wishes(struct card_guest *guest)
{
    guest_set_header32(guest, FIELD(int_mask), 0x27);
    guest_take_pending(guest);
}

static void test_client_monitors(void)
{
    struct card_guest guest;

    card_guest_init(&guest, &secondary);
    g_assert_cmphex(guest_rom(&guest).client_monitors_config_crc, ==, 0);
    assert_crc(&guest);
    listen_for_wishes(&guest);
    g_assert_cmpint(probe(&guest), ==, 1);
    g_assert_cmpint(wish(&guest, 2), ==, 1);
    g_assert_cmphex(guest_pending(&guest) & 0x20, ==, 0x20);
    g_assert_true(pci_intx_level(guest.pci));
    QXLRom rom = guest_rom(&guest);
    g_assert_cmpuint(rom.client_monitors_config.count, ==, 2);
    g_assert_cmpuint(rom.client_monitors_config.heads[1].left, ==, 1000);
    g_assert_cmpuint(rom.client_monitors_config.heads[1].top, ==, 1);
    g_assert_cmpuint(rom.client_monitors_config.heads[1].right, ==, 1801);
    g_assert_cmpuint(rom.client_monitors_config.heads[1].bottom, ==, 602);
    g_assert_cmpuint(rom.client_monitors_config.heads[2].right, ==, 0);
    assert_crc(&guest);

    guest_take_pending(&guest);
    g_assert_cmpint(wish(&guest, 2), ==, 1); /* the same: no interrupt */
    g_assert_cmphex(guest_pending(&guest) & 0x20, ==, 0);
    g_assert_cmpint(wish(&guest, 1), ==, 1);
    g_assert_cmphex(guest_pending(&guest) & 0x20, ==, 0x20);
    g_assert_cmpuint(guest_rom(&guest).client_monitors_config.heads[1].right, ==, 0);
    g_assert_cmpint(wish(&guest, 100), ==, 1); /* 64 fit */
    g_assert_cmpuint(guest_rom(&guest).client_monitors_config.count, ==, 64);
    assert_crc(&guest);

    guest_out(&guest, QXL_IO_RESET, 0);
    g_assert_cmpuint(guest_rom(&guest).client_monitors_config.count, ==, 0);
    assert_crc(&guest);
    card_guest_finish(&guest);
}

static void test_drivers_that_do_not_listen(void)
{
    static const uint32_t masks[] = {0, UINT32_MAX, 0x07, 0xff & ~0x20u};
    struct card_guest guest;

    card_guest_init(&guest, &secondary);
    for (unsigned i = 0; i < G_N_ELEMENTS(masks); i++) {
        guest_set_header32(&guest, FIELD(int_mask), masks[i]);
        g_assert_cmpint(probe(&guest), ==, 0);
        g_assert_cmpint(wish(&guest, 1), ==, 0);
        g_assert_cmpuint(guest_rom(&guest).client_monitors_config.count, ==, 0);
    }
    card_guest_finish(&guest);

    struct qxl_config old = {.revision = 3};
    card_guest_init(&guest, &old);
    listen_for_wishes(&guest);
    g_assert_cmpint(probe(&guest), ==, 0);
    card_guest_finish(&guest);
}

static void test_max_outputs(void)
{
    struct qxl_config config = {.max_outputs = 3};
    struct card_guest guest;

    card_guest_init(&guest, &config);
    listen_for_wishes(&guest);
    g_assert_cmpint(wish(&guest, 5), ==, 1);
    g_assert_cmpuint(guest_rom(&guest).client_monitors_config.count, ==, 3);
    g_assert_cmpuint(guest_rom(&guest).client_monitors_config.heads[3].right, ==, 0);
    card_guest_finish(&guest);
}

static void test_preset(void)
{
    struct qxl_config config = {.xres = 1280, .yres = 720};
    struct card_guest guest;

    card_guest_init(&guest, &config);
    for (unsigned i = 0; i < 2; i++) {
        QXLRom rom = guest_rom(&guest);
        g_assert_cmpuint(rom.client_monitors_config.count, ==, 1);
        g_assert_cmpuint(rom.client_monitors_config.heads[0].right, ==, 1280);
        g_assert_cmpuint(rom.client_monitors_config.heads[0].bottom, ==, 720);
        assert_crc(&guest);
        listen_for_wishes(&guest);
        g_assert_cmpint(wish(&guest, 2), ==, 1);
        guest_out(&guest, QXL_IO_RESET, 0); /* brings the preset back */
    }
    card_guest_finish(&guest);
}

static void test_wish_while_stopped(void)
{
    struct card_guest guest;

    card_guest_init(&guest, &secondary);
    listen_for_wishes(&guest);
    qxl_card_stop(guest.card);
    g_assert_cmpint(wish(&guest, 1), ==, 1);
    g_assert_cmpuint(guest_rom(&guest).client_monitors_config.count, ==, 0);
    qxl_card_start(guest.card);
    g_assert_cmphex(guest_pending(&guest) & 0x20, ==, 0x20);
    g_assert_cmpuint(guest_rom(&guest).client_monitors_config.count, ==, 1);
    card_guest_finish(&guest);
}

struct layout {
    QXLMonitorsConfig config;
    QXLHead heads[4];
};

static void send_layout(struct card_guest *guest, const struct layout *layout)
{
    QXLPHYSICAL address = guest_place(guest, layout, sizeof(*layout));

    guest_set_header(guest, FIELD(monitors_config), &address, sizeof(address));
    guest_async(guest, QXL_IO_MONITORS_CONFIG_ASYNC, 0);
}

static void test_guest_monitors(void)
{
    struct card_guest guest;
    struct layout layout = {
        .config = {.count = 2, .max_allowed = 4},
        .heads = {{.width = 320, .height = 480}, {.id = 1, .width = 320, .height = 480, .x = 320}},
    };

    card_guest_init(&guest, &secondary);
    guest_add_slots(&guest);
    guest_create_primary(&guest, 640, 480);
    send_layout(&guest, &layout);
    QXLPHYSICAL first = guest.card->monitors.guest_config;
    g_assert_cmphex(first, !=, 0);
    g_assert_cmpuint(guest.card->size.width, ==, 640);

    /* One head: that is what there is to see. */
    layout.config.count = 1;
    send_layout(&guest, &layout);
    g_assert_cmphex(guest.card->monitors.guest_config, !=, first);
    g_assert_cmpuint(guest.card->size.width, ==, 320);

    /* Counts that make no sense complete, too. */
    layout.config.count = 0;
    send_layout(&guest, &layout);
    layout.config.count = 5;
    send_layout(&guest, &layout);
    layout.config = (QXLMonitorsConfig){.count = 0xffff, .max_allowed = 0xffff};
    send_layout(&guest, &layout);
    layout.config = (QXLMonitorsConfig){.count = 1, .max_allowed = 0};
    send_layout(&guest, &layout);
    g_assert_false(guest_is_frozen(&guest));
    guest_out(&guest, QXL_IO_RESET, 0);
    g_assert_cmphex(guest.card->monitors.guest_config, ==, 0);
    card_guest_finish(&guest);
}

static void test_capabilities(void)
{
    struct card_guest guest;
    uint8_t caps[SPICE_CAPABILITIES_SIZE] = {0x0f};

    card_guest_init(&guest, &secondary);
    guest_wait_pending(&guest, QXL_INTERRUPT_CLIENT); /* the server says so at start */
    QXLRom rom = guest_rom(&guest);
    g_assert_cmpuint(rom.client_present, ==, 0);
    guest_take_pending(&guest);
    caps[57] = 0x80;
    qxl_interface.set_client_capabilities(&guest.card->instance, 1, caps);
    g_assert_cmphex(guest_take_pending(&guest) & QXL_INTERRUPT_CLIENT, ==, QXL_INTERRUPT_CLIENT);
    rom = guest_rom(&guest);
    g_assert_cmpuint(rom.client_present, ==, 1);
    g_assert_cmpmem(rom.client_capabilities, 58, caps, 58);
    card_guest_finish(&guest);

    struct qxl_config old = {.revision = 3};
    card_guest_init(&guest, &old);
    qxl_interface.set_client_capabilities(&guest.card->instance, 1, caps);
    g_assert_cmpuint(guest_rom(&guest).client_present, ==, 0);
    g_assert_cmphex(guest_pending(&guest) & QXL_INTERRUPT_CLIENT, ==, 0);
    card_guest_finish(&guest);
}

static void test_capabilities_survive_reset(void)
{
    struct card_guest guest;
    uint8_t caps[SPICE_CAPABILITIES_SIZE] = {0x05};

    card_guest_init(&guest, &secondary);
    guest_wait_pending(&guest, QXL_INTERRUPT_CLIENT);
    qxl_interface.set_client_capabilities(&guest.card->instance, 1, caps);
    qxl_card_stop(guest.card); /* so that the server does not speak again */
    guest_out(&guest, QXL_IO_RESET, 0);
    QXLRom rom = guest_rom(&guest);
    g_assert_cmpuint(rom.client_present, ==, 1);
    g_assert_cmpuint(rom.client_capabilities[0], ==, 5);
    card_guest_finish(&guest);
}

static void test_compression_level(void)
{
    struct card_guest guest;

    card_guest_init(&guest, &secondary);
    g_assert_cmpuint(guest_rom(&guest).compression_level, ==, 0);
    qxl_interface.set_compression_level(&guest.card->instance, 1);
    g_assert_cmpuint(guest_rom(&guest).compression_level, ==, 1);
    guest_out(&guest, QXL_IO_RESET, 0);
    g_assert_cmpuint(guest_rom(&guest).compression_level, ==, 1);
    qxl_interface.set_compression_level(&guest.card->instance, 0);
    g_assert_cmpuint(guest_rom(&guest).compression_level, ==, 0);
    card_guest_finish(&guest);
}

static void test_line(void)
{
    struct card_guest guest;

    card_guest_init(&guest, &secondary);
    guest_wait_pending(&guest, QXL_INTERRUPT_CLIENT);
    guest_take_pending(&guest);
    guest_set_header32(&guest, FIELD(int_pending), 1);
    guest_set_header32(&guest, FIELD(int_mask), 2);
    guest_out(&guest, QXL_IO_UPDATE_IRQ, 0);
    g_assert_false(pci_intx_level(guest.pci));
    /* Changing words moves nothing, the port does. */
    guest_set_header32(&guest, FIELD(int_mask), 1);
    g_assert_false(pci_intx_level(guest.pci));
    guest_out(&guest, QXL_IO_UPDATE_IRQ, 0);
    g_assert_true(pci_intx_level(guest.pci));
    g_assert_true(qxl_card_irq_level(guest.card));
    guest_set_header32(&guest, FIELD(int_pending), 0);
    g_assert_true(pci_intx_level(guest.pci));
    guest_out(&guest, QXL_IO_UPDATE_IRQ, 0);
    g_assert_false(pci_intx_level(guest.pci));

    /* A bit that the device newly sets does; one that is pending already does not. */
    guest_out(&guest, QXL_IO_FLUSH_RELEASE, 0);
    g_assert_true(pci_intx_level(guest.pci));
    g_assert_cmphex(guest_take_pending(&guest), ==, QXL_INTERRUPT_DISPLAY);
    g_assert_false(pci_intx_level(guest.pci));
    guest_set_header32(&guest, FIELD(int_mask), 0);
    guest_set_header32(&guest, FIELD(release_ring.notify_on_prod), 2);
    guest_out(&guest, QXL_IO_FLUSH_RELEASE, 0); /* masked */
    g_assert_cmphex(guest_pending(&guest), ==, QXL_INTERRUPT_DISPLAY);
    g_assert_false(pci_intx_level(guest.pci));
    guest_set_header32(&guest, FIELD(int_mask), 1);
    guest_set_header32(&guest, FIELD(release_ring.notify_on_prod), 3);
    guest_out(&guest, QXL_IO_FLUSH_RELEASE, 0); /* the bit is there already */
    g_assert_false(pci_intx_level(guest.pci));
    guest_out(&guest, QXL_IO_UPDATE_IRQ, 0);
    g_assert_true(pci_intx_level(guest.pci));
    card_guest_finish(&guest);
}

static void test_line_after_resume(void)
{
    struct card_guest guest;

    card_guest_init(&guest, &secondary);
    guest_take_pending(&guest);
    qxl_card_stop(guest.card);
    guest_set_header32(&guest, FIELD(int_mask), QXL_INTERRUPT_IO_CMD);
    guest_set_header32(&guest, FIELD(int_pending), QXL_INTERRUPT_IO_CMD);
    g_assert_false(pci_intx_level(guest.pci));
    qxl_card_start(guest.card);
    g_assert_true(pci_intx_level(guest.pci));
    card_guest_finish(&guest);
}

static void count_calls(void *opaque, bool level)
{
    unsigned *calls = opaque;
    (void)level;
    ++*calls;
}

static void test_host_hears_changes_only(void)
{
    struct card_guest guest;
    unsigned calls = 0;

    card_guest_init(&guest, &secondary);
    guest_wait_pending(&guest, QXL_INTERRUPT_CLIENT);
    guest_take_pending(&guest);
    pci_intx_set_sink(guest.pci, count_calls, &calls);
    guest_set_header32(&guest, FIELD(int_mask), 1);
    for (unsigned i = 0; i < 3; i++)
        guest_out(&guest, QXL_IO_UPDATE_IRQ, 0);
    g_assert_cmpuint(calls, ==, 0);
    guest_set_header32(&guest, FIELD(int_pending), 1);
    for (unsigned i = 0; i < 3; i++)
        guest_out(&guest, QXL_IO_UPDATE_IRQ, 0);
    g_assert_cmpuint(calls, ==, 1);
    card_guest_finish(&guest);
}

int main(int argc, char **argv)
{
    card_guest_test_init(&argc, &argv);
    g_test_add_func("/card/clients/monitors", test_client_monitors);
    g_test_add_func("/card/clients/drivers-that-do-not-listen", test_drivers_that_do_not_listen);
    g_test_add_func("/card/clients/max-outputs", test_max_outputs);
    g_test_add_func("/card/clients/preset", test_preset);
    g_test_add_func("/card/clients/wish-while-stopped", test_wish_while_stopped);
    g_test_add_func("/card/clients/guest-monitors", test_guest_monitors);
    g_test_add_func("/card/clients/capabilities", test_capabilities);
    g_test_add_func("/card/clients/capabilities-survive-reset", test_capabilities_survive_reset);
    g_test_add_func("/card/clients/compression-level", test_compression_level);
    g_test_add_func("/card/irq/line", test_line);
    g_test_add_func("/card/irq/resume", test_line_after_resume);
    g_test_add_func("/card/irq/changes-only", test_host_hears_changes_only);
    return g_test_run();
}
