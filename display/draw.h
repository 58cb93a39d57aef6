/*
 * One drawing command in private memory.
 *
 * The parser (spice/) makes a struct draw out of what a guest wrote, checking every size and address
 * on the way; the canvas, the queues and the message writers read it and never look at the guest's
 * structures again. Only pixel data stays where the guest put it: its extent is proven, its content
 * may change at any time and must never be trusted for control flow.
 *
 * Enumerations and flag values are spice-protocol's (spice/enums.h, spice/qxl_dev.h). See
 * qxl-device.md section 8.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <pixman.h>
#include <spice/enums.h>
#include <spice/qxl_dev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Half open: x1 <= x < x2, y1 <= y < y2; surface or image coordinates. */
typedef pixman_box32_t draw_rect;

struct draw_point {
    int32_t x, y;
};

/* Bytes in one or more pieces, in order; the pieces are guest memory or private memory. */
struct draw_bytes {
    size_t size; /* sum of the pieces' lengths, at most INT32_MAX */
    unsigned count;
    struct iovec *pieces;
};

/* At most 256 entries, 0x00RRGGBB; entries past count are 0. */
struct draw_palette {
    uint64_t unique; /* the client's cache key; 0: do not cache */
    uint16_t count;
    uint32_t colors[256];
};

/* What a drawing command copies from: a bitmap, a compressed picture or another surface. */
struct draw_image {
    uint64_t id; /* the client's cache key, meaningful with SPICE_IMAGE_FLAGS_CACHE_ME */
    uint8_t type; /* SPICE_IMAGE_TYPE_BITMAP, _QUIC or _SURFACE */
    uint8_t flags; /* SPICE_IMAGE_FLAGS_* */
    bool snapshot; /* of SURFACE: not it but a bitmap made of its area just before the command */
    uint32_t width, height; /* of the picture; of SURFACE: as the guest said, not to be relied on */
    union {
        struct {
            uint8_t format; /* SPICE_BITMAP_FMT_1BIT_LE ... _8BIT_A */
            bool top_down; /* false: the first row of data is the bottom row */
            uint32_t stride; /* bytes; data.size == stride * height */
            struct draw_palette *palette; /* not NULL for palette formats, except in masks */
            struct draw_bytes data;
        } bitmap;
        struct {
            struct draw_bytes data;
        } quic;
        struct {
            uint32_t surface_id; /* exists when the command was accepted */
            draw_rect area; /* with snapshot */
        };
    };
};

struct draw_brush {
    uint8_t type; /* SPICE_BRUSH_TYPE_NONE, _SOLID, _PATTERN */
    uint32_t color; /* SOLID */
    struct draw_image *pattern; /* PATTERN: not NULL */
    struct draw_point pattern_origin;
};

struct draw_mask {
    bool inverted;
    struct draw_point origin; /* of the box's top left in the mask image */
    struct draw_image *image; /* 1 bit BITMAP or SURFACE; NULL: no mask */
};

struct draw_clip {
    bool has_rects; /* false: not clipped; true with count 0: nothing is painted */
    unsigned count;
    draw_rect *rects;
};

struct draw_path_segment {
    uint32_t flags; /* SPICE_PATH_BEGIN, _END, _CLOSE, _BEZIER */
    uint32_t count;
    struct draw_point *points; /* 28.4 fixed point */
};

struct draw_path {
    unsigned count;
    struct draw_path_segment *segments;
};

struct draw_glyph {
    struct draw_point render_pos;
    struct draw_point origin; /* top left = render_pos + origin */
    uint16_t width, height;
    const uint8_t *bits; /* bottom row first, each ceil(width * bpp / 8) bytes; private copy */
};

struct draw_string {
    uint8_t flags; /* SPICE_STRING_FLAGS_RASTER_A1, _A4 or _A8; exactly one */
    unsigned count; /* at least 1 */
    struct draw_glyph *glyphs;
};

struct draw_line_style {
    uint8_t flags; /* SPICE_LINE_FLAGS_START_WITH_GAP, _STYLED */
    uint8_t count; /* dashes and gaps; 0: solid */
    int32_t *lengths; /* 28.4 */
};

struct draw_transform {
    int32_t t00, t01, t02, t10, t11, t12; /* 16.16; third row 0 0 1 */
};

struct draw {
    uint8_t type; /* QXL_DRAW_* */
    uint8_t effect; /* QXL_EFFECT_* */
    uint32_t surface_id; /* destination */
    draw_rect box; /* inside the destination when the command was accepted */
    struct draw_clip clip;
    int32_t sources[3]; /* surfaces that are read, -1: none; every SURFACE image is listed */
    union {
        struct {
            struct draw_brush brush;
            uint16_t rop; /* SPICE_ROPD_* */
            struct draw_mask mask;
        } fill;
        struct {
            struct draw_image *image;
            draw_rect area; /* of the image; inside it for bitmaps */
            struct draw_brush brush;
            uint16_t rop;
            uint8_t scale_mode; /* SPICE_IMAGE_SCALE_MODE_* */
            struct draw_mask mask;
        } opaque;
        struct {
            struct draw_image *image;
            draw_rect area;
            uint16_t rop;
            uint8_t scale_mode;
            struct draw_mask mask;
        } copy; /* and BLEND */
        struct {
            struct draw_point from;
        } copy_bits;
        struct {
            struct draw_mask mask;
        } whole; /* BLACKNESS, WHITENESS, INVERS */
        struct {
            struct draw_image *image;
            draw_rect area;
            struct draw_brush brush;
            uint8_t rop3;
            uint8_t scale_mode;
            struct draw_mask mask;
        } rop3;
        struct {
            struct draw_path path;
            struct draw_line_style style;
            struct draw_brush brush;
            uint16_t fore_mode;
            uint16_t back_mode;
        } stroke;
        struct {
            struct draw_string string;
            draw_rect back_area;
            struct draw_brush fore_brush;
            struct draw_brush back_brush;
            uint16_t fore_mode;
            uint16_t back_mode;
        } text;
        struct {
            struct draw_image *image;
            draw_rect area;
            uint32_t source_color;
            uint32_t true_color;
        } transparent;
        struct {
            uint8_t alpha_flags; /* SPICE_ALPHA_FLAGS_* */
            uint8_t alpha;
            struct draw_image *image;
            draw_rect area;
        } alpha_blend;
        struct {
            uint32_t flags; /* SPICE_COMPOSITE_* */
            struct draw_image *source;
            struct draw_image *mask; /* NULL: none */
            struct draw_transform *source_transform; /* NULL: identity */
            struct draw_transform *mask_transform;
            struct draw_point source_origin;
            struct draw_point mask_origin;
        } composite;
    };
};
