/*
 * The reader of recorded command streams: the first byte says which command the rest is.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/replay_command.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>

static uint32_t find_surface(void *opaque, uint32_t recorded)
{
    (void)opaque;
    return recorded;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    static const struct replay_surfaces surfaces = {find_surface, find_surface, find_surface, NULL};
    static const uint32_t kinds[] = {QXL_CMD_DRAW, QXL_CMD_UPDATE, QXL_CMD_CURSOR, QXL_CMD_MESSAGE,
                                     QXL_CMD_SURFACE};
    struct replay_reader reader;

    if (size < 2)
        return 0;
    g_autofree uint8_t *copy = g_memdup2(input, size);
    FILE *file = fmemopen(copy + 1, size - 1, "r");
    replay_reader_init(&reader, file);
    struct replay_command *command =
        replay_command_read(&reader, kinds[input[0] % G_N_ELEMENTS(kinds)], &surfaces);
    if (command)
        replay_command_free(command);
    replay_reader_finish(&reader);
    fclose(file);
    return 0;
}
