/*
 * Pictures of all kinds through a real client (libspice-client-glib) in every image compression:
 * what it shows is what was drawn. Where losses are allowed it shows nearly that at first, and soon
 * all of it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/core_loop.h"
#include "tests/support/gtk_client.h"
#include "tests/support/made_pictures.h"
#include "tests/support/qxl_host.h"

#include <math.h>
#include <spice/enums.h>

enum { WIDTH = 320, HEIGHT = 240, MEMORY = 64 << 20, PSNR = 30 };

struct mode {
    const char *name;
    SpiceImageCompression compression;
    spice_wan_compression_t wan;
};

struct fixture {
    SpiceServer *server;
    struct qxl_host *host;
    uint32_t *primary;
    struct gtk_client screen;
};

static void set_up(struct fixture *fixture, gconstpointer data)
{
    const struct mode *mode = data;

    *fixture = (struct fixture){.server = spice_server_new()};
    spice_server_set_noauth(fixture->server);
    spice_server_set_streaming_video(fixture->server, SPICE_STREAM_VIDEO_OFF);
    spice_server_set_image_compression(fixture->server, mode->compression);
    spice_server_set_jpeg_compression(fixture->server, mode->wan);
    spice_server_set_zlib_glz_compression(fixture->server, mode->wan);
    g_assert_cmpint(spice_server_init(fixture->server, core_loop_interface()), ==, 0);
    fixture->host = qxl_host_create(fixture->server, 0, MEMORY);
    spice_server_vm_start(fixture->server);
    fixture->primary =
        qxl_host_create_primary(fixture->host, WIDTH, HEIGHT, SPICE_SURFACE_FMT_32_xRGB, 0);
    gtk_client_attach(&fixture->screen, fixture->server, true);
}

static void tear_down(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    gtk_client_detach(&fixture->screen);
    spice_qxl_destroy_surfaces(&fixture->host->qxl);
    spice_server_vm_stop(fixture->server);
    qxl_host_destroy(fixture->host);
    spice_server_destroy(fixture->server);
}

/* Of what the client shows, dB; infinite when it is the same. */
static double psnr(const struct fixture *fixture)
{
    const struct gtk_client *screen = &fixture->screen;
    double sum = 0;

    if (screen->pixels == NULL || screen->width != WIDTH || screen->height != HEIGHT)
        return 0;
    for (int y = 0; y < HEIGHT; y++) {
        const uint32_t *shown = (const uint32_t *)(screen->pixels + y * screen->stride);

        for (int x = 0; x < WIDTH; x++) {
            for (unsigned shift = 0; shift < 24; shift += 8) {
                int difference = (int)(shown[x] >> shift & 255) -
                                 (int)(fixture->primary[y * WIDTH + x] >> shift & 255);

                sum += difference * difference;
            }
        }
    }
    return 10 * log10(255.0 * 255.0 * 3 * WIDTH * HEIGHT / sum);
}

static bool is_exact(void *opaque)
{
    return isinf(psnr(opaque));
}

static bool is_alike(void *opaque)
{
    return psnr(opaque) > PSNR;
}

static void draw(struct fixture *fixture, uint8_t format, enum made_picture_kind kind,
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
    image = qxl_host_bitmap(fixture->host, format, width, height,
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
    qxl_host_push_drawable(fixture->host, &drawable);
}

static void draw_all_kinds(struct fixture *fixture)
{
    static const uint8_t formats[] = {SPICE_BITMAP_FMT_32BIT, SPICE_BITMAP_FMT_RGBA,
                                      SPICE_BITMAP_FMT_16BIT};

    for (uint32_t i = 0; i < 24; i++) {
        enum made_picture_kind kind = i % 4 == 1   ? MADE_PHOTO
                                      : i % 4 == 2 ? MADE_DESKTOP
                                                   : MADE_TEXT;
        uint32_t width = 60 + i * 37 % 190, height = 50 + i * 53 % 150;

        draw(fixture, formats[i % 3], kind, width / 2 * 2, height, (int)(i * 11 % (WIDTH - width)),
             (int)(i * 7 % (HEIGHT - height)), i / 5);
    }
    qxl_host_update(fixture->host, 0, WIDTH, HEIGHT);
}

static void test_pictures(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    for (unsigned round = 0; round < 3; round++) {
        draw_all_kinds(fixture);
        g_assert_true(core_loop_run_until(is_exact, fixture, 20));
    }
}

/* A photograph comes with losses, what is moved keeps them, and all of them are made up for. */
static void test_losses(struct fixture *fixture, gconstpointer data)
{
    QXLDrawable move = qxl_host_drawable(QXL_COPY_BITS, 0, 100, 60, 220, 160);

    (void)data;
    draw(fixture, SPICE_BITMAP_FMT_32BIT, MADE_PHOTO, WIDTH, HEIGHT, 0, 0, 1);
    move.u.copy_bits.src_pos = (QXLPoint){10, 20};
    qxl_host_push_drawable(fixture->host, &move);
    qxl_host_update(fixture->host, 0, WIDTH, HEIGHT);
    g_assert_true(core_loop_run_until(is_alike, fixture, 20));
    g_assert_false(is_exact(fixture));
    g_assert_true(core_loop_run_until(is_exact, fixture, 20));
}

/* More palettes than clients keep, each of them twice in a row and twice again. */
static void test_palettes(struct fixture *fixture, gconstpointer data)
{
    enum { PALETTES = 150, SIDE = 68, ENTRIES = 32 };
    g_autofree uint8_t *pixels = g_malloc(SIDE * SIDE);

    (void)data;
    for (unsigned i = 0; i < 4 * PALETTES; i++) {
        QXLDrawable drawable = qxl_host_drawable(QXL_DRAW_COPY, 0, 0, 0, SIDE, SIDE);
        uint32_t words[sizeof(QXLPalette) / 4 + 1 + ENTRIES];
        QXLPalette *palette = (QXLPalette *)words;
        unsigned left = i * 37 % (WIDTH - SIDE), top = i * 53 % (HEIGHT - SIDE);

        palette->unique = i % 3; /* guests need not name them well */
        palette->num_ents = ENTRIES;
        for (unsigned color = 0; color < ENTRIES; color++)
            palette->ents[color] = (i / 2 % PALETTES * 0x010307 + color * 0x050201) & 0xffffff;
        for (unsigned at = 0; at < SIDE * SIDE; at++)
            pixels[at] = (at / 7 * (i + 5) + at) % ENTRIES;
        drawable.bbox =
            (QXLRect){.top = top, .left = left, .bottom = top + SIDE, .right = left + SIDE};
        drawable.u.copy.src_bitmap =
            qxl_host_bitmap(fixture->host, SPICE_BITMAP_FMT_8BIT, SIDE, SIDE, SIDE,
                            qxl_host_place(fixture->host, palette,
                                           sizeof(*palette) + ENTRIES * sizeof(palette->ents[0])),
                            pixels);
        drawable.u.copy.src_area = (QXLRect){.right = SIDE, .bottom = SIDE};
        drawable.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
        qxl_host_push_drawable(fixture->host, &drawable);
        if (i % 20 == 19) {
            qxl_host_update(fixture->host, 0, WIDTH, HEIGHT);
            g_assert_true(core_loop_run_until(is_exact, fixture, 20));
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

        g_test_add(path, struct fixture, &modes[i], set_up, test_pictures, tear_down);
    }
    g_test_add("/client/compression/palettes/off", struct fixture, &modes[0], set_up, test_palettes,
               tear_down);
    g_test_add("/client/compression/palettes/auto-glz", struct fixture, &modes[1], set_up,
               test_palettes, tear_down);
    g_test_add("/client/compression/losses", struct fixture, &wan, set_up, test_losses, tear_down);
    return g_test_run();
}
