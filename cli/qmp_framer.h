/*
 * Cuts a QMP byte stream into JSON texts.
 *
 * A text that begins with a bracket ends with the bracket that closes it, whatever lies between,
 * and may span lines; any other text ends with its line. A broken text is reported once; what is
 * left of its line is skipped. The byte 0xff, which no JSON text contains, starts over at once.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Longest text and deepest nesting that are taken. */
#define QMP_TEXT_MAX  1048576
#define QMP_DEPTH_MAX 64

struct qmp_framer {
    GString *text; /* what has come of the current text */
    size_t depth;
    bool in_string, escaped;
    bool skipping; /* the rest of a broken line */
    bool complete; /* text has been handed out */
};

void qmp_framer_init(struct qmp_framer *framer);
void qmp_framer_finish(struct qmp_framer *framer);

enum qmp_frame {
    QMP_FRAME_NONE,   /* all of the data is used up */
    QMP_FRAME_TEXT,   /* framer->text is a complete text */
    QMP_FRAME_BROKEN, /* *why says what is wrong with what came */
};

/*
 * Takes bytes from *DATA, moving *DATA and *SIZE on, until there is something to tell. A text stays
 * valid until the next call.
 */
enum qmp_frame qmp_framer_take(struct qmp_framer *framer, const char **data, size_t *size,
                               const char **why);
