/*
 * Commands in guest memory as text and data of a recording (server-abi.md section 8.2).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/memslot.h"

#include <glib.h>

enum record_result {
    RECORD_DONE,
    RECORD_SKIP, /* the command is not readable: it has no effect */
    RECORD_END,  /* the format cannot hold it; *WHY says more, a static text */
};

/* Appends what follows the event's head to OUT; its content is of use with RECORD_DONE only. */
enum record_result record_command(GString *out, const struct memslots *memslots,
                                  const QXLCommandExt *command, const char **why);

/* "binary 0 NAME SIZE:" and the bytes. */
void record_binary(GString *out, const char *name, const void *data, size_t size);
