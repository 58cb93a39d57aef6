/*
 * What a real client (libspice-client-glib) shows is what is in guest memory, whatever is drawn,
 * and whether the client keeps up or not.
 *
 * The client runs in the test's own thread: it takes nothing while the test does not run the loop.
 * Other servers wait for it then, so this is for our own.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/draw.h"
#include "tests/support/core_loop.h"
#include "tests/support/gtk_client.h"
#include "tests/support/qxl_host.h"

#include <spice-client.h>
#include <spice/enums.h>
#include <string.h>

#define WIDTH  200
#define HEIGHT 120
#define MEMORY (32 * 1024 * 1024)

struct fixture {
    bool remote;
    SpiceServer *server;
    struct qxl_host *host;
    uint8_t *primary;
    struct gtk_client screen;
    GRand *rand;
};

static void attach_client(struct fixture *fixture)
{
    gtk_client_attach(&fixture->screen, fixture->server, fixture->remote);
}

static void detach_client(struct fixture *fixture)
{
    gtk_client_detach(&fixture->screen);
}

/* ---- Comparing ---- */

/* What the card answers when the worker asks whether it had something to give back. */
static void set_flush_result(struct fixture *fixture, bool result)
{
    pthread_mutex_lock(&fixture->host->lock);
    fixture->host->flush_result = result;
    pthread_mutex_unlock(&fixture->host->lock);
}

static bool is_same(const struct fixture *fixture)
{
    const struct gtk_client *screen = &fixture->screen;

    if (screen->pixels == NULL || screen->width != WIDTH || screen->height != HEIGHT)
        return false;
    for (int y = 0; y < HEIGHT; y++) {
        const uint32_t *shown = (const uint32_t *)(screen->pixels + y * screen->stride);
        const uint32_t *drawn = (const uint32_t *)fixture->primary + y * WIDTH;

        for (int x = 0; x < WIDTH; x++) {
            if ((shown[x] ^ drawn[x]) & 0xffffff)
                return false;
        }
    }
    return true;
}

static bool shows_guest_memory(void *opaque)
{
    return is_same(opaque);
}

/* Everything is drawn, and the client comes to show it. */
static void check_screen(struct fixture *fixture)
{
    qxl_host_update(fixture->host, 0, WIDTH, HEIGHT);
    if (!core_loop_run_until(shows_guest_memory, fixture, 20)) {
        for (int y = 0; fixture->screen.pixels != NULL && y < HEIGHT; y++) {
            const uint32_t *shown =
                (const uint32_t *)(fixture->screen.pixels + y * fixture->screen.stride);
            const uint32_t *drawn = (const uint32_t *)fixture->primary + y * WIDTH;

            for (int x = 0; x < WIDTH; x++) {
                if ((shown[x] ^ drawn[x]) & 0xffffff) {
                    g_test_message("first difference at %d,%d: %06x in the client, %06x drawn", x,
                                   y, shown[x] & 0xffffff, drawn[x] & 0xffffff);
                    g_test_fail();
                    return;
                }
            }
        }
        g_test_fail();
    }
}

/* ---- The fixture ---- */

static void set_up(struct fixture *fixture, gconstpointer data)
{
    *fixture = (struct fixture){.remote = data != NULL, .rand = g_rand_new_with_seed(7)};
    fixture->server = spice_server_new();
    spice_server_set_noauth(fixture->server);
    spice_server_set_streaming_video(fixture->server, SPICE_STREAM_VIDEO_OFF);
    g_assert_cmpint(spice_server_init(fixture->server, core_loop_interface()), ==, 0);
    fixture->host = qxl_host_create(fixture->server, 0, MEMORY);
    spice_server_vm_start(fixture->server);
    fixture->primary =
        qxl_host_create_primary(fixture->host, WIDTH, HEIGHT, SPICE_SURFACE_FMT_32_xRGB, 0);
    attach_client(fixture);
}

static void tear_down(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    detach_client(fixture);
    spice_qxl_destroy_surfaces(&fixture->host->qxl);
    spice_server_vm_stop(fixture->server);
    qxl_host_destroy(fixture->host);
    spice_server_destroy(fixture->server);
    g_rand_free(fixture->rand);
}

/* ---- Drawing ---- */

static void copy(struct fixture *fixture, uint32_t surface, QXLPHYSICAL image, int left, int top,
                 int width, int height, uint16_t rop)
{
    QXLDrawable drawable =
        qxl_host_drawable(QXL_DRAW_COPY, surface, left, top, left + width, top + height);

    drawable.u.copy.src_bitmap = image;
    drawable.u.copy.src_area = (QXLRect){.right = width, .bottom = height};
    drawable.u.copy.rop_descriptor = rop;
    drawable.u.copy.scale_mode = SPICE_IMAGE_SCALE_MODE_NEAREST;
    qxl_host_push_drawable(fixture->host, &drawable);
}

/* Something of less than LIMIT pixels each way. */
static void draw_something_within(struct fixture *fixture, uint32_t surface, int limit)
{
    GRand *rand = fixture->rand;
    int left = g_rand_int_range(rand, 0, WIDTH - limit),
        top = g_rand_int_range(rand, 0, HEIGHT - limit);
    int width = g_rand_int_range(rand, 1, limit), height = g_rand_int_range(rand, 1, limit);
    QXLDrawable drawable;

    switch (g_rand_int_range(rand, 0, 5)) {
    case 0:
        qxl_host_fill(fixture->host, surface, left, top, left + width, top + height,
                      g_rand_int(rand) & 0xffffff);
        break;
    case 1:
        copy(fixture, surface, qxl_host_picture(fixture->host, width, height, rand), left, top,
             width, height, SPICE_ROPD_OP_PUT);
        break;
    case 2:
        copy(fixture, surface, qxl_host_picture(fixture->host, width, height, rand), left, top,
             width, height, SPICE_ROPD_OP_XOR);
        break;
    case 3:
        drawable = qxl_host_drawable(QXL_COPY_BITS, surface, left, top, left + width, top + height);
        drawable.u.copy_bits.src_pos = (QXLPoint){g_rand_int_range(rand, 0, WIDTH - limit),
                                                  g_rand_int_range(rand, 0, HEIGHT - limit)};
        qxl_host_push_drawable(fixture->host, &drawable);
        break;
    default:
        drawable =
            qxl_host_drawable(QXL_DRAW_INVERS, surface, left, top, left + width, top + height);
        qxl_host_push_drawable(fixture->host, &drawable);
        break;
    }
}

static void draw_something(struct fixture *fixture, uint32_t surface)
{
    draw_something_within(fixture, surface, 40);
}

static void test_commands(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 30; i++)
            draw_something(fixture, 0);
        check_screen(fixture);
    }
    g_assert_true(qxl_host_wait_released(fixture->host, 600));
}

/* The worker finds all that is pushed in between in the ring at once. */
static void begin_burst(struct fixture *fixture)
{
    qxl_host_update(fixture->host, 0, WIDTH, HEIGHT);
    spice_server_vm_stop(fixture->server);
}

static void end_burst(struct fixture *fixture)
{
    spice_server_vm_start(fixture->server);
    check_screen(fixture);
}

static void move(struct fixture *fixture, const draw_rect *box, int from_x, int from_y)
{
    QXLDrawable drawable = qxl_host_drawable(QXL_COPY_BITS, 0, box->x1, box->y1, box->x2, box->y2);

    drawable.u.copy_bits.src_pos = (QXLPoint){from_x, from_y};
    qxl_host_push_drawable(fixture->host, &drawable);
}

/* What clients have not been sent yet is moved, all ways. */
static void test_moves_of_news(struct fixture *fixture, gconstpointer data)
{
    static const struct {
        int dx, dy;
    } ways[] = {{0, 10}, {0, -10}, {7, 0}, {-7, 0}, {9, -9}, {80, 0}};
    const draw_rect box = {90, 20, 150, 100};

    (void)data;
    for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
        copy(fixture, 0, qxl_host_picture(fixture->host, WIDTH, HEIGHT, fixture->rand), 0, 0, WIDTH,
             HEIGHT, SPICE_ROPD_OP_PUT);
        begin_burst(fixture);
        for (int part = 0; part < 3; part++)
            qxl_host_fill(fixture->host, 0, 100 + 8 * part, 40 + 16 * part, 105 + 8 * part,
                          45 + 16 * part, g_rand_int(fixture->rand) & 0xffffff);
        move(fixture, &box, box.x1 - ways[i].dx, box.y1 - ways[i].dy);
        end_burst(fixture);
    }
}

/* Commands that come together, so that they are gathered, passed on and left out together. */
static void test_bursts(struct fixture *fixture, gconstpointer data)
{
    static const int limits[] = {8, 8, 8, 40, HEIGHT - 20};

    (void)data;
    for (int round = 0; round < 200; round++) {
        begin_burst(fixture);
        for (int i = 0; i < 12; i++)
            draw_something_within(fixture, 0, limits[g_rand_int_range(fixture->rand, 0, 5)]);
        end_burst(fixture);
        if (g_test_failed())
            return;
    }
}

static void test_late_client(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    detach_client(fixture);
    for (int i = 0; i < 50; i++)
        draw_something(fixture, 0);
    qxl_host_update(fixture->host, 0, WIDTH, HEIGHT);
    attach_client(fixture);
    check_screen(fixture);
    for (int i = 0; i < 50; i++)
        draw_something(fixture, 0);
    check_screen(fixture);
}

static void test_surfaces(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    for (int round = 0; round < 10; round++) {
        qxl_host_create_surface(fixture->host, 5, SPICE_SURFACE_FMT_32_xRGB, WIDTH, HEIGHT, 0);
        qxl_host_create_surface(fixture->host, 6, SPICE_SURFACE_FMT_32_ARGB, WIDTH, HEIGHT, 0);
        for (int i = 0; i < 20; i++) {
            QXLPHYSICAL image = qxl_host_surface_image(fixture->host, 5 + i % 2);

            draw_something(fixture, 5);
            qxl_host_fill(fixture->host, 6, i, i, i + 30, i + 30,
                          g_rand_int(fixture->rand) & 0xffffff);
            draw_something(fixture, 0);
            copy(fixture, 0, image, i * 2, i, 60, 50, SPICE_ROPD_OP_PUT);
        }
        check_screen(fixture);
        qxl_host_destroy_surface(fixture->host, 5);
        qxl_host_destroy_surface(fixture->host, 6);
    }
    check_screen(fixture);
}

/* The guest runs out of memory, or stops: commands that clients still wait for are let go. */
static void test_folding(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    for (int round = 0; round < 10; round++) {
        unsigned released;

        qxl_host_create_surface(fixture->host, 5, SPICE_SURFACE_FMT_32_xRGB, WIDTH, HEIGHT, 0);
        for (int i = 0; i < 100; i++) {
            draw_something(fixture, 0);
            draw_something(fixture, 5);
            if (i == 50)
                copy(fixture, 0, qxl_host_surface_image(fixture->host, 5), 20, 20, 80, 80,
                     SPICE_ROPD_OP_XOR);
        }
        g_assert_true(qxl_host_wait_taken(fixture->host));
        /* The client has not run meanwhile. All but the living surface's command comes back. */
        released = fixture->host->pushed - 1;
        if (round % 2 == 0) {
            spice_server_vm_stop(fixture->server);
            g_assert_cmpuint(qxl_host_released(fixture->host), ==, released);
            spice_server_vm_start(fixture->server);
        } else {
            set_flush_result(fixture, false);
            spice_qxl_oom(&fixture->host->qxl);
            g_assert_true(qxl_host_wait_released(fixture->host, released));
            set_flush_result(fixture, true);
        }
        draw_something(fixture, 0);
        copy(fixture, 0, qxl_host_surface_image(fixture->host, 5), 40, 10, 80, 80,
             SPICE_ROPD_OP_PUT);
        check_screen(fixture);
        qxl_host_destroy_surface(fixture->host, 5);
        check_screen(fixture);
    }
}

/* Far more commands than wait for a client: it is not waited for, and catches up later. */
static void test_slow_client(struct fixture *fixture, gconstpointer data)
{
    size_t place = fixture->host->used;

    (void)data;
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < 200; i++)
            draw_something(fixture, 0);
        g_assert_true(qxl_host_wait_taken(fixture->host));
        if (round % 10 == 9) {
            /* What is released may be used again. */
            spice_server_vm_stop(fixture->server);
            g_assert_cmpuint(qxl_host_released(fixture->host), ==, fixture->host->pushed);
            spice_server_vm_start(fixture->server);
            qxl_host_rewind(fixture->host, place);
        }
    }
    check_screen(fixture);
    draw_something(fixture, 0);
    check_screen(fixture);
}

static bool has_no_primary(void *opaque)
{
    return ((struct fixture *)opaque)->screen.pixels == NULL;
}

static void test_mode_changes(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 20; i++)
            draw_something(fixture, 0);
        fixture->screen.marked = false;
        spice_qxl_destroy_primary_surface(&fixture->host->qxl, 0);
        g_assert_cmpuint(qxl_host_released(fixture->host), ==, fixture->host->pushed);
        if (round == 0)
            g_assert_true(core_loop_run_until(has_no_primary, fixture, 20));
        fixture->primary =
            qxl_host_create_primary(fixture->host, WIDTH, HEIGHT, SPICE_SURFACE_FMT_32_xRGB,
                                    round % 2 ? QXL_SURF_FLAG_KEEP_DATA : 0);
        g_assert_true(core_loop_run_until(gtk_client_is_marked, &fixture->screen, 20));
        check_screen(fixture);
    }
}

/* A 1-bit picture in the bit order that clients cannot decode. */
static void test_what_clients_cannot_do(struct fixture *fixture, gconstpointer data)
{
    uint8_t bits[32 * 4];
    struct {
        uint64_t unique;
        uint16_t count;
        uint32_t colors[2];
    } __attribute__((packed)) palette = {.count = 2, .colors = {0x102030, 0xf0e0d0}};

    (void)data;
    for (size_t i = 0; i < sizeof(bits); i++)
        bits[i] = g_rand_int(fixture->rand);
    for (int i = 0; i < 10; i++) {
        QXLPHYSICAL colors = qxl_host_place(fixture->host, &palette, sizeof(palette));
        QXLPHYSICAL image =
            qxl_host_bitmap(fixture->host, SPICE_BITMAP_FMT_1BIT_LE, 32, 32, 4, colors, bits);

        draw_something(fixture, 0);
        copy(fixture, 0, image, i * 8, i * 5, 32, 32, SPICE_ROPD_OP_PUT);
        draw_something(fixture, 0);
        check_screen(fixture);
    }
}

static bool has_two_monitors(void *opaque)
{
    const struct gtk_client *screen = &((struct fixture *)opaque)->screen;

    return screen->monitors != NULL && screen->monitors->len == 2;
}

static void test_monitors(struct fixture *fixture, gconstpointer data)
{
    struct {
        QXLMonitorsConfig config;
        QXLHead heads[2];
    } __attribute__((packed)) monitors = {
        .config = {.count = 2, .max_allowed = 4},
        .heads = {{.id = 0, .width = WIDTH / 2, .height = HEIGHT},
                  {.id = 1, .x = WIDTH / 2, .width = WIDTH / 2, .height = HEIGHT}},
    };
    QXLPHYSICAL address = qxl_host_place(fixture->host, &monitors, sizeof(monitors));
    const SpiceDisplayMonitorConfig *second;

    (void)data;
    spice_qxl_monitors_config_async(&fixture->host->qxl, address, QXL_HOST_GROUP, 77);
    spice_qxl_monitors_config_async(&fixture->host->qxl, 0x5500000000000000, QXL_HOST_GROUP, 78);
    g_assert_true(qxl_host_wait_completions(fixture->host, 2));
    g_assert_cmpuint(g_array_index(fixture->host->completions, uint64_t, 0), ==, 77);
    g_assert_cmpuint(g_array_index(fixture->host->completions, uint64_t, 1), ==, 78);
    g_assert_true(core_loop_run_until(has_two_monitors, fixture, 20));
    second = &g_array_index(fixture->screen.monitors, SpiceDisplayMonitorConfig, 1);
    g_assert_cmpuint(second->x, ==, WIDTH / 2);
    g_assert_cmpuint(second->width, ==, WIDTH / 2);
}

static bool client_is_absent(void *opaque)
{
    struct qxl_host *host = ((struct fixture *)opaque)->host;
    bool absent;

    pthread_mutex_lock(&host->lock);
    absent = host->client_present == 0;
    pthread_mutex_unlock(&host->lock);
    return absent;
}

/* The guest is told what its clients can do, and when the last one leaves. */
static void test_capabilities(struct fixture *fixture, gconstpointer data)
{
    static const uint8_t none[SPICE_CAPABILITIES_SIZE];
    struct qxl_host *host = fixture->host;

    (void)data;
    pthread_mutex_lock(&host->lock);
    g_assert_cmpint(host->client_present, ==, 1);
    g_assert_cmphex(host->capabilities[0], ==, 0x0f);
    g_assert_cmpmem(host->capabilities + 1, sizeof(none) - 1, none, sizeof(none) - 1);
    pthread_mutex_unlock(&host->lock);
    spice_session_disconnect(fixture->screen.session);
    g_assert_true(core_loop_run_until(client_is_absent, fixture, 20));
    g_assert_cmpmem(host->capabilities, sizeof(none), none, sizeof(none));
}

static bool cursor_is_hidden(void *opaque)
{
    return ((struct fixture *)opaque)->screen.cursor_hides > 0;
}

static bool cursor_is_set(void *opaque)
{
    return ((struct fixture *)opaque)->screen.cursor_sets > 0;
}

static void test_cursor(struct fixture *fixture, gconstpointer data)
{
    struct {
        QXLCursor cursor;
        uint32_t pixels[16 * 16];
    } __attribute__((packed)) shape = {
        .cursor = {.header = {.type = SPICE_CURSOR_TYPE_ALPHA, .width = 16, .height = 16},
                   .data_size = 1024,
                   .chunk = {.data_size = 1024}},
    };
    QXLCursorCmd command;

    (void)data;
    memset(&command, 0, sizeof(command));
    command.type = QXL_CURSOR_SET;
    command.u.set.position = (QXLPoint16){10, 20};
    command.u.set.visible = 1;
    command.u.set.shape = qxl_host_place(fixture->host, &shape, sizeof(shape));
    qxl_host_push_cursor(fixture->host, QXL_CMD_CURSOR,
                         qxl_host_place(fixture->host, &command, sizeof(command)));
    g_assert_true(core_loop_run_until(cursor_is_set, fixture, 20));
    g_assert_cmpuint(qxl_host_released(fixture->host), ==, 0); /* held while it is shown */

    fixture->screen.cursor_hides = 0;
    command.type = QXL_CURSOR_HIDE;
    qxl_host_push_cursor(fixture->host, QXL_CMD_CURSOR,
                         qxl_host_place(fixture->host, &command, sizeof(command)));
    g_assert_true(core_loop_run_until(cursor_is_hidden, fixture, 20));
    g_assert_true(qxl_host_wait_released(fixture->host, 1));
    spice_qxl_reset_cursor(&fixture->host->qxl);
    g_assert_cmpuint(qxl_host_released(fixture->host), ==, 2);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct fixture *fixture, gconstpointer data);
    } tests[] = {
        {"commands", test_commands},
        {"moves-of-news", test_moves_of_news},
        {"bursts", test_bursts},
        {"late-client", test_late_client},
        {"surfaces", test_surfaces},
        {"folding", test_folding},
        {"slow-client", test_slow_client},
        {"mode-changes", test_mode_changes},
        {"what-clients-cannot-do", test_what_clients_cannot_do},
        {"monitors", test_monitors},
        {"capabilities", test_capabilities},
        {"cursor", test_cursor},
    };

    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        char *local = g_strdup_printf("/client/display/local/%s", tests[i].name);
        char *remote = g_strdup_printf("/client/display/remote/%s", tests[i].name);

        g_test_add(local, struct fixture, NULL, set_up, tests[i].run, tear_down);
        g_test_add(remote, struct fixture, "remote", set_up, tests[i].run, tear_down);
        g_free(local);
        g_free(remote);
    }
    return g_test_run();
}
