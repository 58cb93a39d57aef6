/*
 * GLZ, LZ with a dictionary of the pictures sent before: codecs.md section 3.
 *
 * The dictionary keeps private copies, so nobody has to wait for it. It belongs to one client,
 * whose displays share it: any thread, one picture at a time. Pictures are numbered in the order of
 * encoding, and each that glz_encode() gives out must reach the client.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/codec.h"

#define GLZ_HEADER_SIZE 33
#define GLZ_MAX_WINDOW  (1u << 25) /* pixels */

struct glz_dictionary;

/* WINDOW is what the client keeps, pixels; the dictionary may keep less. NULL: too small or large.
 */
struct glz_dictionary *glz_dictionary_create(uint32_t window);
void glz_dictionary_destroy(struct glz_dictionary *dictionary); /* NULL is allowed */

/*
 * Memory that is new to the process takes longer to come than what goes there to be encoded. So
 * that the next pictures find theirs, to be called when nobody waits for any. Cheap when nothing is
 * to be done.
 */
void glz_dictionary_prepare(struct glz_dictionary *dictionary);

/* From now on no picture becomes part of it. */
void glz_dictionary_freeze(struct glz_dictionary *dictionary);

/* The number that the next picture has, and, while the dictionary is empty, shall have. */
uint64_t glz_dictionary_next(struct glz_dictionary *dictionary);
void glz_dictionary_continue(struct glz_dictionary *dictionary, uint64_t next);

/* Can such a picture be part of the dictionary? Those that cannot are to be sent otherwise. */
bool glz_accepts(struct glz_dictionary *dictionary, const struct codec_source *source);
/* As encoder_impl.encode(); an accepted picture. When false, the dictionary has not got it. */
bool glz_encode(struct glz_dictionary *dictionary, const struct codec_source *source, uint8_t **out,
                size_t *out_size);
