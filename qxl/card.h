/*
 * The QXL card: registers, ROM, rings, memory slots, modes, surfaces, cursor, guest-bug reports.
 *
 * The card draws nothing itself: it hands the guest's commands to a SPICE server through the public
 * interface (spice.h) and to nobody else. Who drives it, it learns only through this header: an
 * engine (hw/) gives it I/O port writes and bus addresses and takes its interrupt line.
 *
 * Facts: qxl-device.md. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <spice.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qxl_card;

/* BARs, section 2.1. The 64-bit VRAM BAR exists only when vram64_size > vram32_size. */
enum qxl_bar {
    QXL_BAR_RAM = 0,
    QXL_BAR_VRAM32 = 1,
    QXL_BAR_ROM = 2,
    QXL_BAR_IO = 3,
    QXL_BAR_VRAM64 = 4,
};
#define QXL_BAR_COUNT 5

/* The card's properties by QEMU's names, section 2.2. Zero means the default where one is named. */
struct qxl_config {
    bool primary;         /* qxl-vga rather than qxl */
    uint32_t revision;    /* 1..5; 0: 5 */
    uint64_t ram_size;    /* bytes, BAR 0; 0: 64 MiB */
    uint64_t vram_size;   /* bytes, BAR 1; 0: 64 MiB */
    uint64_t vram64_size; /* bytes of all VRAM; 0: as BAR 1 */
    uint32_t vgamem_mb;   /* 0: 16 */
    uint32_t surfaces;    /* 0: 1024 */
    uint16_t max_outputs; /* 0: as many as the guest wants, at most 64 */
    uint32_t guestdebug;  /* level of guest log messages that are shown */
    uint32_t xres, yres;  /* both set: the first head's size as the guest learns it */
};

/* One BAR's memory. */
struct qxl_bar_info {
    uint64_t size;         /* bytes, a power of two; 0: no such BAR */
    uint8_t *memory;       /* NULL for QXL_BAR_IO; as the device sees it, writable */
    int memfd;             /* shared memory behind it, sealed against resizing; -1 for QXL_BAR_IO */
    uint64_t memfd_offset; /* of the BAR's first byte in it */
};

/* What the card asks of whoever plugs it in. Any thread may call these; they must not call back. */
struct qxl_host {
    /* The interrupt line's new level; called only on changes. */
    void (*set_irq)(void *opaque, bool level);
    /* Where the guest has mapped BAR on the bus: false when it is not decoded now. */
    bool (*bar_address)(void *opaque, enum qxl_bar bar, uint64_t *address);
    /* The card turned its attention to a new picture size; 0, 0: nothing is shown. May be NULL. */
    void (*display_changed)(void *opaque, uint32_t width, uint32_t height);
};

/*
 * Creates a card and attaches it to SERVER as display channel ID, in the state after power-on, with
 * the display stopped. HOST and OPAQUE must outlive it. IO thread. NULL and ERROR when a property
 * is out of range (named with its limits), memory is short or the server refuses it.
 */
struct qxl_card *qxl_card_create(const struct qxl_config *config, SpiceServer *server, int id,
                                 const struct qxl_host *host, void *opaque, GError **error);
/* Detaches and frees; no host callback is made after it returns. IO thread. */
void qxl_card_destroy(struct qxl_card *card);

/* The configuration with all size rules of section 2.3 applied. */
const struct qxl_config *qxl_card_config(const struct qxl_card *card);
/* The display channel's id. */
int qxl_card_id(const struct qxl_card *card);
struct qxl_bar_info qxl_card_bar(const struct qxl_card *card, enum qxl_bar bar);

/*
 * One byte to port PORT of the I/O BAR. All effects are done when it returns. Any thread; calls are
 * serialised. It waits for the renderer, never for a client (with our own server).
 */
void qxl_card_io_write(struct qxl_card *card, uint32_t port, uint8_t value);
/* Always 0xff, section 5.1. */
uint8_t qxl_card_io_read(struct qxl_card *card, uint32_t port);

/*
 * The guest is about to write a legacy VGA port of a primary card: up to revision 4 that ends every
 * other mode (section 1.3). No effect on other cards. Any thread.
 */
void qxl_card_vga_port_write(struct qxl_card *card);

/* Power-on state, as after PCI reset: memory slots, surfaces, rings, ROM, interrupts. Any thread.
 */
void qxl_card_reset(struct qxl_card *card);
/* The guest's CPUs start or stop. A stopped card touches no guest memory and raises nothing. */
void qxl_card_start(struct qxl_card *card);
void qxl_card_stop(struct qxl_card *card);

bool qxl_card_irq_level(const struct qxl_card *card);

/*
 * Migration, section 15. A card is saved and loaded while it is stopped; memory has been loaded
 * when the card is. IO thread.
 */
struct migration_set;
/* Adds the card's memory and parts, under names that begin with NAME. */
void qxl_card_add_parts(struct qxl_card *card, const char *name, struct migration_set *set);
/*
 * Puts into guest memory what a stopped card would do at its next start: released commands and
 * interrupts. To be called before memory is sent for the last time.
 */
void qxl_card_settle(struct qxl_card *card);

/* A picture of the screen in guest memory, current when qxl_card_screen() returns. */
struct qxl_screen {
    uint32_t width, height;
    int32_t stride;  /* bytes; negative: bottom-up */
    uint32_t format; /* SPICE_SURFACE_FMT_* */
    uint8_t *pixels; /* lowest address; valid until the next mode change */
};
/*
 * Renders everything that is pending on the primary surface and describes it. False when the card
 * shows nothing (no primary surface). Any thread but the renderer's.
 */
bool qxl_card_screen(struct qxl_card *card, struct qxl_screen *screen);
/*
 * The same for surface ID, whose pixels stay where they are until the guest destroys it; 0: the
 * primary one. False: there is none, or its format is unknown.
 */
bool qxl_card_surface(struct qxl_card *card, uint32_t id, struct qxl_screen *screen);
/*
 * The part of a primary surface of SCREEN's size that HEAD shows, 0 being the first that the guest
 * has set up; with none set up head 0 shows all of it. False: no such head, or it shows nothing.
 */
bool qxl_card_head(struct qxl_card *card, const struct qxl_screen *screen, unsigned head,
                   QXLRect *area);

/* The guest's mouse pointer. */
struct qxl_pointer {
    bool visible;
    int x, y;      /* of the hot spot, on the primary surface */
    uint32_t type; /* SPICE_CURSOR_TYPE_* */
    uint16_t width, height, hot_x, hot_y;
    const uint8_t *data; /* as the guest gave it, section 11.2; maybe less than the shape needs */
    size_t size;
};

/* Who shows the card's picture besides the server: a window. */
struct qxl_viewer {
    /* There may be news; said once, until the next qxl_card_refresh(). Any thread. */
    void (*stirred)(void *opaque);
    /*
     * SCREEN changed inside RECTS, which lie inside it; NULL: nothing is shown. The pixels stand
     * still during the call. On the thread of qxl_card_refresh() or the renderer's; it must not
     * call back.
     */
    void (*picture)(void *opaque, const struct qxl_screen *screen, const QXLRect *rects,
                    uint32_t count);
    /* On the thread of qxl_card_refresh(). COUNT 0: one head, all of the primary surface. */
    void (*pointer)(void *opaque, const struct qxl_pointer *pointer);
    void (*heads)(void *opaque, const QXLHead *heads, unsigned count);
};
/* One viewer, all of whose functions are there; before the card is started for the first time. */
void qxl_card_set_viewer(struct qxl_card *card, const struct qxl_viewer *viewer, void *opaque);
/* Asks for what has changed since the last time. Does not wait for the renderer. IO thread. */
void qxl_card_refresh(struct qxl_card *card);

/* Guest bugs since power-on, by name; for reports and tests. */
struct qxl_bug_count {
    const char *name;
    uint64_t count;
};
/* Stores up to COUNT entries with count > 0, most recent last; returns how many there are. */
size_t qxl_card_bugs(const struct qxl_card *card, struct qxl_bug_count *bugs, size_t count);
/* Writes to FILE what the guest does wrong (-d guest_errors); NULL: nothing. */
void qxl_card_set_guest_log(struct qxl_card *card, FILE *file);
