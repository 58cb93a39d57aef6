/*
 * Errors of this folder: all have one domain and one code, the text says what happened.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define MIGRATION_ERROR (migration_error_quark())
enum migration_error {
    MIGRATION_ERROR_FAILED,
    MIGRATION_ERROR_CANCELLED,
};
GQuark migration_error_quark(void);

/* Sets ERROR (may be NULL); always false, to be returned. */
bool migration_fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
