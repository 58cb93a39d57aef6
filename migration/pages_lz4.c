/*
 * Pages with LZ4, which is faster than most links.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "config.h"
#include "migration/pages.h"

#include <string.h>

#define HEAD_SIZE sizeof(uint32_t)

#ifdef HAVE_LZ4

#include <lz4.h>

bool pages_can_lz4(void)
{
    return true;
}

size_t pages_lz4_bound(size_t size)
{
    return HEAD_SIZE + (size_t)LZ4_compressBound((int)size);
}

size_t pages_lz4_pack(const void *content, size_t size, void *out, size_t room)
{
    uint32_t head = GUINT32_TO_LE((uint32_t)size);
    int packed =
        LZ4_compress_default(content, (char *)out + HEAD_SIZE, (int)size, (int)(room - HEAD_SIZE));

    memcpy(out, &head, HEAD_SIZE);
    return packed > 0 && HEAD_SIZE + (size_t)packed < size ? HEAD_SIZE + (size_t)packed : 0;
}

static bool unpack(const char *data, size_t size, GByteArray *out, GError **error)
{
    return LZ4_decompress_safe(data, (char *)out->data, (int)size, (int)out->len) ==
               (int)out->len ||
           migration_fail(error, "a section of compressed pages is damaged");
}

#else

bool pages_can_lz4(void)
{
    return false;
}

size_t pages_lz4_bound(size_t size)
{
    (void)size;
    return 0;
}

size_t pages_lz4_pack(const void *content, size_t size, void *out, size_t room)
{
    (void)content;
    (void)size;
    (void)out;
    (void)room;
    return 0;
}

static bool unpack(const char *data, size_t size, GByteArray *out, GError **error)
{
    (void)data;
    (void)size;
    (void)out;
    return migration_fail(error, "the source compresses pages, and this build has no LZ4: switch "
                                 "its capability 'compress' off");
}

#endif

bool pages_lz4_unpack(const struct stream_section *packed, struct stream_section *plain,
                      GError **error)
{
    uint32_t size;

    if (packed->content->len < HEAD_SIZE)
        return migration_fail(error, "a section of compressed pages is cut off");
    memcpy(&size, packed->content->data, HEAD_SIZE);
    size = GUINT32_FROM_LE(size);
    if (size > STREAM_SECTION_MAX)
        return migration_fail(error,
                              "a section of compressed pages holds %u bytes: at most %u are "
                              "possible",
                              size, STREAM_SECTION_MAX);
    g_strlcpy(plain->name, PAGES_SECTION, sizeof(plain->name));
    plain->version = packed->version;
    g_byte_array_set_size(plain->content, size);
    return unpack((const char *)packed->content->data + HEAD_SIZE, packed->content->len - HEAD_SIZE,
                  plain->content, error);
}
