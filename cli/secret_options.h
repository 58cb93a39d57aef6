/*
 * -object secret,id=ID,file=PATH: passwords that do not stand on a command line.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define SPICE_PASSWORD_MAX 59 /* what a server really takes, server-abi.md section 1.7.2 */

/* A table of secrets by id. */
GHashTable *secret_table_create(void);
/* TEXT: the value of -object. Adds it to TABLE. */
bool secret_table_parse(GHashTable *table, const char *text, GError **error);

/* Frees a text that must not stay in freed memory. NULL is allowed. */
void secret_free(void *text);
