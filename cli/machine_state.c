/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/machine_state.h"

#include <string.h>

/* The lines ".FIELD = VALUE" of a dump as an object. */
static json_t *fields_of(const char *dump)
{
    g_auto(GStrv) lines = g_strsplit(dump, "\n", -1);
    json_t *fields = json_object();

    for (unsigned i = 0; lines[i]; i++) {
        char *equals = strstr(lines[i], " = ");
        if (!equals)
            continue;
        *equals = '\0';
        json_object_set_new(fields, lines[i] + 1, json_string(equals + strlen(" = ")));
    }
    return fields;
}

json_t *machine_state_describe(const struct migration_set *set)
{
    json_t *parts = json_array();

    for (unsigned i = 0; i < set->parts->len; i++) {
        const struct migration_part *part = migration_set_part(set, i);
        g_autofree void *state = g_malloc0(part->description->size);
        g_autoptr(GString) dump = g_string_new(NULL);
        part->ops->save(part->opaque, state);
        state_dump(part->description, "", state, dump);
        json_array_append_new(parts, json_pack("{s:s,s:i,s:o}", "name", part->name, "version",
                                               part->description->version, "fields",
                                               fields_of(dump->str)));
    }
    return parts;
}
