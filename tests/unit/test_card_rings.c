/*
 * The three rings: who is notified when, batching of releases, and what guests do wrong with them.
 * qxl-device.md sections 4.3, 8.10 and 16.2.
 *
 * For exact steps the server's worker stands still and the test takes its place.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/internal.h"
#include "tests/support/card_guest.h"

#define FIELD(field)  offsetof(QXLRam, field)
#define RING(field)   (offsetof(QXLRam, cmd_ring) + offsetof(QXLCommandRing, field))
#define CURSOR(field) (offsetof(QXLRam, cursor_ring) + offsetof(QXLCursorRing, field))

static const struct qxl_config secondary = {0};

static void begin(struct card_guest *guest)
{
    card_guest_init(guest, &secondary);
    guest_add_slots(guest);
    guest_create_primary(guest, 640, 480);
}

static QXLInstance *begin_without_worker(struct card_guest *guest)
{
    begin(guest);
    spice_qxl_stop(&guest->card->instance);
    guest_take_pending(guest);
    /* Whether the worker has asked for notification already is not known: as after a reset. */
    guest_set_header32(guest, RING(notify_on_prod), 1);
    guest_set_header32(guest, CURSOR(notify_on_prod), 1);
    return &guest->card->instance;
}

static QXLPHYSICAL make_draw(struct card_guest *guest)
{
    return guest_make_fill(guest, 0, 0, 0, 8, 8, 0);
}

static QXLPHYSICAL make_cursor_move(struct card_guest *guest)
{
    QXLCursorCmd command = {.type = QXL_CURSOR_MOVE};
    QXLPHYSICAL address = guest_place(guest, &command, sizeof(command));
    uint64_t id = guest_offset(address);

    g_assert_true(pci_bar_write(guest->pci, QXL_BAR_RAM, id, &id, sizeof(id)));
    return address;
}

static void release(struct card_guest *guest, const QXLCommandExt *command)
{
    QXLReleaseInfoExt info = {
        .info = (QXLReleaseInfo *)(pci_function_bar(guest->pci, QXL_BAR_RAM)->memory +
                                   guest_offset(command->cmd.data)),
        .group_id = command->group_id,
    };
    qxl_interface.release_resource(&guest->card->instance, info);
}

static void test_reset_state(void)
{
    struct card_guest guest;
    static const size_t rings[] = {FIELD(cmd_ring), FIELD(cursor_ring), FIELD(release_ring)};
    static const uint32_t sizes[] = {32, 32, 8};

    card_guest_init(&guest, &secondary);
    for (unsigned i = 0; i < 3; i++) {
        for (size_t word = 0; word < 5; word++)
            guest_set_header32(&guest, rings[i] + 4 * word, 0x5a5a5a5a);
    }
    guest_out(&guest, QXL_IO_RESET, 0);
    qxl_card_stop(guest.card); /* before the worker may arm anything it has done so or not */
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpuint(guest_header32(&guest, rings[i]), ==, sizes[i]); /* num_items */
        g_assert_cmpuint(guest_header32(&guest, rings[i] + 4), ==, 0);    /* prod */
        g_assert_cmpuint(guest_header32(&guest, rings[i] + 8), ==, 1);    /* notify_on_prod */
        g_assert_cmpuint(guest_header32(&guest, rings[i] + 12), ==, 0);   /* cons */
        g_assert_cmpuint(guest_header32(&guest, rings[i] + 16), ==, 0);   /* notify_on_cons */
    }
    card_guest_finish(&guest);
}

static void test_command_fetch(void)
{
    struct card_guest guest;
    QXLInstance *instance = begin_without_worker(&guest);
    QXLCommandExt command;

    g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 0);
    QXLPHYSICAL first = make_draw(&guest), second = make_draw(&guest);
    g_assert_true(guest_push_raw(&guest, QXL_CMD_DRAW, first)); /* the very first notifies */
    g_assert_false(guest_push_raw(&guest, QXL_CMD_DRAW, second));

    g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 1);
    g_assert_cmphex(command.cmd.data, ==, first);
    g_assert_cmpuint(command.cmd.type, ==, QXL_CMD_DRAW);
    g_assert_cmpuint(command.flags, ==, 0);
    g_assert_cmpuint(guest_header32(&guest, RING(cons)), ==, 1);
    g_assert_cmpuint(guest_pending(&guest), ==, 0); /* nobody waits for room */

    /* A guest that waits for room is interrupted exactly when its index is reached. */
    guest_set_header32(&guest, RING(notify_on_cons), 3);
    g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 1);
    g_assert_cmphex(command.cmd.data, ==, second);
    g_assert_cmpuint(guest_pending(&guest), ==, 0);
    guest_push_raw(&guest, QXL_CMD_DRAW, first);
    g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 1);
    g_assert_cmpuint(guest_pending(&guest), ==, QXL_INTERRUPT_DISPLAY);
    card_guest_finish(&guest);
}

static void test_command_arm(void)
{
    struct card_guest guest;
    QXLInstance *instance = begin_without_worker(&guest);
    QXLCommandExt command;

    for (unsigned i = 0; i < 3; i++) {
        guest_push_raw(&guest, QXL_CMD_DRAW, make_draw(&guest));
        g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 1);
    }
    g_assert_false(guest_push_raw(&guest, QXL_CMD_DRAW, make_draw(&guest)));
    /* Something is there: no need to be told. */
    g_assert_cmpint(qxl_interface.req_cmd_notification(instance), ==, 0);
    g_assert_cmpuint(guest_header32(&guest, RING(notify_on_prod)), ==, 1);
    g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 1);
    g_assert_cmpint(qxl_interface.req_cmd_notification(instance), ==, 1);
    g_assert_cmpuint(guest_header32(&guest, RING(notify_on_prod)), ==, 5);
    g_assert_true(guest_push_raw(&guest, QXL_CMD_DRAW, make_draw(&guest)));
    g_assert_false(guest_push_raw(&guest, QXL_CMD_DRAW, make_draw(&guest)));
    card_guest_finish(&guest);
}

static void test_cursor_ring(void)
{
    struct card_guest guest;
    QXLInstance *instance = begin_without_worker(&guest);
    QXLCommandExt command;
    QXLPHYSICAL move = make_cursor_move(&guest);

    g_assert_true(guest_push_cursor_raw(&guest, QXL_CMD_CURSOR, move));
    guest_set_header32(&guest, CURSOR(notify_on_cons), 1);
    g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 0);
    g_assert_cmpint(qxl_interface.req_cursor_notification(instance), ==, 0);
    g_assert_cmpint(qxl_interface.get_cursor_command(instance, &command), ==, 1);
    g_assert_cmphex(command.cmd.data, ==, move);
    g_assert_cmpuint(guest_pending(&guest), ==, QXL_INTERRUPT_CURSOR);
    g_assert_cmpint(qxl_interface.req_cursor_notification(instance), ==, 1);
    g_assert_cmpuint(guest_header32(&guest, CURSOR(notify_on_prod)), ==, 2);
    card_guest_finish(&guest);
}

/* The LEFT commands that the guest has not got back come, each once. */
static void finish_with_all(struct card_guest *guest, unsigned left)
{
    unsigned back = 0;

    for (unsigned tries = 0; back < left && tries < 2000; tries++) {
        guest_out(guest, QXL_IO_NOTIFY_OOM, 0);
        g_usleep(5000);
        back += guest_collect(guest);
    }
    g_assert_cmpuint(back, ==, left);
    g_assert_false(guest_is_frozen(guest));
    card_guest_finish(guest);
}

static void test_indices_wrap(void)
{
    /* More commands than the ring holds, through the real worker: each comes back once. */
    struct card_guest guest;
    unsigned back = 0;

    begin(&guest);
    for (unsigned i = 0; i < 1000; i++) {
        guest_push_raw(&guest, QXL_CMD_DRAW, make_draw(&guest));
        back += guest_collect(&guest);
    }
    finish_with_all(&guest, 1000 - back);
}

static void test_release_batches(void)
{
    struct card_guest guest;
    QXLInstance *instance = begin_without_worker(&guest);
    QXLCommandExt command;

    for (unsigned i = 1; i <= 96; i++) {
        guest_push_raw(&guest, QXL_CMD_DRAW, make_draw(&guest));
        g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 1);
        release(&guest, &command);
        g_assert_cmpuint(guest_header32(&guest, FIELD(release_ring.prod)), ==, i / 32);
        if (i == 32)
            g_assert_cmpuint(guest_take_pending(&guest), ==, QXL_INTERRUPT_DISPLAY);
    }
    /* The guest has not asked to be told of the second and third. */
    g_assert_cmpuint(guest_pending(&guest), ==, 0);
    g_assert_cmpuint(guest_collect(&guest), ==, 96);
    card_guest_finish(&guest);
}

static void test_release_order(void)
{
    struct card_guest guest;
    QXLInstance *instance = begin_without_worker(&guest);
    QXLCommandExt commands[3];
    uint64_t ids[3], word;

    for (unsigned i = 0; i < 3; i++) {
        QXLPHYSICAL address = make_draw(&guest);
        ids[i] = guest_offset(address);
        guest_push_raw(&guest, QXL_CMD_DRAW, address);
        g_assert_cmpint(qxl_interface.get_command(instance, &commands[i]), ==, 1);
        release(&guest, &commands[i]);
    }
    g_assert_cmpint(qxl_interface.flush_resources(instance), ==, 3);
    g_assert_cmpint(qxl_interface.flush_resources(instance), ==, 0);
    g_assert_cmpuint(guest_header32(&guest, FIELD(release_ring.prod)), ==, 1);
    g_assert_true(pci_bar_read(guest.pci, 0, guest.header + FIELD(release_ring.items), &word, 8));
    g_assert_cmpuint(word, ==, ids[0]);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_true(pci_bar_read(guest.pci, 0, ids[i], &word, 8));
        g_assert_cmpuint(word, ==, i < 2 ? ids[i + 1] : 0);
    }
    card_guest_finish(&guest);
}

static void test_release_ring_full(void)
{
    struct card_guest guest;
    QXLInstance *instance = begin_without_worker(&guest);
    QXLCommandExt command;

    /* Seven entries at most; the chain grows meanwhile and nothing is lost. */
    for (unsigned i = 0; i < 32 * 10; i++) {
        guest_push_raw(&guest, QXL_CMD_DRAW, make_draw(&guest));
        g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 1);
        release(&guest, &command);
    }
    g_assert_cmpuint(guest_header32(&guest, FIELD(release_ring.prod)), ==, 7);
    g_assert_cmpint(qxl_interface.flush_resources(instance), ==, 0);
    guest_out(&guest, QXL_IO_FLUSH_RELEASE, 0);
    g_assert_cmpuint(guest_header32(&guest, FIELD(release_ring.prod)), ==, 7);
    g_assert_cmpuint(guest_collect(&guest), ==, 32 * 7);
    g_assert_cmpint(qxl_interface.flush_resources(instance), ==, 32 * 3);
    g_assert_cmpuint(guest_collect(&guest), ==, 32 * 3);
    card_guest_finish(&guest);
}

static void test_flush_release(void)
{
    struct card_guest guest;
    QXLInstance *instance = begin_without_worker(&guest);
    QXLCommandExt command;

    guest_out(&guest, QXL_IO_FLUSH_RELEASE, 0); /* pushes even nothing */
    g_assert_cmpuint(guest_header32(&guest, FIELD(release_ring.prod)), ==, 1);
    g_assert_cmpuint(guest_take_pending(&guest), ==, QXL_INTERRUPT_DISPLAY);
    g_assert_cmpuint(guest_collect(&guest), ==, 0);
    guest_push_raw(&guest, QXL_CMD_DRAW, make_draw(&guest));
    g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 1);
    release(&guest, &command);
    guest_set_header32(&guest, FIELD(release_ring.notify_on_prod), 2);
    guest_out(&guest, QXL_IO_FLUSH_RELEASE, 0);
    g_assert_cmpuint(guest_take_pending(&guest), ==, QXL_INTERRUPT_DISPLAY); /* not IO_CMD */
    g_assert_cmpuint(guest_collect(&guest), ==, 1);
    card_guest_finish(&guest);
}

static void test_oom_with_unread_entries(void)
{
    struct card_guest guest;

    begin(&guest);
    guest_out(&guest, QXL_IO_FLUSH_RELEASE, 0);
    guest_push_raw(&guest, QXL_CMD_DRAW, make_draw(&guest));
    guest_wait_commands(&guest);
    QXLRect area = {0, 0, 480, 640};
    guest_set_header(&guest, FIELD(update_area), &area, sizeof(area));
    guest_out(&guest, QXL_IO_UPDATE_AREA, 0);
    guest_out(&guest, QXL_IO_NOTIFY_OOM, 0);
    guest_out(&guest, QXL_IO_UPDATE_AREA, 0); /* a barrier: OOM would be done now */
    g_assert_cmpuint(guest_header32(&guest, FIELD(release_ring.prod)), ==, 1);
    g_assert_cmpuint(guest_collect(&guest), ==, 0);
    guest_out(&guest, QXL_IO_NOTIFY_OOM, 0);
    guest_out(&guest, QXL_IO_UPDATE_AREA, 0);
    g_assert_cmpuint(guest_collect(&guest), ==, 1);
    card_guest_finish(&guest);
}

static void test_num_items_ignored(void)
{
    struct card_guest guest;
    QXLInstance *instance = begin_without_worker(&guest);
    QXLCommandExt command;

    for (unsigned i = 0; i < 3; i++) {
        static const uint32_t sizes[] = {0xffffffff, 2, 0};
        QXLPHYSICAL address = make_draw(&guest);
        guest_set_header32(&guest, RING(num_items), sizes[i]);
        guest_set_header32(&guest, FIELD(release_ring.num_items), sizes[i]);
        guest_push_raw(&guest, QXL_CMD_DRAW, address);
        g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 1);
        g_assert_cmphex(command.cmd.data, ==, address);
        release(&guest, &command);
    }
    g_assert_cmpint(qxl_interface.flush_resources(instance), ==, 3);
    g_assert_cmpuint(guest_collect(&guest), ==, 3);
    g_assert_false(guest_is_frozen(&guest));
    card_guest_finish(&guest);
}

static void test_random_notify_words(void)
{
    /* They cost or spare interrupts, nothing else. */
    struct card_guest guest;
    unsigned back = 0;

    begin(&guest);
    for (unsigned i = 0; i < 300; i++) {
        guest_set_header32(&guest, RING(notify_on_prod), g_test_rand_int());
        guest_set_header32(&guest, RING(notify_on_cons), g_test_rand_int());
        guest_set_header32(&guest, FIELD(release_ring.notify_on_prod), g_test_rand_int());
        guest_set_header32(&guest, FIELD(release_ring.notify_on_cons), g_test_rand_int());
        guest_push_raw(&guest, QXL_CMD_DRAW, make_draw(&guest));
        guest_out(&guest, QXL_IO_NOTIFY_CMD, 0);
        back += guest_collect(&guest);
    }
    finish_with_all(&guest, 300 - back);
}

static void test_overrun(void)
{
    struct card_guest guest;
    QXLInstance *instance = begin_without_worker(&guest);
    QXLCommandExt command;

    guest_set_header32(&guest, RING(prod), 33);
    g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 0);
    g_assert_cmpint(qxl_interface.req_cmd_notification(instance), ==, 1);
    g_assert_cmpuint(guest_bugs(&guest, "ring-overrun"), ==, 1);
    g_assert_true(guest_is_frozen(&guest));
    /* The cursor ring is still read. */
    guest_push_cursor_raw(&guest, QXL_CMD_CURSOR, make_cursor_move(&guest));
    g_assert_cmpint(qxl_interface.get_cursor_command(instance, &command), ==, 1);
    guest_set_header32(&guest, CURSOR(prod), 0x80000000);
    g_assert_cmpint(qxl_interface.get_cursor_command(instance, &command), ==, 0);
    g_assert_cmpint(qxl_interface.req_cursor_notification(instance), ==, 1);
    g_assert_cmpuint(guest_bugs(&guest, "ring-overrun"), ==, 2);
    card_guest_finish(&guest);
}

static void test_rewritten_indices(void)
{
    struct card_guest guest;
    QXLInstance *instance = begin_without_worker(&guest);
    QXLCommandExt command;
    QXLPHYSICAL first = make_draw(&guest), second = make_draw(&guest);

    guest_push_raw(&guest, QXL_CMD_DRAW, first);
    guest_push_raw(&guest, QXL_CMD_DRAW, second);
    g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 1);
    release(&guest, &command);
    guest_set_header32(&guest, RING(cons), 77);
    guest_set_header32(&guest, FIELD(release_ring.prod), 5);
    g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 1);
    g_assert_cmphex(command.cmd.data, ==, second);
    g_assert_cmpuint(guest_header32(&guest, RING(cons)), ==, 2);
    g_assert_cmpint(qxl_interface.flush_resources(instance), ==, 1);
    g_assert_cmpuint(guest_header32(&guest, FIELD(release_ring.prod)), ==, 1);
    card_guest_finish(&guest);
}

static void test_release_items_written_by_guest(void)
{
    struct card_guest guest;
    QXLInstance *instance = begin_without_worker(&guest);
    QXLCommandExt command;
    uint8_t junk[64];

    memset(junk, 0xee, sizeof(junk));
    guest_set_header(&guest, FIELD(release_ring.items), junk, sizeof(junk));
    guest_push_raw(&guest, QXL_CMD_DRAW, make_draw(&guest));
    g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 1);
    release(&guest, &command);
    g_assert_cmpint(qxl_interface.flush_resources(instance), ==, 1);
    g_assert_cmpuint(guest_collect(&guest), ==, 1);
    card_guest_finish(&guest);
}

static void test_release_id_zero(void)
{
    struct card_guest guest;
    QXLInstance *instance = begin_without_worker(&guest);
    QXLCommandExt commands[3];

    for (unsigned i = 0; i < 3; i++) {
        QXLPHYSICAL address = make_draw(&guest);
        if (i == 1)
            g_assert_true(pci_bar_write(guest.pci, 0, guest_offset(address), "\0\0\0\0\0\0\0", 8));
        guest_push_raw(&guest, QXL_CMD_DRAW, address);
        g_assert_cmpint(qxl_interface.get_command(instance, &commands[i]), ==, 1);
        release(&guest, &commands[i]);
    }
    g_assert_cmpint(qxl_interface.flush_resources(instance), ==, 2);
    g_assert_cmpuint(guest_collect(&guest), ==, 2);
    g_assert_cmpuint(guest_bugs(&guest, "release-id"), ==, 1);
    g_assert_false(guest_is_frozen(&guest));
    card_guest_finish(&guest);
}

static void test_bad_command_types(void)
{
    static const uint32_t types[] = {QXL_CMD_NOP, QXL_CMD_CURSOR, 6, 0xffffffff};

    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        struct card_guest guest;
        QXLInstance *instance = begin_without_worker(&guest);
        QXLCommandExt command;

        guest_push_raw(&guest, types[i], make_draw(&guest));
        guest_push_raw(&guest, QXL_CMD_DRAW, make_draw(&guest));
        g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 0);
        g_assert_cmpuint(guest_bugs(&guest, "command-type"), ==, 1);
        g_assert_true(guest_is_frozen(&guest));
        g_assert_cmpuint(guest_header32(&guest, RING(cons)), ==, 1);
        g_assert_cmpint(qxl_interface.flush_resources(instance), ==, 1); /* returned */
        card_guest_finish(&guest);
    }
}

static void test_bad_cursor_ring_type(void)
{
    struct card_guest guest;
    QXLInstance *instance = begin_without_worker(&guest);
    QXLCommandExt command;
    QXLPHYSICAL move = make_cursor_move(&guest);

    guest_push_cursor_raw(&guest, QXL_CMD_DRAW, make_draw(&guest));
    guest_push_cursor_raw(&guest, QXL_CMD_CURSOR, move);
    g_assert_cmpint(qxl_interface.get_cursor_command(instance, &command), ==, 1);
    g_assert_cmphex(command.cmd.data, ==, move);
    g_assert_cmpuint(guest_bugs(&guest, "cursor-ring-type"), ==, 1);
    g_assert_false(guest_is_frozen(&guest));
    g_assert_cmpint(qxl_interface.flush_resources(instance), ==, 1);
    card_guest_finish(&guest);
}

static void test_bad_addresses(void)
{
    uint64_t size = 64 << 20; /* of the VRAM slot */
    const struct {
        QXLPHYSICAL address;
        const char *bug;
        bool freezes;
    } cases[] = {
        {guest_address(8, 0), "command-slot", true},
        {UINT64_MAX, "command-slot", true},
        {guest_address(GUEST_RAM_SLOT, 0x1000) | UINT64_C(3) << 48, "command-slot", true},
        {guest_address(5, 0x1000), "command-range", false}, /* not active */
        {guest_address(GUEST_VRAM_SLOT, size - sizeof(QXLDrawable) + 1), "command-range", false},
        {guest_address(GUEST_VRAM_SLOT, size), "command-range", false},
        {guest_address(GUEST_VRAM_SLOT, UINT64_C(0xffffffffffff)), "command-range", false},
        {0, "command-range", false},
    };

    for (unsigned i = 0; i < 2 * G_N_ELEMENTS(cases); i++) {
        unsigned c = i / 2;
        bool cursor = i % 2;
        struct card_guest guest;
        QXLInstance *instance = begin_without_worker(&guest);
        QXLCommandExt command;

        if (cursor) {
            QXLPHYSICAL address = cases[c].address;
            if (address == guest_address(GUEST_VRAM_SLOT, size - sizeof(QXLDrawable) + 1))
                address = guest_address(GUEST_VRAM_SLOT, size - sizeof(QXLCursorCmd) + 1);
            guest_push_cursor_raw(&guest, QXL_CMD_CURSOR, address);
            g_assert_cmpint(qxl_interface.get_cursor_command(instance, &command), ==, 0);
        } else {
            guest_push_raw(&guest, QXL_CMD_DRAW, cases[c].address);
            g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 0);
        }
        g_assert_cmpuint(guest_bugs(&guest, cases[c].bug), ==, 1);
        g_assert_cmpint(guest_is_frozen(&guest), ==, cases[c].freezes);
        card_guest_finish(&guest);
    }

    /* The last place where it fits. */
    struct card_guest guest;
    QXLInstance *instance = begin_without_worker(&guest);
    QXLCommandExt command;
    guest_push_raw(&guest, QXL_CMD_DRAW,
                   guest_address(GUEST_VRAM_SLOT, size - sizeof(QXLDrawable)));
    g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 1);
    card_guest_finish(&guest);
}

static void test_slots_that_touch(void)
{
    /* An object over the seam of two adjacent slots lies in none. */
    struct card_guest guest;
    QXLInstance *instance = begin_without_worker(&guest);
    QXLCommandExt command;
    uint64_t base = GUEST_VRAM_ADDRESS;

    guest_set_slot(&guest, base, base + 0x1000);
    guest_out(&guest, QXL_IO_MEMSLOT_ADD, 3);
    guest_set_slot(&guest, base + 0x1000, base + 0x2000);
    guest_out(&guest, QXL_IO_MEMSLOT_ADD, 4);
    guest_push_raw(&guest, QXL_CMD_DRAW, guest_address(3, 0x1000 - 64));
    guest_push_raw(&guest, QXL_CMD_DRAW, guest_address(4, 0x1000 - sizeof(QXLDrawable)));
    g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 1);
    g_assert_cmphex(command.cmd.data >> 56, ==, 4);
    g_assert_cmpuint(guest_bugs(&guest, "command-range"), ==, 1);
    card_guest_finish(&guest);
}

static void test_command_in_vram(void)
{
    struct card_guest guest;
    QXLInstance *instance = begin_without_worker(&guest);
    QXLCommandExt command;
    uint64_t id = 0x1234;

    g_assert_true(pci_bar_write(guest.pci, QXL_BAR_VRAM32, 0x2000, &id, 8));
    guest_push_raw(&guest, QXL_CMD_DRAW, guest_address(GUEST_VRAM_SLOT, 0x2000));
    g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 1);
    QXLReleaseInfoExt info = {
        (QXLReleaseInfo *)(pci_function_bar(guest.pci, QXL_BAR_VRAM32)->memory + 0x2000),
        command.group_id};
    qxl_interface.release_resource(instance, info);
    g_assert_cmpint(qxl_interface.flush_resources(instance), ==, 1);
    g_assert_true(pci_bar_read(guest.pci, 0, guest.header + FIELD(release_ring.items), &id, 8));
    g_assert_cmphex(id, ==, 0x1234);
    card_guest_finish(&guest);
}

static void test_stale_release(void)
{
    /* What the server returns after a reset is not the guest's any more. */
    struct card_guest guest;
    QXLInstance *instance = begin_without_worker(&guest);
    QXLCommandExt command;
    uint64_t id = guest_offset(make_draw(&guest)), word;

    guest_push_raw(&guest, QXL_CMD_DRAW, guest_address(GUEST_RAM_SLOT, id));
    g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 1);
    guest_out(&guest, QXL_IO_RESET, 0);
    release(&guest, &command);
    g_assert_cmpint(qxl_interface.flush_resources(instance), ==, 0);
    g_assert_true(pci_bar_read(guest.pci, 0, id, &word, 8));
    g_assert_cmphex(word, ==, id);
    QXLReleaseInfoExt none = {NULL, command.group_id};
    qxl_interface.release_resource(instance, none);
    card_guest_finish(&guest);
}

static void test_release_while_stopped(void)
{
    /* A stopped guest's memory stands still; what came back meanwhile is published later. */
    struct card_guest guest;
    QXLInstance *instance = begin_without_worker(&guest);
    QXLCommandExt command;
    uint64_t id = guest_offset(make_draw(&guest)), word;

    guest_push_raw(&guest, QXL_CMD_DRAW, guest_address(GUEST_RAM_SLOT, id));
    g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 1);
    qxl_card_stop(guest.card);
    release(&guest, &command);
    g_assert_cmpint(qxl_interface.flush_resources(instance), ==, 0);
    g_assert_cmpint(qxl_interface.get_command(instance, &command), ==, 0);
    g_assert_true(pci_bar_read(guest.pci, 0, id, &word, 8));
    g_assert_cmphex(word, ==, id);
    qxl_card_start(guest.card);
    guest_out(&guest, QXL_IO_FLUSH_RELEASE, 0);
    g_assert_cmpuint(guest_collect(&guest), ==, 1);
    card_guest_finish(&guest);
}

int main(int argc, char **argv)
{
    card_guest_test_init(&argc, &argv);
    g_test_add_func("/card/rings/reset-state", test_reset_state);
    g_test_add_func("/card/rings/command-fetch", test_command_fetch);
    g_test_add_func("/card/rings/command-arm", test_command_arm);
    g_test_add_func("/card/rings/cursor", test_cursor_ring);
    g_test_add_func("/card/rings/wrap", test_indices_wrap);
    g_test_add_func("/card/rings/release-batches", test_release_batches);
    g_test_add_func("/card/rings/release-order", test_release_order);
    g_test_add_func("/card/rings/release-full", test_release_ring_full);
    g_test_add_func("/card/rings/flush-release", test_flush_release);
    g_test_add_func("/card/rings/oom-with-unread", test_oom_with_unread_entries);
    g_test_add_func("/card/rings/num-items", test_num_items_ignored);
    g_test_add_func("/card/rings/random-notify-words", test_random_notify_words);
    g_test_add_func("/card/rings/overrun", test_overrun);
    g_test_add_func("/card/rings/rewritten-indices", test_rewritten_indices);
    g_test_add_func("/card/rings/release-items-written", test_release_items_written_by_guest);
    g_test_add_func("/card/rings/release-id-zero", test_release_id_zero);
    g_test_add_func("/card/rings/command-types", test_bad_command_types);
    g_test_add_func("/card/rings/cursor-ring-type", test_bad_cursor_ring_type);
    g_test_add_func("/card/rings/addresses", test_bad_addresses);
    g_test_add_func("/card/rings/slots-that-touch", test_slots_that_touch);
    g_test_add_func("/card/rings/command-in-vram", test_command_in_vram);
    g_test_add_func("/card/rings/stale-release", test_stale_release);
    g_test_add_func("/card/rings/release-while-stopped", test_release_while_stopped);
    return g_test_run();
}
