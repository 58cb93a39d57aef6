/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/secret_options.h"

#include "cli/options.h"

#include <string.h>

#define REFUSE(name, why)                                                                          \
    {                                                                                              \
        name, OPTION_REFUSED, 0, 0, 0, NULL, why                                                   \
    }

void secret_free(void *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    g_free(text);
}

GHashTable *secret_table_create(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, secret_free);
}

struct secret {
    char *type, *id, *file, *data;
};

static const struct option_key secret_keys[] = {
    {"qom-type", OPTION_STRING, offsetof(struct secret, type), 0, 0, NULL, NULL},
    {"id", OPTION_STRING, offsetof(struct secret, id), 0, 0, NULL, NULL},
    {"file", OPTION_STRING, offsetof(struct secret, file), 0, 0, NULL, NULL},
    {"data", OPTION_STRING, offsetof(struct secret, data), 0, 0, NULL, NULL},
    REFUSE("format", "a secret is taken as it is"),
    REFUSE("keyid", "secrets are not encrypted; use file=PATH with mode 600"),
    REFUSE("iv", "secrets are not encrypted; use file=PATH with mode 600"),
    OPTION_END,
};

static bool read_secret(const struct secret *secret, char **text, GError **error)
{
    size_t size;

    if (!secret->file) {
        *text = g_strdup(secret->data);
        return true;
    }
    if (!g_file_get_contents(secret->file, text, &size, error)) {
        g_prefix_error(error, "-object: file: ");
        return false;
    }
    /* An editor's or echo's line end is not meant to be typed. */
    if (size && (*text)[size - 1] == '\n')
        (*text)[--size] = '\0';
    if (size > SPICE_PASSWORD_MAX || strlen(*text) != size) {
        secret_free(*text);
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "-object: file: %s does not hold one line of at most %d bytes", secret->file,
                    SPICE_PASSWORD_MAX);
        return false;
    }
    return true;
}

bool secret_table_parse(GHashTable *table, const char *text, GError **error)
{
    struct secret secret = {0};
    char *value;
    bool good = option_list_parse("-object", text, secret_keys, "qom-type", &secret, error);

    if (good && (!secret.type || strcmp(secret.type, "secret") || !secret.id ||
                 !secret.file == !secret.data)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "-object: takes secret,id=ID,file=PATH or secret,id=ID,data=TEXT");
        good = false;
    }
    good = good && read_secret(&secret, &value, error);
    if (good)
        g_hash_table_insert(table, g_strdup(secret.id), value);
    option_list_clear(secret_keys, &secret);
    return good;
}
