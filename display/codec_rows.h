/*
 * Rows for encoders that want them one after the other, without gaps.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/codec.h"

/* Room that is used again for each picture. */
struct codec_rows {
    uint8_t *bytes;
    size_t size;
};
void codec_rows_finish(struct codec_rows *rows);
/* At least SIZE bytes, not initialised. */
uint8_t *codec_rows_reserve(struct codec_rows *rows, size_t size);

/* The first SIZE bytes, for the caller to keep (g_free); no copy if they fill most of the room. */
uint8_t *codec_rows_take(struct codec_rows *rows, size_t size);

/* Bytes of a row without padding. */
size_t codec_row_bytes(const struct codec_source *source);
/* Does SOURCE hold what it says? */
bool codec_source_is_complete(const struct codec_source *source);
/* Do its rows lie one behind the other in one piece? */
bool codec_source_is_packed(const struct codec_source *source);

/*
 * The pixels of a complete SOURCE in the order of its memory; a copy, or, when that is what lies
 * there, the source's own bytes, which may change at any time.
 */
const uint8_t *codec_rows_pack(struct codec_rows *rows, const struct codec_source *source);
/* 24- or 32-bit pixels as a private copy with four bytes each at TO, which has room for them. */
void codec_rows_copy32(struct codec_rows *rows, const struct codec_source *source, uint32_t *to);
