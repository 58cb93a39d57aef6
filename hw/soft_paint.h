/*
 * Drawing commands of the soft guest: what its loads draw with.
 *
 * Each call builds one QXL command in the frame's memory and queues it; what is outside the target
 * or its clip region is left away. Nothing waits: a frame's memory was found before it began.
 *
 * Facts: qxl-device.md sections 8, 9 and 11.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/soft_driver.h"

#include <pixman.h>
#include <stdbool.h>
#include <stdint.h>

struct soft_frame {
    struct soft_driver *driver;
    uint64_t number;   /* from 0 */
    int width, height; /* of the screen */
    struct soft_arena memory, video;
    bool overfull; /* a command did not fit and was left away: the load asked for too little */
};

/* Something to draw on. Callers set CLIP, in its pixels; NULL: all of it. */
struct soft_target {
    struct soft_frame *frame;
    uint32_t surface; /* 0: the screen */
    int width, height;
    const pixman_region32_t *clip;
};

struct soft_rect {
    int x, y, width, height;
};

/* Fills ROWS rows of WIDTH 0xAARRGGBB pixels, the first being row Y of the picture. */
typedef void (*soft_fill_rows)(void *opaque, uint32_t *pixels, int width, int y, int rows);

struct soft_picture {
    int width, height;
    soft_fill_rows fill; /* called before the drawing call returns */
    void *opaque;
    uint32_t unique; /* nonzero: the same number, the same picture, which may be cached */
    bool alpha;      /* premultiplied alpha rather than ignored */
};

/* A surface as a source, from (x, y) on. */
struct soft_source {
    uint32_t surface;
    int x, y;
};

/* One bit per pixel, the left one highest, rows of whole bytes, top row first. */
struct soft_bitmap {
    int width, height;
    const uint8_t *bits;
};

struct soft_target soft_screen(struct soft_frame *frame);
/* SURFACE must be live: soft_surface_live(). */
struct soft_target soft_surface_target(struct soft_frame *frame, uint32_t surface);

/* FORMAT: SPICE_SURFACE_FMT_*, 32 bits. 0: no memory or number left, the frame is overfull. */
uint32_t soft_surface_create(struct soft_frame *frame, int width, int height, uint32_t format);
/* Queued commands still see it. 0 is ignored. */
void soft_surface_destroy(struct soft_frame *frame, uint32_t surface);
bool soft_surface_live(const struct soft_frame *frame, uint32_t surface);
/* Bytes of video memory that a surface takes. */
uint64_t soft_surface_bytes(int width, int height);

/* Colours are 0xRRGGBB, ROP a raster operation of SPICE_ROPD_ bits. */
void soft_fill(const struct soft_target *target, struct soft_rect rect, uint32_t color);
void soft_fill_rop(const struct soft_target *target, struct soft_rect rect, uint32_t color,
                   uint16_t rop);
/* An 8 x 8 pattern that begins at the target's corner. */
void soft_fill_pattern(const struct soft_target *target, struct soft_rect rect,
                       const uint8_t rows[8], uint32_t foreground, uint32_t background);
/* QXL_DRAW_BLACKNESS, QXL_DRAW_WHITENESS or QXL_DRAW_INVERS. */
void soft_fill_plain(const struct soft_target *target, struct soft_rect rect, uint8_t type);
/* Moves pixels inside the target to RECT; all of the source must be inside it. */
void soft_copy_bits(const struct soft_target *target, struct soft_rect rect, int from_x,
                    int from_y);

/* MASK, of the picture's size, may be NULL. */
void soft_copy_picture(const struct soft_target *target, int x, int y,
                       const struct soft_picture *picture, const struct soft_bitmap *mask);
/* ALPHA 0 to 255 weakens all of it. */
void soft_blend_picture(const struct soft_target *target, int x, int y,
                        const struct soft_picture *picture, uint8_t alpha);
/* All pixels but those of colour KEY. */
void soft_copy_picture_keyed(const struct soft_target *target, int x, int y,
                             const struct soft_picture *picture, uint32_t key);
/* Ternary operations of picture, brush COLOR and target; ROP3 is Windows's number. */
void soft_rop3_picture(const struct soft_target *target, int x, int y,
                       const struct soft_picture *picture, uint32_t color, uint8_t rop3);
/* The picture and then COLOR on it by ROP. */
void soft_opaque_picture(const struct soft_target *target, int x, int y,
                         const struct soft_picture *picture, uint32_t color, uint16_t rop);
/* A bitmap in two colours. */
void soft_copy_bitmap(const struct soft_target *target, int x, int y,
                      const struct soft_bitmap *bitmap, uint32_t foreground, uint32_t background);

void soft_copy_surface(const struct soft_target *target, struct soft_rect rect,
                       struct soft_source source);
void soft_copy_surface_keyed(const struct soft_target *target, struct soft_rect rect,
                             struct soft_source source, uint32_t key);
/* The surface's own alpha counts when its format has one. */
void soft_blend_surface(const struct soft_target *target, struct soft_rect rect,
                        struct soft_source source, uint8_t alpha);

struct soft_point {
    int x, y;
};
/* One pixel wide; the last point is not drawn. DASH: pixels on and off in turn, NULL: solid. */
void soft_stroke(const struct soft_target *target, const struct soft_point *points, int count,
                 uint32_t color, uint16_t rop, const uint8_t dash[2]);
void soft_stroke_rect(const struct soft_target *target, struct soft_rect rect, uint32_t color,
                      uint16_t rop, const uint8_t dash[2]);
/* A curve: COUNT - 1 control points in groups of three after the first point. */
void soft_stroke_curve(const struct soft_target *target, const struct soft_point *points, int count,
                       uint32_t color);

/*
 * Text in the built-in font, SCALE times its size, from its upper left corner on: glyphs as a TEXT
 * command, on what is there or on a background; or drawn by the guest and sent as a bitmap.
 */
void soft_text(const struct soft_target *target, int x, int y, int scale, const char *text,
               uint32_t color);
void soft_text_on(const struct soft_target *target, int x, int y, int scale, const char *text,
                  uint32_t color, uint32_t background);
void soft_text_bitmap(const struct soft_target *target, int x, int y, int scale, const char *text,
                      uint32_t color, uint32_t background);

/* The cursor. Positions are those of the hot spot. Moves are left to the user while he makes some.
 */
struct soft_cursor_shape {
    int width, height;
    int hot_x, hot_y;
    soft_fill_rows fill; /* premultiplied alpha */
    void *opaque;
    const uint8_t *mono; /* instead of FILL: AND mask, then XOR mask, whole bytes a row */
};
void soft_cursor_set(struct soft_frame *frame, int x, int y, const struct soft_cursor_shape *shape);
void soft_cursor_move(struct soft_frame *frame, int x, int y);
void soft_cursor_move_for_user(struct soft_frame *frame, int x, int y);
void soft_cursor_hide(struct soft_frame *frame);
