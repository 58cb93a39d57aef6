/*
 * The soft guest's device driver: finds the card, sets it up and feeds its rings.
 *
 * All that the guest must not forget lives in struct soft_state, at the start of the command memory
 * of the card's RAM BAR, and holds no pointers: whoever copies the BARs and the configuration space
 * has copied the guest. struct soft_driver is what a processor keeps: where things are mapped.
 *
 * Facts: qxl-device.md sections 3 to 8, 10 and 14.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/soft_cpu.h"
#include "hw/soft_guest.h"
#include "hw/soft_heap.h"
#include "hw/soft_memory.h"

#include <spice/qxl_dev.h>

#define SOFT_QUEUE_SIZE      4096 /* commands of one frame; a power of two */
#define SOFT_SURFACES        1024
#define SOFT_LOAD_STATE_SIZE 16384

/*
 * The interrupts that the driver takes. A real one leaves ERROR masked; ours wants to hear of its
 * mistakes.
 */
#define SOFT_INTERRUPTS                                                                            \
    (QXL_INTERRUPT_DISPLAY | QXL_INTERRUPT_CURSOR | QXL_INTERRUPT_IO_CMD | QXL_INTERRUPT_ERROR |   \
     QXL_INTERRUPT_CLIENT_MONITORS_CONFIG)

/* Memory slots: what the driver has told the card about. */
enum soft_slot {
    SOFT_SLOT_RAM,
    SOFT_SLOT_VRAM,
    SOFT_SLOT_COUNT,
};

enum soft_stage {
    SOFT_STAGE_PROBE,  /* nothing is known of the card */
    SOFT_STAGE_DRAW,   /* frames are drawn */
    SOFT_STAGE_FINISH, /* all frames are drawn, the card may still be busy with them */
    SOFT_STAGE_DONE,   /* the picture stands still */
    SOFT_STAGE_HALT,   /* the driver gave up, it said why */
};

enum soft_surface_life {
    SOFT_SURFACE_FREE,
    SOFT_SURFACE_LIVE,
    SOFT_SURFACE_DYING, /* destroyed, its memory not given back by the card yet */
};

struct soft_surface {
    uint32_t life;
    uint32_t width, height;
    uint32_t format;
    uint64_t offset, size; /* in the VRAM BAR */
};

struct soft_queued {
    uint64_t address; /* as the card understands it */
    uint32_t type;    /* QXL_CMD_*: cursor commands go to the cursor ring */
    uint32_t padding;
};

struct soft_state {
    uint32_t magic;
    uint32_t layout; /* size of this struct: a guest of another build is not continued */
    uint32_t stage;
    uint32_t load;
    uint32_t width, height;
    uint32_t frames_per_second;
    uint32_t async_running; /* an asynchronous port was written, IO_CMD has not come */
    uint32_t events;        /* interrupt bits that came and were not looked at */
    uint32_t user_pointer;  /* frames for which the user, not the load, moves the cursor */
    uint64_t seed;
    uint64_t frame, frames; /* the next one's number; how many there will be, 0: no end */
    uint64_t slot_address[SOFT_SLOT_COUNT]; /* the card's address of a slot's first byte */
    uint32_t queue_head, queue_tail;        /* free-running; commands not in a ring yet */
    struct soft_queued queue[SOFT_QUEUE_SIZE];
    struct soft_surface surfaces[SOFT_SURFACES];
    struct {
        QXLMonitorsConfig config;
        QXLHead head;
    } monitors;
    uint8_t load_state[SOFT_LOAD_STATE_SIZE] __attribute__((aligned(8)));
};

/* In front of each command, so that its release tells what is free. */
struct soft_command {
    uint32_t size;    /* bytes of all of it, this header included */
    uint32_t surface; /* destroyed by this command; 0: none */
    uint64_t padding;
};

struct soft_driver {
    struct pci_function *pci;
    struct soft_cpu *cpu;
    struct soft_guest_config config;
    uint32_t load; /* the index of its name in soft_guest_loads() */

    /* Where things are; found by soft_driver_attach(). */
    uint32_t revision;
    unsigned vram_bar;
    uint8_t *ram, *vram;
    const QXLRom *rom;
    uint8_t *header; /* the QXLRam */
    uint32_t header_offset;
    uint32_t surface_count; /* what the card can do, at most SOFT_SURFACES */
    struct soft_state *state;
    uint64_t state_offset;
    struct soft_heap memory; /* command memory in the RAM BAR */
    struct soft_heap video;  /* surfaces' memory in the VRAM BAR */

    struct soft_memory *main_memory; /* NULL: none */
    bool checks_memory;              /* it came from elsewhere: is it what it was? */
    uint32_t next_check;             /* page of it */

    int64_t frame_due; /* monotonic time of the next frame; 0: now */
    unsigned throttle; /* atomic; percent of its time that the guest does nothing */

    struct soft_guest_stats stats; /* counted by soft_driver_count() */
};

/* Other threads read the counters meanwhile. */
static inline void soft_driver_count(uint64_t *counter, uint64_t more)
{
    __atomic_fetch_add(counter, more, __ATOMIC_RELAXED);
}

/* Maps the card as its ROM describes it. False and ERROR: this is no card that the guest can use.
 */
bool soft_driver_attach(struct soft_driver *driver, GError **error);
/* Is what guest memory holds a guest that can go on? Else it begins with the probe. */
bool soft_driver_can_continue(const struct soft_driver *driver);

/* Resets and sets up the card: BARs, slots, screen, rings; then the stage is SOFT_STAGE_DRAW. */
bool soft_driver_probe(struct soft_driver *driver);

/*
 * The calls below return false when the processor has to stop or the driver gave up. All they were
 * at is in guest memory then; calling them again goes on with it.
 */

/* Handles the interrupt if there is one. */
bool soft_driver_interrupt(struct soft_driver *driver);
/* Sleeps until an interrupt came, and handles it, or MICROSECONDS have passed. */
bool soft_driver_wait(struct soft_driver *driver, int64_t microseconds);
/* Writes the asynchronous PORT, or the synchronous one on a card too old, and waits for its end. */
bool soft_driver_command(struct soft_driver *driver, uint8_t async_port, uint8_t value);
/* Puts all queued commands into the rings. */
bool soft_driver_flush(struct soft_driver *driver);
/* Waits until the card has fetched all commands. */
bool soft_driver_drain(struct soft_driver *driver);
/* Finds memory for a frame, waiting for the card to give some back. */
bool soft_driver_reserve(struct soft_driver *driver, uint64_t memory, uint64_t video,
                         uint32_t surfaces, struct soft_arena *memory_run,
                         struct soft_arena *video_run);

/* Appends a command to the queue, which a frame must not overfill: false then. */
bool soft_driver_queue(struct soft_driver *driver, uint64_t offset, uint32_t type);
void soft_driver_port(struct soft_driver *driver, uint8_t port, uint8_t value);
/* A warning to the user; the guest does nothing more until it is reset. */
void soft_driver_halt(struct soft_driver *driver, const char *format, ...) G_GNUC_PRINTF(2, 3);
