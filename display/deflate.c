/*
 * Deflating what an encoder has made. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/deflate.h"

#include "display/codec_rows.h"

#include <glib.h>
#include <zlib.h>

#define LEVEL 3

struct deflater {
    z_stream zlib;
    struct codec_rows out;
};

struct deflater *deflater_create(void)
{
    struct deflater *deflater = g_new0(struct deflater, 1);

    if (deflateInit(&deflater->zlib, LEVEL) != Z_OK)
        g_clear_pointer(&deflater, g_free);
    return deflater;
}

void deflater_destroy(struct deflater *deflater)
{
    if (deflater == NULL)
        return;
    deflateEnd(&deflater->zlib);
    codec_rows_finish(&deflater->out);
    g_free(deflater);
}

bool deflater_run(struct deflater *deflater, const uint8_t *data, size_t size, uint8_t **out,
                  size_t *out_size)
{
    z_stream *zlib = &deflater->zlib;

    if (size < 2 || size > UINT32_MAX || deflateReset(zlib) != Z_OK)
        return false;
    zlib->next_in = (Bytef *)data;
    zlib->avail_in = size;
    zlib->next_out = codec_rows_reserve(&deflater->out, size);
    zlib->avail_out = size - 1;
    if (deflate(zlib, Z_FINISH) != Z_STREAM_END)
        return false;
    *out_size = size - 1 - zlib->avail_out;
    *out = g_memdup2(deflater->out.bytes, *out_size);
    return true;
}
