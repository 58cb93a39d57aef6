/*
 * Pictures that the guest has drawn on a surface, and that nobody has had to see there yet.
 *
 * Clients are shown them out of the guest's own memory. On the surface most are painted over by the
 * next one before anybody, the guest or a command, reads what is there; so they need not be drawn
 * at all. The guest has a picture's memory back once it is drawn or painted over; a guest that runs
 * out of memory says so, and all are drawn.
 *
 * The worker's thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/drawable.h"

#define PUT_OFF_MAX        64
#define PUT_OFF_MAX_BYTES  (8 * 1024 * 1024) /* of the guest's memory */
#define PUT_OFF_MIN_PIXELS 4096              /* less is drawn before it is thought about */

struct put_off {
    unsigned count;
    size_t bytes;
    struct drawable *drawables[PUT_OFF_MAX]; /* each paints its box; the oldest first */
};

/* Is there room for that much more? */
bool put_off_has_room(const struct put_off *put_off, size_t bytes);
/* Adds a reference to DRAWABLE, for which there is room. */
void put_off_add(struct put_off *put_off, struct drawable *drawable);
/* Releases what is inside of BOX, which is about to be painted over; NULL: all. */
void put_off_drop(struct put_off *put_off, const draw_rect *box);
/*
 * Takes out what must be drawn, the oldest first, before BOX can be seen as it is; NULL: everything
 * must. The caller draws and releases these. Returns how many.
 */
unsigned put_off_take(struct put_off *put_off, const draw_rect *box,
                      struct drawable *taken[PUT_OFF_MAX]);
