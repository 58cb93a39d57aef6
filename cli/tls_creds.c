/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/tls_creds.h"

#include "cli/options.h"

static void unref_tls(void *tls)
{
    migration_tls_unref(tls);
}

GHashTable *tls_creds_table_create(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unref_tls);
}

struct creds {
    char *type, *id, *dir;
    int endpoint; /* of endpoints */
    bool verify;
};

static const char *const endpoints[] = {"client", "server", NULL};

static const struct option_key keys[] = {
    {"qom-type", OPTION_STRING, offsetof(struct creds, type), 0, 0, NULL, NULL},
    {"id", OPTION_STRING, offsetof(struct creds, id), 0, 0, NULL, NULL},
    {"dir", OPTION_STRING, offsetof(struct creds, dir), 0, 0, NULL, NULL},
    {"endpoint", OPTION_CHOICE, offsetof(struct creds, endpoint), 0, 0, endpoints, NULL},
    {"verify-peer", OPTION_BOOL, offsetof(struct creds, verify), 0, 0, NULL, NULL},
    {"priority", OPTION_REFUSED, 0, 0, 0, NULL, "TLS 1.2 and later are used, as OpenSSL has them"},
    {"passwordid", OPTION_REFUSED, 0, 0, 0, NULL, "a key with a password is not read"},
    {"sanity-check", OPTION_REFUSED, 0, 0, 0, NULL, "certificates are checked when they are used"},
    OPTION_END,
};

bool tls_creds_parse(GHashTable *table, const char *text, GError **error)
{
    struct creds creds = {.verify = true};
    struct migration_tls *tls = NULL;

    if (option_list_parse("-object", text, keys, "qom-type", &creds, error)) {
        if (!creds.id || !creds.dir)
            g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                        "-object: takes " TLS_CREDS_TYPE ",id=ID,dir=DIR[,endpoint=client|server]"
                        "[,verify-peer=on|off]");
        else
            tls = migration_tls_create(creds.dir, creds.endpoint, creds.verify, error);
        if (tls)
            g_hash_table_insert(table, g_strdup(creds.id), tls);
        else if (creds.id)
            g_prefix_error(error, "-object: " TLS_CREDS_TYPE " %s: ", creds.id);
    }
    option_list_clear(keys, &creds);
    return tls;
}
