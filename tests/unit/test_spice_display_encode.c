/*
 * Display messages byte by byte, as spice-wire.md sections 4.4 to 4.7 lay them out.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "config.h"

#include "spice/display_encode.h"
#include "spice/palette_cache.h"
#include "spice/parse.h"
#include "spice/snapshot.h"

#include <glib.h>
#include <spice/protocol.h>

static const struct image_policy plain = {.mode = SPICE_IMAGE_COMPRESSION_OFF};
static const struct image_policy with_lz4 = {.mode = SPICE_IMAGE_COMPRESSION_LZ4, .lz4 = true};

static unsigned released;

static void release(QXLInstance *qxl, QXLReleaseInfoExt info)
{
    (void)qxl;
    (void)info;
    released++;
}

static const QXLInterface interface = {.release_resource = release};
static QXLInstance qxl = {.base.sif = &interface.base};
static struct releases releases = {.qxl = &qxl};
static QXLReleaseInfo release_info;

/* The body of MESSAGE in one piece. */
static uint8_t *body_of(const struct message *message)
{
    const struct iovec *pieces;
    unsigned count = message_pieces(message, &pieces);
    uint8_t *body = g_malloc(message_size(message)), *to = body;

    for (unsigned i = 0; i < count; i++) {
        memcpy(to, pieces[i].iov_base, pieces[i].iov_len);
        to += pieces[i].iov_len;
    }
    g_assert_cmpuint(to - body, ==, message_size(message));
    return body;
}

static uint32_t u32(const uint8_t *body, size_t at)
{
    return body[at] | body[at + 1] << 8 | body[at + 2] << 16 | (uint32_t)body[at + 3] << 24;
}

static struct drawable *new_drawable(uint8_t type)
{
    struct drawable *drawable = drawable_create(&releases);

    drawable->resource.info.info = &release_info;
    drawable->draw.type = type;
    drawable->draw.surface_id = 4;
    drawable->draw.box = (draw_rect){.x1 = 1, .y1 = 2, .x2 = 3, .y2 = 4};
    return drawable;
}

static struct draw_image *new_bitmap(struct drawable *drawable, uint8_t format, uint32_t width,
                                     uint32_t height, uint32_t stride, const void *pixels)
{
    struct guest_image *guest = arena_alloc0(&drawable->arena, sizeof(*guest));
    struct iovec *piece = arena_alloc(&drawable->arena, sizeof(*piece));

    *piece = (struct iovec){(void *)pixels, (size_t)stride * height};
    guest->next = drawable->images;
    drawable->images = guest;
    guest->image.id = 0x1122334455667788;
    guest->image.width = width;
    guest->image.height = height;
    guest->image.bitmap.format = format;
    guest->image.bitmap.top_down = true;
    guest->image.bitmap.stride = stride;
    guest->image.bitmap.data =
        (struct draw_bytes){.size = piece->iov_len, .count = 1, .pieces = piece};
    return &guest->image;
}

/* DRAW_COPY with a palette picture and a clip. */
static void test_copy(void)
{
    static const uint8_t pixels[4] = {0, 1, 1, 0};
    struct display_encoder encoder;
    struct drawable *drawable = new_drawable(QXL_DRAW_COPY);
    struct draw *draw = &drawable->draw;
    struct draw_palette palette = {.unique = 9, .count = 2, .colors = {0x111111, 0x222222}};
    draw_rect clip = {.x1 = 1, .y1 = 2, .x2 = 2, .y2 = 3};
    struct message *message;
    uint8_t *body;

    display_encoder_init(&encoder, 1);
    draw->copy.image = new_bitmap(drawable, SPICE_BITMAP_FMT_8BIT, 2, 2, 2, pixels);
    draw->copy.image->bitmap.palette = &palette;
    draw->copy.area = (draw_rect){.x1 = 0, .y1 = 0, .x2 = 2, .y2 = 2};
    draw->copy.rop = SPICE_ROPD_OP_PUT;
    draw->clip.has_rects = true;
    draw->clip.count = 1;
    draw->clip.rects = &clip;
    message = display_encode_drawable(&encoder, drawable, &with_lz4);
    g_assert_cmpuint(message_type(message), ==, SPICE_MSG_DISPLAY_DRAW_COPY);
    body = body_of(message);

    g_assert_cmpuint(u32(body, 0), ==, 4);  /* surface */
    g_assert_cmpuint(u32(body, 4), ==, 2);  /* top */
    g_assert_cmpuint(u32(body, 8), ==, 1);  /* left */
    g_assert_cmpuint(u32(body, 12), ==, 4); /* bottom */
    g_assert_cmpuint(u32(body, 16), ==, 3); /* right */
    g_assert_cmpuint(body[20], ==, SPICE_CLIP_TYPE_RECTS);
    g_assert_cmpuint(u32(body, 21), ==, 1);
    g_assert_cmpuint(u32(body, 33), ==, 3); /* bottom of the clip */

    const size_t fixed = 41, image = fixed + 36;
    g_assert_cmpuint(u32(body, fixed), ==, image);
    g_assert_cmpuint(u32(body, fixed + 12), ==, 2); /* bottom of the source area */
    g_assert_cmpuint(body[fixed + 20], ==, SPICE_ROPD_OP_PUT);
    g_assert_cmpuint(body[fixed + 23], ==, 0);      /* the mask's flags */
    g_assert_cmpuint(u32(body, fixed + 32), ==, 0); /* no mask image */
    g_assert_cmpuint(u32(body, image), ==, 0x55667788);
    g_assert_cmpuint(body[image + 8], ==, SPICE_IMAGE_TYPE_BITMAP);
    g_assert_cmpuint(body[image + 9], ==, 0);
    g_assert_cmpuint(u32(body, image + 10), ==, 2);
    g_assert_cmpuint(body[image + 18], ==, SPICE_BITMAP_FMT_8BIT);
    g_assert_cmpuint(body[image + 19], ==, SPICE_BITMAP_FLAGS_TOP_DOWN);
    g_assert_cmpuint(u32(body, image + 28), ==, 2);          /* stride */
    g_assert_cmpuint(u32(body, image + 32), ==, image + 40); /* palette */
    g_assert_cmpmem(body + image + 36, 4, pixels, 4);
    g_assert_cmpuint(u32(body, image + 40), ==, 9);
    g_assert_cmpuint(u32(body, image + 54), ==, 0x222222);
    g_assert_cmpuint(message_size(message), ==, image + 58);
    g_free(body);

    /* The message keeps the guest's memory, until it is made independent of it. */
    drawable_unref(drawable);
    g_assert_cmpuint(released, ==, 0);
    message_own(message);
    g_assert_cmpuint(released, ==, 1);
    body = body_of(message);
    g_assert_cmpmem(body + image + 36, 4, pixels, 4);
    g_free(body);
    message_destroy(message);
    display_encoder_finish(&encoder);
    released = 0;
}

/* The flags of the first picture, or LZ_PLT stream, of a message; *SIZE is the message's. */
static uint8_t send_with_palette(struct display_encoder *encoder, const struct image_policy *policy,
                                 uint64_t unique, uint32_t color, size_t *size, uint64_t *id)
{
    static const uint8_t pixels[64 * 64];
    struct drawable *drawable = new_drawable(QXL_DRAW_COPY);
    struct draw_palette palette = {.unique = unique, .count = 2, .colors = {color, 0x222222}};
    struct message *message;
    uint8_t *body, flags;
    bool encoded;

    drawable->draw.copy.image = new_bitmap(drawable, SPICE_BITMAP_FMT_8BIT, 64, 64, 64, pixels);
    drawable->draw.copy.image->bitmap.palette = &palette;
    message = display_encode_drawable(encoder, drawable, policy);
    drawable_unref(drawable);
    *size = message_size(message);
    body = body_of(message);
    encoded = body[57 + 8] == SPICE_IMAGE_TYPE_LZ_PLT;
    flags = body[57 + 18 + (encoded ? 0 : 1)];
    memcpy(id, body + (encoded ? 57 + 23 : 57 + 32), sizeof(*id));
    if (!(flags & SPICE_BITMAP_FLAGS_PAL_FROM_CACHE))
        memcpy(id, body + (uint32_t)*id, sizeof(*id));
    g_free(body);
    message_destroy(message);
    return flags & ~SPICE_BITMAP_FLAGS_TOP_DOWN;
}

/* A palette goes out once, whatever it is called. */
static void test_palettes(void)
{
    for (unsigned round = 0; round < 2; round++) {
        struct palette_cache cache = {0};
        struct image_policy policy = {
            .mode = round == 0 ? SPICE_IMAGE_COMPRESSION_OFF : SPICE_IMAGE_COMPRESSION_LZ,
            .palettes = true,
            .palette_cache = &cache,
        };
        struct display_encoder encoder;
        size_t first, second, other;
        uint64_t first_id, second_id, other_id;

        display_encoder_init(&encoder, 1);
        g_assert_cmphex(send_with_palette(&encoder, &policy, 1, 0x10, &first, &first_id), ==,
                        SPICE_BITMAP_FLAGS_PAL_CACHE_ME);
        g_assert_cmphex(send_with_palette(&encoder, &policy, 2, 0x10, &second, &second_id), ==,
                        SPICE_BITMAP_FLAGS_PAL_FROM_CACHE);
        g_assert_cmphex(send_with_palette(&encoder, &policy, 1, 0x11, &other, &other_id), ==,
                        SPICE_BITMAP_FLAGS_PAL_CACHE_ME);
        g_assert_cmphex(first_id, ==, second_id);
        g_assert_cmphex(first_id, !=, other_id);
        g_assert_cmpuint(second, ==, first - (4 + 8 + 2 + 2 * 4) + 8);
        g_assert_cmpuint(other, ==, first);

        policy.palette_cache = NULL;
        g_assert_cmphex(send_with_palette(&encoder, &policy, 5, 0x10, &second, &second_id), ==, 0);
        g_assert_cmpuint(second, ==, first);
        g_assert_cmphex(second_id, ==, 5);
        display_encoder_finish(&encoder);
    }
    released = 0;
}

/* One encoding serves all clients that may have it, and the others get the pixels. */
static void test_compression(void)
{
#ifdef HAVE_LZ4
    static const uint8_t pixels[32 * 32 * 4];
    struct display_encoder encoder;
    struct drawable *drawable = new_drawable(QXL_DRAW_COPY);
    struct message *message;
    uint8_t *body, *again;

    display_encoder_init(&encoder, 1);
    drawable->draw.copy.image = new_bitmap(drawable, SPICE_BITMAP_FMT_32BIT, 32, 32, 128, pixels);
    message = display_encode_drawable(&encoder, drawable, &with_lz4);
    body = body_of(message);
    g_assert_cmpuint(body[57 + 8], ==, SPICE_IMAGE_TYPE_LZ4);
    g_assert_cmpuint(u32(body, 57 + 18) + 57 + 22, ==, message_size(message));
    g_assert_cmpuint(body[57 + 22], ==, 1); /* top down */
    g_assert_cmpuint(body[57 + 23], ==, SPICE_BITMAP_FMT_32BIT);
    message_destroy(message);
    message = display_encode_drawable(&encoder, drawable, &with_lz4);
    again = body_of(message);
    g_assert_cmpmem(again, message_size(message), body, 57 + 22 + u32(body, 57 + 18));
    message_destroy(message);
    g_free(again);
    g_free(body);

    message = display_encode_drawable(&encoder, drawable, &plain);
    body = body_of(message);
    g_assert_cmpuint(body[57 + 8], ==, SPICE_IMAGE_TYPE_BITMAP);
    g_assert_cmpuint(message_size(message), ==, 57 + 36 + sizeof(pixels));
    message_destroy(message);
    g_free(body);
    drawable_unref(drawable);
    g_assert_cmpuint(released, ==, 1);
    released = 0;
    display_encoder_finish(&encoder);
#else
    g_test_skip("built without LZ4");
#endif
}

/* 565 pixels travel as 32-bit ones that clients turn into the same 565 pixels. */
static void test_snapshot(void)
{
    uint16_t pixels[2 * 2] = {0xf800, 0x07e0, 0x001f, 0x8410};
    const draw_rect right = {.x1 = 1, .y1 = 0, .x2 = 2, .y2 = 2}, corner = {0, 1, 1, 2};
    struct canvas *canvas = canvas_create(2, 2, 4, SPICE_SURFACE_FMT_16_565, pixels);
    const struct pixel_view view = canvas_view(canvas);
    struct display_encoder encoder;
    struct drawable *drawable;
    struct message *message;
    struct front front;
    uint8_t *body;

    display_encoder_init(&encoder, 1);
    front_init(&front, 2, 2, SPICE_SURFACE_FMT_16_565);
    front_open(&front, &view);
    drawable = snapshot_create(&front, 3, &right);
    message = display_encode_drawable(&encoder, drawable, &plain);
    drawable_unref(drawable);
    body = body_of(message);
    g_assert_cmpuint(message_type(message), ==, SPICE_MSG_DISPLAY_DRAW_COPY);
    g_assert_cmpuint(u32(body, 0), ==, 3);
    g_assert_cmpuint(u32(body, 8), ==, 1);
    g_assert_cmpuint(body[57 + 18], ==, SPICE_BITMAP_FMT_32BIT);
    g_assert_cmphex(u32(body, 57 + 36), ==, 0x00ff00);
    g_assert_cmphex(u32(body, 57 + 40), ==, 0x848284);
    g_free(body);
    message_destroy(message);

    /* One colour is filled in, as the surface has it. */
    drawable = snapshot_create(&front, 3, &corner);
    message = display_encode_drawable(&encoder, drawable, &plain);
    drawable_unref(drawable);
    body = body_of(message);
    g_assert_cmpuint(message_type(message), ==, SPICE_MSG_DISPLAY_DRAW_FILL);
    g_assert_cmpuint(body[21], ==, SPICE_BRUSH_TYPE_SOLID);
    g_assert_cmphex(u32(body, 22), ==, 0x001f);
    g_free(body);
    message_destroy(message);

    front_finish(&front);
    canvas_destroy(canvas);
    display_encoder_finish(&encoder);
}

static void test_monitors(void)
{
    struct monitors_config monitors = {
        .count = 2,
        .max_allowed = 4,
        .heads = {{.id = 7, .width = 0, .height = 5},
                  {.id = 8, .width = 10, .height = 20, .x = 30, .y = 40, .flags = 50}}};
    struct message *message = display_encode_monitors(&monitors);
    uint8_t *body = body_of(message);

    g_assert_cmphex(u32(body, 0), ==, 0x00040001); /* one head, four allowed */
    g_assert_cmpuint(u32(body, 4), ==, 8);
    g_assert_cmpuint(u32(body, 12), ==, 10);
    g_assert_cmpuint(u32(body, 24), ==, 40);
    g_assert_cmpuint(u32(body, 28), ==, 0);
    g_assert_cmpuint(message_size(message), ==, 32);
    g_free(body);
    message_destroy(message);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/display-encode/copy", test_copy);
    g_test_add_func("/display-encode/palettes", test_palettes);
    g_test_add_func("/display-encode/compression", test_compression);
    g_test_add_func("/display-encode/snapshot", test_snapshot);
    g_test_add_func("/display-encode/monitors", test_monitors);
    return g_test_run();
}
