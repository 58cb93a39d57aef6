/*
 * The migration stream: a header, then sections, each with name, version, length and checksum.
 *
 * All numbers are little endian.
 *   header:   magic "CASSIAMG", u32 version of the format, u32 flags
 *   section:  u8 length of the name, u8 flags, u16 version, u32 length of the content,
 *             name, content, u64 XXH3 of the content, seeded by that of all before it
 * The answers of a target have the form of sections, too, without a header.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/channel.h"
#include "migration/set.h"

#define STREAM_VERSION     1
#define STREAM_SECTION_MAX (4u << 20) /* bytes of content */

enum stream_flags {
    /* The target answers "ready" or "error" and begins at the source's "go", then says "started".
     */
    STREAM_CONFIRM = 1,
};

struct stream_section {
    char name[MIGRATION_NAME_MAX];
    uint16_t version;
    bool optional; /* who does not know it skips it */
    GByteArray *content;
};

bool stream_write_header(struct migration_channel *channel, uint32_t flags, GError **error);
bool stream_read_header(struct migration_channel *channel, uint32_t *flags, GError **error);

/* SIZE is at most STREAM_SECTION_MAX. */
bool stream_write_section(struct migration_channel *channel, const char *name, uint16_t version,
                          bool optional, const void *content, size_t size, GError **error);

/*
 * For those who have bytes in hand, of which they look at up to STREAM_LOOK_AHEAD: can a header
 * begin like this, and how many bytes are needed to go on with reading the section that does? More
 * may be needed then.
 */
#define STREAM_HEADER_SIZE 16
#define STREAM_LOOK_AHEAD  8
bool stream_looks_like_header(const uint8_t *bytes, size_t size);
size_t stream_section_size(const uint8_t *bytes, size_t size);

void stream_section_init(struct stream_section *section);
void stream_section_finish(struct stream_section *section);
/* Replaces what SECTION holds. Its checksum is right when this returns true. */
bool stream_read_section(struct migration_channel *channel, struct stream_section *section,
                         GError **error);
