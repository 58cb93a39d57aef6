/*
 * Image encoders, in megapixels a second.
 *
 *     tests/bench/encoders                          each encoder by itself
 *     tests/bench/encoders sends LIBRARY...         whole images sent to a client, each library in
 * turn
 *
 * By themselves: the best of several passes over pictures of four kinds; LZ4 also as liblz4 does it
 * in one piece. Sends: a guest copies pictures to its screen one after the other, a client reads
 * them over TCP and decodes nothing; what counts is the CPU time of the server's threads, and how
 * long it takes until a picture is there. A LIBRARY is a path to a libspice-server.so.1; ratios are
 * to the first.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/codec.h"
#include "display/glz.h"
#include "tests/support/core_loop.h"
#include "tests/support/image_reader.h"
#include "tests/support/made_pictures.h"
#include "tests/support/qxl_host.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "config.h"
#ifdef HAVE_LZ4
#include <lz4.h>
#endif

enum { WIDTH = 1024, HEIGHT = 768, PASSES = 7, VARIANTS = 6, SENDS = 24, MARK = 40 };
#define MEGAPIXELS (WIDTH * HEIGHT / 1e6)

static double seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

/* ---- By themselves ---- */

static size_t encode_with(const struct encoder_impl *impl, const struct codec_source *source)
{
    static struct encoder *encoders[256]; /* by image type */
    struct encoder **encoder = &encoders[impl->image_type];
    uint8_t *out;
    size_t size;

    if (*encoder == NULL)
        *encoder = impl->create();
    if (!impl->encode(*encoder, source, &out, &size))
        return source->data.size;
    g_free(out);
    return size;
}

static size_t encode_glz(struct glz_dictionary *dictionary, const struct codec_source *source)
{
    uint8_t *out;
    size_t size;

    if (!glz_encode(dictionary, source, &out, &size))
        return source->data.size;
    g_free(out);
    return size;
}

#ifdef HAVE_LZ4
static size_t encode_liblz4(const struct codec_source *source)
{
    int bound = LZ4_compressBound(source->data.size);
    g_autofree char *out = g_malloc(bound);

    return LZ4_compress_default(source->data.pieces[0].iov_base, out, source->data.size, bound);
}
#endif

static struct codec_source source_of(struct iovec *piece, uint32_t *pixels)
{
    *piece = (struct iovec){pixels, WIDTH * HEIGHT * 4};
    return (struct codec_source){
        .format = SPICE_BITMAP_FMT_32BIT,
        .top_down = true,
        .width = WIDTH,
        .height = HEIGHT,
        .stride = WIDTH * 4,
        .data = {.size = WIDTH * HEIGHT * 4, .count = 1, .pieces = piece},
    };
}

struct figure {
    double best; /* s */
    size_t size;
};

#define MEASURE(figure, call)                                                                      \
    do {                                                                                           \
        double began = seconds(CLOCK_THREAD_CPUTIME_ID), took;                                     \
        (figure).size = (call);                                                                    \
        took = seconds(CLOCK_THREAD_CPUTIME_ID) - began;                                           \
        (figure).best = MIN((figure).best, took);                                                  \
    } while (0)

static void print_figure(const char *name, const struct figure *figure)
{
    printf("  %-22s %8.0f MPixel/s  %7.2f : 1\n", name, MEGAPIXELS / figure->best,
           WIDTH * HEIGHT * 4.0 / figure->size);
}

static void measure_kind(enum made_picture_kind kind)
{
    g_autofree uint32_t *first = g_new(uint32_t, WIDTH * HEIGHT);
    g_autofree uint32_t *second = g_new(uint32_t, WIDTH * HEIGHT);
    struct iovec first_piece, second_piece;
    struct codec_source source = source_of(&first_piece, first);
    struct codec_source changed = source_of(&second_piece, second);
    struct figure quic = {1e9, 0}, lz = quic, lz4 = quic, liblz4 = quic, glz = quic, again = quic;

    made_picture(first, WIDTH, HEIGHT, kind, 1);
    made_picture(second, WIDTH, HEIGHT, kind, 2);
    /* The second frame is the first with one row in twenty from another one. */
    for (uint32_t y = 0; y < HEIGHT; y++) {
        if (y % 20 != 0)
            memcpy(second + y * WIDTH, first + y * WIDTH, WIDTH * 4);
    }
    for (int i = 0; i < PASSES; i++) {
        struct glz_dictionary *dictionary = glz_dictionary_create(4 << 20);

        MEASURE(quic, encode_with(&encoder_quic, &source));
        MEASURE(lz, encode_with(&encoder_lz, &source));
#ifdef HAVE_LZ4
        MEASURE(lz4, encode_with(&encoder_lz4, &source));
        MEASURE(liblz4, encode_liblz4(&source));
#endif
        MEASURE(glz, encode_glz(dictionary, &source));
        MEASURE(again, encode_glz(dictionary, &changed));
        glz_dictionary_destroy(dictionary);
    }
    printf("%s\n", made_picture_names[kind]);
    print_figure("QUIC", &quic);
    print_figure("LZ", &lz);
    print_figure("GLZ, empty dictionary", &glz);
    print_figure("GLZ, 5% changed", &again);
#ifdef HAVE_LZ4
    print_figure("LZ4", &lz4);
    print_figure("liblz4", &liblz4);
#endif
}

/* ---- Sends ---- */

static const struct {
    const char *name;
    SpiceImageCompression compression;
} modes[] = {
    {"off", SPICE_IMAGE_COMPRESSION_OFF}, {"quic", SPICE_IMAGE_COMPRESSION_QUIC},
    {"lz", SPICE_IMAGE_COMPRESSION_LZ},   {"glz", SPICE_IMAGE_COMPRESSION_GLZ},
    {"lz4", SPICE_IMAGE_COMPRESSION_LZ4},
};

/* CPU time of the threads that are neither this nor the client's; all of them sleep by now. */
static double server_time(const struct image_reader *reader)
{
    g_usleep(3000); /* the kernel counts a thread's time when it stops */
    return seconds(CLOCK_PROCESS_CPUTIME_ID) - seconds(CLOCK_THREAD_CPUTIME_ID) -
           image_reader_time(reader);
}

static void send_picture(struct qxl_host *host, struct image_reader *reader, QXLPHYSICAL image,
                         unsigned number)
{
    QXLDrawable drawable = qxl_host_drawable(QXL_DRAW_COPY, 0, 0, 0, WIDTH, HEIGHT);

    drawable.u.copy.src_bitmap = image;
    drawable.u.copy.src_area = (QXLRect){0, 0, HEIGHT, WIDTH};
    drawable.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    qxl_host_push_drawable(host, &drawable);
    /*
     * It hides little, and is in a new colour each time; when it has come, nearly all before has. A
     * server may send what a command has painted in its place when it thinks that the client is
     * slow; so there are more of them.
     */
    for (unsigned tries = 0; tries < 10; tries++) {
        uint32_t color = (number * 10 + tries + 1) * 0x010305 & 0xffffff;

        qxl_host_fill(host, 0, 0, 0, MARK, MARK, color);
        if (image_reader_wait_fill(reader, color))
            return;
    }
    g_error("the client is not sent what is drawn");
}

static int compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* Seconds of server CPU for one picture. */
static double measure_sends(const struct server_library *library, unsigned mode,
                            enum made_picture_kind kind, double *bytes, double *wall)
{
    SpiceServer *server = library->spice_server_new();
    struct qxl_host *host;
    struct image_reader *reader;
    QXLPHYSICAL images[VARIANTS];
    double before, spent, walls[SENDS];
    uint64_t bytes_before;

    library->spice_server_set_noauth(server);
    library->spice_server_set_image_compression(server, modes[mode].compression);
    library->spice_server_set_streaming_video(server, SPICE_STREAM_VIDEO_OFF);
    g_assert_cmpint(library->spice_server_init(server, core_loop_interface()), ==, 0);
    host = qxl_host_create_on(library, server, 0, (VARIANTS + 2) * WIDTH * HEIGHT * 4);
    library->spice_server_vm_start(server);
    qxl_host_create_primary(host, WIDTH, HEIGHT, SPICE_SURFACE_FMT_32_xRGB, 0);
    for (unsigned i = 0; i < VARIANTS; i++) {
        g_autofree uint32_t *pixels = g_new(uint32_t, WIDTH * HEIGHT);

        made_picture(pixels, WIDTH, HEIGHT, kind, i + 1);
        images[i] =
            qxl_host_bitmap(host, SPICE_BITMAP_FMT_32BIT, WIDTH, HEIGHT, WIDTH * 4, 0, pixels);
    }
    reader = image_reader_connect(library, server);
    for (unsigned i = 0; i < VARIANTS; i++)
        send_picture(host, reader, images[i], i);
    before = server_time(reader);
    bytes_before = image_reader_bytes(reader);
    for (unsigned i = 0; i < SENDS; i++) {
        double began = seconds(CLOCK_MONOTONIC);

        send_picture(host, reader, images[i % VARIANTS], VARIANTS + i);
        walls[i] = seconds(CLOCK_MONOTONIC) - began;
    }
    qsort(walls, SENDS, sizeof(walls[0]), compare);
    *wall = walls[SENDS / 2]; /* sometimes it is only the next mark that is seen */
    spent = server_time(reader) - before;
    *bytes = (double)(image_reader_bytes(reader) - bytes_before) / SENDS;
    image_reader_disconnect(reader);
    library->spice_server_vm_stop(server);
    qxl_host_destroy(host);
    library->spice_server_destroy(server);
    return spent / SENDS;
}

static bool print_sends(unsigned mode, enum made_picture_kind kind, char **paths)
{
    double first = 0;

    printf("  %-5s", modes[mode].name);
    for (char **path = paths; *path != NULL; path++) {
        struct server_library library;
        double bytes, spent, wall;

        if (!server_library_open(&library, *path))
            return false;
        spent = measure_sends(&library, mode, kind, &bytes, &wall);
        if (path == paths)
            first = spent;
        printf("  %7.2f ms %6.0f MPixel/s %9.0f bytes  x %.2f, there in %.2f ms", spent * 1e3,
               MEGAPIXELS / spent, bytes, first / spent, wall * 1e3);
    }
    printf("\n");
    fflush(stdout);
    return true;
}

int main(int argc, char **argv)
{
    for (enum made_picture_kind kind = 0; kind < MADE_PICTURE_KINDS; kind++) {
        if (argc == 1) {
            measure_kind(kind);
            continue;
        }
        if (argc < 3 || strcmp(argv[1], "sends") != 0) {
            fprintf(stderr, "usage: %s [sends LIBRARY...]\n", argv[0]);
            return 2;
        }
        printf("%s\n", made_picture_names[kind]);
        for (unsigned mode = 0; mode < G_N_ELEMENTS(modes); mode++) {
            if (!print_sends(mode, kind, argv + 2)) {
                fprintf(stderr, "%s: cannot load all of the libraries\n", argv[0]);
                return 1;
            }
        }
    }
    return 0;
}
