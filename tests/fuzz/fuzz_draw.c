/*
 * A guest's commands: the input is its memory, in which command and all that it points to lie. The
 * first byte says what kind of command is at the beginning of the rest.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/fuzz/fuzz.h"
#include "tests/support/core_loop.h"
#include "tests/support/qxl_host.h"

#include <string.h>

#define MEMORY (1u << 20)
#define SCREEN 64u

struct bench {
    struct qxl_host *host;
    size_t start; /* of the input in guest memory */
};

static struct bench *bench(void)
{
    static struct bench bench;

    if (!bench.host) {
        SpiceServer *server = spice_server_new();
        spice_server_set_noauth(server);
        if (spice_server_init(server, core_loop_interface()))
            g_abort();
        bench.host = qxl_host_create(server, 0, MEMORY);
        spice_server_vm_start(server);
        qxl_host_create_primary(bench.host, SCREEN, SCREEN, SPICE_SURFACE_FMT_32_xRGB, 0);
        qxl_host_create_surface(bench.host, 1, SPICE_SURFACE_FMT_32_ARGB, 32, 32, 0);
        qxl_host_create_surface(bench.host, 2, SPICE_SURFACE_FMT_8_A, 32, 32, 0);
        qxl_host_create_surface(bench.host, 3, SPICE_SURFACE_FMT_16_555, 32, 32, 0);
        qxl_host_wait_taken(bench.host);
        bench.start = bench.host->used;
    }
    return &bench;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    struct bench *at = bench();
    struct qxl_host *host = at->host;

    if (size < 2 || size > MEMORY / 4)
        return 0;
    /* Each input finds the same memory, and its own in one place: addresses stay good. */
    qxl_host_rewind(host, at->start);
    memset(host->memory + at->start, 0, host->size - at->start);
    QXLPHYSICAL command = qxl_host_place(host, input + 1, size - 1);
    if (input[0] % 4 == 0)
        qxl_host_push_cursor(host, QXL_CMD_CURSOR, command);
    else
        qxl_host_push_with_flags(host, QXL_CMD_DRAW, command,
                                 input[0] % 4 == 1 ? 0 : QXL_COMMAND_FLAG_COMPAT);
    qxl_host_wait_taken(host);
    /* The worker has executed it when it answers. */
    qxl_host_update(host, 0, SCREEN, SCREEN);
    return 0;
}
