/*
 * Images, palettes, brushes and masks (qxl-device.md section 8.8).
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/canvas.h"
#include "spice/parse_memory.h"

#include <glib.h>

#define MAX_PALETTE 256

static uint32_t expand_555(uint32_t color)
{
    uint32_t blue = color & 0x1f, green = (color >> 5) & 0x1f, red = (color >> 10) & 0x1f;

    blue = blue << 3 | blue >> 2;
    green = green << 3 | green >> 2;
    red = red << 3 | red >> 2;
    return red << 16 | green << 8 | blue;
}

static struct draw_image *new_image(struct parser *parser)
{
    struct drawable *drawable = parser->drawable;
    struct guest_image *image = arena_alloc0(&drawable->arena, sizeof(*image));

    image->next = drawable->images;
    drawable->images = image;
    return &image->image;
}

/* Lists what the command reads. There is room: it has at most three images. */
static void add_source(struct draw *draw, uint32_t surface_id)
{
    for (size_t i = 0; i < G_N_ELEMENTS(draw->sources); i++) {
        if (draw->sources[i] == (int32_t)surface_id)
            return;
        if (draw->sources[i] == -1) {
            draw->sources[i] = surface_id;
            return;
        }
    }
}

struct draw_image *parser_surface_image(struct parser *parser, uint32_t surface_id)
{
    struct draw_image *image;

    if (surface_id > INT32_MAX) {
        parser_fail(parser, "an image is of a surface that does not exist");
        return NULL;
    }
    image = new_image(parser);
    image->type = SPICE_IMAGE_TYPE_SURFACE;
    image->surface_id = surface_id;
    add_source(&parser->drawable->draw, surface_id);
    return image;
}

static struct draw_palette *parse_palette(struct parser *parser, QXLPHYSICAL address)
{
    QXLPalette header;
    struct draw_palette *palette;

    if (!parser_read(parser, address, &header, sizeof(header), "a palette is not in a memory slot"))
        return NULL;
    if (header.num_ents > MAX_PALETTE) {
        parser_fail(parser, "a palette has more than 256 entries");
        return NULL;
    }
    palette = arena_alloc0(&parser->drawable->arena, sizeof(*palette));
    palette->unique = header.unique;
    palette->count = header.num_ents;
    if (!parser_read(parser, address + sizeof(header), palette->colors,
                     palette->count * sizeof(palette->colors[0]),
                     "a palette reaches beyond its memory slot"))
        return NULL;
    if (parser->colors_555) {
        for (unsigned i = 0; i < palette->count; i++)
            palette->colors[i] = expand_555(palette->colors[i]);
    }
    return palette;
}

static bool has_palette(uint8_t format)
{
    return format >= SPICE_BITMAP_FMT_1BIT_LE && format <= SPICE_BITMAP_FMT_8BIT;
}

static bool parse_bitmap_data(struct parser *parser, const QXLBitmap *from,
                              struct draw_image *image)
{
    struct draw_bytes *data = &image->bitmap.data;
    size_t size = (size_t)from->stride * from->y;

    if (from->flags & QXL_BITMAP_DIRECT) {
        void *pixels = memslots_map(parser->memslots, parser->group, from->data, size, NULL);

        if (pixels == NULL)
            return parser_fail(parser, "a bitmap's pixels are not in a memory slot");
        data->pieces = arena_alloc(&parser->drawable->arena, sizeof(*data->pieces));
        data->pieces[0] = (struct iovec){.iov_base = pixels, .iov_len = size};
        data->count = 1;
        data->size = size;
    } else if (!parser_chunks(parser, from->data, data)) {
        return false;
    }
    if (data->size != size)
        return parser_fail(parser, "a bitmap has not as much data as its height and stride say");

    if (from->flags & QXL_BITMAP_UNSTABLE) {
        uint8_t *copy = parser_gather(parser, data);

        if (copy == NULL)
            return false;
        data->pieces[0] = (struct iovec){.iov_base = copy, .iov_len = size};
        data->count = 1;
    }
    return true;
}

static bool parse_bitmap(struct parser *parser, QXLPHYSICAL address, enum image_use use,
                         struct draw_image *image)
{
    QXLBitmap from;
    unsigned bits;

    if (!parser_read(parser, address + offsetof(QXLImage, bitmap), &from, sizeof(from),
                     "a bitmap is not in a memory slot"))
        return false;
    bits = bitmap_format_bits(from.format);
    if (bits == 0)
        return parser_fail(parser, "a bitmap has an unknown format");
    if (use == IMAGE_IS_MASK && bits != 1)
        return parser_fail(parser, "a mask has not 1 bit per pixel");
    if (from.x == 0 || from.y == 0 || from.x > INT32_MAX || from.y > INT32_MAX)
        return parser_fail(parser, "a bitmap's width or height is 0 or too large");
    if (from.stride < ((uint64_t)from.x * bits + 7) / 8)
        return parser_fail(parser, "a bitmap's stride is shorter than its rows");
    if ((uint64_t)from.stride * from.y > INT32_MAX)
        return parser_fail(parser, "a bitmap has more than 2^31 - 1 bytes");

    image->width = from.x;
    image->height = from.y;
    image->bitmap.format = from.format;
    image->bitmap.top_down = from.flags & QXL_BITMAP_TOP_DOWN;
    image->bitmap.stride = from.stride;
    if (has_palette(from.format) && use != IMAGE_IS_MASK) {
        if (from.palette == 0)
            return parser_fail(parser, "a bitmap lacks the palette that its format needs");
        image->bitmap.palette = parse_palette(parser, from.palette);
        if (image->bitmap.palette == NULL)
            return false;
    }
    if (!parse_bitmap_data(parser, &from, image))
        return false;
    parser->drawable->data_size += image->bitmap.data.size;
    return true;
}

struct draw_image *parse_image(struct parser *parser, QXLPHYSICAL address, enum image_use use)
{
    QXLImageDescriptor descriptor;
    struct draw_image *image;
    uint32_t surface_id;
    bool good = false;

    if (!parser_read(parser, address, &descriptor, sizeof(descriptor),
                     "an image is not in a memory slot"))
        return NULL;
    if (descriptor.type == SPICE_IMAGE_TYPE_SURFACE) {
        if (!parser_read(parser, address + offsetof(QXLImage, surface_image), &surface_id,
                         sizeof(surface_id), "an image is not in a memory slot"))
            return NULL;
        image = parser_surface_image(parser, surface_id);
    } else {
        image = new_image(parser);
    }
    if (image == NULL)
        return NULL;

    image->id = descriptor.id;
    image->type = descriptor.type;
    image->flags = descriptor.flags & SPICE_IMAGE_FLAGS_HIGH_BITS_SET;
    image->width = descriptor.width;
    image->height = descriptor.height;
    if (descriptor.type == SPICE_IMAGE_TYPE_BITMAP)
        good = parse_bitmap(parser, address, use, image);
    else if (descriptor.type == SPICE_IMAGE_TYPE_SURFACE)
        good = true;
    else if (use == IMAGE_IS_MASK)
        parser_fail(parser, "a mask is neither a bitmap nor a surface");
    else
        good = parse_compressed(parser, address, image);
    return good ? image : NULL;
}

bool parse_brush(struct parser *parser, const QXLBrush *from, struct draw_brush *brush)
{
    brush->type = from->type;
    switch (from->type) {
    case SPICE_BRUSH_TYPE_NONE:
        return true;
    case SPICE_BRUSH_TYPE_SOLID:
        brush->color = parser->colors_555 ? expand_555(from->u.color) : from->u.color;
        return true;
    case SPICE_BRUSH_TYPE_PATTERN:
        if (from->u.pattern.pat == 0)
            return parser_fail(parser, "a pattern brush has no image");
        brush->pattern_origin = (struct draw_point){from->u.pattern.pos.x, from->u.pattern.pos.y};
        brush->pattern = parse_image(parser, from->u.pattern.pat, IMAGE_IS_PICTURE);
        return brush->pattern != NULL;
    default:
        return parser_fail(parser, "a brush has an unknown type");
    }
}

bool parse_mask(struct parser *parser, const QXLQMask *from, struct draw_mask *mask)
{
    if (from->bitmap == 0)
        return true;
    mask->inverted = from->flags & SPICE_MASK_FLAGS_INVERS;
    mask->origin = (struct draw_point){from->pos.x, from->pos.y};
    mask->image = parse_image(parser, from->bitmap, IMAGE_IS_MASK);
    return mask->image != NULL;
}
