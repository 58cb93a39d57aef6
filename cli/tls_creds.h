/*
 * -object tls-creds-x509,id=ID,dir=DIR: certificates for migrations.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/tls.h"

#define TLS_CREDS_TYPE "tls-creds-x509"

/* A table of credentials, struct migration_tls, by id. */
GHashTable *tls_creds_table_create(void);
/* TEXT: the value of -object. Reads the files and adds the credentials to TABLE. */
bool tls_creds_parse(GHashTable *table, const char *text, GError **error);
