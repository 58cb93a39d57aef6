/*
 * The surfaces of a card: the primary (id 0) and off-screen ones, with their pixels in guest
 * memory.
 *
 * The worker's thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/canvas.h"
#include "spice/drawable.h"
#include "spice/boxes.h"
#include "spice/front.h"
#include "spice/put_off.h"

struct surface {
    uint32_t id;
    uint64_t serial; /* of all surfaces ever; tells it from others that had its id */
    uint32_t width, height, format;
    struct canvas *canvas;        /* as it was before what is put off */
    bool blank;                   /* all zero, and never drawn on */
    pixman_region32_t dirty;      /* what has changed since the host last asked */
    struct front front;           /* what clients see of it */
    struct boxes gathered;        /* where it may look different, which they are to be sent */
    struct put_off put_off;       /* what is still to be drawn on the canvas */
    struct guest_resource create; /* what the guest has back when the surface is gone */
};

struct surfaces {
    unsigned count;         /* ids are below */
    struct surface **table; /* NULL: there is none */
    uint64_t next_serial;
};

void surfaces_init(struct surfaces *surfaces, unsigned count);
void surfaces_finish(struct surfaces *surfaces); /* all must be destroyed */

/* NULL when there is none with that id, whatever the id is. */
struct surface *surfaces_find(const struct surfaces *surfaces, uint32_t id);
struct canvas *surfaces_find_canvas(void *surfaces, uint32_t id); /* a canvas_lookup */

/*
 * PIXELS as for canvas_create(); zeroed unless KEEP. NULL and *WRONG: refused. RESOURCE, which may
 * hold nothing, is taken over on success.
 */
struct surface *surface_create(struct surfaces *surfaces, uint32_t id, uint32_t width,
                               uint32_t height, int32_t stride, uint32_t format, void *pixels,
                               bool keep, const struct guest_resource *resource,
                               const char **wrong);
/* Makes all pixels of a new surface zero. */
void surface_clear(struct surface *surface);
/* Releases its command. */
void surface_destroy(struct surfaces *surfaces, struct surface *surface);

/*
 * Draws at once; DIRTY, which it initialises, is then what may have changed. Returns why it is
 * refused, or NULL. This is the one place where drawing happens.
 */
const char *surface_draw(struct surfaces *surfaces, struct surface *surface,
                         const struct draw *draw, pixman_region32_t *dirty);
/*
 * Draws later, or never if nobody looks before it is painted over. VIEW is then what there will be
 * in DRAWABLE's box, and DIRTY as with surface_draw(). False: it is to be drawn at once.
 */
bool surface_put_off(struct surface *surface, struct drawable *drawable, struct pixel_view *view,
                     pixman_region32_t *dirty);
/* Draws what was put off and is, or must be drawn before what is, in BOX; NULL: everything. */
void surface_settle(struct surface *surface, const draw_rect *box);
/* Somebody looks from now on, at what is there now. */
void surface_open_front(struct surface *surface);
