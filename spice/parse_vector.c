/*
 * Lists inside chunks: clips, paths, strings (qxl-device.md section 8.5). Their data is gathered
 * into private memory before it is looked at. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/parse_memory.h"

#include <glib.h>

/* The chunks at ADDRESS + OFFSET in one piece; *SIZE is its length. */
static uint8_t *gather_chunks(struct parser *parser, QXLPHYSICAL address, size_t offset,
                              size_t *size)
{
    struct draw_bytes bytes;

    if (!parser_chunks(parser, address + offset, &bytes))
        return NULL;
    *size = bytes.size;
    return parser_gather(parser, &bytes);
}

bool parse_clip(struct parser *parser, const QXLClip *from, const draw_rect *box,
                struct draw_clip *clip)
{
    uint32_t count;
    uint8_t *data;
    size_t size;

    if (from->type == SPICE_CLIP_TYPE_NONE)
        return true;
    if (from->type != SPICE_CLIP_TYPE_RECTS)
        return parser_fail(parser, "the clip has an unknown type");
    if (!parser_read(parser, from->data, &count, sizeof(count),
                     "the clip list is not in a memory slot"))
        return false;
    data = gather_chunks(parser, from->data, offsetof(QXLClipRects, chunk), &size);
    if (data == NULL)
        return false;
    if (size != (uint64_t)count * sizeof(QXLRect))
        return parser_fail(parser, "the clip list's size does not fit its number of rectangles");

    clip->has_rects = true;
    clip->rects = arena_alloc(&parser->drawable->arena, count * sizeof(*clip->rects));
    for (uint32_t i = 0; i < count; i++) {
        QXLRect raw;
        draw_rect rect;

        memcpy(&raw, data + i * sizeof(raw), sizeof(raw));
        rect = rect_from_guest(&raw);
        rect.x1 = MAX(rect.x1, box->x1);
        rect.y1 = MAX(rect.y1, box->y1);
        rect.x2 = MIN(rect.x2, box->x2);
        rect.y2 = MIN(rect.y2, box->y2);
        if (rect.x1 < rect.x2 && rect.y1 < rect.y2)
            clip->rects[clip->count++] = rect;
    }
    return true;
}

static bool check_segment(struct parser *parser, const QXLPathSeg *segment, bool first)
{
    uint32_t points = segment->count;

    if (first && !(segment->flags & SPICE_PATH_BEGIN))
        return parser_fail(parser, "a path does not start with BEGIN");
    if (segment->flags & SPICE_PATH_BEGIN) {
        if (points == 0)
            return parser_fail(parser, "a path's first segment has no points");
        points--;
    }
    if ((segment->flags & SPICE_PATH_BEZIER) && points % 3 != 0)
        return parser_fail(parser, "a path's curve has not three points each");
    return true;
}

bool parse_path(struct parser *parser, QXLPHYSICAL address, struct draw_path *path)
{
    size_t size, at = 0;
    uint8_t *data = gather_chunks(parser, address, offsetof(QXLPath, chunk), &size);

    if (data == NULL)
        return false;
    path->segments = arena_alloc(&parser->drawable->arena,
                                 (size / sizeof(QXLPathSeg)) * sizeof(struct draw_path_segment));
    while (size - at > sizeof(QXLPathSeg)) {
        QXLPathSeg header;
        struct draw_path_segment *segment = &path->segments[path->count];

        memcpy(&header, data + at, sizeof(header));
        at += sizeof(header);
        if (header.count > (size - at) / sizeof(QXLPointFix))
            return parser_fail(parser, "a path's segment reaches beyond its data");
        if (!check_segment(parser, &header, path->count == 0))
            return false;
        segment->flags = header.flags & SPICE_PATH_FLAGS_MASK;
        segment->count = header.count;
        segment->points =
            arena_alloc(&parser->drawable->arena, header.count * sizeof(*segment->points));
        memcpy(segment->points, data + at, header.count * sizeof(*segment->points));
        at += header.count * sizeof(QXLPointFix);
        path->count++;
    }
    return path->count > 0 || parser_fail(parser, "a path is empty");
}

bool parse_line_style(struct parser *parser, const QXLLineAttr *from, struct draw_line_style *style)
{
    int64_t sum = 0;

    if (!(from->flags & SPICE_LINE_FLAGS_STYLED) || from->style_nseg == 0 || from->style == 0)
        return true;
    style->flags = from->flags & SPICE_LINE_FLAGS_MASK;
    style->count = from->style_nseg;
    style->lengths = arena_alloc(&parser->drawable->arena, style->count * sizeof(*style->lengths));
    if (!parser_read(parser, from->style, style->lengths, style->count * sizeof(*style->lengths),
                     "a line style is not in a memory slot"))
        return false;
    for (unsigned i = 0; i < style->count; i++) {
        if (style->lengths[i] < 0)
            return parser_fail(parser, "a dash has a negative length");
        sum += style->lengths[i] >> 4;
    }
    /* Who walks along such dashes never gets anywhere. */
    return sum > 0 || parser_fail(parser, "all dashes are shorter than a pixel");
}

/* The raster format of a string, the lowest if it has several; 0: none that can be drawn. */
static uint8_t string_format(uint16_t flags)
{
    if (flags & SPICE_STRING_FLAGS_RASTER_TOP_DOWN)
        return 0;
    if (flags & SPICE_STRING_FLAGS_RASTER_A1)
        return SPICE_STRING_FLAGS_RASTER_A1;
    if (flags & SPICE_STRING_FLAGS_RASTER_A4)
        return SPICE_STRING_FLAGS_RASTER_A4;
    return flags & SPICE_STRING_FLAGS_RASTER_A8;
}

static unsigned raster_bits(uint8_t format)
{
    return format == SPICE_STRING_FLAGS_RASTER_A1   ? 1
           : format == SPICE_STRING_FLAGS_RASTER_A4 ? 4
                                                    : 8;
}

bool parse_string(struct parser *parser, QXLPHYSICAL address, struct draw_string *string)
{
    QXLString header;
    unsigned bits;
    size_t size, at = 0;
    uint8_t *data;

    if (!parser_read(parser, address, &header, sizeof(header), "a string is not in a memory slot"))
        return false;
    string->flags = string_format(header.flags);
    bits = raster_bits(string->flags);
    if (string->flags == 0)
        return parser_fail(parser, "a string is top down or has no raster format");
    if (header.length == 0)
        return parser_fail(parser, "a string has no glyphs");
    data = gather_chunks(parser, address, offsetof(QXLString, chunk), &size);
    if (data == NULL)
        return false;
    if (size != header.data_size)
        return parser_fail(parser, "a string has not as much data as its size field says");

    string->count = header.length;
    string->glyphs =
        arena_alloc0(&parser->drawable->arena, string->count * sizeof(*string->glyphs));
    for (unsigned i = 0; i < string->count; i++) {
        struct draw_glyph *glyph = &string->glyphs[i];
        QXLRasterGlyph raw;
        size_t bytes;

        if (size - at < sizeof(raw))
            return parser_fail(parser, "a string has less glyphs than it says");
        memcpy(&raw, data + at, sizeof(raw));
        at += sizeof(raw);
        bytes = (((size_t)raw.width * bits + 7) / 8) * raw.height;
        if (bytes > size - at)
            return parser_fail(parser, "a glyph reaches beyond its string");
        glyph->render_pos = (struct draw_point){raw.render_pos.x, raw.render_pos.y};
        glyph->origin = (struct draw_point){raw.glyph_origin.x, raw.glyph_origin.y};
        glyph->width = raw.width;
        glyph->height = raw.height;
        glyph->bits = data + at;
        at += bytes;
    }
    parser->drawable->data_size += size;
    return true;
}
