/*
 * Pictures encoded by several threads: the same bytes in the same order as by one, whoever is
 * faster.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/display_encode.h"
#include "spice/display_statistics.h"
#include "tests/support/made_pictures.h"

#include <glib.h>
#include <spice/protocol.h>

enum { WIDTH = 512, HEIGHT = 1300, PICTURES = 24, SIDE = 160, LEFT = 8, TOP = 3 };

static const QXLInterface interface = {0};
static QXLInstance qxl = {.base.sif = &interface.base};
static struct releases releases = {.qxl = &qxl};

/* A copy of a picture of FORMAT; its rows lie in PIECES pieces. */
static struct drawable *new_copy(uint8_t format, bool top_down, uint32_t width, uint32_t height,
                                 const void *pixels, unsigned pieces)
{
    struct drawable *drawable = drawable_create(&releases);
    struct draw *draw = &drawable->draw;
    struct guest_image *guest = arena_alloc0(&drawable->arena, sizeof(*guest));
    struct iovec *piece = arena_alloc(&drawable->arena, pieces * sizeof(*piece));
    uint32_t stride = width * (format == SPICE_BITMAP_FMT_16BIT ? 2 : 4);
    size_t size = (size_t)stride * height;

    for (unsigned i = 0; i < pieces; i++) {
        size_t from = size * i / pieces, to = size * (i + 1) / pieces;

        piece[i] = (struct iovec){(uint8_t *)pixels + from, to - from};
    }
    guest->image = (struct draw_image){
        .type = SPICE_IMAGE_TYPE_BITMAP,
        .width = width,
        .height = height,
        .bitmap = {.format = format,
                   .top_down = top_down,
                   .stride = stride,
                   .data = {.size = size, .count = pieces, .pieces = piece}},
    };
    drawable->images = guest;
    drawable->data_size = size;
    draw->type = QXL_DRAW_COPY;
    draw->box = (draw_rect){LEFT, TOP, LEFT + (int)width, TOP + (int)height};
    draw->copy.image = &guest->image;
    draw->copy.area = (draw_rect){0, 0, (int)width, (int)height};
    draw->copy.rop = SPICE_ROPD_OP_PUT;
    return drawable;
}

static GBytes *body_of(const struct message *message)
{
    GByteArray *body = g_byte_array_new();
    const struct iovec *pieces;
    unsigned count = message_pieces(message, &pieces);

    for (unsigned i = 0; i < count; i++)
        g_byte_array_append(body, pieces[i].iov_base, pieces[i].iov_len);
    return g_byte_array_free_to_bytes(body);
}

static void assert_equal(GPtrArray *a, GPtrArray *b)
{
    g_assert_cmpuint(a->len, ==, b->len);
    for (unsigned i = 0; i < a->len; i++)
        g_assert_true(g_bytes_equal(a->pdata[i], b->pdata[i]));
}

/* The messages for PICTURES pictures, with other threads a few pictures ahead. */
static GPtrArray *encode_all(unsigned processors, SpiceImageCompression mode, uint32_t *pixels,
                             uint64_t *encode_ns)
{
    GPtrArray *bodies = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    struct codec_count counts[IMAGE_METHODS] = {0};
    struct image_policy policy = {.mode = mode, .lz4 = true, .counts = counts};
    struct drawable *drawables[PICTURES];
    struct display_encoder encoder;

    display_encoder_init(&encoder, processors);
    for (unsigned i = 0; i < PICTURES; i++)
        drawables[i] =
            new_copy(SPICE_BITMAP_FMT_32BIT, true, SIDE, SIDE, pixels + i * SIDE * 100, 1 + i % 3);
    for (unsigned i = 0; i < PICTURES; i++) {
        struct message *message;

        for (unsigned ahead = i + 1; ahead < MIN(i + 6, PICTURES); ahead++)
            display_encode_ahead(&encoder, &drawables[ahead]->draw, &policy);
        message = display_encode_drawable(&encoder, drawables[i], &policy);
        g_ptr_array_add(bodies, body_of(message));
        message_destroy(message);
        drawable_unref(drawables[i]);
    }
    display_encoder_finish(&encoder);
    *encode_ns = 0;
    for (unsigned i = 0; i < IMAGE_METHODS; i++)
        *encode_ns += counts[i].encode_ns;
    return bodies;
}

static void test_order(void)
{
    static const SpiceImageCompression modes[] = {
        SPICE_IMAGE_COMPRESSION_QUIC,
        SPICE_IMAGE_COMPRESSION_LZ,
        SPICE_IMAGE_COMPRESSION_LZ4,
        SPICE_IMAGE_COMPRESSION_AUTO_LZ,
    };
    g_autofree uint32_t *pixels = g_new(uint32_t, WIDTH * HEIGHT);

    made_picture(pixels, WIDTH, HEIGHT / 2, MADE_PHOTO, 1);
    made_picture(pixels + WIDTH * (HEIGHT / 2), WIDTH, HEIGHT / 2, MADE_TEXT, 2);
    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
        uint64_t alone_ns, together_ns;
        g_autoptr(GPtrArray) alone = encode_all(1, modes[i], pixels, &alone_ns);
        g_autoptr(GPtrArray) together = encode_all(4, modes[i], pixels, &together_ns);

        assert_equal(alone, together);
        g_assert_cmpuint(alone_ns, >, 0);
        g_assert_cmpuint(together_ns, >, 0);
    }
}

/* What is given up is not waited for longer than it takes, whether somebody is at it or not. */
static void test_drop(void)
{
    struct image_policy policy = {.mode = SPICE_IMAGE_COMPRESSION_QUIC};
    g_autofree uint32_t *pixels = g_new(uint32_t, SIDE * SIDE);
    struct display_encoder encoder;

    made_picture(pixels, SIDE, SIDE, MADE_PHOTO, 3);
    display_encoder_init(&encoder, 2);
    for (unsigned round = 0; round < 50; round++) {
        struct drawable *drawables[8];

        for (unsigned i = 0; i < G_N_ELEMENTS(drawables); i++) {
            drawables[i] = new_copy(SPICE_BITMAP_FMT_32BIT, true, SIDE, SIDE, pixels, 1);
            display_encode_ahead(&encoder, &drawables[i]->draw, &policy);
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(drawables); i++)
            drawable_unref(drawables[(i + round) % G_N_ELEMENTS(drawables)]);
    }
    g_assert_true(display_encode_is_idle(&encoder));
    display_encoder_finish(&encoder);
}

/* Another client wants it in another way. */
static void test_change_of_mind(void)
{
    struct image_policy quic = {.mode = SPICE_IMAGE_COMPRESSION_QUIC},
                        lz = {.mode = SPICE_IMAGE_COMPRESSION_LZ};
    g_autofree uint32_t *pixels = g_new(uint32_t, SIDE * SIDE);
    struct display_encoder encoder;
    struct drawable *drawable;
    struct message *message;

    made_picture(pixels, SIDE, SIDE, MADE_PHOTO, 3);
    display_encoder_init(&encoder, 2);
    drawable = new_copy(SPICE_BITMAP_FMT_32BIT, true, SIDE, SIDE, pixels, 1);
    display_encode_ahead(&encoder, &drawable->draw, &quic);
    message = display_encode_drawable(&encoder, drawable, &lz);
    g_assert_cmpuint(drawable->images->encoded.type, ==, SPICE_IMAGE_TYPE_LZ_RGB);
    message_destroy(message);
    message = display_encode_drawable(&encoder, drawable, &quic);
    g_assert_cmpuint(drawable->images->encoded.type, ==, SPICE_IMAGE_TYPE_QUIC);
    message_destroy(message);
    drawable_unref(drawable);
    display_encoder_finish(&encoder);
}

/* Copies what PART shows to where it shows it in SHOWN. */
static void paint(const struct draw *part, uint32_t *shown, uint32_t width)
{
    const struct draw_image *image = part->copy.image;
    const struct draw_bytes *data = &image->bitmap.data;
    g_autoptr(GByteArray) bytes = g_byte_array_new();

    for (unsigned i = 0; i < data->count; i++)
        g_byte_array_append(bytes, data->pieces[i].iov_base, data->pieces[i].iov_len);
    g_assert_cmpuint(bytes->len, ==, data->size);
    g_assert_cmpuint(data->size, ==, (size_t)image->bitmap.stride * image->height);
    for (int y = 0; y < part->box.y2 - part->box.y1; y++) {
        uint32_t from = part->copy.area.y1 + y;
        uint32_t row = image->bitmap.top_down ? from : image->height - 1 - from;

        memcpy(shown + (part->box.y1 - TOP + y) * width,
               bytes->data + (size_t)row * image->bitmap.stride + part->copy.area.x1 * 4,
               (size_t)(part->copy.area.x2 - part->copy.area.x1) * 4);
    }
}

static void check_cut(bool top_down, unsigned pieces)
{
    g_autofree uint32_t *pixels = g_new(uint32_t, WIDTH * HEIGHT);
    g_autofree uint32_t *whole = g_new0(uint32_t, WIDTH * HEIGHT);
    g_autofree uint32_t *cut = g_new0(uint32_t, WIDTH * HEIGHT);
    struct drawable *drawable;
    unsigned count;

    made_picture(pixels, WIDTH, HEIGHT, MADE_PHOTO, 5);
    drawable = new_copy(SPICE_BITMAP_FMT_32BIT, top_down, WIDTH, HEIGHT, pixels, pieces);
    /* Of the picture some columns and rows are not shown. */
    drawable->draw.copy.area = (draw_rect){5, 7, WIDTH - 2, HEIGHT - 4};
    drawable->draw.box = (draw_rect){LEFT, TOP, LEFT + WIDTH - 7, TOP + HEIGHT - 11};
    paint(&drawable->draw, whole, WIDTH);
    count = drawable_cut(drawable);
    g_assert_cmpuint(count, ==, 2);
    g_assert_cmpuint(drawable_cut(drawable), ==, count);
    for (unsigned i = 0; i < count; i++) {
        g_assert_cmpint(drawable->bands[i].box.y1, ==,
                        i == 0 ? drawable->draw.box.y1 : drawable->bands[i - 1].box.y2);
        paint(&drawable->bands[i], cut, WIDTH);
    }
    g_assert_cmpint(drawable->bands[count - 1].box.y2, ==, drawable->draw.box.y2);
    g_assert_cmpmem(whole, WIDTH * HEIGHT * 4, cut, WIDTH * HEIGHT * 4);
    drawable_unref(drawable);
}

static void test_cut(void)
{
    check_cut(true, 1);
    check_cut(false, 1);
    check_cut(true, 33);
    check_cut(false, 33);
}

static void test_whole(void)
{
    static const uint32_t pixels[WIDTH * HEIGHT];
    struct drawable *drawable = new_copy(SPICE_BITMAP_FMT_32BIT, true, WIDTH, HEIGHT, pixels, 1);
    struct draw *draw = &drawable->draw;
    const struct draw good = *draw;
    struct draw_image mask = {0};

    draw->copy.rop = SPICE_ROPD_OP_XOR;
    g_assert_cmpuint(drawable_cut(drawable), ==, 0);
    *draw = good;
    draw->copy.mask.image = &mask;
    g_assert_cmpuint(drawable_cut(drawable), ==, 0);
    *draw = good;
    draw->box.y2++; /* it is scaled */
    g_assert_cmpuint(drawable_cut(drawable), ==, 0);
    *draw = good;
    draw->type = QXL_DRAW_BLEND;
    g_assert_cmpuint(drawable_cut(drawable), ==, 0);
    *draw = good;
    draw->box.y2 = draw->box.y1 + 900; /* too small to be worth it */
    draw->copy.area.y2 = 900;
    g_assert_cmpuint(drawable_cut(drawable), ==, 0);
    drawable_unref(drawable);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/encode-pool/order", test_order);
    g_test_add_func("/encode-pool/drop", test_drop);
    g_test_add_func("/encode-pool/change-of-mind", test_change_of_mind);
    g_test_add_func("/encode-pool/cut", test_cut);
    g_test_add_func("/encode-pool/whole", test_whole);
    return g_test_run();
}
