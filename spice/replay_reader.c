/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/replay_reader.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define TOKEN_MAX 64

void replay_reader_init(struct replay_reader *reader, FILE *file)
{
    *reader = (struct replay_reader){.file = file, .line = 1};
}

void replay_reader_finish(struct replay_reader *reader)
{
    g_clear_pointer(&reader->error, g_free);
}

bool replay_reader_failed(const struct replay_reader *reader)
{
    return reader->error != NULL;
}

void replay_reader_fail(struct replay_reader *reader, const char *format, ...)
{
    if (reader->error)
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *reason = g_strdup_vprintf(format, args);
    va_end(args);
    /* Words of the stream may be in it. */
    g_autofree char *printable = g_strescape(reason, NULL);
    reader->error = g_strdup_printf("line %lu: %s", reader->line, printable);
}

static int next_char(struct replay_reader *reader)
{
    int c = getc_unlocked(reader->file);
    if (c == '\n')
        reader->line++;
    return c;
}

/* The next run of characters that are no white space; false at the end of the stream. */
static bool read_token(struct replay_reader *reader, char token[TOKEN_MAX])
{
    if (reader->error)
        return false;
    int c;
    do {
        c = next_char(reader);
    } while (c != EOF && isspace(c));
    if (c == EOF)
        return false;

    size_t length = 0;
    while (c != EOF && !isspace(c)) {
        if (length == TOKEN_MAX - 1) {
            replay_reader_fail(reader, "a word of more than %d characters", TOKEN_MAX - 1);
            return false;
        }
        token[length++] = (char)c;
        c = getc_unlocked(reader->file);
        /* What ends a binary piece's head; its data follows without white space. */
        if (token[length - 1] == ':')
            break;
    }
    if (c != EOF)
        ungetc(c, reader->file);
    token[length] = '\0';
    return true;
}

static bool match(struct replay_reader *reader, const char *token, const char *word)
{
    if (strcmp(token, word) == 0)
        return true;
    replay_reader_fail(reader, "'%s' where '%s' belongs", token, word);
    return false;
}

static bool read_required(struct replay_reader *reader, char token[TOKEN_MAX], const char *what)
{
    if (read_token(reader, token))
        return true;
    replay_reader_fail(reader, "the recording ends where '%s' belongs", what);
    return false;
}

bool replay_read_word(struct replay_reader *reader, const char *word)
{
    char token[TOKEN_MAX];
    return read_required(reader, token, word) && match(reader, token, word);
}

bool replay_read_word_or_end(struct replay_reader *reader, const char *word)
{
    char token[TOKEN_MAX];
    if (read_token(reader, token))
        return match(reader, token, word);
    reader->ended = !reader->error;
    return false;
}

static uint64_t parse_number(struct replay_reader *reader, const char *token, char terminator)
{
    char *end;
    errno = 0;
    uint64_t value =
        token[0] == '-' ? (uint64_t)strtoll(token, &end, 10) : strtoull(token, &end, 10);
    if (errno || end == token || end[0] != terminator || (terminator && end[1])) {
        replay_reader_fail(reader, "'%s' is not a number", token);
        return 0;
    }
    return value;
}

uint64_t replay_read_number(struct replay_reader *reader)
{
    char token[TOKEN_MAX];
    return read_required(reader, token, "a number") ? parse_number(reader, token, '\0') : 0;
}

uint64_t replay_read_field(struct replay_reader *reader, const char *word)
{
    return replay_read_word(reader, word) ? replay_read_number(reader) : 0;
}

/* A size with the colon that ends it. */
static size_t read_size(struct replay_reader *reader)
{
    char token[TOKEN_MAX];
    if (!read_required(reader, token, "a size"))
        return 0;
    uint64_t size = parse_number(reader, token, ':');
    if (size > INT32_MAX) {
        replay_reader_fail(reader, "a piece of %" G_GUINT64_FORMAT " bytes; the limit is %d", size,
                           INT32_MAX);
        return 0;
    }
    return (size_t)size;
}

/* HEADER zero bytes and SIZE bytes of the stream. A damaged size must not cost that much memory. */
static uint8_t *read_bytes(struct replay_reader *reader, size_t header, size_t size)
{
    size_t have = 0, room = MIN(size, (size_t)4 << 20);
    uint8_t *data = g_try_malloc(header + room + 1);
    while (data) {
        size_t got = fread(data + header + have, 1, room - have, reader->file);
        have += got;
        if (have == size) {
            memset(data, 0, header);
            data[header + size] = 0;
            return data;
        }
        if (have < room) {
            replay_reader_fail(reader, "the recording ends %zu bytes into a piece of %zu", have,
                               size);
            g_free(data);
            return NULL;
        }
        room = MIN(size, room * 2);
        uint8_t *larger = g_try_realloc(data, header + room + 1);
        if (!larger)
            g_free(data);
        data = larger;
    }
    replay_reader_fail(reader, "no memory for a piece of %zu bytes", size);
    return NULL;
}

static uint8_t *inflate_bytes(struct replay_reader *reader, const uint8_t *packed,
                              size_t packed_size, size_t header, size_t size)
{
    uint8_t *data = g_try_malloc(header + size + 1);
    uLongf got = size;
    if (!data) {
        replay_reader_fail(reader, "no memory for a piece of %zu bytes", size);
        return NULL;
    }
    if (uncompress(data + header, &got, packed, packed_size) != Z_OK || got != size) {
        replay_reader_fail(reader, "a compressed piece does not expand to %zu bytes", size);
        g_free(data);
        return NULL;
    }
    memset(data, 0, header);
    data[header + size] = 0;
    return data;
}

void *replay_read_binary(struct replay_reader *reader, const char *word, size_t header,
                         size_t *size)
{
    *size = 0;
    uint64_t packed = replay_read_field(reader, "binary");
    replay_read_word(reader, word);
    size_t data_size = read_size(reader);
    if (reader->error)
        return NULL;
    if (packed > 1) {
        replay_reader_fail(reader, "compression %" G_GUINT64_FORMAT " is unknown", packed);
        return NULL;
    }
    uint8_t *data;
    if (packed) {
        size_t packed_size = read_size(reader);
        /* zlib cannot shrink data more than about a thousandfold. */
        if (!reader->error && data_size / 1100 > packed_size)
            replay_reader_fail(reader, "%zu compressed bytes cannot hold %zu", packed_size,
                               data_size);
        g_autofree uint8_t *bytes = reader->error ? NULL : read_bytes(reader, 0, packed_size);
        data = bytes ? inflate_bytes(reader, bytes, packed_size, header, data_size) : NULL;
    } else {
        data = read_bytes(reader, header, data_size);
    }
    if (data)
        *size = data_size;
    return data;
}
