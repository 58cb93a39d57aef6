/*
 * Random sessions of a guest, played to our libspice-server and to the distribution's through the
 * public interface: what UPDATE_AREA gives must be equal, byte for byte.
 *
 * DRAW_SEQUENCES=N plays N of them, DRAW_SEED=S those from S on, DRAW_TYPE=T draws with commands of
 * type T only.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/canvas.h"
#include "tests/support/core_loop.h"
#include "tests/support/random_sequence.h"

#include <stdlib.h>
#include <string.h>

#define REFERENCE "/usr/lib/x86_64-linux-gnu/libspice-server.so.1"
#define MEMORY    (64 * 1024 * 1024)
#define SEQUENCES 300

struct peer {
    struct server_library library;
    SpiceServer *server;
    struct random_player player;
};

static bool peer_init(struct peer *peer, const char *path)
{
    const struct server_library *library = &peer->library;

    if (!server_library_open(&peer->library, path))
        return false;
    peer->server = library->spice_server_new();
    library->spice_server_set_noauth(peer->server);
    g_assert_cmpint(library->spice_server_init(peer->server, core_loop_interface()), ==, 0);
    random_player_init(&peer->player, qxl_host_create_on(library, peer->server, 0, MEMORY));
    library->spice_server_vm_start(peer->server);
    return true;
}

static void peer_finish(struct peer *peer)
{
    peer->library.spice_server_vm_stop(peer->server);
    qxl_host_destroy(peer->player.host);
    peer->library.spice_server_destroy(peer->server);
}

/*
 * The bits of a pixel that count. The reference leaves out commands that are covered, where the
 * guest promised that, and draws the others when an area is asked for that they touch: what they do
 * to unused bits around their region comes later, or never (docs/differences.md).
 */
static uint32_t significant(const struct random_sequence *sequence, const struct random_step *step)
{
    const struct random_surface *surface = &sequence->surfaces[step->surface];
    bool whole = step->area.x1 == 0 && step->area.y1 == 0 && step->area.x2 == surface->width &&
                 step->area.y2 == surface->height;

    if (whole && !sequence->random.promises)
        return UINT32_MAX;
    switch (surface->format) {
    case SPICE_SURFACE_FMT_32_xRGB:
        return 0xffffff;
    case SPICE_SURFACE_FMT_16_555:
        return 0x7fff;
    default:
        return UINT32_MAX;
    }
}

static uint32_t pixel(const uint8_t *row, int x, unsigned bits)
{
    if (bits == 1)
        return row[x / 8] >> x % 8 & 1;
    if (bits == 8)
        return row[x];
    return bits == 16 ? ((const uint16_t *)row)[x] : ((const uint32_t *)row)[x];
}

/* Is AREA of the surface equal in both? */
static bool is_equal(const struct random_sequence *sequence, const struct peer *ours,
                     const struct peer *theirs, const struct random_step *step)
{
    const struct random_surface *surface = &sequence->surfaces[step->surface];
    unsigned bits = surface_format_bits(surface->format);
    uint32_t mask = significant(sequence, step);

    for (int y = step->area.y1; y < step->area.y2; y++) {
        const uint8_t *a = random_player_row(&ours->player, sequence, step->surface, y);
        const uint8_t *b = random_player_row(&theirs->player, sequence, step->surface, y);

        for (int x = step->area.x1; x < step->area.x2; x++) {
            uint32_t mine = pixel(a, x, bits), other = pixel(b, x, bits);

            if (((mine ^ other) & mask) == 0)
                continue;
            g_test_message("surface %u (format %u, %dx%d, stride %d) differs first at %d,%d: "
                           "%0*x in ours, %0*x in theirs",
                           step->surface, surface->format, surface->width, surface->height,
                           sequence->strides[step->surface], x, y, (bits + 3) / 4, mine,
                           (bits + 3) / 4, other);
            return false;
        }
    }
    return true;
}

/* Plays at most LIMIT commands (-1: all). Is everything equal? LAST: what was played last. */
static bool play(struct peer *ours, struct peer *theirs, uint32_t seed, uint8_t type, int limit,
                 char **last)
{
    struct random_sequence sequence;
    bool equal = true;

    random_sequence_init(&sequence, seed, type, limit);
    for (;;) {
        struct random_step step = random_sequence_next(&sequence);

        if (step.type == STEP_END)
            break;
        random_player_play(&ours->player, &sequence, &step);
        random_player_play(&theirs->player, &sequence, &step);
        if (step.type == STEP_CHECK && !is_equal(&sequence, ours, theirs, &step)) {
            equal = false;
            break;
        }
        if (last != NULL && step.type != STEP_CHECK) {
            g_free(*last);
            *last = step.type == STEP_DRAW
                        ? random_draw_describe(step.draw)
                        : g_strdup(step.type == STEP_CREATE ? "create" : "destroy");
        }
    }
    random_player_reset(&ours->player);
    random_player_reset(&theirs->player);
    random_sequence_finish(&sequence);
    return equal;
}

/* Which command it was after which they differed. */
static void explain(struct peer *ours, struct peer *theirs, uint32_t seed, uint8_t type)
{
    for (int limit = 0; limit < 100; limit++) {
        char *last = NULL;
        bool equal = play(ours, theirs, seed, type, limit, &last);

        if (!equal)
            g_test_message("seed %u, command %d: %s", seed, limit, last);
        g_free(last);
        if (!equal)
            break;
    }
}

static uint32_t number(const char *variable, uint32_t otherwise)
{
    const char *value = g_getenv(variable);

    return value == NULL ? otherwise : strtoul(value, NULL, 0);
}

static void test_reference(void)
{
    static struct peer ours, theirs;
    char *own = g_build_filename(g_getenv("BUILDDIR") ? g_getenv("BUILDDIR") : ".", "lib",
                                 "libspice-server.so.1", NULL);
    uint32_t seed = number("DRAW_SEED", 1);
    uint32_t count = number("DRAW_SEQUENCES", g_getenv("DRAW_SEED") ? 1 : SEQUENCES);
    uint8_t type = number("DRAW_TYPE", 0);
    unsigned different = 0;

    if (!peer_init(&ours, own)) {
        g_test_skip("this build has no libspice-server.so.1 of ours");
        g_free(own);
        return;
    }
    g_free(own);
    g_assert_true(peer_init(&theirs, REFERENCE)); /* Debian package: libspice-server1 */
    for (uint32_t i = 0; i < count && different < 20; i++) {
        if (play(&ours, &theirs, seed + i, type, -1, NULL))
            continue;
        different++;
        explain(&ours, &theirs, seed + i, type);
        g_test_fail();
    }
    peer_finish(&ours);
    peer_finish(&theirs);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/server/reference", test_reference);
    return g_test_run();
}
