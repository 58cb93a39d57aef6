/*
 * Commands that the server makes. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/snapshot.h"

#include <spice/protocol.h>
#include <string.h>

/* The bitmap format that carries a surface's pixels without loss. */
static uint8_t picture_format(uint32_t surface_format)
{
    switch (surface_format) {
    case SPICE_SURFACE_FMT_32_ARGB:
        return SPICE_BITMAP_FMT_RGBA;
    case SPICE_SURFACE_FMT_16_555:
        return SPICE_BITMAP_FMT_16BIT;
    case SPICE_SURFACE_FMT_8_A:
        return SPICE_BITMAP_FMT_8BIT_A;
    default:
        return SPICE_BITMAP_FMT_32BIT; /* 32_xRGB, and 16_565, which has no format of its own */
    }
}

static struct drawable *new_command(uint8_t type, uint32_t surface_id, const draw_rect *box)
{
    struct drawable *drawable = drawable_create(NULL);

    drawable->draw.type = type;
    drawable->draw.effect = QXL_EFFECT_OPAQUE;
    drawable->draw.surface_id = surface_id;
    drawable->draw.box = *box;
    for (unsigned i = 0; i < G_N_ELEMENTS(drawable->draw.sources); i++)
        drawable->draw.sources[i] = -1;
    return drawable;
}

struct drawable *snapshot_move(uint32_t surface_id, const draw_rect *box, struct draw_point from)
{
    struct drawable *drawable = new_command(QXL_COPY_BITS, surface_id, box);

    drawable->draw.copy_bits.from = from;
    return drawable;
}

/* A pixel as fill commands have it. */
static uint32_t color_at(const struct front *front, int x, int y)
{
    uint32_t color = 0;

    memcpy(&color, front_at(front, x, y), front->pixel); /* little endian */
    return front->format == SPICE_SURFACE_FMT_32_xRGB ? color & 0xffffff : color;
}

static bool has_one_color(const struct front *front, const draw_rect *box, uint32_t *color)
{
    if (front->pixel == 1)
        return false;
    *color = color_at(front, box->x1, box->y1);
    for (int y = box->y1; y < box->y2; y++) {
        for (int x = box->x1; x < box->x2; x++) {
            if (color_at(front, x, y) != *color)
                return false;
        }
    }
    return true;
}

static void expand_565(uint32_t *to, const uint8_t *from, unsigned width)
{
    for (unsigned x = 0; x < width; x++) {
        uint16_t pixel;
        uint32_t red, green, blue;

        memcpy(&pixel, from + 2 * x, sizeof(pixel));
        red = pixel >> 11;
        green = pixel >> 5 & 0x3f;
        blue = pixel & 0x1f;
        to[x] =
            (red << 3 | red >> 2) << 16 | (green << 2 | green >> 4) << 8 | (blue << 3 | blue >> 2);
    }
}

static void add_picture(struct drawable *drawable, const struct front *front, const draw_rect *box)
{
    uint8_t format = picture_format(front->format);
    uint32_t width = box->x2 - box->x1, height = box->y2 - box->y1;
    size_t stride = (size_t)width * bitmap_format_bits(format) / 8;
    struct guest_image *picture = arena_alloc0(&drawable->arena, sizeof(*picture));
    struct iovec *piece = arena_alloc(&drawable->arena, sizeof(*piece));
    uint8_t *to = arena_alloc(&drawable->arena, stride * height);

    *piece = (struct iovec){to, stride * height};
    for (int y = box->y1; y < box->y2; y++, to += stride) {
        if (front->format == SPICE_SURFACE_FMT_16_565)
            expand_565((uint32_t *)to, front_at(front, box->x1, y), width);
        else
            memcpy(to, front_at(front, box->x1, y), stride);
    }
    picture->image = (struct draw_image){
        .id = QXL_IMAGE_GROUP_RED, /* qxl-device.md section 8.8 */
        .type = SPICE_IMAGE_TYPE_BITMAP,
        .width = width,
        .height = height,
        .bitmap = {.format = format,
                   .top_down = true,
                   .stride = stride,
                   .data = {.size = piece->iov_len, .count = 1, .pieces = piece}},
    };
    picture->no_alpha = picture->is_private = front->format == SPICE_SURFACE_FMT_32_xRGB;
    drawable->images = picture;
    drawable->data_size = piece->iov_len;
    drawable->draw.copy.image = &picture->image;
    drawable->draw.copy.area = (draw_rect){0, 0, width, height};
    drawable->draw.copy.rop = SPICE_ROPD_OP_PUT;
    drawable->draw.copy.scale_mode = SPICE_IMAGE_SCALE_MODE_NEAREST;
}

struct drawable *snapshot_create(const struct front *front, uint32_t surface_id,
                                 const draw_rect *box)
{
    struct drawable *drawable;
    uint32_t color;

    if (has_one_color(front, box, &color)) {
        drawable = new_command(QXL_DRAW_FILL, surface_id, box);
        drawable->draw.fill.brush =
            (struct draw_brush){.type = SPICE_BRUSH_TYPE_SOLID, .color = color};
        drawable->draw.fill.rop = SPICE_ROPD_OP_PUT;
        return drawable;
    }
    drawable = new_command(QXL_DRAW_COPY, surface_id, box);
    add_picture(drawable, front, box);
    return drawable;
}
