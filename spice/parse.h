/*
 * Guest commands -> private, checked structures.
 *
 * A parser reads each word of guest memory once, into private memory, checks it there and works
 * with the copy; only pixel data stays in place, with its extent proven (draw.h). What is wrong
 * with a command is said by a static text; then the command is dropped. Nothing here looks at
 * surfaces: whether ids exist and boxes fit is for the worker to check.
 *
 * Facts: qxl-device.md sections 7 to 9, 11, 12 and 16. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/drawable.h"
#include "spice/memslot.h"

/* Limits of ours; a command beyond them is dropped. */
enum {
    PARSE_MAX_CHUNKS = 64 * 1024,      /* of one object; page-sized ones reach 256 MiB */
    PARSE_MAX_COPY = 64 * 1024 * 1024, /* bytes of one object that are copied to private memory */
    PARSE_MAX_CURSOR = 512,            /* pixels, either way */
    PARSE_MAX_HEADS = 64,
    PARSE_MAX_MESSAGE = 100000, /* bytes that are searched for the end of a text */
};

/*
 * All of these: NULL or what is wrong. RESOURCE->info is set as soon as the command's header is
 * known to be mapped, also when the rest fails, and the caller then owes the guest its release.
 */

/* DRAWABLE is fresh; its resource is set like this too. */
const char *parse_drawable(const struct memslots *memslots, const QXLCommandExt *command,
                           struct drawable *drawable);

struct update_command {
    draw_rect area; /* not empty */
    uint32_t update_id;
    uint32_t surface_id;
};
const char *parse_update(const struct memslots *memslots, const QXLCommandExt *command,
                         struct guest_resource *resource, struct update_command *update);

/* *TEXT is to be freed. */
const char *parse_message(const struct memslots *memslots, const QXLCommandExt *command,
                          struct guest_resource *resource, char **text);

struct surface_command {
    uint8_t type; /* QXL_SURFACE_CMD_* */
    uint32_t surface_id;
    bool keep_data;
    struct {
        uint32_t width, height, format;
        int32_t stride;
        void *pixels; /* |stride| * height bytes are mapped, lowest address */
    } create;
};
const char *parse_surface(const struct memslots *memslots, const QXLCommandExt *command,
                          struct guest_resource *resource, struct surface_command *surface);
/* The memory of a surface with that geometry, or NULL and *WRONG. */
void *parse_surface_memory(const struct memslots *memslots, uint32_t group, uint32_t width,
                           uint32_t height, int32_t stride, uint32_t format, QXLPHYSICAL address,
                           const char **wrong);

/* A pointer's picture; unlike all else it is copied whole, with what the guest left out as zero. */
struct cursor_shape {
    unsigned refs;
    uint64_t unique; /* the clients' cache key; 0: do not cache */
    uint8_t type;    /* SPICE_CURSOR_TYPE_* */
    uint16_t width, height;
    uint16_t hot_x, hot_y;
    uint32_t size;
    uint8_t data[];
};
/* One reference, the caller's; its data is SIZE bytes of zero. TYPE: a SPICE_CURSOR_TYPE_*. */
struct cursor_shape *cursor_shape_create(uint8_t type, uint16_t width, uint16_t height);
struct cursor_shape *cursor_shape_ref(struct cursor_shape *shape); /* NULL is allowed */
void cursor_shape_unref(struct cursor_shape *shape);
void cursor_shape_unref_opaque(void *shape);

struct cursor_command {
    uint8_t type;                           /* QXL_CURSOR_* */
    int16_t x, y;                           /* SET, MOVE: of the hot spot */
    bool visible;                           /* SET */
    struct cursor_shape *shape;             /* SET: one reference, the caller's; not NULL */
    uint16_t trail_length, trail_frequency; /* TRAIL */
};
const char *parse_cursor(const struct memslots *memslots, const QXLCommandExt *command,
                         struct guest_resource *resource, struct cursor_command *cursor);

struct monitors_config {
    unsigned count, max_allowed; /* 1 <= count <= max_allowed <= PARSE_MAX_HEADS */
    QXLHead heads[PARSE_MAX_HEADS];
};
/* MAX_HEADS: more heads than that are left out. */
const char *parse_monitors_config(const struct memslots *memslots, uint32_t group,
                                  QXLPHYSICAL address, unsigned max_heads,
                                  struct monitors_config *config);
