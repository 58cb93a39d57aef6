/*
 * A real client (libspice-client-glib) with two displays, each on a thread of the server's, which
 * share one dictionary of pictures.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/core_loop.h"
#include "tests/support/gtk_client.h"
#include "tests/support/made_pictures.h"
#include "tests/support/qxl_host.h"

#include <spice-client.h>
#include <spice-statistics.h>
#include <spice/enums.h>
#include <string.h>

enum { DISPLAYS = 2, WIDTH = 320, HEIGHT = 240, MEMORY = 64 << 20, PICTURES = 6, BURST = 40 };

struct fixture {
    SpiceServer *server;
    struct qxl_host *hosts[DISPLAYS];
    const uint32_t *primaries[DISPLAYS];
    struct gtk_client client;
    unsigned awaited; /* display that is_shown() looks at */
};

static bool are_there(void *opaque)
{
    struct fixture *fixture = opaque;
    SpiceDisplayStatistics statistics[DISPLAYS];

    return spice_server_get_display_statistics(fixture->server, statistics, DISPLAYS) == DISPLAYS;
}

static void set_up(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    *fixture = (struct fixture){.server = spice_server_new()};
    spice_server_set_noauth(fixture->server);
    spice_server_set_streaming_video(fixture->server, SPICE_STREAM_VIDEO_OFF);
    spice_server_set_image_compression(fixture->server, SPICE_IMAGE_COMPRESSION_GLZ);
    g_assert_cmpint(spice_server_init(fixture->server, core_loop_interface()), ==, 0);
    for (int i = 0; i < DISPLAYS; i++)
        fixture->hosts[i] = qxl_host_create(fixture->server, i, MEMORY);
    spice_server_vm_start(fixture->server);
    for (int i = 0; i < DISPLAYS; i++)
        fixture->primaries[i] =
            qxl_host_create_primary(fixture->hosts[i], WIDTH, HEIGHT, SPICE_SURFACE_FMT_32_xRGB, 0);
    gtk_client_attach(&fixture->client, fixture->server, true);
    g_assert_true(core_loop_run_until(are_there, fixture, 20));
}

static void tear_down(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    gtk_client_detach(&fixture->client);
    for (int i = 0; i < DISPLAYS; i++)
        spice_qxl_destroy_surfaces(&fixture->hosts[i]->qxl);
    spice_server_vm_stop(fixture->server);
    for (int i = 0; i < DISPLAYS; i++)
        qxl_host_destroy(fixture->hosts[i]);
    spice_server_destroy(fixture->server);
}

/* Does the client show what is on the awaited display? */
static bool is_shown(void *opaque)
{
    struct fixture *fixture = opaque;
    GList *channels = spice_session_get_channels(fixture->client.session);
    bool same = false;

    for (GList *l = channels; l != NULL; l = l->next) {
        SpiceDisplayPrimary primary;
        int id = -1;

        g_object_get(l->data, "channel-id", &id, NULL);
        if (!SPICE_IS_DISPLAY_CHANNEL(l->data) || id != (int)fixture->awaited ||
            !spice_display_channel_get_primary(l->data, 0, &primary))
            continue;
        same = true;
        for (int y = 0; y < HEIGHT && same; y++) {
            const uint32_t *shown = (const uint32_t *)(primary.data + y * primary.stride);

            for (int x = 0; x < WIDTH && same; x++)
                same = ((shown[x] ^ fixture->primaries[fixture->awaited][y * WIDTH + x]) << 8) == 0;
        }
    }
    g_list_free(channels);
    return same;
}

static void draw(struct fixture *fixture, unsigned display, uint32_t seed)
{
    QXLDrawable drawable = qxl_host_drawable(QXL_DRAW_COPY, 0, 0, 0, WIDTH, HEIGHT);
    g_autofree uint32_t *pixels = g_new(uint32_t, WIDTH * HEIGHT);
    struct qxl_host *host = fixture->hosts[display];

    made_picture(pixels, WIDTH, HEIGHT, seed % 2 == 0 ? MADE_TEXT : MADE_DESKTOP, seed);
    drawable.u.copy.src_bitmap =
        qxl_host_bitmap(host, SPICE_BITMAP_FMT_32BIT, WIDTH, HEIGHT, WIDTH * 4, 0, pixels);
    drawable.u.copy.src_area = (QXLRect){.right = WIDTH, .bottom = HEIGHT};
    drawable.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    qxl_host_push_drawable(host, &drawable);
}

static void assert_shown(struct fixture *fixture, unsigned display)
{
    fixture->awaited = display;
    qxl_host_update(fixture->hosts[display], 0, WIDTH, HEIGHT);
    g_assert_true(core_loop_run_until(is_shown, fixture, 20));
}

static SpiceCodecStatistics glz_of(struct fixture *fixture, uint32_t display)
{
    SpiceDisplayStatistics all[DISPLAYS];
    int count = spice_server_get_display_statistics(fixture->server, all, DISPLAYS);

    g_assert_cmpint(count, ==, DISPLAYS);
    for (int i = 0; i < count; i++) {
        for (unsigned codec = 0; codec < all[i].codec_count; codec++) {
            if (all[i].channel_id == display && strcmp(all[i].codecs[codec].name, "glz") == 0)
                return all[i].codecs[codec];
        }
    }
    g_assert_not_reached();
}

/* What one display has been sent, the other one need not be sent again. */
static void test_shared(struct fixture *fixture, gconstpointer data)
{
    SpiceCodecStatistics first, second;

    (void)data;
    for (uint32_t i = 0; i < PICTURES; i++) {
        for (unsigned display = 0; display < DISPLAYS; display++) {
            draw(fixture, display, 2 * i);
            assert_shown(fixture, display);
        }
    }
    first = glz_of(fixture, 0);
    second = glz_of(fixture, 1);
    g_assert_cmpuint(first.images, >=, PICTURES);
    g_assert_cmpuint(second.images, >=, PICTURES);
    g_assert_cmpuint(second.bytes_out, <, first.bytes_out / 4);
}

/* Pictures overtake those that they refer to: the client waits for them. */
static void test_together(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    for (uint32_t i = 0; i < BURST; i++)
        draw(fixture, i % DISPLAYS, i / 3);
    for (unsigned display = 0; display < DISPLAYS; display++)
        assert_shown(fixture, display);
    g_assert_cmpuint(glz_of(fixture, 0).images + glz_of(fixture, 1).images, >, 0);
}

/* A client without one connects again: its displays begin anew. */
static void test_again(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    for (uint32_t round = 0; round < 3; round++) {
        for (unsigned display = 0; display < DISPLAYS; display++) {
            draw(fixture, display, round);
            assert_shown(fixture, display);
        }
        gtk_client_detach(&fixture->client);
        gtk_client_attach(&fixture->client, fixture->server, true);
        g_assert_true(core_loop_run_until(are_there, fixture, 20));
    }
    for (unsigned display = 0; display < DISPLAYS; display++)
        assert_shown(fixture, display);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    g_test_add("/client/two-displays/shared", struct fixture, NULL, set_up, test_shared, tear_down);
    g_test_add("/client/two-displays/together", struct fixture, NULL, set_up, test_together,
               tear_down);
    g_test_add("/client/two-displays/again", struct fixture, NULL, set_up, test_again, tear_down);
    return g_test_run();
}
