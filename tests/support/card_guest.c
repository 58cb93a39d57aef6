/*
 * A small guest for tests.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/card_guest.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "tests/support/core_loop.h"

#define PATIENCE     20 /* seconds, for a loaded machine under a sanitizer */
#define FIELD(field) offsetof(QXLRam, field)

static void ignore_log(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data)
{
    (void)domain;
    (void)level;
    (void)text;
    (void)data;
}

void card_guest_test_init(int *argc, char ***argv)
{
    g_test_init(argc, argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
    g_log_set_handler(
        "Spice", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG,
        ignore_log, NULL);
}

static void map_bar(struct card_guest *guest, unsigned bar, uint64_t address)
{
    uint32_t low = (uint32_t)address, high = address >> 32;

    pci_config_write(guest->pci, PCI_BASE_ADDRESS_0 + 4 * bar, &low, 4);
    if (bar == QXL_BAR_VRAM64)
        pci_config_write(guest->pci, PCI_BASE_ADDRESS_0 + 4 * bar + 4, &high, 4);
}

void card_guest_init(struct card_guest *guest, const struct qxl_config *config)
{
    uint16_t command = PCI_COMMAND_IO | PCI_COMMAND_MEMORY;
    GError *error = NULL;

    *guest = (struct card_guest){0};
    guest->server = spice_server_new();
    g_assert_cmpint(spice_server_set_noauth(guest->server), ==, 0);
    g_assert_cmpint(spice_server_init(guest->server, core_loop_interface()), ==, 0);
    guest->function = qxl_function_create(config, guest->server, 0, &error);
    g_assert_no_error(error);
    guest->pci = qxl_function_pci(guest->function);
    guest->card = qxl_function_card(guest->function);
    map_bar(guest, QXL_BAR_RAM, GUEST_RAM_ADDRESS);
    map_bar(guest, QXL_BAR_VRAM32, GUEST_VRAM_ADDRESS);
    map_bar(guest, QXL_BAR_ROM, GUEST_ROM_ADDRESS);
    map_bar(guest, QXL_BAR_IO, GUEST_IO_ADDRESS);
    map_bar(guest, QXL_BAR_VRAM64, GUEST_VRAM64_ADDRESS);
    pci_config_write(guest->pci, PCI_COMMAND, &command, 2);
    guest->header = guest_read32(guest, QXL_BAR_ROM, offsetof(QXLRom, ram_header_offset));
    guest->free_memory = guest_read32(guest, QXL_BAR_ROM, offsetof(QXLRom, pages_offset));
    qxl_card_start(guest->card);
}

void card_guest_finish(struct card_guest *guest)
{
    qxl_function_destroy(guest->function);
    spice_server_destroy(guest->server);
}

void guest_out(struct card_guest *guest, unsigned port, uint8_t value)
{
    g_assert_true(pci_bar_write(guest->pci, QXL_BAR_IO, port, &value, 1));
}

uint32_t guest_read32(struct card_guest *guest, unsigned bar, uint64_t offset)
{
    uint32_t value;
    g_assert_true(pci_bar_read(guest->pci, bar, offset, &value, sizeof(value)));
    return value;
}

void guest_write32(struct card_guest *guest, unsigned bar, uint64_t offset, uint32_t value)
{
    g_assert_true(pci_bar_write(guest->pci, bar, offset, &value, sizeof(value)));
}

uint32_t guest_header32(struct card_guest *guest, size_t offset)
{
    return guest_read32(guest, QXL_BAR_RAM, guest->header + offset);
}

void guest_set_header32(struct card_guest *guest, size_t offset, uint32_t value)
{
    guest_write32(guest, QXL_BAR_RAM, guest->header + offset, value);
}

void guest_set_header(struct card_guest *guest, size_t offset, const void *data, size_t size)
{
    g_assert_true(pci_bar_write(guest->pci, QXL_BAR_RAM, guest->header + offset, data, size));
}

/* A mapped word, for what a processor does in one locked instruction. */
static uint32_t *header_word(struct card_guest *guest, size_t offset)
{
    return (uint32_t *)(pci_function_bar(guest->pci, QXL_BAR_RAM)->memory + guest->header + offset);
}

QXLRom guest_rom(struct card_guest *guest)
{
    QXLRom rom;

    /* Word by word, as it may change meanwhile. */
    for (size_t offset = 0; offset < sizeof(rom); offset += sizeof(uint32_t)) {
        uint32_t word = guest_read32(guest, QXL_BAR_ROM, offset);
        memcpy((uint8_t *)&rom + offset, &word, sizeof(word));
    }
    return rom;
}

uint32_t guest_pending(struct card_guest *guest)
{
    return guest_header32(guest, FIELD(int_pending));
}

struct pending_wait {
    struct card_guest *guest;
    uint32_t bits;
};

static bool has_pending(void *opaque)
{
    struct pending_wait *wait = opaque;
    return (guest_pending(wait->guest) & wait->bits) == wait->bits;
}

void guest_wait_pending(struct card_guest *guest, uint32_t bits)
{
    struct pending_wait wait = {guest, bits};
    g_assert_true(core_loop_run_until(has_pending, &wait, PATIENCE));
}

uint32_t guest_take_pending(struct card_guest *guest)
{
    uint32_t taken =
        __atomic_exchange_n(header_word(guest, FIELD(int_pending)), 0, __ATOMIC_SEQ_CST);

    guest_out(guest, QXL_IO_UPDATE_IRQ, 0);
    return taken;
}

void guest_async(struct card_guest *guest, unsigned port, uint8_t value)
{
    g_assert_cmphex(guest_take_pending(guest) & QXL_INTERRUPT_IO_CMD, ==, 0);
    guest_out(guest, port, value);
    guest_wait_pending(guest, QXL_INTERRUPT_IO_CMD);
    guest_take_pending(guest);
}

QXLPHYSICAL guest_address(unsigned slot, uint64_t offset)
{
    return (uint64_t)slot << 56 | offset;
}

uint64_t guest_offset(QXLPHYSICAL address)
{
    return address & ((UINT64_C(1) << 48) - 1);
}

void guest_set_slot(struct card_guest *guest, uint64_t start, uint64_t end)
{
    QXLMemSlot slot = {start, end};
    guest_set_header(guest, FIELD(mem_slot), &slot, sizeof(slot));
}

void guest_add_slots(struct card_guest *guest)
{
    guest_set_slot(guest, GUEST_RAM_ADDRESS, GUEST_RAM_ADDRESS + guest->header);
    guest_out(guest, QXL_IO_MEMSLOT_ADD, GUEST_RAM_SLOT);
    guest_set_slot(guest, GUEST_VRAM_ADDRESS,
                   GUEST_VRAM_ADDRESS + pci_function_bar(guest->pci, QXL_BAR_VRAM32)->size);
    guest_out(guest, QXL_IO_MEMSLOT_ADD, GUEST_VRAM_SLOT);
    g_assert_false(guest_is_frozen(guest));
}

uint64_t guest_allocate(struct card_guest *guest, size_t size)
{
    uint64_t offset = guest->free_memory;

    guest->free_memory += (size + 255) & ~(size_t)255;
    g_assert_cmpuint(guest->free_memory, <=, guest->header);
    return offset;
}

QXLPHYSICAL guest_place(struct card_guest *guest, const void *data, size_t size)
{
    uint64_t offset = guest_allocate(guest, size);

    g_assert_true(pci_bar_write(guest->pci, QXL_BAR_RAM, offset, data, size));
    return guest_address(GUEST_RAM_SLOT, offset);
}

QXLSurfaceCreate guest_primary(uint32_t width, uint32_t height)
{
    return (QXLSurfaceCreate){
        .width = width,
        .height = height,
        .stride = (int32_t)width * 4,
        .format = SPICE_SURFACE_FMT_32_xRGB,
        .type = QXL_SURF_TYPE_PRIMARY,
        .mem = guest_address(GUEST_RAM_SLOT, 0),
    };
}

void guest_set_primary(struct card_guest *guest, const QXLSurfaceCreate *create)
{
    guest_set_header(guest, FIELD(create_surface), create, sizeof(*create));
}

void guest_create_primary(struct card_guest *guest, uint32_t width, uint32_t height)
{
    QXLSurfaceCreate create = guest_primary(width, height);

    guest_set_primary(guest, &create);
    guest_out(guest, QXL_IO_CREATE_PRIMARY, 0);
    g_assert_false(guest_is_frozen(guest));
}

struct ring_wait {
    struct card_guest *guest;
    size_t ring;
};

static bool has_room(void *opaque)
{
    struct ring_wait *wait = opaque;
    uint32_t prod = guest_header32(wait->guest, wait->ring + offsetof(QXLCommandRing, prod));
    uint32_t cons = guest_header32(wait->guest, wait->ring + offsetof(QXLCommandRing, cons));
    return prod - cons < QXL_COMMAND_RING_SIZE;
}

static bool is_empty(void *opaque)
{
    struct ring_wait *wait = opaque;
    return guest_header32(wait->guest, wait->ring + offsetof(QXLCommandRing, prod)) ==
           guest_header32(wait->guest, wait->ring + offsetof(QXLCommandRing, cons));
}

static bool push(struct card_guest *guest, size_t ring, unsigned port, unsigned type,
                 QXLPHYSICAL address)
{
    struct ring_wait wait = {guest, ring};
    QXLCommand command = {.data = address, .type = type};

    g_assert_true(core_loop_run_until(has_room, &wait, PATIENCE));
    uint32_t prod = guest_header32(guest, ring + offsetof(QXLCommandRing, prod));
    guest_set_header(guest,
                     ring + offsetof(QXLCommandRing, items) +
                         prod % QXL_COMMAND_RING_SIZE * sizeof(command),
                     &command, sizeof(command));
    __atomic_exchange_n(header_word(guest, ring + offsetof(QXLCommandRing, prod)), prod + 1,
                        __ATOMIC_SEQ_CST);
    bool notify =
        guest_header32(guest, ring + offsetof(QXLCommandRing, notify_on_prod)) == prod + 1;
    if (notify)
        guest_out(guest, port, 0);
    return notify;
}

bool guest_push_raw(struct card_guest *guest, unsigned type, QXLPHYSICAL address)
{
    return push(guest, FIELD(cmd_ring), QXL_IO_NOTIFY_CMD, type, address);
}

bool guest_push_cursor_raw(struct card_guest *guest, unsigned type, QXLPHYSICAL address)
{
    return push(guest, FIELD(cursor_ring), QXL_IO_NOTIFY_CURSOR, type, address);
}

void guest_wait_commands(struct card_guest *guest)
{
    struct ring_wait wait = {guest, FIELD(cmd_ring)};
    g_assert_true(core_loop_run_until(is_empty, &wait, PATIENCE));
}

void guest_wait_cursor(struct card_guest *guest)
{
    struct ring_wait wait = {guest, FIELD(cursor_ring)};
    g_assert_true(core_loop_run_until(is_empty, &wait, PATIENCE));
}

QXLPHYSICAL guest_make_fill(struct card_guest *guest, uint32_t surface, int32_t left, int32_t top,
                            int32_t right, int32_t bottom, uint32_t color)
{
    QXLDrawable drawable = {
        .surface_id = surface,
        .effect = QXL_EFFECT_OPAQUE,
        .type = QXL_DRAW_FILL,
        .bbox = {.top = top, .left = left, .bottom = bottom, .right = right},
        .clip.type = SPICE_CLIP_TYPE_NONE,
        .surfaces_dest = {-1, -1, -1},
        .u.fill.brush = {.type = SPICE_BRUSH_TYPE_SOLID, .u.color = color},
        .u.fill.rop_descriptor = SPICE_ROPD_OP_PUT,
    };
    QXLPHYSICAL address = guest_place(guest, &drawable, sizeof(drawable));

    /* The id is where it is, so that the chain can be followed. */
    uint64_t id = guest_offset(address);
    g_assert_true(pci_bar_write(guest->pci, QXL_BAR_RAM, id, &id, sizeof(id)));
    return address;
}

QXLPHYSICAL guest_make_surface(struct card_guest *guest, uint8_t type, uint32_t id, uint32_t format,
                               uint32_t width, uint32_t height, int32_t stride, QXLPHYSICAL data)
{
    QXLSurfaceCmd command = {
        .surface_id = id,
        .type = type,
        .u.surface_create = {format, width, height, stride, data},
    };
    QXLPHYSICAL address = guest_place(guest, &command, sizeof(command));
    uint64_t release_id = guest_offset(address);

    g_assert_true(
        pci_bar_write(guest->pci, QXL_BAR_RAM, release_id, &release_id, sizeof(release_id)));
    return address;
}

unsigned guest_collect(struct card_guest *guest)
{
    unsigned count = 0;

    for (;;) {
        uint32_t cons = guest_header32(guest, FIELD(release_ring.cons));
        if (guest_header32(guest, FIELD(release_ring.prod)) == cons)
            return count;
        uint64_t id;
        g_assert_true(pci_bar_read(guest->pci, QXL_BAR_RAM,
                                   guest->header + FIELD(release_ring.items) +
                                       cons % QXL_RELEASE_RING_SIZE * sizeof(id),
                                   &id, sizeof(id)));
        for (; id; count++)
            g_assert_true(pci_bar_read(guest->pci, QXL_BAR_RAM, id, &id, sizeof(id)));
        guest_set_header32(guest, FIELD(release_ring.cons), cons + 1);
    }
}

uint64_t guest_bugs(struct card_guest *guest, const char *name)
{
    struct qxl_bug_count bugs[64];
    size_t count = qxl_card_bugs(guest->card, bugs, G_N_ELEMENTS(bugs));

    for (size_t i = 0; i < count; i++) {
        if (strcmp(bugs[i].name, name) == 0)
            return bugs[i].count;
    }
    return 0;
}

bool guest_is_frozen(struct card_guest *guest)
{
    return guest_pending(guest) & QXL_INTERRUPT_ERROR;
}
