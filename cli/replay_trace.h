/*
 * A recorded command stream ("SPICE_REPLAY 1", server-abi.md section 8) as a file to read, plain or
 * compressed.
 *
 * The server's library reads the stream, behind spice_replay_next_cmd(), and tells little about it.
 * So what flows to it is looked at on the way: a scanner follows the stream's words, skips binary
 * pieces, and notes of each event what the replay wants to know besides.
 *
 * One thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct trace;

/* The primary surface after an event; WIDTH is 0 when there is none. */
struct trace_primary {
    uint32_t width, height;
    uint32_t format; /* SPICE_SURFACE_FMT_* */
};

/* What is known of the command that was read last. */
struct trace_position {
    uint64_t time; /* when it was recorded, nanoseconds of some clock */
    struct trace_primary primary;
};

/* Opens PATH; .xz, .zst and .gz are known by their first bytes and unpacked by those programs. */
struct trace *trace_open(const char *path, GError **error);
/* After the file was closed. */
void trace_destroy(struct trace *trace);

/* For spice_replay_new(), which closes it. */
FILE *trace_file(struct trace *trace);
/* The library has returned the next command: what was noted about it. */
struct trace_position trace_next(struct trace *trace);
/* As the stream's end leaves it. */
struct trace_position trace_last(struct trace *trace);

/*
 * The library wants no more. False when the stream goes on, ends inside a binary piece or could not
 * be unpacked: it is damaged, and ERROR says the line and, if given, the library's REASON, which
 * counts for more.
 */
bool trace_check_end(struct trace *trace, const char *reason, GError **error);
