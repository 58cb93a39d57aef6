/*
 * A client over TCP that reads its main and one display channel, answers what has to be answered
 * and looks at nothing: for measuring what a server spends. Each channel has a thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "tests/support/server_library.h"

#include <stdint.h>

struct image_reader;

/*
 * Connects to SERVER, of LIBRARY, which must have the display channel 0 with a primary surface and
 * no ticket; runs the default main context until the client has been shown that. The client has no
 * image cache and a dictionary of 4 Mi pixels.
 */
struct image_reader *image_reader_connect(const struct server_library *library,
                                          SpiceServer *server);
void image_reader_disconnect(struct image_reader *reader);
/* From now on its display takes one more message and then none, or goes on. */
void image_reader_hold(struct image_reader *reader, bool hold);

/* From now on it acknowledges nothing and answers no ping, but goes on reading. */
void image_reader_fall_silent(struct image_reader *reader);

/* Monotonic microseconds when the last DRAW_FILL came. */
int64_t image_reader_fill_time(const struct image_reader *reader);
/* Bytes that the display has had. */
uint64_t image_reader_bytes(const struct image_reader *reader);
/* CPU time of the client's threads so far, seconds. */
double image_reader_time(const struct image_reader *reader);
/*
 * Runs the default main context until the last DRAW_FILL that has come is one with COLOR and no
 * clip; false: it is not within two seconds.
 */
bool image_reader_wait_fill(struct image_reader *reader, uint32_t color);
