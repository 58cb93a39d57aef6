/*
 * The soft guest: a QXL driver of our own that runs as a thread.
 *
 * It talks to the card as a guest would: configuration space, BARs, rings, ports and interrupts of
 * its PCI function, nothing else, with all of its state in guest memory (so that it can migrate).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/engine.h"
#include "hw/pci.h"

struct soft_guest_config {
    const char *load; /* one of soft_guest_loads(); NULL: "desktop" */
    unsigned fps;     /* frames a second; 0: as fast as the card takes them */
    uint64_t seed;    /* the same seed draws the same frames */
    uint64_t frames;  /* stand still after so many frames, the card in use; 0: go on for ever */
    unsigned width, height; /* 0: the card's xres and yres, or 1024 x 768 */
    uint32_t memory;        /* MiB besides the card's, which it writes to and checks; 0: none */
    /* Called from the guest's thread when FRAMES have been drawn; may be NULL. */
    void (*finished)(void *opaque);
    /* The same when a guest that came from elsewhere has checked its memory, so many PAGES. */
    void (*memory_checked)(void *opaque, uint32_t pages);
    void *opaque;
};

/* NULL-terminated names of all loads, for help and for checking options. */
const char *const *soft_guest_loads(void);

/* An engine, not started. PCI stays the caller's and must outlive it. NULL: unknown load, ERROR
 * says. */
struct engine *soft_guest_create(const struct soft_guest_config *config, struct pci_function *pci,
                                 GError **error);

struct soft_guest_stats {
    uint64_t frames;   /* drawn since start */
    uint64_t commands; /* pushed to the command ring */
    uint64_t cursor_commands;
    uint64_t interrupts;
};
/* Any thread. */
struct soft_guest_stats soft_guest_stats(struct engine *engine);
