/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/state.h"

#include <inttypes.h>
#include <string.h>

/* The width of a number on the wire and in the struct; 0: the field is not a number. */
static size_t number_size(enum state_type type)
{
    switch (type) {
    case STATE_BOOL:
        return 1;
    case STATE_U16:
        return 2;
    case STATE_U32:
    case STATE_I32:
        return 4;
    case STATE_U64:
        return 8;
    default:
        return 0;
    }
}

static uint64_t get_number(enum state_type type, const uint8_t *at)
{
    uint64_t u64;
    uint32_t u32;
    uint16_t u16;
    bool truth;

    switch (type) {
    case STATE_BOOL:
        memcpy(&truth, at, sizeof(truth));
        return truth;
    case STATE_U16:
        memcpy(&u16, at, sizeof(u16));
        return u16;
    case STATE_U32:
    case STATE_I32:
        memcpy(&u32, at, sizeof(u32));
        return u32;
    default:
        memcpy(&u64, at, sizeof(u64));
        return u64;
    }
}

static void put_number(enum state_type type, uint8_t *at, uint64_t value)
{
    uint32_t u32 = (uint32_t)value;
    uint16_t u16 = (uint16_t)value;
    bool truth = value != 0;

    switch (type) {
    case STATE_BOOL:
        memcpy(at, &truth, sizeof(truth));
        break;
    case STATE_U16:
        memcpy(at, &u16, sizeof(u16));
        break;
    case STATE_U32:
    case STATE_I32:
        memcpy(at, &u32, sizeof(u32));
        break;
    default:
        memcpy(at, &value, sizeof(value));
        break;
    }
}

static uint32_t list_length(const struct state_field *field, const uint8_t *object)
{
    uint32_t length = (uint32_t)get_number(STATE_U32, object + field->count_offset);
    return MIN(length, field->count);
}

static bool is_present(const struct state_field *field, const void *object, uint16_t version)
{
    return field->since <= version && (!field->present || field->present(object));
}

/* Saving */

static void save_number(GByteArray *out, uint64_t value, size_t size)
{
    uint64_t wire = GUINT64_TO_LE(value);
    g_byte_array_append(out, (const uint8_t *)&wire, (guint)size);
}

static void save_field(const struct state_field *field, const uint8_t *object, GByteArray *out)
{
    const uint8_t *at = object + field->offset;
    uint32_t length;

    switch (field->type) {
    case STATE_BYTES:
    case STATE_TEXT:
        g_byte_array_append(out, at, field->count);
        break;
    case STATE_LIST:
        length = list_length(field, object);
        save_number(out, length, 4);
        for (uint32_t i = 0; i < length; i++)
            state_save(field->element, at + i * field->element->size, out);
        break;
    default:
        save_number(out, get_number(field->type, at), number_size(field->type));
        break;
    }
}

void state_save(const struct state_description *description, const void *object, GByteArray *out)
{
    for (const struct state_field *field = description->fields; field->name; field++) {
        if (is_present(field, object, description->version))
            save_field(field, object, out);
    }
}

/* Loading */

struct reader {
    const uint8_t *at;
    size_t left;
    uint16_t version;
};

static bool take(struct reader *reader, void *to, size_t size)
{
    if (size > reader->left)
        return false;
    memcpy(to, reader->at, size);
    reader->at += size;
    reader->left -= size;
    return true;
}

static bool take_number(struct reader *reader, size_t size, uint64_t *value)
{
    uint64_t wire = 0;

    if (!take(reader, &wire, size))
        return false;
    *value = GUINT64_FROM_LE(wire);
    return true;
}

static bool fail_field(const struct state_description *description, const struct state_field *field,
                       const char *what, GError **error)
{
    return migration_fail(error, "%s.%s %s", description->name, field->name, what);
}

static bool load_struct(const struct state_description *description, struct reader *reader,
                        uint8_t *object, GError **error);

static bool load_list(const struct state_description *description, const struct state_field *field,
                      struct reader *reader, uint8_t *object, GError **error)
{
    uint64_t length;

    if (!take_number(reader, 4, &length))
        return fail_field(description, field, "is cut off", error);
    if (length > field->count)
        return migration_fail(error, "%s.%s has %" PRIu64 " elements: at most %u are possible",
                              description->name, field->name, length, field->count);
    put_number(STATE_U32, object + field->count_offset, length);
    for (uint64_t i = 0; i < length; i++) {
        uint8_t *element = object + field->offset + i * field->element->size;
        if (!load_struct(field->element, reader, element, error)) {
            g_prefix_error(error, "%s.%s[%" PRIu64 "]: ", description->name, field->name, i);
            return false;
        }
    }
    return true;
}

static bool load_field(const struct state_description *description, const struct state_field *field,
                       struct reader *reader, uint8_t *object, GError **error)
{
    uint8_t *at = object + field->offset;
    uint64_t value;

    switch (field->type) {
    case STATE_LIST:
        return load_list(description, field, reader, object, error);
    case STATE_BYTES:
    case STATE_TEXT:
        if (!take(reader, at, field->count))
            return fail_field(description, field, "is cut off", error);
        if (field->type == STATE_TEXT && !memchr(at, 0, field->count))
            return fail_field(description, field, "is a text without end", error);
        if (field->type == STATE_TEXT && !g_utf8_validate((const char *)at, -1, NULL))
            return fail_field(description, field, "is not UTF-8", error);
        return true;
    default:
        if (!take_number(reader, number_size(field->type), &value))
            return fail_field(description, field, "is cut off", error);
        if (field->type == STATE_BOOL && value > 1)
            return fail_field(description, field, "is neither 0 nor 1", error);
        if (field->max && value > field->max)
            return migration_fail(error, "%s.%s is %" PRIu64 ": at most %" PRIu64 " is possible",
                                  description->name, field->name, value, field->max);
        put_number(field->type, at, value);
        return true;
    }
}

static bool load_struct(const struct state_description *description, struct reader *reader,
                        uint8_t *object, GError **error)
{
    for (const struct state_field *field = description->fields; field->name; field++) {
        if (is_present(field, object, reader->version) &&
            !load_field(description, field, reader, object, error))
            return false;
    }
    const char *wrong = description->check ? description->check(object) : NULL;
    return !wrong || migration_fail(error, "%s: %s", description->name, wrong);
}

bool state_load(const struct state_description *description, uint16_t version, const void *bytes,
                size_t size, void *object, GError **error)
{
    struct reader reader = {.at = bytes, .left = size, .version = version};

    memset(object, 0, description->size);
    if (version < description->oldest || version > description->version)
        return migration_fail(error, "%s has version %u: this release reads %u to %u",
                              description->name, version, description->oldest,
                              description->version);
    if (!load_struct(description, &reader, object, error))
        return false;
    return !reader.left || migration_fail(error,
                                          "%s is followed by %zu bytes that do not belong "
                                          "to version %u",
                                          description->name, reader.left, version);
}

/* Printing */

static void dump_bytes(const uint8_t *bytes, uint32_t size, GString *out)
{
    for (uint32_t i = 0; i < MIN(size, 64); i++)
        g_string_append_printf(out, "%02x", bytes[i]);
    if (size > 64)
        g_string_append_printf(out, "... (%u bytes)", size);
}

static void dump_field(const struct state_field *field, const char *name, const uint8_t *object,
                       GString *out)
{
    const uint8_t *at = object + field->offset;
    uint64_t value;

    if (field->type == STATE_LIST) {
        for (uint32_t i = 0; i < list_length(field, object); i++) {
            g_autofree char *element = g_strdup_printf("%s[%u]", name, i);
            state_dump(field->element, element, at + i * field->element->size, out);
        }
        return;
    }
    g_string_append_printf(out, "%s = ", name);
    switch (field->type) {
    case STATE_BYTES:
        dump_bytes(at, field->count, out);
        break;
    case STATE_TEXT:
        g_string_append_len(out, (const char *)at, (gssize)strnlen((const char *)at, field->count));
        break;
    default:
        value = get_number(field->type, at);
        if (field->type == STATE_I32)
            g_string_append_printf(out, "%d", (int32_t)value);
        else if (field->type == STATE_U64)
            g_string_append_printf(out, "0x%" PRIx64, value);
        else
            g_string_append_printf(out, "%" PRIu64, value);
        break;
    }
    g_string_append_c(out, '\n');
}

void state_dump(const struct state_description *description, const char *prefix, const void *object,
                GString *out)
{
    for (const struct state_field *field = description->fields; field->name; field++) {
        if (!is_present(field, object, description->version))
            continue;
        g_autofree char *name = g_strdup_printf("%s.%s", prefix, field->name);
        dump_field(field, name, object, out);
    }
}
