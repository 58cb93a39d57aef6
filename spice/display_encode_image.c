/*
 * Images in display messages. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/display_encode_image.h"
#include "spice/display_statistics.h"
#include "spice/palette_cache.h"
#include "spice/parse.h"

#include <glib.h>
#include <spice/macros.h>
#include <spice/protocol.h>

void display_encoder_init(struct display_encoder *encoder, unsigned processors)
{
    *encoder = (struct display_encoder){.pool = encode_pool_create(processors)};
    compressor_init(&encoder->compressor);
}

void display_encoder_finish(struct display_encoder *encoder)
{
    encode_pool_destroy(encoder->pool);
    compressor_finish(&encoder->compressor);
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

/* A palette in a message: its flags are among the picture's, its place is before the data. */
struct palette_reference {
    const struct draw_palette *palette; /* NULL: the picture has none */
    uint64_t id;
    uint8_t flags; /* SPICE_BITMAP_FLAGS_PAL_* */
    struct message_pointer pointer;
};

static struct palette_reference refer_to(const struct image_policy *policy,
                                         const struct draw_palette *palette)
{
    struct palette_reference reference = {.palette = palette};

    if (palette == NULL)
        return reference;
    reference.id = palette->unique;
    if (policy->palette_cache != NULL)
        reference.flags = palette_cache_use(policy->palette_cache, palette, &reference.id)
                              ? SPICE_BITMAP_FLAGS_PAL_FROM_CACHE
                              : SPICE_BITMAP_FLAGS_PAL_CACHE_ME;
    return reference;
}

static void add_palette_reference(struct message *message, struct palette_reference *reference)
{
    if (reference->flags & SPICE_BITMAP_FLAGS_PAL_FROM_CACHE)
        message_add_u64(message, reference->id);
    else
        reference->pointer = message_add_pointer(message);
}

/* Behind the data. */
static void add_palette(struct message *message, const struct palette_reference *reference)
{
    const struct draw_palette *palette = reference->palette;

    if (palette == NULL || reference->flags & SPICE_BITMAP_FLAGS_PAL_FROM_CACHE)
        return;
    message_point(message, reference->pointer);
    message_add_u64(message, reference->id);
    message_add_u16(message, palette->count);
    for (unsigned i = 0; i < palette->count; i++)
        message_add_u32(message, palette->colors[i]);
}

static void add_bitmap(struct image_writer *writer, const struct draw_image *image)
{
    struct message *message = writer->message;
    struct palette_reference palette = refer_to(writer->policy, image->bitmap.palette);

    message_add_u8(message, image->bitmap.format);
    message_add_u8(message,
                   palette.flags | (image->bitmap.top_down ? SPICE_BITMAP_FLAGS_TOP_DOWN : 0));
    message_add_u32(message, image->width);
    message_add_u32(message, image->height);
    message_add_u32(message, image->bitmap.stride);
    add_palette_reference(message, &palette);
    add_pieces(message, &image->bitmap.data);
    add_palette(message, &palette);
}

static void unref_bytes(void *bytes)
{
    g_bytes_unref(bytes);
}

/* What stands before the data. */
static void add_encoded_head(struct message *message, const struct encoded_image *encoded,
                             bool top_down, size_t size, struct palette_reference *palette)
{
    switch (encoded->type) {
    case SPICE_IMAGE_TYPE_LZ_PLT:
        message_add_u8(message, palette->flags | (top_down ? SPICE_BITMAP_FLAGS_TOP_DOWN : 0));
        message_add_u32(message, size);
        add_palette_reference(message, palette);
        break;
    case SPICE_IMAGE_TYPE_JPEG_ALPHA:
        message_add_u8(message, top_down ? SPICE_JPEG_ALPHA_FLAGS_TOP_DOWN : 0);
        message_add_u32(message, encoded->first_size);
        message_add_u32(message, size);
        break;
    case SPICE_IMAGE_TYPE_ZLIB_GLZ_RGB:
        message_add_u32(message, encoded->first_size);
        message_add_u32(message, size);
        break;
    default:
        message_add_u32(message, size);
        break;
    }
}

static void add_encoded(struct image_writer *writer, const struct encoded_image *encoded,
                        const struct draw_image *image)
{
    struct message *message = writer->message;
    struct palette_reference palette = refer_to(
        writer->policy, encoded->type == SPICE_IMAGE_TYPE_LZ_PLT ? image->bitmap.palette : NULL);
    const void *data;
    size_t size;

    data = g_bytes_get_data(encoded->data, &size);
    add_encoded_head(message, encoded, image->bitmap.top_down, size, &palette);
    message_add_reference(message, data, size, unref_bytes, g_bytes_ref(encoded->data));
    add_palette(message, &palette);
}

static bool try_compression(struct image_writer *writer, struct guest_image *guest,
                            enum image_form form)
{
    struct codec_source source = guest_image_source(guest);

    if (guest->job != NULL) {
        uint64_t took = encode_job_end(guest->job, &writer->encoder->compressor, &guest->encoded);

        guest->job = NULL;
        if (writer->policy->counts != NULL)
            writer->policy->counts[guest->encoded.method].encode_ns += took;
    }
    return compressor_encode(&writer->encoder->compressor, writer->policy, &source,
                             form == IMAGE_MAY_LOSE, &guest->encoded);
}

static void count_image(const struct image_writer *writer, enum image_method method,
                        size_t bytes_in, size_t bytes_out)
{
    struct codec_count *count = writer->policy->counts;

    if (count == NULL)
        return;
    count[method].images++;
    count[method].bytes_in += bytes_in;
    count[method].bytes_out += bytes_out;
}

/* The cache that IMAGE can be in; NULL: none. */
static struct image_cache *cache_for(const struct image_policy *policy,
                                     const struct draw_image *image)
{
    return policy->cache != NULL &&
                   image_cache_accepts(policy->cache, (int64_t)image->width * image->height)
               ? policy->cache
               : NULL;
}

/*
 * Without compression nothing is to be spent on what lies ready in the guest's memory; otherwise
 * there was something to be gained, and an encoder has not found it.
 */
static bool is_to_be_packed(const struct image_policy *policy, const struct guest_image *guest)
{
    return policy->packed && (guest->is_private || policy->mode != SPICE_IMAGE_COMPRESSION_OFF);
}

/* Of all caches only exact pictures are in. */
static void add_bitmap_image(struct image_writer *writer, struct guest_image *guest,
                             enum image_form form)
{
    struct message *message = writer->message;
    const struct draw_image *image = &guest->image;
    struct image_cache *cache = cache_for(writer->policy, image);
    const struct image_key *key = cache != NULL ? guest_image_key(guest) : NULL;
    bool compressed, lossy;
    uint8_t flags = image->flags;
    uint64_t id = image->id;

    if (cache != NULL && image_cache_find(cache, key, &id)) {
        add_descriptor(message, id, SPICE_IMAGE_TYPE_FROM_CACHE, 0, image->width, image->height);
        return;
    }
    compressed = try_compression(writer, guest, form);
    if (!compressed && is_to_be_packed(writer->policy, guest)) {
        guest = guest_image_smaller(guest, writer->drawable);
        image = &guest->image;
    }
    lossy = compressed && encoded_image_is_lossy(&guest->encoded);
    writer->encoder->lossy |= lossy;
    if (cache != NULL && !lossy && image_cache_has_room(cache, guest->whole) &&
        image_cache_add(cache, key, (int64_t)image->width * image->height, &id))
        flags |= SPICE_IMAGE_FLAGS_CACHE_ME;
    add_descriptor(message, id, compressed ? guest->encoded.type : SPICE_IMAGE_TYPE_BITMAP, flags,
                   image->width, image->height);
    if (compressed) {
        add_encoded(writer, &guest->encoded, image);
        count_image(writer, guest->encoded.method, image->bitmap.data.size,
                    g_bytes_get_size(guest->encoded.data));
    } else {
        add_bitmap(writer, image);
        count_image(writer, IMAGE_RAW, image->bitmap.data.size, image->bitmap.data.size);
        writer->has_references = true;
    }
}

static void add_image(struct image_writer *writer, struct draw_image *image, enum image_form form)
{
    struct message *message = writer->message;
    struct guest_image *guest = SPICE_CONTAINEROF(image, struct guest_image, image);

    if (image->type == SPICE_IMAGE_TYPE_BITMAP && form != IMAGE_AS_IT_IS) {
        add_bitmap_image(writer, guest, form);
        return;
    }
    add_descriptor(message, image->id, image->type, image->flags, image->width, image->height);
    switch (image->type) {
    case SPICE_IMAGE_TYPE_BITMAP:
        add_bitmap(writer, image);
        count_image(writer, IMAGE_RAW, image->bitmap.data.size, image->bitmap.data.size);
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

struct message *display_encode_drop_images(const GArray *ids)
{
    struct message *message = message_create(SPICE_MSG_DISPLAY_INVAL_LIST);

    message_add_u16(message, ids->len);
    for (unsigned i = 0; i < ids->len; i++) {
        message_add_u8(message, SPICE_RES_TYPE_PIXMAP);
        message_add_u64(message, g_array_index(ids, uint64_t, i));
    }
    return message;
}

struct message *display_encode_drop_palette(uint64_t id)
{
    struct message *message = message_create(SPICE_MSG_DISPLAY_INVAL_PALETTE);

    message_add_u64(message, id);
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
