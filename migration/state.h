/*
 * State of an object as a table of fields, which saves it, loads it, checks it and prints it.
 *
 * An owner copies what must travel into a plain struct and describes that struct here, once. On the
 * wire a state is its fields in the order of the table, little endian, without padding; which of
 * them there are depends on the version alone, so every later release can read it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/error.h"

#include <stddef.h>
#include <stdint.h>

enum state_type {
    STATE_BOOL, /* a bool; one byte, 0 or 1 */
    STATE_U16,
    STATE_U32,
    STATE_U64,
    STATE_I32,
    STATE_BYTES, /* COUNT bytes in place */
    STATE_TEXT,  /* char[COUNT] in place, ended by a zero byte, valid UTF-8 */
    STATE_LIST,  /* up to COUNT elements in place; a uint32_t at COUNT_OFFSET says how many */
};

struct state_description;

struct state_field {
    const char *name;
    enum state_type type;
    size_t offset; /* in the struct */
    uint32_t count;
    size_t count_offset;
    const struct state_description *element; /* LIST */
    uint16_t since;                          /* the first version that has it; before, it is zero */
    uint64_t max;                            /* U16, U32, U64: the largest value; 0: any */
    /* Is it there? Looks only at fields before it; absent ones are zero. NULL: always. */
    bool (*present)(const void *object);
};

struct state_description {
    const char *name;
    uint16_t version;                 /* what is written */
    uint16_t oldest;                  /* the first that can still be read */
    size_t size;                      /* of the struct */
    const struct state_field *fields; /* ends with name NULL */
    /* Do the values fit each other? NULL, or what is wrong, static. May be NULL. */
    const char *(*check)(const void *object);
};

#define STATE_FIELD(struct_type, member, field_type)                                               \
    .name = #member, .type = (field_type), .offset = offsetof(struct_type, member)
#define STATE_END                                                                                  \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* Appends OBJECT, in the newest version, to OUT. */
void state_save(const struct state_description *description, const void *object, GByteArray *out);

/*
 * Reads a state of VERSION from SIZE untrusted bytes, all of them, into OBJECT (zeroed first).
 * False, with the field named in ERROR: OBJECT is then not to be used.
 */
bool state_load(const struct state_description *description, uint16_t version, const void *bytes,
                size_t size, void *object, GError **error);

/* Prints OBJECT as lines "PREFIX.field = value". */
void state_dump(const struct state_description *description, const char *prefix, const void *object,
                GString *out);

/* Describes the table in Markdown: a row for each field, and the tables of its elements. */
void state_document(const struct state_description *description, GString *out);
