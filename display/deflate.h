/*
 * zlib streams, one a picture: codecs.md section 3.6. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory that is used from stream to stream; one thread. */
struct deflater;
struct deflater *deflater_create(void);
void deflater_destroy(struct deflater *deflater); /* NULL is allowed */

/*
 * Deflates SIZE bytes of DATA. On success *OUT is a buffer of *OUT_SIZE bytes that belongs to the
 * caller (g_free). False when they would not become fewer.
 */
bool deflater_run(struct deflater *deflater, const uint8_t *data, size_t size, uint8_t **out,
                  size_t *out_size);
