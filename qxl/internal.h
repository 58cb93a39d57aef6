/*
 * What the files of the card share: its state and the functions between them.
 *
 * Threads. The engine's thread writes ports and resets; the main loop starts, stops and asks for
 * the screen; the server's worker fetches commands and returns resources. Two locks:
 *   io_lock     serialises all of the first two; held while a synchronous spice_qxl_*() call waits
 *               for the worker, hence never taken in a callback of the server.
 *   state_lock  guards the state below; held for a few instructions, never while calling the server
 *               or the host (except bar_address(), which only looks).
 * News for the host (interrupt level, picture size) are noted under state_lock and delivered by
 * qxl_card_notify_host() when no lock is held: the host may have locks of its own.
 *
 * In comments, [io] means that io_lock is held, [state] that state_lock is, [-] neither is.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "qxl/card.h"

#include <pthread.h>

/* The server's headers mark per-instance start and stop as deprecated; the card needs just those.
 */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#define QXL_PAGE_SIZE        4096u
#define QXL_RAM_HEADER_AREA  (2 * QXL_PAGE_SIZE) /* the last bytes of BAR 0, section 4.1 */
#define QXL_MEMSLOTS         8                   /* per group, section 7.2 */
#define QXL_MEMSLOT_ID_BITS  8
#define QXL_MEMSLOT_GEN_BITS 8
#define QXL_MAX_MODES        148 /* of the full table, section 3.2 */
#define QXL_MAX_HEADS        64  /* in the client monitors config, section 3.4 */
#define QXL_MAX_CURSOR_SIDE  512 /* pixels, section 11.3 */
#define QXL_RELEASE_BATCH    32  /* commands in one release-ring entry, section 8.10 */

/* Groups of memory slots as the server knows them. */
enum qxl_group {
    QXL_GROUP_HOST, /* the blank picture of VGA mode */
    /*
     * The guest's, changing at every reset, so that a resource of before the reset is told from the
     * guest's own when the server returns it late.
     */
    QXL_GROUP_GUEST_EVEN,
    QXL_GROUP_GUEST_ODD,
    QXL_GROUPS,
};

enum qxl_mode { /* section 6.1 */
                QXL_MODE_UNDEFINED,
                QXL_MODE_VGA,
                QXL_MODE_COMPAT,
                QXL_MODE_NATIVE,
};

/* What a guest can do wrong. Freezing ones put the card into guest-bug state, section 5.3. */
enum qxl_bug {
    QXL_BUG_PORT_UNKNOWN,
    QXL_BUG_PORT_REVISION,
    QXL_BUG_ASYNC_BUSY,
    QXL_BUG_UPDATE_AREA,
    QXL_BUG_SET_MODE_POSITION,
    QXL_BUG_SET_MODE_UNMAPPED,
    QXL_BUG_MEMSLOT_ID,
    QXL_BUG_MEMSLOT_ACTIVE,
    QXL_BUG_MEMSLOT_RANGE,
    QXL_BUG_ARGUMENT,
    QXL_BUG_PRIMARY_EXISTS,
    QXL_BUG_PRIMARY_GEOMETRY,
    QXL_BUG_PRIMARY_MEMORY,
    QXL_BUG_SURFACE_ID,
    QXL_BUG_SURFACE_STRIDE,
    QXL_BUG_MONITORS_ADDRESS,
    QXL_BUG_RING_OVERRUN,
    QXL_BUG_COMMAND_TYPE,
    QXL_BUG_COMMAND_SLOT,
    QXL_BUG_COMMAND_RANGE,
    QXL_BUG_CURSOR_RING_TYPE,
    QXL_BUG_CURSOR_COMMAND,
    QXL_BUG_SURFACE_COMMAND,
    QXL_BUG_SURFACE_REPEATED,
    QXL_BUG_RELEASE_ID,
    QXL_BUG_COUNT,
};

struct qxl_memory { /* memory.c */
    uint8_t *bytes;
    uint64_t size;
    int memfd;
};

struct qxl_memslot { /* memslot.c */
    bool active;
    uint64_t start, end; /* bus addresses as the guest gave them */
    uint64_t delta;      /* subtracted from offsets in guest addresses */
    uint8_t *bytes;      /* of START */
};

struct qxl_ring { /* ring.c: the command or the cursor ring */
    const char *name;
    QXLCommandRing *shared;
    uint32_t cons;      /* ours; the guest's copy is never read back */
    uint32_t interrupt; /* when the guest waits for room */
};

struct qxl_release { /* release.c */
    uint32_t prod;   /* ours */
    uint64_t head;   /* id of the first command in the chain; 0: no chain */
    uint8_t *tail;   /* release info of the last one, in guest memory */
    uint32_t count;  /* commands in the chain */
    GPtrArray *held; /* release infos returned while the card was stopped */
};

struct qxl_bug_log { /* bug.c */
    uint64_t counts[QXL_BUG_COUNT];
    uint64_t last[QXL_BUG_COUNT]; /* when it was seen, in bugs */
    uint64_t total;
    FILE *file; /* borrowed */
};

struct qxl_async {       /* async.c */
    uint32_t generation; /* counts resets: completions of an older one are stale */
    bool outstanding;    /* of the guest */
    uint8_t port;
    uint8_t argument;
    uint64_t own_issued, own_finished; /* requests of our own; they finish in order */
    pthread_cond_t finished;           /* one of our own did */
};

/* A private copy of what the guest said about a surface. */
struct qxl_surface {
    bool exists;
    uint32_t width, height;
    int32_t stride;      /* bytes; negative: bottom-up */
    uint32_t format;     /* SPICE_SURFACE_FMT_* */
    uint32_t flags;      /* QXL_SURF_FLAG_* */
    QXLPHYSICAL address; /* of the pixels, as the guest gave it */
    uint8_t *pixels;     /* the same, lowest address */
    QXLPHYSICAL command; /* that created it; 0 for the primary */
};

struct qxl_cursor {      /* cursor.c: what a migration target has to show again */
    QXLPHYSICAL command; /* the last SET not followed by HIDE; 0: none */
};

struct qxl_heads { /* laid out as in the ROM */
    uint16_t count;
    uint16_t padding;
    QXLURect heads[QXL_MAX_HEADS];
};

struct qxl_monitors {         /* monitors.c */
    QXLPHYSICAL guest_config; /* address of the last one the guest sent; 0: none */
    struct qxl_heads config;  /* the last that clients wished */
    struct qxl_heads shown;   /* in the ROM */
    bool held;                /* CONFIG arrived while the card was stopped */
};

struct qxl_size {
    uint32_t width, height;
};

struct qxl_view {                    /* view.c: what the viewer has to be told */
    const struct qxl_viewer *viewer; /* NULL: there is none; constant while the card runs */
    void *opaque;
    bool stir;           /* atomic; something may have changed, */
    bool told;           /* atomic; and the viewer knows */
    uint32_t generation; /* of the primary surface; counts modes */
    uint32_t requested;  /* generation that the renderer was asked for */
    bool whole;          /* nothing of this generation was shown yet */
    bool pointer_changed, heads_changed;
    struct qxl_pointer pointer; /* its data is ours */
    QXLHead heads[QXL_MAX_HEADS];
    unsigned head_count;
};

struct qxl_card {
    struct qxl_config config; /* complete */
    uint64_t vgamem_size;
    const struct qxl_host *host;
    void *host_opaque;
    int id;

    QXLInstance instance;
    bool attached;  /* to the server */
    uint8_t *blank; /* the picture of VGA mode; NULL on a secondary card */

    struct qxl_memory ram_memory, vram_memory, rom_memory;
    QXLRam *ram;                  /* header, in ram_memory; the guest's */
    QXLRom shadow_rom;            /* what reset restores; the live one is only ever written */
    QXLMode modes[QXL_MAX_MODES]; /* as in the ROM */
    uint32_t mode_count;

    pthread_mutex_t io_lock;
    bool renderer_running; /* [io] */

    pthread_mutex_t state_lock; /* everything below */
    bool running;               /* the guest's processors */
    bool resetting;
    bool frozen;        /* guest-bug state */
    bool commands_held; /* a primary is being created: nothing is fetched until it exists */
    enum qxl_mode mode;
    uint32_t command_flags; /* QXL_COMMAND_FLAG_* */
    enum qxl_group guest_group;
    struct qxl_memslot slots[QXL_MEMSLOTS];
    struct qxl_surface primary;
    struct qxl_surface *surfaces; /* n_surfaces; entry 0 is unused */
    struct qxl_cursor cursor;
    struct qxl_monitors monitors;
    struct qxl_view view;
    struct qxl_ring command_ring, cursor_ring;
    struct qxl_release release;
    struct qxl_async async;
    struct qxl_bug_log bugs;
    uint32_t held_interrupts; /* raised while the card was stopped */

    /* News for the host: what is and what it was told. */
    bool irq_level, told_irq_level;
    struct qxl_size size, told_size;
    bool telling;
    bool news; /* atomic; there may be something to tell */
};

static inline void qxl_lock(struct qxl_card *card)
{
    pthread_mutex_lock(&card->state_lock);
}

static inline void qxl_unlock(struct qxl_card *card)
{
    pthread_mutex_unlock(&card->state_lock);
}

/* card.c */
void qxl_card_tell_host(struct qxl_card *card);
void qxl_view_tell(struct qxl_card *card);
/* Tells the host and the viewer what changed. [-] */
static inline void qxl_card_notify_host(struct qxl_card *card)
{
    if (__atomic_load_n(&card->view.stir, __ATOMIC_ACQUIRE))
        qxl_view_tell(card);
    if (__atomic_load_n(&card->news, __ATOMIC_ACQUIRE))
        qxl_card_tell_host(card);
}
void qxl_card_set_size(struct qxl_card *card, uint32_t width, uint32_t height); /* [state] */

/* config.c: checks the properties and applies the size rules of section 2.3. */
bool qxl_config_complete(struct qxl_config *config, GError **error);
uint32_t qxl_config_io_size(const struct qxl_config *config);

/* memory.c */
bool qxl_memory_init(struct qxl_memory *memory, const char *name, uint64_t size, GError **error);
/* From now on nobody can make a writable mapping. */
void qxl_memory_seal_content(struct qxl_memory *memory);
void qxl_memory_finish(struct qxl_memory *memory);

/* rom.c */
uint64_t qxl_rom_size(void);
void qxl_rom_init(struct qxl_card *card);
void qxl_rom_reset(struct qxl_card *card);
/* Shows the guest DATA, word by word as it may be reading; OFFSET and SIZE are multiples of 4. */
void qxl_rom_write(struct qxl_card *card, size_t offset, const void *data, size_t size);

/* ram_header.c */
void qxl_ram_header_reset(struct qxl_card *card); /* [state] */

/* irq.c [state] */
void qxl_irq_raise(struct qxl_card *card, uint32_t bits); /* QXL_INTERRUPT_* */
void qxl_irq_update(struct qxl_card *card);

/* bug.c [state] */
void qxl_bug(struct qxl_card *card, enum qxl_bug bug, const char *format, ...) G_GNUC_PRINTF(3, 4);
void qxl_guest_message(struct qxl_card *card); /* port LOG */

/* memslot.c [state] */
enum qxl_fault { /* why an address is not good */
                 QXL_FAULT_NONE,
                 QXL_FAULT_SLOT, /* no such slot, or of another generation: hosts have died of these
                                  */
                 QXL_FAULT_RANGE, /* the slot is not active, or the object not inside it */
};
/* SIZE bytes at the guest's ADDRESS; NULL when they do not lie in one active slot. */
uint8_t *qxl_memslot_translate(const struct qxl_card *card, QXLPHYSICAL address, uint64_t size,
                               enum qxl_fault *fault);
/* Makes slot ID what the RAM header says; false: a guest bug, reported. */
bool qxl_memslot_add(struct qxl_card *card, uint32_t id, bool *already_there);
/* Makes slot 0 the whole RAM BAR with bus addresses as offsets; false: the BAR is not mapped. */
bool qxl_memslot_add_ram(struct qxl_card *card);
QXLDevMemSlot qxl_memslot_describe(const struct qxl_card *card, uint32_t id);

/* surfaces.c [state] */
unsigned qxl_surface_bpp(uint32_t format); /* bits; 0: no such format */
/* Fills SURFACE from CREATE if it is sound; NULL, or what is wrong with it. */
const char *qxl_surface_check(const struct qxl_card *card, struct qxl_surface *surface,
                              enum qxl_fault *fault);
/* Notes what a SURFACE command at BYTES does; false: the server must not see it. */
bool qxl_surfaces_track(struct qxl_card *card, QXLPHYSICAL address, const uint8_t *bytes);
void qxl_surfaces_forget(struct qxl_card *card);

/* cursor.c [state]: as qxl_surfaces_track(). */
bool qxl_cursor_track(struct qxl_card *card, QXLPHYSICAL address, const uint8_t *bytes);

/* view.c [state] */
static inline void qxl_view_stir(struct qxl_card *card)
{
    if (card->view.viewer)
        __atomic_store_n(&card->view.stir, true, __ATOMIC_RELEASE);
}
void qxl_view_mode_changed(struct qxl_card *card);
/* A cursor command that is sound. */
void qxl_view_cursor(struct qxl_card *card, const QXLCursorCmd *command);
/* The guest's monitors config at BYTES, COUNT heads of which are in its memory slot. */
void qxl_view_set_heads(struct qxl_card *card, const uint8_t *heads, unsigned count);
/* The server has rendered what we asked for. [-] */
void qxl_view_updated(struct qxl_card *card, const QXLRect *rects, uint32_t count);
void qxl_view_finish(struct qxl_card *card);

/* ring.c [state] */
void qxl_ring_init(struct qxl_ring *ring, const char *name, QXLCommandRing *shared,
                   uint32_t interrupt);
/* Initialises the guest's header, too. */
void qxl_ring_reset(struct qxl_ring *ring);
bool qxl_ring_fetch(struct qxl_card *card, struct qxl_ring *ring, QXLCommand *command);
/* Asks the guest to notify; false: there are commands already. */
bool qxl_ring_arm(struct qxl_ring *ring);
void qxl_ring_discard(struct qxl_ring *ring);

/* release.c [state] */
void qxl_release_init(struct qxl_card *card);
void qxl_release_finish(struct qxl_card *card);
void qxl_release_reset(struct qxl_card *card);
/* Returns the command whose release info is at INFO to the guest. */
void qxl_release_command(struct qxl_card *card, uint8_t *info);
/* Publishes what there is; returns how many commands that were. */
uint32_t qxl_release_flush(struct qxl_card *card);
void qxl_release_push(struct qxl_card *card); /* even an empty chain; port FLUSH_RELEASE */
bool qxl_release_ring_is_empty(const struct qxl_card *card);
void qxl_release_resume(struct qxl_card *card); /* takes up what was held while stopped */

/* async.c */
bool qxl_async_begin(struct qxl_card *card, uint8_t port, uint8_t argument); /* [state] */
uint64_t qxl_async_cookie(const struct qxl_card *card); /* [state] of the guest's request */
void qxl_async_finish(struct qxl_card *card);           /* [state] raises IO_CMD */
void qxl_async_reset(struct qxl_card *card);            /* [state] */
void qxl_async_complete(struct qxl_card *card, uint64_t cookie); /* [-] from the server */
/* The cookie for a request of our own, and the wait for the last of these. [io] */
uint64_t qxl_async_own_cookie(struct qxl_card *card);
void qxl_async_wait(struct qxl_card *card);

/* caps.c [state] */
void qxl_caps_set(struct qxl_card *card, bool present, const uint8_t *caps);

/* monitors.c */
void qxl_monitors_preset(const struct qxl_config *config, QXLRom *rom);
void qxl_monitors_reset(struct qxl_card *card); /* [state] after the ROM's */
/* Port MONITORS_CONFIG: false when the guest's config cannot be read. [state] */
bool qxl_monitors_from_guest(struct qxl_card *card, QXLPHYSICAL *address);
/* Tells the viewer what the guest's config at ADDRESS shows. [state] */
void qxl_monitors_view(struct qxl_card *card, QXLPHYSICAL address);
/* A client's wish; NULL only asks. True: the guest can be told. [state] */
bool qxl_monitors_from_client(struct qxl_card *card, const VDAgentMonitorsConfig *config);
void qxl_monitors_resume(struct qxl_card *card); /* [state] */

/* mode.c [io] */
void qxl_mode_hard_reset(struct qxl_card *card);
/* For a card that is loaded: as after a reset, but guest memory and ROM are left alone; stopped. */
void qxl_mode_clear(struct qxl_card *card);
/* Shows PRIMARY with the content that it has; it is looked at in modes of the guest's only. */
void qxl_mode_restore(struct qxl_card *card, enum qxl_mode mode, const struct qxl_surface *primary);
/* A port's effect: true when it is done, false when the server completes it later. */
bool qxl_mode_set(struct qxl_card *card, uint8_t position);
bool qxl_mode_create_primary(struct qxl_card *card, bool async);
bool qxl_mode_destroy_primary(struct qxl_card *card, bool async);
bool qxl_mode_destroy_all(struct qxl_card *card, bool async);

/* qxl_interface.c: the callbacks; card.c attaches them. */
extern const QXLInterface qxl_interface;
