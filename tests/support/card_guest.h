/*
 * A small guest for tests: drives a card through its PCI function only, as a driver would.
 *
 * Every helper asserts that what it does for granted works. Offsets "in the header" are offsets in
 * QXLRam. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/qxl_function.h"

struct card_guest {
    SpiceServer *server;
    struct qxl_function *function;
    struct pci_function *pci;
    struct qxl_card *card;
    uint64_t header;      /* offset of the RAM header in BAR 0 */
    uint64_t free_memory; /* offset in BAR 0 of command memory not handed out yet */
};

/* Where the guest's firmware puts the BARs. */
#define GUEST_RAM_ADDRESS    UINT64_C(0xc0000000)
#define GUEST_VRAM_ADDRESS   UINT64_C(0xd0000000)
#define GUEST_ROM_ADDRESS    UINT64_C(0xfe000000)
#define GUEST_IO_ADDRESS     UINT64_C(0xc040)
#define GUEST_VRAM64_ADDRESS UINT64_C(0x800000000)

/* The slots a driver uses: RAM up to the header, and VRAM. */
#define GUEST_RAM_SLOT  1
#define GUEST_VRAM_SLOT 2

/* g_test_init(), with the server's warnings neither fatal nor printed. */
void card_guest_test_init(int *argc, char ***argv);

/* A server without clients and a running card on it, its BARs mapped. */
void card_guest_init(struct card_guest *guest, const struct qxl_config *config);
void card_guest_finish(struct card_guest *guest);

/* BAR accesses. */
void guest_out(struct card_guest *guest, unsigned port, uint8_t value);
uint32_t guest_read32(struct card_guest *guest, unsigned bar, uint64_t offset);
void guest_write32(struct card_guest *guest, unsigned bar, uint64_t offset, uint32_t value);
uint32_t guest_header32(struct card_guest *guest, size_t offset);
void guest_set_header32(struct card_guest *guest, size_t offset, uint32_t value);
void guest_set_header(struct card_guest *guest, size_t offset, const void *data, size_t size);
QXLRom guest_rom(struct card_guest *guest);

/* Interrupts: pending bits now; waits until BITS are pending; takes all and acknowledges. */
uint32_t guest_pending(struct card_guest *guest);
void guest_wait_pending(struct card_guest *guest, uint32_t bits);
uint32_t guest_take_pending(struct card_guest *guest);
/* Writes an asynchronous port and waits for its completion, which it takes. */
void guest_async(struct card_guest *guest, unsigned port, uint8_t value);

/* Memory slots and addresses. */
QXLPHYSICAL guest_address(unsigned slot, uint64_t offset);
void guest_set_slot(struct card_guest *guest, uint64_t start, uint64_t end);
void guest_add_slots(struct card_guest *guest);
uint64_t guest_allocate(struct card_guest *guest, size_t size); /* offset in BAR 0 */
/* Puts DATA into fresh memory; its address in the RAM slot. */
QXLPHYSICAL guest_place(struct card_guest *guest, const void *data, size_t size);
uint64_t guest_offset(QXLPHYSICAL address); /* in its BAR */

/* The screen: a 32-bit surface at the start of BAR 0. */
QXLSurfaceCreate guest_primary(uint32_t width, uint32_t height);
void guest_set_primary(struct card_guest *guest, const QXLSurfaceCreate *create);
void guest_create_primary(struct card_guest *guest, uint32_t width, uint32_t height);

/* Rings. Pushing notifies the device as the ring's rules say. */
bool guest_push_raw(struct card_guest *guest, unsigned type, QXLPHYSICAL address);
bool guest_push_cursor_raw(struct card_guest *guest, unsigned type, QXLPHYSICAL address);
/* A drawable that fills a rectangle of SURFACE; its address. */
QXLPHYSICAL guest_make_fill(struct card_guest *guest, uint32_t surface, int32_t left, int32_t top,
                            int32_t right, int32_t bottom, uint32_t color);
QXLPHYSICAL guest_make_surface(struct card_guest *guest, uint8_t type, uint32_t id, uint32_t format,
                               uint32_t width, uint32_t height, int32_t stride, QXLPHYSICAL data);
void guest_wait_commands(struct card_guest *guest); /* until the command ring is empty */
void guest_wait_cursor(struct card_guest *guest);
/* Takes what is in the release ring; how many commands came back. */
unsigned guest_collect(struct card_guest *guest);

/* How often the card has seen the bug NAME, and whether it is frozen by one. */
uint64_t guest_bugs(struct card_guest *guest, const char *name);
bool guest_is_frozen(struct card_guest *guest);
