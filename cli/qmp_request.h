/*
 * What a QMP client asks for: the JSON of a request taken apart, its arguments checked.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "cli/qmp.h"

/*
 * Takes REQUEST apart; NAME and ARGUMENTS are borrowed from it, ARGUMENTS is NULL when it has none.
 * false and ERROR: it is not a request.
 */
bool qmp_request_read(json_t *request, const char **name, json_t **arguments, GError **error);

/* Are ARGUMENTS, an object, what EXPECTED says? EXPECTED NULL: there must be none. */
bool qmp_arguments_check(const struct qmp_argument *expected, json_t *arguments, GError **error);
