/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/vmc_data.h"

#include <spice/protocol.h>
#ifdef HAVE_LZ4
#include <lz4.h>
#endif

/* Less is not worth the trouble. */
#define MIN_COMPRESSED 1000

#ifdef HAVE_LZ4
/* NULL: it does not get smaller. */
static struct message *compressed_message(const uint8_t *data, uint32_t size)
{
    struct message *message = message_create(SPICE_MSG_SPICEVMC_COMPRESSED_DATA);
    uint8_t *packed = g_malloc(size);
    int packed_size =
        LZ4_compress_default((const char *)data, (char *)packed, (int)size, (int)size - 8);

    if (packed_size <= 0) {
        g_free(packed);
        message_destroy(message);
        return NULL;
    }
    message_add_u8(message, SPICE_DATA_COMPRESSION_TYPE_LZ4);
    message_add_u32(message, size);
    message_add_reference(message, packed, (size_t)packed_size, g_free, packed);
    return message;
}
#endif

struct message *vmc_data_message(uint8_t *data, uint32_t size, bool compress)
{
    struct message *message;

#ifdef HAVE_LZ4
    if (compress && size > MIN_COMPRESSED && (message = compressed_message(data, size)) != NULL) {
        g_free(data);
        return message;
    }
#else
    (void)compress;
#endif
    message = message_create(SPICE_MSG_SPICEVMC_DATA);
    message_add_reference(message, data, size, g_free, data);
    return message;
}

uint8_t *vmc_data_expand(const uint8_t *body, uint32_t body_size, uint32_t *size)
{
    struct message_reader reader = message_reader(body, body_size);
    uint8_t type = message_read_u8(&reader);

    if (reader.failed) {
        return NULL;
    }
    if (type == SPICE_DATA_COMPRESSION_TYPE_NONE) {
        *size = reader.left;
        return g_memdup2(reader.data, MAX(reader.left, 1));
    }
#ifdef HAVE_LZ4
    if (type == SPICE_DATA_COMPRESSION_TYPE_LZ4) {
        uint32_t expanded = message_read_u32(&reader);
        uint8_t *data;

        if (reader.failed || expanded == 0 || expanded > VMC_MAX_DATA) {
            return NULL;
        }
        data = g_malloc(expanded);
        if (LZ4_decompress_safe((const char *)reader.data, (char *)data, (int)reader.left,
                                (int)expanded) != (int)expanded) {
            g_free(data);
            return NULL;
        }
        *size = expanded;
        return data;
    }
#endif
    return NULL;
}
