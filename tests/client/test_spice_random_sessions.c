/*
 * A real client shows what UPDATE_AREA gives, whatever random sessions of a guest draw, on the
 * screen and on the surfaces that it does not show.
 *
 * DRAW_SEED=S plays one session, with DRAW_SEQUENCES=N those from S on, DRAW_TYPE=T draws with
 * commands of type T only.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/canvas.h"
#include "tests/support/core_loop.h"
#include "tests/support/gtk_client.h"
#include "tests/support/random_sequence.h"

#include <stdlib.h>

#define SEQUENCES 200
#define MEMORY    (64 * 1024 * 1024)
#define PUMP_US   1000
/* Sessions in bursts have as many times the commands. */
#define BURSTS_LENGTH 8
#define MAX_BURST     12

struct fixture {
    SpiceServer *server;
    struct random_player player;
    struct random_sequence sequence;
    struct gtk_client client;
    int burst; /* commands that wait for the machine to run; 0: it does */
    int x, y;  /* the first difference */
    uint32_t shown, drawn;
};

/* Lets the client take what there is, so that it is sent commands and not what they lead to. */
static void pump(void)
{
    gint64 end = g_get_monotonic_time() + PUMP_US;

    do {
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(50);
    } while (g_get_monotonic_time() < end);
}

static uint32_t pixel(const uint8_t *row, int x, uint32_t format)
{
    if (surface_format_bits(format) == 32)
        return ((const uint32_t *)row)[x] & 0xffffff;
    return ((const uint16_t *)row)[x] & (format == SPICE_SURFACE_FMT_16_555 ? 0x7fff : 0xffff);
}

static bool is_same(void *opaque)
{
    struct fixture *fixture = opaque;
    const struct gtk_client *client = &fixture->client;
    const struct random_surface *primary = &fixture->sequence.surfaces[0];

    if (client->pixels == NULL || client->width != primary->width ||
        client->height != primary->height || client->format != (int)primary->format)
        return false;
    for (int y = 0; y < primary->height; y++) {
        const uint8_t *row = random_player_row(&fixture->player, &fixture->sequence, 0, y);

        for (int x = 0; x < primary->width; x++) {
            fixture->shown = pixel(client->pixels + y * client->stride, x, primary->format);
            fixture->drawn = pixel(row, x, primary->format);
            fixture->x = x;
            fixture->y = y;
            if (fixture->shown != fixture->drawn)
                return false;
        }
    }
    return true;
}

static bool comes_to_show(struct fixture *fixture)
{
    const struct random_surface *primary = &fixture->sequence.surfaces[0];

    qxl_host_update(fixture->player.host, 0, primary->width, primary->height);
    return core_loop_run_until(is_same, fixture, 2);
}

/* Brings a surface onto the screen, whatever its format. */
static void show_surface(struct fixture *fixture, unsigned id)
{
    const struct random_surface *primary = &fixture->sequence.surfaces[0];
    const struct random_surface *surface = &fixture->sequence.surfaces[id];
    struct draw_image image = {.type = SPICE_IMAGE_TYPE_SURFACE,
                               .surface_id = id,
                               .width = surface->width,
                               .height = surface->height};
    struct draw draw = {
        .type = QXL_DRAW_COMPOSITE,
        .box = {0, 0, MIN(primary->width, surface->width), MIN(primary->height, surface->height)},
        .sources = {id, -1, -1},
        .composite = {.flags = PIXMAN_OP_SRC, .source = &image},
    };
    const struct random_step step = {.type = STEP_DRAW, .draw = &draw};

    random_player_play(&fixture->player, &fixture->sequence, &step);
}

static void report(const struct fixture *fixture, uint32_t seed, const char *what)
{
    g_test_message("seed %u, %s: at %d,%d of %dx%d (format %u): %06x in the client, %06x drawn",
                   seed, what, fixture->x, fixture->y, fixture->sequence.surfaces[0].width,
                   fixture->sequence.surfaces[0].height, fixture->sequence.surfaces[0].format,
                   fixture->shown, fixture->drawn);
}

/*
 * In one session of two commands come in bursts: what the worker finds in the ring at once is
 * gathered, passed on and left out together. Requests of the host are for a guest that runs.
 */
static bool begin_or_end_burst(struct fixture *fixture, bool draws)
{
    bool was = fixture->burst > 0;

    fixture->burst = draws && fixture->burst < MAX_BURST ? fixture->burst + 1 : 0;
    if (was == (fixture->burst > 0))
        return true;
    if (!was) {
        spice_server_vm_stop(fixture->server);
        return true;
    }
    spice_server_vm_start(fixture->server);
    return comes_to_show(fixture);
}

/* Plays at most LIMIT commands (-1: all). False: the client shows something else. */
static bool play(struct fixture *fixture, uint32_t seed, uint8_t type, int limit)
{
    struct random_sequence *sequence = &fixture->sequence;
    char *last = g_strdup("nothing drawn");
    bool bursts = seed / 2 % 2, same = true;

    random_sequence_init(sequence, seed, type, -1);
    if (bursts)
        sequence->commands *= BURSTS_LENGTH;
    if (limit >= 0)
        sequence->commands = MIN(sequence->commands, limit);
    /* Others than the reference need not be spared. */
    sequence->random.only_reference = seed % 2;
    sequence->random.lz_and_jpeg = !sequence->random.only_reference;
    for (;;) {
        struct random_step step = random_sequence_next(sequence);

        if (step.type == STEP_END)
            break;
        same = begin_or_end_burst(fixture, bursts && step.type == STEP_DRAW);
        if (!same)
            break;
        random_player_play(&fixture->player, sequence, &step);
        if (fixture->burst == 0)
            pump();
        if (step.type == STEP_DRAW) {
            g_free(last);
            last = random_draw_describe(step.draw);
        }
    }
    same = same && begin_or_end_burst(fixture, false) && comes_to_show(fixture);
    if (!same)
        report(fixture, seed, last);
    for (unsigned id = 1; same && id < sequence->count; id++) {
        if (sequence->surfaces[id].format == 0 ||
            sequence->surfaces[id].format == SPICE_SURFACE_FMT_1_A)
            continue;
        show_surface(fixture, id);
        same = comes_to_show(fixture);
        if (!same) {
            char *what = g_strdup_printf("surface %u (format %u), last %s", id,
                                         sequence->surfaces[id].format, last);
            report(fixture, seed, what);
            g_free(what);
        }
    }
    random_player_reset(&fixture->player);
    random_sequence_finish(sequence);
    g_free(last);
    return same;
}

static uint32_t number(const char *variable, uint32_t otherwise)
{
    const char *value = g_getenv(variable);

    return value == NULL ? otherwise : strtoul(value, NULL, 0);
}

static void test_sessions(gconstpointer data)
{
    static struct fixture fixture;
    bool remote = data != NULL;
    uint32_t first = number("DRAW_SEED", remote ? SEQUENCES / 2 + 1 : 1);
    uint32_t count = number("DRAW_SEQUENCES", g_getenv("DRAW_SEED") ? 1 : SEQUENCES / 2);

    fixture.server = spice_server_new();
    spice_server_set_noauth(fixture.server);
    spice_server_set_streaming_video(fixture.server, SPICE_STREAM_VIDEO_OFF);
    g_assert_cmpint(spice_server_init(fixture.server, core_loop_interface()), ==, 0);
    random_player_init(&fixture.player, qxl_host_create(fixture.server, 0, MEMORY));
    spice_server_vm_start(fixture.server);
    qxl_host_create_primary(fixture.player.host, 64, 64, SPICE_SURFACE_FMT_32_xRGB, 0);
    gtk_client_attach(&fixture.client, fixture.server, remote);
    random_player_reset(&fixture.player);

    for (uint32_t seed = first; seed < first + count; seed++) {
        if (play(&fixture, seed, number("DRAW_TYPE", 0), -1))
            continue;
        for (int limit = 0; limit < 24 * BURSTS_LENGTH; limit++)
            if (!play(&fixture, seed, number("DRAW_TYPE", 0), limit))
                break;
        g_test_fail();
    }

    gtk_client_detach(&fixture.client);
    spice_server_vm_stop(fixture.server);
    qxl_host_destroy(fixture.player.host);
    spice_server_destroy(fixture.server);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/client/sessions/local", NULL, test_sessions);
    g_test_add_data_func("/client/sessions/remote", "remote", test_sessions);
    return g_test_run();
}
