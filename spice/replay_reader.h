/*
 * Reading the tokens of a recorded command stream ("SPICE_REPLAY 1", server-abi.md section 8.1).
 *
 * A stream is text, white space between tokens, with binary pieces in it. Recordings may be
 * damaged: the first problem is remembered with its line and reason, and from then on every
 * function returns zero or NULL, so a caller may read a whole structure and look for the error
 * once.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct replay_reader {
    FILE *file;
    unsigned long line; /* of text; bytes of binary pieces are not counted */
    bool ended;         /* the stream ended where an event may begin */
    char *error;        /* NULL: none so far */
};

void replay_reader_init(struct replay_reader *reader, FILE *file);
void replay_reader_finish(struct replay_reader *reader); /* does not close the file */

bool replay_reader_failed(const struct replay_reader *reader);
/* Remembers a problem; the line is added. Later ones are ignored. */
void replay_reader_fail(struct replay_reader *reader, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The next token must be WORD. */
bool replay_read_word(struct replay_reader *reader, const char *word);
/* As replay_read_word(), or the end of the stream, which is no error and sets ended. */
bool replay_read_word_or_end(struct replay_reader *reader, const char *word);
/* A decimal number, -2^63 ... 2^64 - 1, as 64 bits. */
uint64_t replay_read_number(struct replay_reader *reader);
/* WORD and a number after it. */
uint64_t replay_read_field(struct replay_reader *reader, const char *word);
/*
 * A piece "binary Z WORD SIZE:...": a new buffer (g_free) of HEADER zero bytes followed by the
 * data, whose size goes to *SIZE, and one zero byte more. At most 2^31 - 1 bytes.
 */
void *replay_read_binary(struct replay_reader *reader, const char *word, size_t header,
                         size_t *size);
