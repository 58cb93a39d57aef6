/*
 * What a guest gets back for a command: its memory, after exactly one release (server-abi.md 4.9).
 *
 * A release wakes a guest or a host that sleeps, and lets it compete with us for what we do next.
 * So while commands are executed, releases may be held, and given back together afterwards.
 *
 * The worker's thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <spice.h>
#include <stdbool.h>

/* More are not held: the guest may be short of memory. */
#define RELEASES_MAX 64

/* One per QXL instance; all but QXL starts as zero. */
struct releases {
    QXLInstance *qxl;
    bool held;
    unsigned count;
    QXLReleaseInfoExt infos[RELEASES_MAX]; /* the first COUNT are to be given back */
};

/* Releases are kept from now on, up to RELEASES_MAX of them, until releases_give(). */
void releases_hold(struct releases *releases);
/* What is held goes back to the guest, and from now on each at once. */
void releases_give(struct releases *releases);

struct guest_resource {
    struct releases *to;    /* must outlive it */
    QXLReleaseInfoExt info; /* .info is NULL: nothing to release (any more) */
};

void guest_resource_release(struct guest_resource *resource);
