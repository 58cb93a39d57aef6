/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/stream.h"

#include <string.h>
#include <xxhash.h>

#define MAGIC            "CASSIAMG"
#define MAGIC_SIZE       8
#define SECTION_HEAD     8
#define CHECKSUM_SIZE    8
#define SECTION_OPTIONAL 1
#define KNOWN_FLAGS      STREAM_CONFIRM
/* Content is received piece by piece: a length alone does not make us allocate. */
#define PIECE (64u << 10)

static void put32(uint8_t *at, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    memcpy(at, &value, sizeof(value));
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return GUINT32_FROM_LE(value);
}

bool stream_write_header(struct migration_channel *channel, uint32_t flags, GError **error)
{
    uint8_t header[STREAM_HEADER_SIZE];

    memcpy(header, MAGIC, MAGIC_SIZE);
    put32(header + MAGIC_SIZE, STREAM_VERSION);
    put32(header + MAGIC_SIZE + 4, flags);
    return migration_channel_write(channel, header, sizeof(header), error);
}

bool stream_read_header(struct migration_channel *channel, uint32_t *flags, GError **error)
{
    uint8_t header[STREAM_HEADER_SIZE];

    if (!migration_channel_read(channel, header, sizeof(header), error))
        return false;
    if (memcmp(header, MAGIC, MAGIC_SIZE) != 0)
        return migration_fail(error, "this is not a migration stream of cassia");
    uint32_t version = get32(header + MAGIC_SIZE);
    if (version != STREAM_VERSION)
        return migration_fail(error, "the stream has format %u: this release reads format %u",
                              version, STREAM_VERSION);
    *flags = get32(header + MAGIC_SIZE + 4);
    return !(*flags & ~(uint32_t)KNOWN_FLAGS) ||
           migration_fail(error, "the stream has unknown flags 0x%x",
                          *flags & ~(uint32_t)KNOWN_FLAGS);
}

/* Of head and name, which seed that of the content. */
static uint64_t checksum(const void *head, size_t head_size, const void *content, size_t size)
{
    return XXH3_64bits_withSeed(content, size, XXH3_64bits(head, head_size));
}

bool stream_write_section(struct migration_channel *channel, const char *name, uint16_t version,
                          bool optional, const void *content, size_t size, GError **error)
{
    uint8_t head[SECTION_HEAD + MIGRATION_NAME_MAX];
    size_t name_length = strlen(name), head_size = SECTION_HEAD + name_length;
    uint16_t wire_version = GUINT16_TO_LE(version);

    head[0] = (uint8_t)name_length;
    head[1] = optional ? SECTION_OPTIONAL : 0;
    memcpy(head + 2, &wire_version, sizeof(wire_version));
    put32(head + 4, (uint32_t)size);
    memcpy(head + SECTION_HEAD, name, name_length);
    uint64_t sum = GUINT64_TO_LE(checksum(head, head_size, content, size));
    return migration_channel_write(channel, head, head_size, error) &&
           (!size || migration_channel_write(channel, content, size, error)) &&
           migration_channel_write(channel, &sum, sizeof(sum), error);
}

/* No section begins like the magic: its first byte is too large for the length of a name. */
G_STATIC_ASSERT('C' >= MIGRATION_NAME_MAX);
G_STATIC_ASSERT(SECTION_HEAD == STREAM_LOOK_AHEAD);

bool stream_looks_like_header(const uint8_t *bytes, size_t size)
{
    return memcmp(bytes, MAGIC, MIN(size, MAGIC_SIZE)) == 0;
}

size_t stream_section_size(const uint8_t *bytes, size_t size)
{
    if (size < SECTION_HEAD || bytes[0] >= MIGRATION_NAME_MAX)
        return SECTION_HEAD;
    uint32_t content = get32(bytes + 4);
    /* One that is too large is refused as soon as its name is known. */
    return SECTION_HEAD + bytes[0] +
           (content > STREAM_SECTION_MAX ? 0 : (size_t)content + CHECKSUM_SIZE);
}

void stream_section_init(struct stream_section *section)
{
    *section = (struct stream_section){.content = g_byte_array_new()};
}

void stream_section_finish(struct stream_section *section)
{
    g_byte_array_unref(section->content);
}

static bool is_name(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!g_ascii_isgraph(name[i]))
            return false;
    }
    return length > 0;
}

bool stream_read_section(struct migration_channel *channel, struct stream_section *section,
                         GError **error)
{
    uint8_t head[SECTION_HEAD + MIGRATION_NAME_MAX];
    uint64_t sum;

    if (!migration_channel_read(channel, head, SECTION_HEAD, error))
        return false;
    size_t name_length = head[0];
    uint32_t size = get32(head + 4);
    if (name_length >= MIGRATION_NAME_MAX || head[1] & ~SECTION_OPTIONAL)
        return migration_fail(error,
                              "there is no section where one should begin, %" G_GUINT64_FORMAT
                              " bytes into the stream",
                              channel->received - SECTION_HEAD);
    if (!migration_channel_read(channel, head + SECTION_HEAD, name_length, error))
        return false;
    memcpy(section->name, head + SECTION_HEAD, name_length);
    section->name[name_length] = '\0';
    if (!is_name(section->name, name_length))
        return migration_fail(
            error, "a section has no printable name, %" G_GUINT64_FORMAT " bytes into the stream",
            channel->received);
    if (size > STREAM_SECTION_MAX)
        return migration_fail(error, "section %s has %u bytes: at most %u are possible",
                              section->name, size, STREAM_SECTION_MAX);
    section->optional = head[1] & SECTION_OPTIONAL;
    memcpy(&section->version, head + 2, sizeof(section->version));
    section->version = GUINT16_FROM_LE(section->version);

    g_byte_array_set_size(section->content, 0);
    for (uint32_t done = 0; done < size;) {
        uint32_t piece = MIN(size - done, PIECE);
        g_byte_array_set_size(section->content, done + piece);
        if (!migration_channel_read(channel, section->content->data + done, piece, error))
            return false;
        done += piece;
    }
    if (!migration_channel_read(channel, &sum, sizeof(sum), error))
        return false;
    return GUINT64_FROM_LE(sum) == checksum(head, SECTION_HEAD + name_length,
                                            section->content->data, section->content->len) ||
           migration_fail(error, "section %s is damaged: its checksum is wrong", section->name);
}
