/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/error.h"

G_DEFINE_QUARK(migration - error, migration_error)

bool migration_fail(GError **error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error_literal(error, MIGRATION_ERROR, MIGRATION_ERROR_FAILED, text);
    return false;
}
