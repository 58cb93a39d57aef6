/*
 * Reading guest memory for the parsers; see parse.h. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/parse.h"

struct parser {
    const struct memslots *memslots;
    uint32_t group;
    bool colors_555;           /* brushes and palettes are RGB 555 (COMPAT_16BPP) */
    struct drawable *drawable; /* what is being filled; its arena is used */
    const char *wrong;         /* the first thing found wrong; NULL */
};

/* Notes WHAT and returns false. */
bool parser_fail(struct parser *parser, const char *what);
/* Copies SIZE bytes at ADDRESS to TO. False: not mapped; WHAT is then wrong. */
bool parser_read(struct parser *parser, QXLPHYSICAL address, void *to, size_t size,
                 const char *what);
/* The same with the slots given. */
bool guest_read(const struct memslots *memslots, uint32_t group, QXLPHYSICAL address, void *to,
                size_t size);
/* Maps the release information of COMMAND's structure of SIZE bytes and copies the structure. */
const char *guest_read_command(const struct memslots *memslots, const QXLCommandExt *command,
                               void *to, size_t size, struct guest_resource *resource);

/* The data of the chain that starts with the chunk at ADDRESS. */
bool parser_chunks(struct parser *parser, QXLPHYSICAL address, struct draw_bytes *bytes);
/* BYTES copied together, or NULL when they are too many. */
uint8_t *parser_gather(struct parser *parser, const struct draw_bytes *bytes);

draw_rect rect_from_guest(const QXLRect *rect);

/* parse_image.c */
enum image_use { IMAGE_IS_PICTURE, IMAGE_IS_MASK };
/* ADDRESS is not 0. */
struct draw_image *parse_image(struct parser *parser, QXLPHYSICAL address, enum image_use use);
struct draw_image *parser_surface_image(struct parser *parser, uint32_t surface_id);
bool parse_brush(struct parser *parser, const QXLBrush *from, struct draw_brush *brush);
bool parse_mask(struct parser *parser, const QXLQMask *from, struct draw_mask *mask);

/* parse_compressed.c. IMAGE has its descriptor's fields; all but QUIC become bitmaps. */
bool parse_compressed(struct parser *parser, QXLPHYSICAL address, struct draw_image *image);

/* parse_vector.c */
bool parse_path(struct parser *parser, QXLPHYSICAL address, struct draw_path *path);
bool parse_line_style(struct parser *parser, const QXLLineAttr *from,
                      struct draw_line_style *style);
bool parse_string(struct parser *parser, QXLPHYSICAL address, struct draw_string *string);
bool parse_clip(struct parser *parser, const QXLClip *from, const draw_rect *box,
                struct draw_clip *clip);
