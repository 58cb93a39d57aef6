/*
 * Text and lines.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/soft_command.h"
#include "hw/soft_font.h"

#include <string.h>

#define TEXT_MAX  512 /* characters */
#define SCALE_MAX 8
#define FIXED_ONE 16 /* 28.4 */

/* Sets the dots of a glyph's row, enlarged, in a row of bits. */
static void expand_row(uint8_t *bits, int x, char c, int row, int scale)
{
    uint8_t dots = soft_font_row(c, row);

    for (int column = 0; column < SOFT_FONT_WIDTH * scale; column++)
        if (dots >> (SOFT_FONT_WIDTH - 1 - column / scale) & 1)
            bits[(x + column) / 8] |= (uint8_t)(0x80 >> (x + column) % 8);
}

static size_t glyph_bytes(int scale)
{
    return ((size_t)SOFT_FONT_WIDTH * (size_t)scale + 7) / 8 * SOFT_FONT_HEIGHT * (size_t)scale;
}

/* One glyph, its rows from the bottom up. Returns its size. */
static size_t write_glyph(uint8_t *at, char c, int x, int y, int scale)
{
    size_t stride = ((size_t)SOFT_FONT_WIDTH * (size_t)scale + 7) / 8;
    int height = SOFT_FONT_HEIGHT * scale;
    const QXLRasterGlyph glyph = {
        .render_pos = {.x = x, .y = y + SOFT_FONT_ASCENT * scale}, /* on the base line */
        .glyph_origin = {.x = 0, .y = -SOFT_FONT_ASCENT * scale},
        .width = (uint16_t)(SOFT_FONT_WIDTH * scale),
        .height = (uint16_t)height,
    };

    memcpy(at, &glyph, sizeof(glyph));
    uint8_t *bits = at + sizeof(glyph);
    memset(bits, 0, glyph_bytes(scale));
    for (int row = 0; row < height; row++)
        expand_row(bits + stride * (size_t)(height - 1 - row), 0, c, row / scale, scale);
    return sizeof(glyph) + glyph_bytes(scale);
}

static int text_length(const char *text)
{
    return (int)strnlen(text, TEXT_MAX);
}

static struct soft_rect text_rect(int x, int y, int scale, int length)
{
    return (struct soft_rect){x, y, length * SOFT_CELL_WIDTH * scale, SOFT_CELL_HEIGHT * scale};
}

/* BACKGROUND: NULL leaves what is there. */
static void draw_text(const struct soft_target *target, int x, int y, int scale, const char *text,
                      uint32_t color, const uint32_t *background)
{
    int length = text_length(text), glyphs = 0;
    struct soft_rect rect = text_rect(x, y, scale, length);
    struct soft_build build;
    QXLPHYSICAL address;

    for (int i = 0; i < length; i++)
        glyphs += text[i] != ' ';
    if (glyphs == 0) { /* a string must have a glyph */
        if (background)
            soft_fill(target, rect, *background);
        return;
    }
    size_t bytes = (size_t)glyphs * (sizeof(QXLRasterGlyph) + glyph_bytes(scale));
    size_t size = sizeof(QXLString) + bytes;
    QXLDrawable *drawable =
        soft_draw_begin(&build, target, rect, QXL_DRAW_TEXT,
                        background ? QXL_EFFECT_OPAQUE : QXL_EFFECT_BLEND, soft_part_size(size));
    if (!drawable)
        return;

    QXLString *string = soft_build_part(&build, size, &address);
    *string = (QXLString){
        .data_size = (uint32_t)bytes,
        .length = (uint16_t)glyphs,
        .flags = SPICE_STRING_FLAGS_RASTER_A1,
        .chunk.data_size = (uint32_t)bytes,
    };
    uint8_t *at = string->chunk.data;
    for (int i = 0; i < length; i++)
        if (text[i] != ' ')
            at += write_glyph(at, text[i], x + i * SOFT_CELL_WIDTH * scale, y, scale);

    drawable->u.text.str = address;
    drawable->u.text.fore_brush = soft_solid(color);
    drawable->u.text.fore_mode = SPICE_ROPD_OP_PUT;
    drawable->u.text.back_mode = SPICE_ROPD_OP_PUT;
    if (background) {
        drawable->u.text.back_area = drawable->bbox;
        drawable->u.text.back_brush = soft_solid(*background);
    }
    soft_draw_end(&build);
}

void soft_text(const struct soft_target *target, int x, int y, int scale, const char *text,
               uint32_t color)
{
    draw_text(target, x, y, CLAMP(scale, 1, SCALE_MAX), text, color, NULL);
}

void soft_text_on(const struct soft_target *target, int x, int y, int scale, const char *text,
                  uint32_t color, uint32_t background)
{
    draw_text(target, x, y, CLAMP(scale, 1, SCALE_MAX), text, color, &background);
}

void soft_text_bitmap(const struct soft_target *target, int x, int y, int scale, const char *text,
                      uint32_t color, uint32_t background)
{
    int length = text_length(text);

    scale = CLAMP(scale, 1, SCALE_MAX);
    if (length == 0)
        return;
    struct soft_rect rect = text_rect(x, y, scale, length);
    size_t stride = ((size_t)rect.width + 7) / 8;
    uint8_t *bits = g_malloc0(stride * (size_t)rect.height);
    for (int i = 0; i < length; i++)
        for (int row = 0; row < SOFT_FONT_HEIGHT * scale; row++)
            expand_row(bits + stride * (size_t)row, i * SOFT_CELL_WIDTH * scale, text[i],
                       row / scale, scale);
    struct soft_bitmap bitmap = {.width = rect.width, .height = rect.height, .bits = bits};
    soft_copy_bitmap(target, x, y, &bitmap, color, background);
    g_free(bits);
}

/* --- lines --- */

static struct soft_rect points_rect(const struct soft_point *points, int count)
{
    int left = points[0].x, right = left, top = points[0].y, bottom = top;

    for (int i = 1; i < count; i++) {
        left = MIN(left, points[i].x);
        right = MAX(right, points[i].x);
        top = MIN(top, points[i].y);
        bottom = MAX(bottom, points[i].y);
    }
    return (struct soft_rect){left, top, right - left + 1, bottom - top + 1};
}

static QXLPathSeg *write_segment(uint8_t *at, uint32_t flags, const struct soft_point *points,
                                 int count)
{
    QXLPathSeg *segment = (QXLPathSeg *)at;

    segment->flags = flags;
    segment->count = (uint32_t)count;
    for (int i = 0; i < count; i++)
        segment->points[i] =
            (QXLPointFix){.x = points[i].x * FIXED_ONE, .y = points[i].y * FIXED_ONE};
    return segment;
}

/* FLAGS: SPICE_PATH_CLOSE, SPICE_PATH_BEZIER. */
static void draw_path(const struct soft_target *target, const struct soft_point *points, int count,
                      uint32_t flags, uint32_t color, uint16_t rop, const uint8_t dash[2])
{
    /* A curve starts with a segment of its own for its first point. */
    bool curve = flags & SPICE_PATH_BEZIER;
    size_t bytes = (curve ? 2 : 1) * sizeof(QXLPathSeg) + (size_t)count * sizeof(QXLPointFix);
    struct soft_build build;
    QXLPHYSICAL address;

    if (count < 2)
        return;
    QXLDrawable *drawable = soft_draw_begin(
        &build, target, points_rect(points, count), QXL_DRAW_STROKE, QXL_EFFECT_BLEND,
        soft_part_size(sizeof(QXLPath) + bytes) + soft_part_size(2 * sizeof(QXLFIXED)));
    if (!drawable)
        return;

    QXLPath *path = soft_build_part(&build, sizeof(*path) + bytes, &address);
    *path = (QXLPath){.data_size = (uint32_t)bytes, .chunk.data_size = (uint32_t)bytes};
    if (curve) {
        QXLPathSeg *first = write_segment(path->chunk.data, SPICE_PATH_BEGIN, points, 1);
        write_segment((uint8_t *)&first->points[1], SPICE_PATH_END | flags, points + 1, count - 1);
    } else {
        write_segment(path->chunk.data, SPICE_PATH_BEGIN | SPICE_PATH_END | flags, points, count);
    }
    drawable->u.stroke.path = address;
    drawable->u.stroke.brush = soft_solid(color);
    drawable->u.stroke.fore_mode = rop;
    drawable->u.stroke.back_mode = SPICE_ROPD_OP_PUT;
    drawable->u.stroke.attr.width = FIXED_ONE;
    if (dash) {
        const QXLFIXED style[2] = {dash[0] * FIXED_ONE, dash[1] * FIXED_ONE};
        memcpy(soft_build_part(&build, sizeof(style), &address), style, sizeof(style));
        drawable->u.stroke.attr.flags = SPICE_LINE_FLAGS_STYLED;
        drawable->u.stroke.attr.style_nseg = G_N_ELEMENTS(style);
        drawable->u.stroke.attr.style = address;
    }
    soft_draw_end(&build);
}

void soft_stroke(const struct soft_target *target, const struct soft_point *points, int count,
                 uint32_t color, uint16_t rop, const uint8_t dash[2])
{
    draw_path(target, points, count, 0, color, rop, dash);
}

void soft_stroke_rect(const struct soft_target *target, struct soft_rect rect, uint32_t color,
                      uint16_t rop, const uint8_t dash[2])
{
    int right = rect.x + rect.width - 1, bottom = rect.y + rect.height - 1;
    const struct soft_point corners[4] = {
        {rect.x, rect.y}, {right, rect.y}, {right, bottom}, {rect.x, bottom}};

    draw_path(target, corners, 4, SPICE_PATH_CLOSE, color, rop, dash);
}

void soft_stroke_curve(const struct soft_target *target, const struct soft_point *points, int count,
                       uint32_t color)
{
    if (count >= 4 && (count - 1) % 3 == 0)
        draw_path(target, points, count, SPICE_PATH_BEZIER, color, SPICE_ROPD_OP_PUT, NULL);
}
