/*
 * Images in display messages. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/display_encode_image.h"
#include "spice/parse.h"

#include <glib.h>
#include <spice/macros.h>
#include <spice/protocol.h>

/* Ids of images that the server makes: group 2 in the low word (qxl-device.md section 8.8). */
#define SERVER_IMAGE_ID QXL_IMAGE_GROUP_RED

void display_encoder_init(struct display_encoder *encoder)
{
    *encoder = (struct display_encoder){0};
    compressor_init(&encoder->compressor);
}

void display_encoder_finish(struct display_encoder *encoder)
{
    compressor_finish(&encoder->compressor);
    g_free(encoder->rows);
    *encoder = (struct display_encoder){0};
}

static void add_descriptor(struct message *message, uint64_t id, uint8_t type, uint8_t flags,
                           uint32_t width, uint32_t height)
{
    message_add_u64(message, id);
    message_add_u8(message, type);
    message_add_u8(message, flags);
    message_add_u32(message, width);
    message_add_u32(message, height);
}

static void add_pieces(struct message *message, const struct draw_bytes *data)
{
    for (unsigned i = 0; i < data->count; i++)
        message_add_reference(message, data->pieces[i].iov_base, data->pieces[i].iov_len, NULL,
                              NULL);
}

static void add_palette(struct message *message, const struct draw_palette *palette)
{
    message_add_u64(message, palette->unique);
    message_add_u16(message, palette->count);
    for (unsigned i = 0; i < palette->count; i++)
        message_add_u32(message, palette->colors[i]);
}

static void add_bitmap(struct message *message, const struct draw_image *image)
{
    const struct draw_palette *palette = image->bitmap.palette;
    struct message_pointer pointer;

    message_add_u8(message, image->bitmap.format);
    message_add_u8(message, image->bitmap.top_down ? SPICE_BITMAP_FLAGS_TOP_DOWN : 0);
    message_add_u32(message, image->width);
    message_add_u32(message, image->height);
    message_add_u32(message, image->bitmap.stride);
    pointer = message_add_pointer(message);
    add_pieces(message, &image->bitmap.data);
    if (palette == NULL)
        return;
    message_point(message, pointer);
    add_palette(message, palette);
}

static void unref_bytes(void *bytes)
{
    g_bytes_unref(bytes);
}

/* PALETTE only for pictures that have one. */
static void add_encoded(struct message *message, const struct encoded_image *encoded, bool top_down,
                        const struct draw_palette *palette)
{
    struct message_pointer pointer = {0};
    bool has_palette = encoded->type == SPICE_IMAGE_TYPE_LZ_PLT;
    const void *data;
    size_t size;

    data = g_bytes_get_data(encoded->data, &size);
    if (has_palette)
        message_add_u8(message, top_down ? SPICE_BITMAP_FLAGS_TOP_DOWN : 0);
    message_add_u32(message, size);
    if (has_palette)
        pointer = message_add_pointer(message);
    message_add_reference(message, data, size, unref_bytes, g_bytes_ref(encoded->data));
    if (has_palette) {
        message_point(message, pointer);
        add_palette(message, palette);
    }
}

static bool try_compression(struct image_writer *writer, struct guest_image *guest)
{
    const struct draw_image *image = &guest->image;
    struct codec_source source = {
        .format = image->bitmap.format,
        .top_down = image->bitmap.top_down,
        .width = image->width,
        .height = image->height,
        .stride = image->bitmap.stride,
        .data = image->bitmap.data,
    };

    return compressor_encode(&writer->encoder->compressor, writer->policy, &source,
                             &guest->encoded);
}

static void add_image(struct image_writer *writer, struct draw_image *image, enum image_form form)
{
    struct message *message = writer->message;
    struct guest_image *guest = SPICE_CONTAINEROF(image, struct guest_image, image);

    if (image->type == SPICE_IMAGE_TYPE_BITMAP && form == IMAGE_MAY_BE_COMPRESSED &&
        try_compression(writer, guest)) {
        add_descriptor(message, image->id, guest->encoded.type, image->flags, image->width,
                       image->height);
        add_encoded(message, &guest->encoded, image->bitmap.top_down, image->bitmap.palette);
        return;
    }
    add_descriptor(message, image->id, image->type, image->flags, image->width, image->height);
    switch (image->type) {
    case SPICE_IMAGE_TYPE_BITMAP:
        add_bitmap(message, image);
        writer->has_references = true;
        break;
    case SPICE_IMAGE_TYPE_QUIC:
        message_add_u32(message, image->quic.data.size);
        add_pieces(message, &image->quic.data);
        writer->has_references = true;
        break;
    case SPICE_IMAGE_TYPE_SURFACE:
        message_add_u32(message, image->surface_id);
        break;
    }
}

void image_writer_add_pointer(struct image_writer *writer, struct draw_image *image,
                              enum image_form form)
{
    struct message_pointer pointer = message_add_pointer(writer->message);

    if (image == NULL)
        return;
    writer->images[writer->count].image = image;
    writer->images[writer->count].pointer = pointer;
    writer->images[writer->count].form = form;
    writer->count++;
}

void image_writer_add_images(struct image_writer *writer)
{
    for (unsigned i = 0; i < writer->count; i++) {
        message_point(writer->message, writer->images[i].pointer);
        add_image(writer, writer->images[i].image, writer->images[i].form);
    }
}

/* The bitmap format that carries a surface's pixels without loss. */
static uint8_t area_format(uint32_t surface_format)
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

size_t display_area_row_size(const struct surface *surface, unsigned width)
{
    return (size_t)width * bitmap_format_bits(area_format(surface->format)) / 8;
}

static void expand_565(uint32_t *to, const uint8_t *from, unsigned width)
{
    for (unsigned x = 0; x < width; x++) {
        uint16_t pixel;
        uint32_t red, green, blue;

        memcpy(&pixel, from + 2 * x, sizeof(pixel));
        red = pixel >> 11;
        green = (pixel >> 5) & 0x3f;
        blue = pixel & 0x1f;
        to[x] =
            (red << 3 | red >> 2) << 16 | (green << 2 | green >> 4) << 8 | (blue << 3 | blue >> 2);
    }
}

/* Copies the pixels of AREA to TO, rows without gaps. */
static void copy_area(const struct surface *surface, const draw_rect *area, uint8_t *to)
{
    size_t size = display_area_row_size(surface, area->x2 - area->x1);
    size_t left = (size_t)area->x1 * surface_format_bits(surface->format) / 8;

    for (int y = area->y1; y < area->y2; y++, to += size) {
        const uint8_t *row = canvas_row(surface->canvas, y) + left;

        if (surface->format == SPICE_SURFACE_FMT_16_565)
            expand_565((uint32_t *)to, row, area->x2 - area->x1);
        else
            memcpy(to, row, size);
    }
}

static uint8_t *get_rows(struct display_encoder *encoder, size_t size)
{
    if (encoder->rows_size < size) {
        g_free(encoder->rows);
        encoder->rows = g_malloc(size);
        encoder->rows_size = size;
    }
    return encoder->rows;
}

struct message *display_encode_area(struct display_encoder *encoder, const struct surface *surface,
                                    const draw_rect *area, const struct image_policy *policy)
{
    uint32_t width = area->x2 - area->x1, height = area->y2 - area->y1;
    size_t stride = display_area_row_size(surface, width);
    struct iovec piece = {.iov_len = stride * height};
    struct codec_source source = {
        .format = area_format(surface->format),
        .top_down = true,
        .width = width,
        .height = height,
        .stride = stride,
        .data = {.size = stride * height, .count = 1, .pieces = &piece},
    };
    const draw_rect whole = {0, 0, width, height};
    struct encoded_image encoded = {0};
    struct message *message = message_create(SPICE_MSG_DISPLAY_DRAW_COPY);
    struct message_pointer image;

    piece.iov_base = get_rows(encoder, piece.iov_len);
    copy_area(surface, area, piece.iov_base);

    message_add_u32(message, surface->id);
    add_rect(message, area);
    message_add_u8(message, SPICE_CLIP_TYPE_NONE);
    image = message_add_pointer(message);
    add_rect(message, &whole);
    message_add_u16(message, SPICE_ROPD_OP_PUT);
    message_add_u8(message, SPICE_IMAGE_SCALE_MODE_NEAREST);
    message_add_u8(message, 0); /* no mask: flags, position, image */
    message_add_u64(message, 0);
    message_add_u32(message, 0);

    message_point(message, image);
    if (compressor_encode(&encoder->compressor, policy, &source, &encoded)) {
        add_descriptor(message, SERVER_IMAGE_ID, encoded.type, 0, width, height);
        add_encoded(message, &encoded, true, NULL);
        encoded_image_finish(&encoded);
        return message;
    }
    add_descriptor(message, SERVER_IMAGE_ID, SPICE_IMAGE_TYPE_BITMAP, 0, width, height);
    message_add_u8(message, source.format);
    message_add_u8(message, SPICE_BITMAP_FLAGS_TOP_DOWN);
    message_add_u32(message, width);
    message_add_u32(message, height);
    message_add_u32(message, stride);
    message_add_u32(message, 0); /* no palette */
    message_add_bytes(message, piece.iov_base, piece.iov_len);
    return message;
}

struct message *display_encode_surface_create(uint32_t id, uint32_t width, uint32_t height,
                                              uint32_t format)
{
    struct message *message = message_create(SPICE_MSG_DISPLAY_SURFACE_CREATE);

    message_add_u32(message, id);
    message_add_u32(message, width);
    message_add_u32(message, height);
    message_add_u32(message, format);
    message_add_u32(message, id == 0 ? SPICE_SURFACE_FLAGS_PRIMARY : 0);
    return message;
}

struct message *display_encode_forget_images(void)
{
    struct message *message = message_create(SPICE_MSG_DISPLAY_INVAL_ALL_PIXMAPS);

    message_add_u8(message, 0); /* other channels need not be waited for */
    return message;
}

struct message *display_encode_surface_destroy(uint32_t id)
{
    struct message *message = message_create(SPICE_MSG_DISPLAY_SURFACE_DESTROY);

    message_add_u32(message, id);
    return message;
}

struct message *display_encode_monitors(const struct monitors_config *monitors)
{
    struct message *message = message_create(SPICE_MSG_DISPLAY_MONITORS_CONFIG);
    unsigned count = 0;

    message_add_u16(message, 0); /* the count, not known yet */
    message_add_u16(message, monitors->max_allowed);
    for (unsigned i = 0; i < monitors->count; i++) {
        const QXLHead *head = &monitors->heads[i];

        if (head->width == 0 || head->height == 0)
            continue;
        message_add_u32(message, head->id);
        message_add_u32(message, head->surface_id);
        message_add_u32(message, head->width);
        message_add_u32(message, head->height);
        message_add_u32(message, head->x);
        message_add_u32(message, head->y);
        message_add_u32(message, 0);
        count++;
    }
    message_patch_u32(message, 0, count | (uint32_t)monitors->max_allowed << 16);
    return message;
}
