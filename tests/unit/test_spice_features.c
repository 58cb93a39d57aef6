/*
 * Features that a host switches off so that its guest can move to an older server, server-abi.md
 * section 7: what may be set, and what guests then get.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/worker.h"
#include "tests/support/core_loop.h"
#include "tests/support/qxl_host.h"

#include <spice/protocol.h>

#define WIDTH  64
#define HEIGHT 32
#define BLUE   0xff
#define RED    0xff0000

struct fixture {
    SpiceServer *server;
    struct qxl_host *host;
    uint32_t *pixels; /* of the primary */
};

static void set_up(struct fixture *f, uint64_t features)
{
    f->server = spice_server_new();
    g_assert_cmpint(spice_server_enable_features(f->server, features), ==, 0);
    g_assert_cmpint(spice_server_init(f->server, core_loop_interface()), ==, 0);
    f->host = qxl_host_create(f->server, 0, 1024 * 1024);
    f->pixels = qxl_host_create_primary(f->host, WIDTH, HEIGHT, SPICE_SURFACE_FMT_32_xRGB, 0);
    spice_server_vm_start(f->server);
}

static void tear_down(struct fixture *f)
{
    qxl_host_destroy(f->host);
    spice_server_destroy(f->server);
}

/* The primary is red; then a blue off-screen surface is copied to it. What it shows. */
static uint32_t copy_from_surface(struct fixture *f)
{
    QXLDrawable copy = qxl_host_drawable(QXL_DRAW_COPY, 0, 0, 0, WIDTH, HEIGHT);

    qxl_host_fill(f->host, 0, 0, 0, WIDTH, HEIGHT, RED);
    qxl_host_create_surface(f->host, 1, SPICE_SURFACE_FMT_32_xRGB, WIDTH, HEIGHT, 0);
    qxl_host_fill(f->host, 1, 0, 0, WIDTH, HEIGHT, BLUE);
    copy.u.copy.src_bitmap = qxl_host_surface_image(f->host, 1);
    copy.u.copy.src_area = (QXLRect){.right = WIDTH, .bottom = HEIGHT};
    copy.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    qxl_host_push_drawable(f->host, &copy);
    qxl_host_update(f->host, 0, WIDTH, HEIGHT);
    return f->pixels[5] & 0xffffff;
}

/* How many heads are left of two that the guest asks for. */
static unsigned two_heads(struct fixture *f)
{
    struct __attribute__((packed)) {
        QXLMonitorsConfig config;
        QXLHead heads[2];
    } two = {.config = {.count = 2, .max_allowed = 4},
             .heads = {{.width = WIDTH / 2, .height = HEIGHT},
                       {.id = 1, .x = WIDTH / 2, .width = 1, .height = 1}}};
    QXLPHYSICAL address = qxl_host_place(f->host, &two, sizeof(two));

    spice_qxl_set_device_info(&f->host->qxl, "pci/0000/02.0", 0, 4);
    spice_qxl_monitors_config_async(&f->host->qxl, address, QXL_HOST_GROUP, 1);
    g_assert_true(qxl_host_wait_completions(f->host, 1));
    /* It is the worker's, which has nothing more to do: this call waits for it. */
    spice_qxl_reset_image_cache(&f->host->qxl);
    return worker_of(&f->host->qxl)->display.monitors.count;
}

static void test_all(void)
{
    struct fixture f;

    set_up(&f, spice_server_get_supported_features());
    g_assert_cmphex(copy_from_surface(&f), ==, BLUE);
    g_assert_cmpuint(two_heads(&f), ==, 2);
    tear_down(&f);
}

static void expect_refusals(void)
{
    g_test_expect_message("Spice", G_LOG_LEVEL_WARNING, "*off-screen surfaces off*");
    g_test_expect_message("Spice", G_LOG_LEVEL_WARNING, "*surface to draw on does not exist*");
    g_test_expect_message("Spice", G_LOG_LEVEL_WARNING, "*command reads does not exist*");
}

static void test_surfaces_off(void)
{
    struct fixture f;

    set_up(&f, SPICE_SERVER_FEATURES_0_8 & ~SPICE_SERVER_FEATURE_SURFACES);
    expect_refusals();
    g_assert_cmphex(copy_from_surface(&f), ==, RED);
    g_test_assert_expected_messages();
    g_assert_cmpuint(two_heads(&f), ==, 2);
    tear_down(&f);
}

static void test_monitors_off(void)
{
    struct fixture f;

    set_up(&f, SPICE_SERVER_FEATURES_0_6);
    g_assert_cmphex(copy_from_surface(&f), ==, BLUE);
    g_assert_cmpuint(two_heads(&f), ==, 1);
    tear_down(&f);
}

static void test_version_0_4(void)
{
    struct fixture f = {.server = spice_server_new()};

    g_assert_cmpint(spice_server_set_compat_version(f.server, SPICE_COMPAT_VERSION_0_4), ==, 0);
    g_assert_false(server_has_features(f.server, SPICE_SERVER_FEATURE_SURFACES));
    g_assert_false(server_has_features(f.server, SPICE_SERVER_FEATURE_MULTIMONITOR));
    g_assert_cmpint(spice_server_set_compat_version(f.server, spice_get_current_compat_version()),
                    ==, 0);
    g_assert_true(server_has_features(f.server, SPICE_SERVER_FEATURES_0_8));
    spice_server_destroy(f.server);
}

static void test_refused(void)
{
    SpiceServer *server = spice_server_new();
    uint64_t supported = spice_server_get_supported_features();

    g_assert_cmphex(supported, ==, 7);
    g_test_expect_message("Spice", G_LOG_LEVEL_WARNING, "*unknown features 0x8000000000000008*");
    g_assert_cmpint(spice_server_enable_features(server, UINT64_C(0x800000000000000f)), ==, -1);
    g_assert_true(server_has_features(server, supported));
    g_assert_cmpint(spice_server_init(server, core_loop_interface()), ==, 0);
    g_test_expect_message("Spice", G_LOG_LEVEL_WARNING, "*cannot be changed*");
    g_assert_cmpint(spice_server_enable_features(server, 0), ==, -1);
    g_assert_true(server_has_features(server, supported));
    g_test_assert_expected_messages();
    spice_server_destroy(server);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/spice/features/all", test_all);
    g_test_add_func("/spice/features/surfaces-off", test_surfaces_off);
    g_test_add_func("/spice/features/monitors-off", test_monitors_off);
    g_test_add_func("/spice/features/version-0.4", test_version_0_4);
    g_test_add_func("/spice/features/refused", test_refused);
    return g_test_run();
}
