/*
 * The worker seen from its host: requests, their order and results, and guests that misbehave.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/core_loop.h"
#include "tests/support/qxl_host.h"

#include <spice/enums.h>
#include <string.h>

#define WIDTH  96
#define HEIGHT 64

struct fixture {
    SpiceServer *server;
    struct qxl_host *host;
    uint32_t *primary;
};

static void set_up(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->server = spice_server_new();
    spice_server_set_noauth(fixture->server);
    g_assert_cmpint(spice_server_init(fixture->server, core_loop_interface()), ==, 0);
    fixture->host = qxl_host_create(fixture->server, 0, 4 * 1024 * 1024);
    spice_server_vm_start(fixture->server);
    fixture->primary =
        qxl_host_create_primary(fixture->host, WIDTH, HEIGHT, SPICE_SURFACE_FMT_32_xRGB, 0);
}

static void tear_down(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    qxl_host_destroy(fixture->host);
    spice_server_destroy(fixture->server);
}

static QXLRect whole(void)
{
    return (QXLRect){.bottom = HEIGHT, .right = WIDTH};
}

static void test_dirty(struct fixture *fixture, gconstpointer data)
{
    QXLInstance *qxl = &fixture->host->qxl;
    QXLRect area = whole(), dirty[3];

    (void)data;
    /* The primary's zeroes. */
    spice_qxl_update_area(qxl, 0, &area, dirty, 3, 1);
    g_assert_cmpint(dirty[0].right, ==, WIDTH);
    g_assert_cmpint(dirty[0].bottom, ==, HEIGHT);
    g_assert_cmpint(dirty[1].bottom, ==, 0);

    qxl_host_fill(fixture->host, 0, 2, 3, 10, 20, 0x123456);
    spice_qxl_update_area(qxl, 0, &area, dirty, 3, 0);
    g_assert_cmphex(fixture->primary[3 * WIDTH + 2], ==, 0x123456);
    g_assert_cmphex(fixture->primary[3 * WIDTH + 10], ==, 0);
    g_assert_cmphex(fixture->primary[19 * WIDTH + 9], ==, 0x123456);
    g_assert_cmphex(fixture->primary[20 * WIDTH + 9], ==, 0);
    g_assert_cmpint(dirty[0].left, ==, 2);
    g_assert_cmpint(dirty[0].top, ==, 3);
    g_assert_cmpint(dirty[0].right, ==, 10);
    g_assert_cmpint(dirty[0].bottom, ==, 20);
    g_assert_cmpuint(qxl_host_released(fixture->host), ==, 1);

    /* More than there is room for: the last one covers the rest. */
    qxl_host_fill(fixture->host, 0, 30, 1, 31, 2, 1);
    qxl_host_fill(fixture->host, 0, 50, 40, 60, 48, 1);
    spice_qxl_update_area(qxl, 0, &area, dirty, 2, 1);
    g_assert_cmpint(dirty[0].left, ==, 30);
    g_assert_cmpint(dirty[1].left, ==, 2);
    g_assert_cmpint(dirty[1].right, ==, 60);
    g_assert_cmpint(dirty[1].bottom, ==, 48);

    spice_qxl_update_area(qxl, 0, &area, dirty, 2, 1);
    g_assert_cmpint(dirty[0].right, ==, 0);
    spice_qxl_update_area(qxl, 9, &area, dirty, 2, 1); /* there is none */
    g_assert_cmpint(dirty[0].right, ==, 0);
    spice_qxl_update_area(qxl, 0, &area, NULL, 0, 0);
}

/* Every asynchronous request completes once, in order, whatever is wrong with it. */
static void test_async(struct fixture *fixture, gconstpointer data)
{
    QXLInstance *qxl = &fixture->host->qxl;
    QXLRect area = whole();
    QXLDevSurfaceCreate create = {.width = 8,
                                  .height = 8,
                                  .stride = 32,
                                  .format = SPICE_SURFACE_FMT_32_xRGB,
                                  .group_id = QXL_HOST_GROUP,
                                  .mem = qxl_host_place(fixture->host, NULL, 256)};
    QXLDevMemSlot slot = {.slot_group_id = 99};

    (void)data;
    qxl_host_fill(fixture->host, 0, 2, 3, 10, 20, 0x123456);
    spice_qxl_update_area_async(qxl, 0, &area, 0, 1);
    spice_qxl_update_area_async(qxl, 55, &area, 0, 2);
    spice_qxl_destroy_surface_async(qxl, 44, 3);
    spice_qxl_flush_surfaces_async(qxl, 4);
    spice_qxl_destroy_primary_surface_async(qxl, 0, 5);
    spice_qxl_destroy_primary_surface_async(qxl, 0, 6);
    spice_qxl_create_primary_surface_async(qxl, 0, &create, 7);
    create.mem = 0x5500000000000000;
    spice_qxl_create_primary_surface_async(qxl, 0, &create, 8);
    spice_qxl_add_memslot_async(qxl, &slot, 9);
    spice_qxl_monitors_config_async(qxl, 0, QXL_HOST_GROUP, 10);
    spice_qxl_destroy_surfaces_async(qxl, 11);
    g_assert_true(qxl_host_wait_completions(fixture->host, 11));
    spice_qxl_stop(qxl); /* a barrier: nothing can come any more */
    g_assert_cmpuint(fixture->host->completions->len, ==, 11);
    for (uint64_t i = 0; i < 11; i++)
        g_assert_cmpuint(g_array_index(fixture->host->completions, uint64_t, i), ==, i + 1);
    g_assert_cmpuint(qxl_host_released(fixture->host), ==, 1);
    g_assert_cmphex(fixture->primary[3 * WIDTH + 2], ==, 0x123456);
}

static void test_stop(struct fixture *fixture, gconstpointer data)
{
    QXLInstance *qxl = &fixture->host->qxl;
    QXLRect area = whole(), dirty;

    (void)data;
    spice_server_vm_stop(fixture->server);
    qxl_host_fill(fixture->host, 0, 2, 3, 10, 20, 0x123456);
    spice_qxl_wakeup(qxl);
    spice_qxl_oom(qxl);
    spice_qxl_update_area(qxl, 0, &area, &dirty, 1, 0); /* is answered, but fetches nothing */
    g_assert_cmpuint(fixture->host->taken, ==, 0);
    g_assert_cmpuint(fixture->host->flushes, ==, 0);
    spice_server_vm_start(fixture->server);
    g_assert_true(qxl_host_wait_released(fixture->host, 1));
    g_assert_cmphex(fixture->primary[3 * WIDTH + 2], ==, 0x123456);
    g_assert_cmpint(fixture->host->client_present, ==, 0);
}

/* All of the primary in one colour, as a picture; the worker has done with it when this returns. */
static void show_picture(struct fixture *fixture, uint32_t color)
{
    struct qxl_host *host = fixture->host;
    QXLDrawable drawable = qxl_host_drawable(QXL_DRAW_COPY, 0, 0, 0, WIDTH, HEIGHT);
    uint32_t pixels[WIDTH * HEIGHT];
    QXLRect area = whole(), dirty;

    for (unsigned i = 0; i < G_N_ELEMENTS(pixels); i++)
        pixels[i] = color;
    drawable.u.copy.src_bitmap =
        qxl_host_bitmap(host, SPICE_BITMAP_FMT_32BIT, WIDTH, HEIGHT, WIDTH * 4, 0, pixels);
    drawable.u.copy.src_area = whole();
    drawable.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    qxl_host_push_drawable(host, &drawable);
    spice_qxl_update_area(&host->qxl, 1, &area, &dirty, 1, 0); /* asks for another surface */
}

/* Pictures are drawn on the primary when somebody looks, and given back when they are no use. */
static void test_pictures_wait(struct fixture *fixture, gconstpointer data)
{
    struct qxl_host *host = fixture->host;
    QXLInstance *qxl = &host->qxl;
    uint32_t *pixel = &fixture->primary[WIDTH + 1];
    QXLRect area = whole(), dirty;

    (void)data;
    qxl_host_create_surface(host, 1, SPICE_SURFACE_FMT_32_xRGB, WIDTH, HEIGHT, 0);
    show_picture(fixture, 1);
    g_assert_cmphex(*pixel, ==, 0);
    g_assert_cmpuint(qxl_host_released(host), ==, 0);
    spice_qxl_update_area(qxl, 0, &area, &dirty, 1, 0);
    g_assert_cmphex(*pixel, ==, 1);
    g_assert_cmpuint(qxl_host_released(host), ==, 1);

    show_picture(fixture, 2); /* is painted over, and goes back undrawn */
    show_picture(fixture, 3);
    g_assert_cmphex(*pixel, ==, 1);
    g_assert_cmpuint(qxl_host_released(host), ==, 2);
    spice_qxl_oom(qxl);
    g_assert_true(qxl_host_wait_released(host, 3));
    g_assert_cmphex(*pixel, ==, 3);

    show_picture(fixture, 4);
    qxl_host_fill(host, 0, 0, 0, 1, 1, 5); /* leaves the rest of it */
    spice_qxl_update_area(qxl, 1, &area, &dirty, 1, 0);
    g_assert_cmphex(*pixel, ==, 4);
    g_assert_cmphex(fixture->primary[0], ==, 5);
    g_assert_cmpuint(qxl_host_released(host), ==, 5);

    show_picture(fixture, 6);
    spice_qxl_flush_surfaces_async(qxl, 77);
    g_assert_true(qxl_host_wait_completions(host, 1));
    g_assert_cmphex(*pixel, ==, 6);
    g_assert_cmpuint(qxl_host_released(host), ==, 6);

    show_picture(fixture, 7);
    spice_server_vm_stop(fixture->server);
    g_assert_cmphex(*pixel, ==, 7);
    g_assert_cmpuint(qxl_host_released(host), ==, 7);
    spice_server_vm_start(fixture->server);

    show_picture(fixture, 8);
    spice_qxl_destroy_primary_surface(qxl, 0);
    g_assert_cmphex(*pixel, ==, 8);
    g_assert_cmpuint(qxl_host_released(host), ==, 8);
}

static void test_surfaces(struct fixture *fixture, gconstpointer data)
{
    struct qxl_host *host = fixture->host;

    (void)data;
    qxl_host_create_surface(host, 5, SPICE_SURFACE_FMT_32_xRGB, 32, 32, 0);
    qxl_host_fill(host, 5, 0, 0, 32, 32, 0xabcdef);
    qxl_host_update(host, 5, 32, 32);
    g_assert_cmpuint(qxl_host_released(host), ==, 1); /* the surface keeps its command */
    qxl_host_create_surface(host, 5, SPICE_SURFACE_FMT_32_xRGB, 32, 32, 0); /* twice */
    qxl_host_create_surface(host, 0, SPICE_SURFACE_FMT_32_xRGB, 32, 32, 0);
    qxl_host_create_surface(host, 1024, SPICE_SURFACE_FMT_32_xRGB, 32, 32, 0);
    qxl_host_create_surface(host, UINT32_MAX, SPICE_SURFACE_FMT_32_xRGB, 32, 32, 0);
    qxl_host_create_surface(host, 6, 33, 32, 32, 0);
    qxl_host_destroy_surface(host, 0);
    qxl_host_destroy_surface(host, 6);
    qxl_host_destroy_surface(host, UINT32_MAX);
    qxl_host_update(host, 0, WIDTH, HEIGHT);
    g_assert_cmpuint(qxl_host_released(host), ==, 9);
    qxl_host_destroy_surface(host, 5);
    qxl_host_update(host, 0, WIDTH, HEIGHT);
    g_assert_cmpuint(qxl_host_released(host), ==, 11);
}

/* Commands that no guest should send: the server goes on, and all that is mapped comes back. */
static void test_bad_commands(struct fixture *fixture, gconstpointer data)
{
    static const uint8_t nothing[256];
    struct qxl_host *host = fixture->host;
    QXLUpdateCmd update;
    QXLDrawable drawable;
    unsigned released = 0;

    (void)data;
    memset(&update, 0, sizeof(update));
    update.update_id = 3;
    qxl_host_push(host, QXL_CMD_UPDATE, qxl_host_place(host, &update, sizeof(update))); /* empty */
    update.area = whole();
    update.surface_id = 63;
    qxl_host_push(host, QXL_CMD_UPDATE, qxl_host_place(host, &update, sizeof(update)));
    update.surface_id = 0;
    qxl_host_push(host, QXL_CMD_UPDATE, qxl_host_place(host, &update, sizeof(update)));
    qxl_host_push(host, QXL_CMD_MESSAGE, qxl_host_place(host, "12345678hello", 14));
    released += 4;
    drawable = qxl_host_drawable(QXL_DRAW_BLACKNESS, 7, 0, 0, 1, 1); /* no such surface */
    qxl_host_push_drawable(host, &drawable);
    drawable = qxl_host_drawable(QXL_DRAW_BLACKNESS, 0, 0, 0, WIDTH + 1, 1);
    qxl_host_push_drawable(host, &drawable);
    drawable = qxl_host_drawable(QXL_DRAW_BLACKNESS, 0, 0, 0, 1, 1);
    drawable.surfaces_dest[2] = 1000;
    qxl_host_push_drawable(host, &drawable);
    drawable = qxl_host_drawable(QXL_DRAW_NOP, 0, 0, 0, 1, 1);
    qxl_host_push_drawable(host, &drawable);
    drawable = qxl_host_drawable(QXL_DRAW_COPY, 0, 0, 0, 1, 1);
    drawable.u.copy.src_area = (QXLRect){.bottom = 1, .right = 1};
    drawable.u.copy.src_bitmap = qxl_host_surface_image(host, 9);
    qxl_host_push_drawable(host, &drawable);
    released += 5;
    qxl_host_push_cursor(host, QXL_CMD_CURSOR, qxl_host_place(host, nothing, 256)); /* no shape */
    released++;
    qxl_host_update(host, 0, WIDTH, HEIGHT);
    g_assert_true(qxl_host_wait_released(host, released));
    g_assert_cmpuint(host->updates, ==, 1);

    qxl_host_fill(host, 0, 0, 0, WIDTH, HEIGHT, 0x445566);
    qxl_host_update(host, 0, WIDTH, HEIGHT);
    g_assert_cmphex(fixture->primary[WIDTH * HEIGHT - 1], ==, 0x445566);
    g_assert_cmpuint(qxl_host_released(host), ==, released + 1);
}

/* Types that do not belong into their ring, and addresses that are none: nothing to release. */
static void test_alien_commands(struct fixture *fixture, gconstpointer data)
{
    static const QXLPHYSICAL addresses[] = {0, 0x0800000000000000, UINT64_MAX,
                                            (QXLPHYSICAL)QXL_HOST_GENERATION << 48 | 0x3fffff};
    struct qxl_host *host = fixture->host;

    (void)data;
    for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
        for (uint32_t type = 0; type < 7; type++) {
            qxl_host_push(host, type, addresses[i]);
            qxl_host_push_cursor(host, type, addresses[i]);
        }
    }
    g_assert_true(qxl_host_wait_taken(host));
    spice_qxl_flush_surfaces_async(&host->qxl, 1);
    g_assert_true(qxl_host_wait_completions(host, 1));
    g_assert_cmpuint(qxl_host_released(host), ==, 0);
    g_hash_table_remove_all(host->outstanding); /* rightly */
}

/* The state after a migration: surfaces keep what is in memory. */
static void test_saved_commands(struct fixture *fixture, gconstpointer data)
{
    struct qxl_host *host = fixture->host;
    QXLCommandExt commands[2];
    QXLSurfaceCmd create;
    uint32_t *pixels;

    (void)data;
    memset(&create, 0, sizeof(create));
    memset(commands, 0, sizeof(commands));
    create.surface_id = 8;
    create.u.surface_create = (QXLSurface){.format = SPICE_SURFACE_FMT_32_xRGB,
                                           .width = 4,
                                           .height = 4,
                                           .stride = 16,
                                           .data = qxl_host_place(host, NULL, 64)};
    pixels = qxl_host_pointer(host, create.u.surface_create.data);
    pixels[5] = 0x778899;
    spice_server_vm_stop(fixture->server);
    commands[0].cmd.type = QXL_CMD_SURFACE;
    commands[0].cmd.data = qxl_host_place(host, &create, sizeof(create));
    commands[0].group_id = QXL_HOST_GROUP;
    commands[1] = commands[0];
    commands[1].cmd.type = QXL_CMD_DRAW; /* does not belong here */
    g_hash_table_add(host->outstanding, qxl_host_pointer(host, commands[0].cmd.data));
    spice_qxl_loadvm_commands(&host->qxl, commands, 2);
    spice_server_vm_start(fixture->server);
    g_assert_cmphex(pixels[5], ==, 0x778899);
    qxl_host_fill(host, 8, 0, 0, 1, 1, 0x111111);
    qxl_host_update(host, 8, 4, 4);
    g_assert_cmphex(pixels[0], ==, 0x111111);
    g_assert_cmphex(pixels[5], ==, 0x778899);
    spice_qxl_destroy_surfaces(&host->qxl);
    g_assert_cmpuint(qxl_host_released(host), ==, 2);
}

static void test_compression_level(struct fixture *fixture, gconstpointer data)
{
    const struct qxl_host *host = fixture->host;

    (void)data;
    g_assert_cmpint(host->compression_level, ==, 0);
    spice_server_set_image_compression(fixture->server, SPICE_IMAGE_COMPRESSION_QUIC);
    g_assert_cmpint(host->compression_level, ==, 0);
    spice_server_set_streaming_video(fixture->server, SPICE_STREAM_VIDEO_OFF);
    g_assert_cmpint(host->compression_level, ==, 1);
    spice_server_set_image_compression(fixture->server, SPICE_IMAGE_COMPRESSION_LZ);
    g_assert_cmpint(host->compression_level, ==, 0);
    spice_server_set_image_compression(fixture->server, SPICE_IMAGE_COMPRESSION_QUIC);
    spice_server_set_streaming_video(fixture->server, SPICE_STREAM_VIDEO_ALL);
    g_assert_cmpint(host->compression_level, ==, 0);
}

/* Its ring never gets empty; whoever waits for what was in it does not wait for what is added. */
static void test_endless_commands(struct fixture *fixture, gconstpointer data)
{
    QXLInstance *qxl = &fixture->host->qxl;
    QXLRect area = whole(), dirty[3];
    gint64 start;

    (void)data;
    g_atomic_int_set(&fixture->host->endless, 1);
    qxl_host_fill(fixture->host, 0, 0, 0, 1, 1, 0xabcdef);
    start = g_get_monotonic_time();
    spice_qxl_update_area(qxl, 0, &area, dirty, 3, 0);
    g_assert_cmpint(g_get_monotonic_time() - start, <, 60 * G_USEC_PER_SEC);
    g_assert_cmphex(fixture->primary[0], ==, 0xabcdef);
    g_atomic_int_set(&fixture->host->endless, 0);
}

static void test_removed_instance(struct fixture *fixture, gconstpointer data)
{
    QXLInstance *qxl = &fixture->host->qxl;

    (void)data;
    qxl_host_fill(fixture->host, 0, 0, 0, 4, 4, 1);
    qxl_host_update(fixture->host, 0, WIDTH, HEIGHT);
    spice_server_remove_interface(&qxl->base);
    g_assert_null(qxl->st);
    spice_qxl_destroy_primary_surface(qxl, 0); /* x11spice does that */
    spice_qxl_wakeup(qxl);
    g_assert_cmpint(spice_server_add_interface(fixture->server, &qxl->base), ==, 0);
    g_assert_nonnull(qxl->st);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct fixture *fixture, gconstpointer data);
    } tests[] = {
        {"/worker/dirty", test_dirty},
        {"/worker/async", test_async},
        {"/worker/stop", test_stop},
        {"/worker/pictures-wait", test_pictures_wait},
        {"/worker/surfaces", test_surfaces},
        {"/worker/bad-commands", test_bad_commands},
        {"/worker/alien-commands", test_alien_commands},
        {"/worker/saved-commands", test_saved_commands},
        {"/worker/compression-level", test_compression_level},
        {"/worker/endless-commands", test_endless_commands},
        {"/worker/removed-instance", test_removed_instance},
    };

    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL); /* warnings are expected */
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, struct fixture, NULL, set_up, tests[i].run, tear_down);
    return g_test_run();
}
