/*
 * The parser of key=value lists.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

G_DEFINE_QUARK(cassia - cli - error, cli_error)

/* Where an error happened: "-spice: port" or "-fps". */
static char *place(const char *option, const char *key)
{
    return key ? g_strdup_printf("%s: %s", option, key) : g_strdup(option);
}

static bool fail(GError **error, const char *option, const char *key, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

static bool fail(GError **error, const char *option, const char *key, const char *format, ...)
{
    g_autofree char *where = place(option, key);
    va_list args;

    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "%s: %s", where, what);
    return false;
}

/*
 * Cuts the next item off *TEXT: up to a comma that stands alone; ",," becomes one comma.
 */
static char *next_item(const char **text)
{
    GString *item = g_string_new(NULL);
    const char *at = *text;

    while (*at) {
        if (*at == ',') {
            at++;
            if (*at != ',')
                break;
        }
        g_string_append_c(item, *at++);
    }
    *text = at;
    return g_string_free(item, FALSE);
}

static const struct option_key *find_key(const struct option_key *keys, const char *name)
{
    for (; keys->name; keys++) {
        if (!strcmp(keys->name, name))
            return keys;
    }
    return NULL;
}

static char *join_keys(const struct option_key *keys)
{
    GString *names = g_string_new(NULL);

    for (; keys->name; keys++) {
        if (keys->type != OPTION_REFUSED)
            g_string_append_printf(names, "%s%s", names->len ? ", " : "", keys->name);
    }
    return g_string_free(names, FALSE);
}

static bool parse_bool(const char *text, bool *value)
{
    static const char *const on[] = {"on", "yes", "true", "y", NULL};
    static const char *const off[] = {"off", "no", "false", "n", NULL};

    *value = g_strv_contains(on, text);
    return *value || g_strv_contains(off, text);
}

/* A number that may be followed by a unit; *END is what comes after the digits. */
static bool parse_digits(const char *text, int64_t *number, const char **end)
{
    bool negative = *text == '-';
    const char *digits = text + negative;
    int base = g_str_has_prefix(digits, "0x") || g_str_has_prefix(digits, "0X") ? 16 : 10;
    char *stop;

    if (base == 16)
        digits += 2;
    /* strtoll() would take spaces and signs. */
    if (!g_ascii_isxdigit(*digits) || (base == 10 && !g_ascii_isdigit(*digits)))
        return false;
    errno = 0;
    *number = strtoll(digits, &stop, base);
    if (errno)
        return false;
    if (negative)
        *number = -*number;
    *end = stop;
    return true;
}

bool option_number_parse(const char *option, const char *key, const char *text, int64_t min,
                         int64_t max, int64_t *number, GError **error)
{
    const char *end;
    int64_t value;

    if (!parse_digits(text, &value, &end) || *end || value < min || value > max)
        return fail(error, option, key,
                    "'%s' is not a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, text,
                    min, max);
    *number = value;
    return true;
}

static bool parse_size(const char *option, const struct option_key *key, const char *text,
                       int64_t *size, GError **error)
{
    static const char units[] = "bkMGT";
    const char *end;
    int64_t value;
    unsigned shift = 0;
    bool good = parse_digits(text, &value, &end) && value >= 0;

    if (good && *end) {
        const char *unit = strchr(units, *end == 'K' ? 'k' : *end);
        good = unit && !end[1];
        if (good)
            shift = 10 * (unsigned)(unit - units);
    }
    if (!good || value > key->max >> shift || value << shift < key->min)
        return fail(error, option, key->name,
                    "'%s' is not a size from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
                    " bytes; suffixes are k, M, G and T",
                    text, key->min, key->max);
    *size = value << shift;
    return true;
}

static bool parse_choice(const char *option, const struct option_key *key, const char *text,
                         int *choice, GError **error)
{
    for (int i = 0; key->choices[i]; i++) {
        if (!strcmp(key->choices[i], text)) {
            *choice = i;
            return true;
        }
    }
    g_autofree char *valid = g_strjoinv(", ", (char **)key->choices);
    return fail(error, option, key->name, "'%s' is not one of: %s", text, valid);
}

/* VALUE is NULL when only the key stands there. */
static bool store(const char *option, const struct option_key *key, const char *value, void *target,
                  GError **error)
{
    void *field = (char *)target + key->offset;
    bool on = true;

    if (key->type == OPTION_REFUSED)
        return fail(error, option, key->name, "not available: %s", key->why);
    if (key->type == OPTION_BOOL || key->type == OPTION_TRISTATE) {
        if (value && !parse_bool(value, &on))
            return fail(error, option, key->name, "'%s' is neither on nor off", value);
        if (key->type == OPTION_BOOL)
            *(bool *)field = on;
        else
            *(enum option_tristate *)field = on ? OPTION_ON : OPTION_OFF;
        return true;
    }
    if (!value)
        return fail(error, option, key->name, "needs a value: %s=...", key->name);

    switch (key->type) {
    case OPTION_STRING:
        g_free(*(char **)field);
        *(char **)field = g_strdup(value);
        return true;
    case OPTION_STRINGS:
        if (!*(GPtrArray **)field)
            *(GPtrArray **)field = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(*(GPtrArray **)field, g_strdup(value));
        return true;
    case OPTION_NUMBER:
        return option_number_parse(option, key->name, value, key->min, key->max, field, error);
    case OPTION_SIZE:
        return parse_size(option, key, value, field, error);
    default:
        return parse_choice(option, key, value, field, error);
    }
}

bool option_list_parse(const char *option, const char *text, const struct option_key *keys,
                       const char *implied, void *target, GError **error)
{
    if (!*text)
        return fail(error, option, NULL, "needs a value");
    for (bool first = true; *text; first = false) {
        g_autofree char *item = next_item(&text);
        char *value = strchr(item, '=');
        const char *name = item;

        if (value)
            *value++ = '\0';
        const struct option_key *key = find_key(keys, name);
        if (!key && !value && first && implied) {
            key = find_key(keys, implied);
            value = item;
        }
        if (!key) {
            g_autofree char *valid = join_keys(keys);
            return fail(error, option, NULL, "unknown key '%s'; valid keys: %s", name, valid);
        }
        if (!store(option, key, value, target, error))
            return false;
    }
    return true;
}

void option_list_clear(const struct option_key *keys, void *target)
{
    for (; keys->name; keys++) {
        if (keys->type == OPTION_STRING)
            g_clear_pointer((char **)((char *)target + keys->offset), g_free);
        if (keys->type == OPTION_STRINGS)
            g_clear_pointer((GPtrArray **)((char *)target + keys->offset), g_ptr_array_unref);
    }
}
