/*
 * The codec vectors of $SHARED/vectors/codecs, see the README there.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Columns of index.tsv. */
enum {
    VECTOR_NAME,
    VECTOR_CODEC,
    VECTOR_TYPE,
    VECTOR_WIDTH,
    VECTOR_HEIGHT,
    VECTOR_STRIDE,
    VECTOR_TOP_DOWN,
    VECTOR_RAW,
    VECTOR_ENCODED,
    VECTOR_SHA256,
};

/* Columns of malformed/index.tsv after VECTOR_HEIGHT. */
enum {
    MALFORMED_ENCODED = 5,
    MALFORMED_EXPECTED = 8,
};

/* False, and the test is marked as skipped, when there are no vectors here. */
bool vectors_present(void);

/* Calls FN with the columns of each row of TABLE whose codec is CODEC; returns how many there were.
 */
unsigned vectors_each(const char *table, const char *codec, void (*fn)(char **columns));

/* A file named in a table, in memory of exactly its size (free), so that sanitizers see overruns.
 */
uint8_t *vectors_read(const char *name, size_t *size);

uint32_t vectors_number(const char *column);

/* Compares the SHA-256 of ROWS, of which each ROW_BYTES are taken, with a column. */
void vectors_assert_sha256(const uint8_t *rows, ptrdiff_t stride, size_t row_bytes, size_t count,
                           const char *expected);
