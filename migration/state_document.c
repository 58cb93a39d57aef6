/*
 * The tables of states as documentation.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/state.h"

#include <inttypes.h>

static void append_type(const struct state_field *field, GString *out)
{
    switch (field->type) {
    case STATE_BOOL:
        g_string_append(out, "bool, 1 byte");
        break;
    case STATE_U16:
        g_string_append(out, "u16");
        break;
    case STATE_U32:
        g_string_append(out, "u32");
        break;
    case STATE_U64:
        g_string_append(out, "u64");
        break;
    case STATE_I32:
        g_string_append(out, "i32");
        break;
    case STATE_BYTES:
        g_string_append_printf(out, "%u bytes", field->count);
        break;
    case STATE_TEXT:
        g_string_append_printf(out, "text in %u bytes", field->count);
        break;
    case STATE_LIST:
        g_string_append_printf(out, "u32 count, then up to %u times *%s*", field->count,
                               field->element->name);
        break;
    }
    if (field->max)
        g_string_append_printf(out, ", at most %" PRIu64, field->max);
}

void state_document(const struct state_description *description, GString *out)
{
    g_string_append_printf(out, "### %s, version %u", description->name, description->version);
    if (description->oldest < description->version)
        g_string_append_printf(out, " (%u and later are read)", description->oldest);
    g_string_append(out, "\n\n| field | on the wire | |\n|---|---|---|\n");
    for (const struct state_field *field = description->fields; field->name; field++) {
        g_string_append_printf(out, "| %s | ", field->name);
        append_type(field, out);
        g_string_append(out, field->present ? " | not always there" : " |");
        if (field->since > 1)
            g_string_append_printf(out, " since version %u", field->since);
        g_string_append(out, field->present ? " |\n" : " |\n");
    }
    g_string_append_c(out, '\n');
    for (const struct state_field *field = description->fields; field->name; field++) {
        if (field->element)
            state_document(field->element, out);
    }
}
