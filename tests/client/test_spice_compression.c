/*
 * Pictures of all kinds through a real client (libspice-client-glib) in every image compression:
 * what it shows is what was drawn. Where losses are allowed it shows nearly that at first, and soon
 * all of it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/made_pictures.h"
#include "tests/support/watched_display.h"

#include <spice/enums.h>

enum { WIDTH = 320, HEIGHT = 240, MEMORY = 64 << 20, PSNR = 30 };

struct mode {
    const char *name;
    SpiceImageCompression compression;
    spice_wan_compression_t wan;
};

static void set_up(struct watched_display *display, gconstpointer data)
{
    const struct mode *mode = data;

    watched_display_init(display, mode->compression);
    spice_server_set_jpeg_compression(display->server, mode->wan);
    spice_server_set_zlib_glz_compression(display->server, mode->wan);
    watched_display_open(display, WIDTH, HEIGHT, MEMORY);
}

static void tear_down(struct watched_display *display, gconstpointer data)
{
    (void)data;
    watched_display_close(display);
}

static bool is_alike(void *display)
{
    return watched_display_psnr(display, NULL) > PSNR;
}

static void draw(struct watched_display *display, uint8_t format, enum made_picture_kind kind,
                 uint32_t width, uint32_t height, int left, int top, uint32_t seed)
{
    QXLDrawable drawable =
        qxl_host_drawable(format == SPICE_BITMAP_FMT_RGBA ? QXL_DRAW_ALPHA_BLEND : QXL_DRAW_COPY, 0,
                          left, top, left + (int)width, top + (int)height);
    QXLRect area = {.right = (int)width, .bottom = (int)height};
    g_autofree uint32_t *pixels = g_new(uint32_t, width * height);
    QXLPHYSICAL image;

    made_picture(pixels, width, height, kind, seed);
    for (uint32_t i = 0; i < width * height; i++) {
        if (format == SPICE_BITMAP_FMT_RGBA) /* colours are premultiplied */
            pixels[i] = i % 7 < 3 ? 0 : (pixels[i] & 0x7f7f7f) | 0x80000000;
        else if (format == SPICE_BITMAP_FMT_16BIT)
            ((uint16_t *)pixels)[i] =
                (pixels[i] >> 19 & 31) << 10 | (pixels[i] >> 11 & 31) << 5 | (pixels[i] >> 3 & 31);
    }
    image = qxl_host_bitmap(display->host, format, width, height,
                            width * (format == SPICE_BITMAP_FMT_16BIT ? 2 : 4), 0, pixels);
    if (format == SPICE_BITMAP_FMT_RGBA) {
        drawable.u.alpha_blend.alpha = 255;
        drawable.u.alpha_blend.src_bitmap = image;
        drawable.u.alpha_blend.src_area = area;
    } else {
        drawable.u.copy.src_bitmap = image;
        drawable.u.copy.src_area = area;
        drawable.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    }
    qxl_host_push_drawable(display->host, &drawable);
}

static void draw_all_kinds(struct watched_display *display)
{
    static const uint8_t formats[] = {SPICE_BITMAP_FMT_32BIT, SPICE_BITMAP_FMT_RGBA,
                                      SPICE_BITMAP_FMT_16BIT};

    for (uint32_t i = 0; i < 24; i++) {
        enum made_picture_kind kind = i % 4 == 1   ? MADE_PHOTO
                                      : i % 4 == 2 ? MADE_DESKTOP
                                                   : MADE_TEXT;
        uint32_t width = 60 + i * 37 % 190, height = 50 + i * 53 % 150;

        draw(display, formats[i % 3], kind, width / 2 * 2, height, (int)(i * 11 % (WIDTH - width)),
             (int)(i * 7 % (HEIGHT - height)), i / 5);
    }
}

static void test_pictures(struct watched_display *display, gconstpointer data)
{
    (void)data;
    for (unsigned round = 0; round < 3; round++) {
        draw_all_kinds(display);
        watched_display_show(display);
    }
}

/* A photograph comes with losses, what is moved keeps them, and all of them are made up for. */
static void test_losses(struct watched_display *display, gconstpointer data)
{
    QXLDrawable move = qxl_host_drawable(QXL_COPY_BITS, 0, 100, 60, 220, 160);

    (void)data;
    draw(display, SPICE_BITMAP_FMT_32BIT, MADE_PHOTO, WIDTH, HEIGHT, 0, 0, 1);
    move.u.copy_bits.src_pos = (QXLPoint){10, 20};
    qxl_host_push_drawable(display->host, &move);
    qxl_host_update(display->host, 0, WIDTH, HEIGHT);
    g_assert_true(core_loop_run_until(is_alike, display, 20));
    g_assert_false(watched_display_is_exact(display));
    g_assert_true(core_loop_run_until(watched_display_is_exact, display, 20));
}

/* More palettes than clients keep, each of them twice in a row and twice again. */
static void test_palettes(struct watched_display *display, gconstpointer data)
{
    enum { PALETTES = 150, SIDE = 68, ENTRIES = 32 };
    g_autofree uint8_t *pixels = g_malloc(SIDE * SIDE);

    (void)data;
    for (unsigned i = 0; i < 4 * PALETTES; i++) {
        QXLDrawable drawable;
        QXLPHYSICAL image;
        uint32_t words[sizeof(QXLPalette) / 4 + 1 + ENTRIES];
        QXLPalette *palette = (QXLPalette *)words;
        unsigned left = i * 37 % (WIDTH - SIDE), top = i * 53 % (HEIGHT - SIDE);

        palette->unique = i % 3; /* guests need not name them well */
        palette->num_ents = ENTRIES;
        for (unsigned color = 0; color < ENTRIES; color++)
            palette->ents[color] = (i / 2 % PALETTES * 0x010307 + color * 0x050201) & 0xffffff;
        for (unsigned at = 0; at < SIDE * SIDE; at++)
            pixels[at] = (at / 7 * (i + 5) + at) % ENTRIES;
        image =
            qxl_host_bitmap(display->host, SPICE_BITMAP_FMT_8BIT, SIDE, SIDE, SIDE,
                            qxl_host_place(display->host, palette,
                                           sizeof(*palette) + ENTRIES * sizeof(palette->ents[0])),
                            pixels);
        drawable = watched_display_copy(image, left, top, SIDE, SIDE);
        qxl_host_push_drawable(display->host, &drawable);
        if (i % 20 == 19) {
            watched_display_show(display);
        }
    }
}

int main(int argc, char **argv)
{
    static const struct mode modes[] = {
        {"off", SPICE_IMAGE_COMPRESSION_OFF, SPICE_WAN_COMPRESSION_NEVER},
        {"auto-glz", SPICE_IMAGE_COMPRESSION_AUTO_GLZ, SPICE_WAN_COMPRESSION_NEVER},
        {"auto-lz", SPICE_IMAGE_COMPRESSION_AUTO_LZ, SPICE_WAN_COMPRESSION_NEVER},
        {"quic", SPICE_IMAGE_COMPRESSION_QUIC, SPICE_WAN_COMPRESSION_NEVER},
        {"glz", SPICE_IMAGE_COMPRESSION_GLZ, SPICE_WAN_COMPRESSION_NEVER},
        {"lz", SPICE_IMAGE_COMPRESSION_LZ, SPICE_WAN_COMPRESSION_NEVER},
        {"lz4", SPICE_IMAGE_COMPRESSION_LZ4, SPICE_WAN_COMPRESSION_NEVER},
        {"auto-glz-wan", SPICE_IMAGE_COMPRESSION_AUTO_GLZ, SPICE_WAN_COMPRESSION_ALWAYS},
        {"quic-wan", SPICE_IMAGE_COMPRESSION_QUIC, SPICE_WAN_COMPRESSION_ALWAYS},
        {"glz-wan", SPICE_IMAGE_COMPRESSION_GLZ, SPICE_WAN_COMPRESSION_ALWAYS},
    };
    static const struct mode wan = {NULL, SPICE_IMAGE_COMPRESSION_AUTO_GLZ,
                                    SPICE_WAN_COMPRESSION_ALWAYS};

    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
        g_autofree char *path = g_strdup_printf("/client/compression/%s", modes[i].name);

        g_test_add(path, struct watched_display, &modes[i], set_up, test_pictures, tear_down);
    }
    g_test_add("/client/compression/palettes/off", struct watched_display, &modes[0], set_up,
               test_palettes, tear_down);
    g_test_add("/client/compression/palettes/auto-glz", struct watched_display, &modes[1], set_up,
               test_palettes, tear_down);
    g_test_add("/client/compression/losses", struct watched_display, &wan, set_up, test_losses,
               tear_down);
    return g_test_run();
}
