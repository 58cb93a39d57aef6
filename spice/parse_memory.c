/*
 * Reading guest memory: single reads, chunk chains. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/parse_memory.h"

#include <glib.h>

bool parser_fail(struct parser *parser, const char *what)
{
    if (parser->wrong == NULL)
        parser->wrong = what;
    return false;
}

/* The guest may write while we read; after the barrier only the copy is looked at. */
static void copy_once(void *to, const void *from, size_t size)
{
    memcpy(to, from, size);
    __asm__ volatile("" ::: "memory");
}

bool guest_read(const struct memslots *memslots, uint32_t group, QXLPHYSICAL address, void *to,
                size_t size)
{
    const void *from = memslots_map(memslots, group, address, size, NULL);

    if (from == NULL)
        return false;
    copy_once(to, from, size);
    return true;
}

bool parser_read(struct parser *parser, QXLPHYSICAL address, void *to, size_t size,
                 const char *what)
{
    return guest_read(parser->memslots, parser->group, address, to, size) ||
           parser_fail(parser, what);
}

const char *guest_read_command(const struct memslots *memslots, const QXLCommandExt *command,
                               void *to, size_t size, struct guest_resource *resource)
{
    QXLReleaseInfo *info = memslots_map(memslots, command->group_id, command->cmd.data, size, NULL);

    if (info == NULL)
        return "the command is not in a memory slot";
    resource->info = (QXLReleaseInfoExt){.info = info, .group_id = command->group_id};
    copy_once(to, info, size);
    return NULL;
}

/* Room for another piece in BYTES, whose array grows by doubling. */
static struct iovec *add_piece(struct parser *parser, struct draw_bytes *bytes)
{
    bool full =
        bytes->count == 0 || (bytes->count >= 4 && (bytes->count & (bytes->count - 1)) == 0);

    if (full) {
        size_t room = bytes->count == 0 ? 4 : 2 * (size_t)bytes->count;
        struct iovec *pieces = arena_alloc(&parser->drawable->arena, room * sizeof(*pieces));

        if (bytes->count > 0)
            memcpy(pieces, bytes->pieces, bytes->count * sizeof(*pieces));
        bytes->pieces = pieces;
    }
    return &bytes->pieces[bytes->count++];
}

bool parser_chunks(struct parser *parser, QXLPHYSICAL address, struct draw_bytes *bytes)
{
    *bytes = (struct draw_bytes){0};
    for (unsigned chunks = 0; chunks == 0 || address != 0; chunks++) {
        QXLDataChunk header;
        void *data;

        if (chunks == PARSE_MAX_CHUNKS)
            return parser_fail(parser, "a chain of data chunks is too long or does not end");
        if (!parser_read(parser, address, &header, sizeof(header),
                         "a data chunk is not in a memory slot"))
            return false;
        if (header.data_size > INT32_MAX - bytes->size)
            return parser_fail(parser, "a chain of data chunks has more than 2^31 - 1 bytes");
        data = memslots_map(parser->memslots, parser->group, address,
                            sizeof(header) + header.data_size, NULL);
        if (data == NULL)
            return parser_fail(parser, "a data chunk reaches beyond its memory slot");
        if (header.data_size > 0)
            *add_piece(parser, bytes) = (struct iovec){.iov_base = (uint8_t *)data + sizeof(header),
                                                       .iov_len = header.data_size};
        bytes->size += header.data_size;
        address = header.next_chunk;
    }
    return true;
}

uint8_t *parser_gather(struct parser *parser, const struct draw_bytes *bytes)
{
    uint8_t *copy, *to;

    if (bytes->size > PARSE_MAX_COPY) {
        parser_fail(parser, "data that must be copied has more than 64 MiB");
        return NULL;
    }
    copy = to = arena_alloc(&parser->drawable->arena, bytes->size);
    for (unsigned i = 0; i < bytes->count; i++) {
        copy_once(to, bytes->pieces[i].iov_base, bytes->pieces[i].iov_len);
        to += bytes->pieces[i].iov_len;
    }
    return copy;
}

draw_rect rect_from_guest(const QXLRect *rect)
{
    return (draw_rect){.x1 = rect->left, .y1 = rect->top, .x2 = rect->right, .y2 = rect->bottom};
}
